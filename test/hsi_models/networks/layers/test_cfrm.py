"""CFRM against a slow plain reference."""
from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from hsi_models.networks.layers.cfrm import CFRM


def reference(layer: CFRM, x: torch.Tensor) -> torch.Tensor:
    """The formula pixel by pixel, channel by channel."""
    def pointwise(convolution: torch.nn.Conv2d, vector: torch.Tensor) -> torch.Tensor:
        return convolution.weight[:, :, 0, 0] @ vector + convolution.bias

    asked = x if layer.key_stride == 1 else F.avg_pool2d(x, layer.key_stride)
    out = torch.empty_like(x)
    for sample in range(x.shape[0]):
        pixels = x[sample].flatten(1).T
        others = asked[sample].flatten(1).T
        pooled = torch.cat([pixels.mean(0), pixels.max(0).values])
        gate = torch.sigmoid(pointwise(layer.gate, pooled))
        for j, pixel in enumerate(pixels):
            query = pointwise(layer.query, pixel)
            scores = torch.stack([query @ pointwise(layer.key, other) for other in others]) / math.sqrt(len(query))
            weights = torch.exp(scores) / torch.exp(scores).sum()
            context = (weights[:, None] * others).sum(0)
            row, column = divmod(j, x.shape[3])
            out[sample, :, row, column] = pixel + gate * pointwise(layer.transform, context)
    return out


@pytest.mark.parametrize('key_stride', [1, 2])
def test_equals_the_reference(key_stride):
    layer = CFRM(8, key_stride)
    x = torch.randn(2, 8, 5, 6)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), reference(layer, x), rtol=1e-4, atol=1e-5)


def test_every_pixel_hears_every_other():
    layer, x = CFRM(8), torch.randn(1, 8, 6, 6)
    changed = x.clone()
    changed[0, :, 5, 5] += 3
    with torch.no_grad():
        assert float((layer(changed) - layer(x))[0, :, 0, 0].abs().max()) > 1e-6
