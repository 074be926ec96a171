"""Boxes drawn to the edges of a target: what the network is shown, and how far its answer is followed."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.checkpoint import ModelCard, save_checkpoint
from hsi_models.networks.box_refiner import BoxRefiner
from hsi_models.tracking.box_refinement import (
    SIDE,
    BoxRefinement,
    create_refinement,
    refiner_picture,
    shipped_refiner,
)

BOX = Box(100, 80, 40, 20)


class _Says:
    """An executor that gives one answer, and keeps what it was shown."""

    def __init__(self, moves: list[float], scale: float) -> None:
        self.answer, self.shown = (np.array([moves]), np.full((1, 4), scale)), []

    def template(self, *inputs: np.ndarray) -> list[np.ndarray]:
        return list(inputs)

    renew = template

    def search(self, state: list[np.ndarray], *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        self.shown.append(inputs)
        return self.answer


def _ellipse(box: Box, side: int = 255) -> np.ndarray:
    y, x = np.mgrid[:side, :side] + 0.5
    radius = np.hypot((x - box.centre[0]) / (box.w / 2), (y - box.centre[1]) / (box.h / 2))
    return (1 / (1 + np.exp(20 * (radius - 1)))).astype(np.float32)


def test_it_is_shown_twice_the_box() -> None:
    picture = refiner_picture(_ellipse(BOX), BOX)
    assert picture.shape == (1, 1, SIDE, SIDE)
    across = picture[0, 0, SIDE // 2] > 0.5
    assert across.sum() == pytest.approx(SIDE / 2, abs=2)
    np.testing.assert_allclose(picture[0, 0], picture[0, 0, ::-1, ::-1], atol=0.02)     # in the middle


def test_beyond_the_crop_its_edge_goes_on() -> None:
    picture = refiner_picture(np.full((255, 255), 0.3, np.float32), Box(-30, -30, 50, 50))
    np.testing.assert_allclose(picture, 0.3)


def test_a_sure_answer_is_followed() -> None:
    corrected = BoxRefinement(_Says([0.1, -0.2, 0.3, 0.0], 1e-6)).correct([], _ellipse(BOX), BOX)
    assert corrected.centre == pytest.approx((BOX.centre[0] + 4, BOX.centre[1] - 4))
    assert (corrected.w, corrected.h) == pytest.approx((40 * np.exp(0.3), 20))


def test_an_answer_as_unsure_as_the_box_counts_by_half() -> None:
    refinement = BoxRefinement(_Says([0.1, 0, 0, 0], 0.2), usual_error=0.2)
    assert refinement.correct([], _ellipse(BOX), BOX).centre[0] == pytest.approx(BOX.centre[0] + 2)
    assert refinement.correct([], _ellipse(BOX), BOX, trust=0.5).centre[0] == pytest.approx(BOX.centre[0] + 1)
    assert refinement.correct([], _ellipse(BOX), BOX, trust=0.0) == BOX


@pytest.mark.parametrize('wrong', [[np.nan, 0, 0, 0], [0, np.inf, 0, 0]])
def test_what_is_not_finite_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match='expected finite corrections'):
        BoxRefinement(_Says(wrong, 0.1)).correct([], _ellipse(BOX), BOX)


def test_weights_of_another_network_are_refused(tmp_path) -> None:
    path = tmp_path / 'other.safetensors'
    save_checkpoint(path, {'weight': torch.zeros(3)}, ModelCard('other', {}))
    with pytest.raises(ValueError, match='expected the weights of BoxRefiner'):
        create_refinement(path)


def test_onnx_agrees_with_eager(tmp_path) -> None:
    pytest.importorskip('onnxruntime')
    torch.manual_seed(0)
    network = BoxRefiner()
    torch.nn.init.normal_(network.features[-1].weight, std=0.1)
    path = tmp_path / 'refiner.safetensors'
    save_checkpoint(path, network.state_dict(), ModelCard('box_refiner', {}), half=True)
    answers = []
    for runtime in ('eager', 'onnx'):
        refinement = create_refinement(path, runtime=runtime)
        first = refinement.learn(_ellipse(BOX), BOX)
        answers.append(tuple(refinement.correct(first, _ellipse(Box(104, 82, 44, 20)), BOX)))
    assert answers[0] != tuple(BOX)
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-3)


@pytest.mark.parametrize('truth', [Box(106, 78, 40, 20), Box(96, 82, 48, 24), Box(104, 83, 33, 16)],
                         ids=['moved', 'grown', 'shrunk'])
def test_the_shipped_weights_find_an_outline(truth: Box) -> None:
    refinement = create_refinement(shipped_refiner())
    first = refinement.learn(_ellipse(BOX), BOX)
    corrected = refinement.correct(first, _ellipse(truth), BOX)
    assert corrected.iou(truth) > BOX.iou(truth) + 0.1
    nothing = refinement.correct(first, np.full((255, 255), 0.02, np.float32), BOX)
    assert nothing.iou(BOX) > 0.8, 'where nothing shows an edge, little is moved'
