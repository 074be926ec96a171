"""The network that corrects boxes: shapes, what it says before any training, what both halves see."""
from __future__ import annotations

import pytest
import torch

from hsi_models.networks.box_refiner import NUMBERS, SIDE, BoxRefiner
from hsi_models.tracking import box_refinement


@pytest.fixture
def network() -> BoxRefiner:
    torch.manual_seed(0)
    return BoxRefiner().eval()


@pytest.mark.parametrize('batch', [1, 3])
def test_shapes(network: BoxRefiner, batch: int) -> None:
    pictures = torch.rand(batch, 1, SIDE, SIDE)
    moves, scales = network.search(pictures, *network.template(pictures))
    assert moves.shape == scales.shape == (batch, NUMBERS)
    assert bool((scales > 0).all())


def test_untrained_it_moves_nothing(network: BoxRefiner) -> None:
    moves, _ = network.search(torch.rand(2, 1, SIDE, SIDE), *network.template(torch.rand(2, 1, SIDE, SIDE)))
    assert not moves.any()


def test_both_pictures_count_and_are_told_apart(network: BoxRefiner) -> None:
    torch.nn.init.normal_(network.features[-1].weight)
    one, other = torch.rand(2, 1, 1, SIDE, SIDE).unbind()
    answers = [network.search(later, *network.template(first))[0] for first, later in
               ((one, other), (other, one), (one, one))]
    assert not torch.allclose(answers[0], answers[1])
    assert not torch.allclose(answers[0], answers[2])


@torch.no_grad()
def test_scales_stay_in_bounds(network: BoxRefiner) -> None:
    for value in (-50.0, 50.0):
        torch.nn.init.constant_(network.features[-1].bias, value)
        _, scales = network.search(torch.rand(1, 1, SIDE, SIDE), *network.template(torch.rand(1, 1, SIDE, SIDE)))
        assert 0.006 < float(scales.min()) <= float(scales.max()) < 8


def test_it_is_given_pictures_of_its_size() -> None:
    assert box_refinement.SIDE == SIDE
