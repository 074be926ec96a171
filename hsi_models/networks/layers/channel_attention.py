"""SE and ECA channel attention, and the fusion by either that SAFM is compared with.

Sources: Hu et al., Squeeze-and-Excitation Networks, CVPR 2018, section 3; Wang et al., ECA-Net, CVPR 2020, section 3.
Not stated in SSF-Net; ours: how they stand in for SAFM.
"""
from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """Channel gates from a two-layer perceptron on the mean of each channel."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        inner = max(channels // reduction, 4)
        self.gate = nn.Sequential(nn.Linear(channels, inner), nn.ReLU(), nn.Linear(inner, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        gate: Tensor = self.gate(x.mean(dim=(2, 3)))
        return x * gate[:, :, None, None]


class EfficientChannelAttention(nn.Module):
    """Channel gates from a 1-D convolution over the means of neighbouring channels."""

    def __init__(self, kernel: int = 5) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        gate = torch.sigmoid(self.convolution(x.mean(dim=(2, 3))[:, None]))
        return x * gate[:, 0, :, None, None]


class GatedFusion(nn.Module):
    """In place of SAFM: each modality plus the other one after channel attention."""

    def __init__(self, channels: int, kind: Literal['se', 'eca']) -> None:
        super().__init__()
        def attention() -> nn.Module:
            return SqueezeExcitation(channels) if kind == 'se' else EfficientChannelAttention()

        self.rgb, self.hs = attention(), attention()

    def forward(self, rgb: Tensor, hs: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) twice -> the two maps after fusion, same shapes."""
        return rgb + self.hs(hs), hs + self.rgb(rgb)
