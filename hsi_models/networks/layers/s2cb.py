"""S2CB: spatial-spectral convolution block of SSF-Net.

Source: SSF-Net (a spatial branch of 2-D convolution, a spectral branch of 3-D convolution along the bands, a residual
connection; spatial-only and spectral-only as ablations). Not stated; ours: kernels 3x3 and 3x1x1, batch norm and ReLU
in each branch, the branches side by side, and a 1x1x1 convolution that merges them.
"""
from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Mode = Literal['spatial', 'spectral', 'joint']


class SpectralConvolution(nn.Module):
    """3-D convolution with a 3x1x1 kernel along the bands, zero padded.

    Written as a 1x1 convolution of a band's features stacked with its neighbours': the same sum, and several times
    faster on a CPU, where 3-D convolutions have no fast kernel.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(3 * channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, F, H, W) -> (B, K, F, H, W)."""
        bands = x.shape[1]
        padded = F.pad(x, (0, 0, 0, 0, 0, 0, 1, 1))
        neighbours = torch.cat([padded[:, shift:shift + bands] for shift in range(3)], dim=2)
        out: Tensor = self.mix(neighbours.flatten(0, 1))
        return out.reshape(x.shape)


class SpatialConvolution(nn.Module):
    """2-D convolution with a 3x3 kernel of every band's map, the same for all bands."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, F, H, W) -> (B, K, F, H, W)."""
        out: Tensor = self.convolution(x.flatten(0, 1))
        return out.reshape(x.shape)


class S2CB(nn.Module):
    """Features of every band and pixel, refined by their neighbours in space and in the spectrum.

    Args:
        channels: F, features of a band.
        mode: which branches there are.
    """

    def __init__(self, channels: int, mode: Mode = 'joint') -> None:
        super().__init__()
        if mode not in ('spatial', 'spectral', 'joint'):
            raise ValueError(f"expected mode 'spatial', 'spectral' or 'joint', got {mode!r}")
        branches: list[nn.Module] = []
        if mode != 'spectral':
            branches.append(SpatialConvolution(channels))
        if mode != 'spatial':
            branches.append(SpectralConvolution(channels))
        self.branches = nn.ModuleList(branches)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in branches)
        self.merge = nn.Sequential(nn.Conv2d(channels * len(branches), channels, 1, bias=False),
                                   nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, F, H, W) -> (B, K, F, H, W)."""
        features = [torch.relu(norm(branch(x).flatten(0, 1)))
                    for branch, norm in zip(self.branches, self.norms, strict=True)]
        return torch.relu(x + self.merge(torch.cat(features, dim=1)).reshape(x.shape))
