"""SDUB: shuffle-driven upsampling block of BIMM's decoder.

Source: BCR-Net section 3.2.2 (bilinear x2, depth-wise separable convolution, channel rearrangement, 1x1 to the target
width). Not stated; ours: kernel 3, 4 groups of the shuffle, batch norm and ReLU after the convolution.
"""
from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn


class SDUB(nn.Module):
    """Twice the size, another width."""

    def __init__(self, channels: int, out: int, groups: int = 4) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(f'expected channels as a multiple of {groups} groups, got {channels}')
        self.groups = groups
        self.separable = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
                                       nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels),
                                       nn.ReLU())
        self.project = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, F, H, W) -> (N, out, 2H, 2W)."""
        x = self.separable(F.interpolate(x, scale_factor=2.0, mode='bilinear', align_corners=False))
        return cast(Tensor, self.project(channel_shuffle(x, self.groups)))


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Channel i of group g to place i * groups + g: (N, F, H, W) -> (N, F, H, W)."""
    count, channels, height, width = x.shape
    split = x.reshape(count, groups, channels // groups, height, width)
    return split.transpose(1, 2).reshape(x.shape)
