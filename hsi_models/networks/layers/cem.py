"""CEM: channel enhancement module of BIMM's encoder.

Source: BCR-Net section 3.2.1 (average and maximum descriptors, a shared two-layer perceptron with reduction r and
ReLU, sum, Softplus, product). Not stated; ours: r = 4, and the axes: a descriptor is the feature vector of one band,
and the perceptron is the same for all bands, so that any band count works.
"""
from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class CEM(nn.Module):
    """F * Softplus(MLP(mean) + MLP(max)), a gate for each feature of each band."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        inner = max(channels // reduction, 2)
        self.perceptron = nn.Sequential(nn.Linear(channels, inner), nn.ReLU(), nn.Linear(inner, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, C, H, W) -> (B, F, C, H, W)."""
        mean, peak = x.mean(dim=(3, 4)), x.amax(dim=(3, 4))
        gate = F.softplus(self.perceptron(mean.transpose(1, 2)) + self.perceptron(peak.transpose(1, 2)))
        return x * gate.transpose(1, 2)[..., None, None]
