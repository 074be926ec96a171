"""ResNet-50: torchvision's names and sizes, and dilation that sees what down-sampling saw."""
from __future__ import annotations

import copy

import pytest
import torch
from safetensors.torch import save_file

from hsi_models.networks.pretrained import load_pretrained
from hsi_models.networks.resnet import Bottleneck, ResNet50


@pytest.fixture(scope='module')
def network() -> ResNet50:
    torch.manual_seed(0)
    return ResNet50().eval()


def test_names_and_shapes_are_torchvisions(network):
    state = network.state_dict()
    # torchvision's resnet50: 25 557 032 parameters, of which fc has 2 049 000; 320 entries, of which fc has 2.
    assert sum(value.numel() for value in network.parameters()) == 25_557_032 - 2_049_000
    assert len(state) == 318
    shapes = {'conv1.weight': (64, 3, 7, 7), 'bn1.running_var': (64,), 'layer1.0.downsample.0.weight': (256, 64, 1, 1),
              'layer2.3.conv3.weight': (512, 128, 1, 1), 'layer3.5.conv2.weight': (256, 256, 3, 3),
              'layer4.0.downsample.1.bias': (2048,), 'layer4.2.bn3.weight': (2048,)}
    assert {name: tuple(state[name].shape) for name in shapes} == shapes


@pytest.mark.parametrize(('size', 'cells'), [(127, 16), (255, 32)])
def test_three_maps_at_stride_8(size, cells):
    with torch.device('meta'):
        maps = ResNet50()(torch.empty(1, 3, size, size))
    assert [tuple(level.shape) for level in maps] == [(1, width, cells, cells) for width in (512, 1024, 2048)]


def test_every_second_cell_equals_the_network_that_downsamples(network):
    """Dilation changes where features are taken, not what they are."""
    strided = copy.deepcopy(network)
    for stage, factor in ((strided.layer3, 2), (strided.layer4, 2)):
        for number, block in enumerate(stage):
            assert isinstance(block, Bottleneck)
            block.conv2.dilation = block.conv2.padding = (1, 1)
            if number == 0:
                block.conv2.stride = block.downsample[0].stride = (factor, factor)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        dilated, plain = network(image), strided(image)
    torch.testing.assert_close(dilated[1][..., ::2, ::2], plain[1], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(dilated[2][..., ::4, ::4], plain[2], rtol=1e-3, atol=1e-4)


def test_a_users_file_loads_by_path_with_its_classifier_left_out(network, tmp_path):
    path = tmp_path / 'resnet50.safetensors'
    tensors = {name: value for name, value in network.state_dict().items() if 'num_batches' not in name}
    save_file({**tensors, 'fc.weight': torch.zeros(1000, 2048)}, str(path))
    other = ResNet50()
    load_pretrained(other, path)
    assert torch.equal(other.layer4[2].conv3.weight, network.layer4[2].conv3.weight)


def test_files_that_do_not_fit_are_refused(network, tmp_path):
    path = tmp_path / 'weights.safetensors'
    save_file({'conv1.weight': torch.zeros(64, 3, 7, 7)}, str(path))
    with pytest.raises(ValueError, match='file without it; it is of another architecture'):
        load_pretrained(ResNet50(), path)
    save_file({'conv1.weight': torch.zeros(64, 3, 3, 3)}, str(path))
    with pytest.raises(ValueError, match=r'expected conv1.weight of shape \(64, 3, 7, 7\)'):
        load_pretrained(ResNet50(), path)
    with pytest.raises(ValueError, match='SHA-256'):
        load_pretrained(ResNet50(), path, '0' * 64)
