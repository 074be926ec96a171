"""CST over eigen-images: starts as back-projection, treats images of a batch apart, takes any size."""
from __future__ import annotations

import pytest
import torch

from hsi_models.networks.cst_eigen import CstEigen, CstEigenConfig


def random_network(scale=2):
    torch.manual_seed(0)
    network = CstEigen(CstEigenConfig(scale, 4, dim=16)).eval()
    torch.nn.init.normal_(network.detail.weight, std=0.1)
    return network


@torch.no_grad()
def test_untrained_it_adds_nothing():
    assert not CstEigen(CstEigenConfig())(torch.randn(1, 10, 8, 8)).any()


@pytest.mark.parametrize('scale', [2, 3, 4, 8])
@torch.no_grad()
def test_any_scale_and_size(scale):
    assert random_network(scale)(torch.randn(2, 4, 5, 11)).shape == (2, 4, 5 * scale, 11 * scale)


@torch.no_grad()
def test_the_result_does_not_depend_on_the_other_images_of_the_batch():
    network, images = random_network(), torch.randn(3, 4, 16, 8)
    torch.testing.assert_close(network(images), torch.cat([network(image[None]) for image in images]),
                               atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(('config', 'message'), [({'scale': 5}, 'scale 2, 3, 4 or 8'), ({'heads': 3}, 'even number'),
                                                 ({'dim': 20}, 'multiple of 4')])
def test_wrong_shapes_of_the_network_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        CstEigenConfig(**config)
