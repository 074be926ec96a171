"""Heads: sizes, positive distances, learned mixture of levels."""
from __future__ import annotations

import pytest
import torch

from hsi_models.networks.heads import AdditiveHead, BoxAdaptiveHead, LevelHeads

BOX = torch.tensor([[40.0, 30.0]])


@pytest.mark.parametrize(('head', 'cached'), [(AdditiveHead, 1), (BoxAdaptiveHead, 5)])
def test_maps_of_25_cells_from_a_cached_template(head, cached):
    heads = LevelHeads(head, 8, 2, 'x').eval()
    state = heads.template([torch.rand(1, 8, 7, 7)] * 2, BOX)
    assert sorted(state) == ['x_cls0', 'x_cls1', 'x_reg0', 'x_reg1']
    assert {tuple(value.shape) for value in state.values()} == {(1, 8, cached, cached)}
    with torch.no_grad():
        cls, reg = heads(state, [torch.rand(1, 8, 31, 31)] * 2)
    assert cls.shape == (1, 2, 25, 25)
    assert reg.shape == (1, 4, 25, 25)
    assert float(reg.min()) > 0


def test_levels_count_alike_at_first_and_by_softmax_later():
    heads = LevelHeads(BoxAdaptiveHead, 8, 2, 'x').eval()
    maps = [torch.rand(1, 8, 31, 31), torch.rand(1, 8, 31, 31)]
    state = heads.template([torch.rand(1, 8, 7, 7)] * 2, BOX)
    with torch.no_grad():
        each = [heads.cls[i](state[f'x_cls{i}'], maps[i]) for i in range(2)]
        torch.testing.assert_close(heads(state, maps)[0], (each[0] + each[1]) / 2)
        heads.cls_weights.copy_(torch.tensor([20.0, -20.0]))
        torch.testing.assert_close(heads(state, maps)[0], each[0])


def test_distances_stay_finite_in_half_precision():
    heads = LevelHeads(BoxAdaptiveHead, 8, 1, 'x').eval()
    state = heads.template([torch.rand(1, 8, 7, 7)], BOX)
    with torch.no_grad():
        heads.scales.fill_(100.0)
        _, reg = heads(state, [torch.rand(1, 8, 31, 31)])
    assert bool(torch.isfinite(reg.half()).all())


def test_additive_head_listens_to_the_box_size():
    head = AdditiveHead(8, 4).eval()
    template = torch.rand(1, 8, 7, 7)
    assert not torch.allclose(head.template(template, BOX), head.template(template, 2 * BOX))
