"""MobileNetV3 at stride 8: what it shares with stride 16, and the tracker's file that it starts from."""
from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hsi_models.networks.backbone import AdjustedBackbone, BackboneConfig, NormalisedMobileNetV3
from hsi_models.networks.light_backbone import LightBackbone
from hsi_models.networks.mobilenet_v3 import MobileNetV3, split_phases, weave_phases
from hsi_models.networks.nanotrack import NanoTrack
from hsi_models.networks.pretrained import load_pretrained


@pytest.fixture(scope='module')
def weights(shared_data: Path) -> Path:
    return shared_data / 'pretrained' / 'nanotrackv3' / 'weights.safetensors'


@pytest.mark.parametrize(('size', 'cells'), [(127, 16), (255, 32)])
def test_maps_at_stride_8(size, cells):
    network = MobileNetV3((3, 6, 9)).eval()
    maps = network(torch.rand(1, 3, size, size))
    assert [tuple(level.shape) for level in maps] == [(1, width, cells, cells) for width in (24, 40, 96)]
    assert network.channels == (24, 40, 96)


def test_phases_are_woven_together_as_they_were_taken_apart():
    image = torch.rand(3, 5, 4, 6)
    phases = split_phases(image)
    assert torch.equal(phases[:3], image[..., ::2, ::2])
    assert torch.equal(phases[6:9], image[..., 1::2, ::2])
    assert torch.equal(weave_phases(phases), image)


def test_every_second_cell_is_about_what_the_network_at_stride_16_says():
    """Exactly so without the one attention whose mean is taken over all cells."""
    torch.manual_seed(0)
    coarse, dense = MobileNetV3((9,), 16).eval(), MobileNetV3((9,), 8).eval()
    dense.load_state_dict(coarse.state_dict())
    for network in (coarse, dense):
        gate = network.features[4].conv[5].fc[2]
        torch.nn.init.zeros_(gate.weight)
    image = torch.rand(1, 3, 255, 255)
    with torch.no_grad():
        torch.testing.assert_close(dense(image)[0][..., ::2, ::2], coarse(image)[0], rtol=1e-3, atol=1e-4)


def test_starts_from_a_trackers_file(weights: Path):
    network = NormalisedMobileNetV3((9,)).eval()
    load_pretrained(network, weights)
    whole = NanoTrack.load(weights)
    image = torch.rand(1, 3, 255, 255)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = whole._features(image)
        got = network((image - mean.view(1, 3, 1, 1)) / deviation.view(1, 3, 1, 1))[0][..., ::2, ::2]
    assert float((got - expected).abs().mean() / expected.abs().mean()) < 0.05


def test_another_architecture_is_refused(weights: Path):
    with pytest.raises(ValueError, match='expected features.0.0.weight of shape'):
        load_pretrained(LightBackbone(), weights)


@pytest.mark.parametrize('levels', [(), (2,), (10,), (9, 6), (6, 6)])
def test_levels_that_are_not_there_are_refused(levels):
    with pytest.raises(ValueError, match='expected ascending block numbers 3..9'):
        MobileNetV3(levels)


def test_another_stride_is_refused():
    with pytest.raises(ValueError, match='expected stride 8 or 16, got 4'):
        MobileNetV3((9,), 4)


def test_a_training_in_bfloat16_has_the_gradients_of_float32():
    """Depth-wise convolutions stay in float32 there; the rest differs by rounding."""
    torch.manual_seed(0)
    network = AdjustedBackbone(BackboneConfig('mobilenet_v3', (9,)), 8).train()
    image, target, gradients = torch.randn(4, 3, 64, 64), torch.randn(4, 8, 8, 8), []
    for mixed in (False, True):
        network.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=mixed):
            (network(image)[0].float() * target).mean().backward()
        gradients.append(network.backbone.features[2].conv[3].weight.grad.flatten().clone())
    assert float(torch.corrcoef(torch.stack(gradients))[0, 1]) > 0.9
