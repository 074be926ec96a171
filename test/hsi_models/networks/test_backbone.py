"""The adjusted backbone: maps of every level, and what is frozen stays."""
from __future__ import annotations

import pytest
import torch

from hsi_models.networks.backbone import AdjustedBackbone, BackboneConfig


@pytest.mark.parametrize(('name', 'levels'), [('mobilenet_v3', (3, 9)), ('light', (6, 10)), ('resnet50', ())])
def test_equally_wide_maps_of_every_level(name, levels):
    with torch.device('meta'):
        network = AdjustedBackbone(BackboneConfig(name, levels), 16)
        maps = network(torch.empty(2, 3, 127, 127))
    assert network.levels == len(maps) == (len(levels) or 3)
    assert {tuple(level.shape) for level in maps} == {(2, 16, 16, 16)}


def test_a_frozen_backbone_keeps_weights_and_statistics():
    network = AdjustedBackbone(BackboneConfig('light', (4,), frozen=True), 16).train()
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    network(torch.randn(2, 3, 64, 64))[0].sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in network.backbone.state_dict().items())
    assert all(value.grad is None for value in network.backbone.parameters())
    assert all(value.grad is not None for value in network.adjusts.parameters())


def test_an_unknown_backbone_is_refused():
    with pytest.raises(ValueError, match="expected backbone 'mobilenet_v3', 'light', 'resnet50', got 'vgg'"):
        BackboneConfig('vgg')  # type: ignore[arg-type]
