"""The light backbone: sizes, dilation, and the pretrained file that it can start from."""
from __future__ import annotations

import copy
import zipfile

import cv2
import numpy as np
import pytest
import torch

from hsi_models.networks.light_backbone import LightBackbone
from hsi_models.networks.pretrained import load_pretrained

SHA256 = '1419645ad3e7b20fff1af99b1f49e62eb9dad913260b3477bee2ec0daef129b6'


@pytest.mark.parametrize(('size', 'cells'), [(127, 16), (255, 32)])
def test_maps_at_stride_8(size, cells):
    maps = LightBackbone((6, 10, 13)).eval()(torch.rand(1, 3, size, size))
    assert [tuple(level.shape) for level in maps] == [(1, width, cells, cells) for width in (32, 64, 96)]


def test_is_cut_after_its_last_level():
    assert len(LightBackbone((10,)).features) == 11
    assert sum(value.numel() for value in LightBackbone((10,)).parameters()) < 250_000


def test_every_second_cell_equals_the_network_that_downsamples():
    dilated = LightBackbone((10, 13)).eval()
    strided = copy.deepcopy(dilated)
    for number in (11, 12, 13):
        depthwise = strided.features[number].conv[1][0]
        depthwise.dilation = depthwise.padding = (1, 1)
        if number == 11:
            depthwise.stride = (2, 2)
    image = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        torch.testing.assert_close(dilated(image)[1][..., ::2, ::2], strided(image)[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('levels', [(), (3,), (14,), (10, 6), (6, 6)])
def test_levels_that_are_not_there_are_refused(levels):
    with pytest.raises(ValueError, match='expected ascending block numbers'):
        LightBackbone(levels)


def test_starts_from_the_pretrained_file(shared_data):
    """The right wiring: on a photo, every layer's output has about the statistics that are stored for it."""
    network = LightBackbone((13,)).eval()
    load_pretrained(network, shared_data / 'pretrained' / 'mobilenetv2_gluon_bn' / 'weights.safetensors', SHA256)
    with zipfile.ZipFile(shared_data / 'images' / 'stills-00.zip') as archive:
        photos = [name for name in archive.namelist() if name.endswith('.webp')][:24:3]
        decoded = [cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR) for name in photos]
    agreement: list[float] = []

    def compare(module, inputs, _):
        measured = inputs[0].mean(dim=(0, 2, 3))
        agreement.append(float(np.corrcoef(measured.numpy(), module.running_mean.numpy())[0, 1]))

    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_hook(compare)
    images = [cv2.resize(image, (224, 224))[..., ::-1] / 255.0 for image in decoded]
    normalised = (np.stack(images) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.no_grad():
        network(torch.from_numpy(normalised).float().permute(0, 3, 1, 2))
    assert np.median(agreement[:30]) > 0.9      # before the dilated blocks, which see other borders
