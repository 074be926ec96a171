"""One by one: what is seen of it is nothing but the time it takes."""
from __future__ import annotations

import pytest
import torch

from hsi_models.networks.backbone import AdjustedBackbone, BackboneConfig
from hsi_models.networks.layers.cfrm import CFRM
from hsi_models.networks.layers.one_by_one import one_by_one


@pytest.fixture
def maps_of():
    """A backbone and a CFRM, which looks at all pixels of an image, and the sizes of the batches they were given."""
    backbone, cfrm, given = AdjustedBackbone(BackboneConfig(levels=(4, 6)), 16).eval(), CFRM(16).eval(), []

    def run(images: torch.Tensor) -> list[torch.Tensor]:
        given.append(len(images))
        return [cfrm(level) for level in backbone(images)]

    return run, given


def test_equals_the_batch(maps_of):
    run, given = maps_of
    images = torch.randn(3, 3, 127, 127)
    with torch.no_grad():
        sliced, whole = one_by_one(run, images, training=False), run(images)
    assert given == [1, 1, 1, 3]
    assert [tuple(level.shape) for level in sliced] == [(3, 16, 16, 16)] * 2
    for one, other in zip(sliced, whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_training_sees_the_whole_batch(maps_of):
    run, given = maps_of
    one_by_one(run, torch.randn(3, 3, 64, 64), training=True)
    assert given == [3]


def test_gradients_reach_every_image(maps_of):
    images = torch.randn(2, 3, 64, 64, requires_grad=True)
    one_by_one(maps_of[0], images, training=False)[0].sum().backward()
    assert images.grad is not None
    assert bool((images.grad.abs().amax(dim=(1, 2, 3)) > 0).all())
