"""SEM: spatial enhancement module of BIMM's encoder.

Source: BCR-Net section 3.2.1 (channel-wise maximum and average, concatenated, k x k convolution, sigmoid, product).
Not stated; ours: k = 7, and that the maps are taken over features and bands together.
"""
from __future__ import annotations

import torch
from torch import Tensor, nn


class SEM(nn.Module):
    """F * sigmoid(conv([max; mean])), a gate for each pixel."""

    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, C, H, W) -> (B, F, C, H, W)."""
        saliency = torch.stack([x.amax(dim=(1, 2)), x.mean(dim=(1, 2))], dim=1)
        return x * torch.sigmoid(self.convolution(saliency))[:, :, None]
