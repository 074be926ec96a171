"""SGRM: semantic-guided refinement module of BIMM's decoder.

Source: BCR-Net section 3.2.2 (grouped convolutions with batch norm of encoder and decoder features, alignment by
bilinear interpolation, sum, ReLU; 1x1 with batch norm and sigmoid gives a spatial map that modulates a feature). Not
stated; ours: kernel 3, 4 groups, one channel of the map, and that it modulates the decoder's features.
"""
from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SGRM(nn.Module):
    """sigmoid(BN(conv(ReLU(BN(gconv(encoder)) + BN(gconv(decoder)))))) * decoder."""

    def __init__(self, channels: int, groups: int = 4) -> None:
        super().__init__()
        def branch() -> nn.Sequential:
            return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=False),
                                 nn.BatchNorm2d(channels))

        self.encoder, self.decoder = branch(), branch()
        self.attention = nn.Sequential(nn.Conv2d(channels, 1, 1, bias=False), nn.BatchNorm2d(1), nn.Sigmoid())

    def forward(self, encoder: Tensor, decoder: Tensor) -> Tensor:
        """(N, F, H, W) and (N, F, h, w) -> (N, F, H, W)."""
        if decoder.shape[2:] != encoder.shape[2:]:
            decoder = F.interpolate(decoder, size=encoder.shape[2:], mode='bilinear', align_corners=False)
        combined = torch.relu(self.encoder(encoder) + self.decoder(decoder))
        return decoder * cast(Tensor, self.attention(combined))
