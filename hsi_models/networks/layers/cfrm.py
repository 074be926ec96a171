"""CFRM: contextual feature refinement module of BCR-Net.

Source: BCR-Net section 3.3 (global average and maximum pooling, concatenated, 1x1, sigmoid: the channel gate; query and
key by 1x1 and a softmax over all N pixels: the context; a 1x1 transform of it; Hadamard product; residual). The formula
was lost in our text; ours is
    y_j = x_j + sigmoid(W_c [avg; max]) * W_v sum_m softmax_m(q_j k_m / sqrt(d)) x_m
with d = C / 4. `key_stride` (ours; 1 in the paper) averages the pixels that are asked over small squares.
"""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CFRM(nn.Module):
    """A map with the context of all its pixels added, gated by channel."""

    def __init__(self, channels: int, key_stride: int = 1) -> None:
        super().__init__()
        inner = max(channels // 4, 4)
        self.key_stride = key_stride
        self.gate = nn.Conv2d(2 * channels, channels, 1)
        self.query, self.key = nn.Conv2d(channels, inner, 1), nn.Conv2d(channels, inner, 1)
        self.transform = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        gate = torch.sigmoid(self.gate(torch.cat([x.mean(dim=(2, 3), keepdim=True),
                                                  x.amax(dim=(2, 3), keepdim=True)], dim=1)))
        asked = F.avg_pool2d(x, self.key_stride) if self.key_stride > 1 else x
        query, key = self.query(x).flatten(2), self.key(asked).flatten(2)
        affinity = (torch.matmul(query.transpose(1, 2), key) / math.sqrt(query.shape[1])).softmax(dim=-1)
        context = torch.matmul(asked.flatten(2), affinity.transpose(1, 2)).reshape(x.shape)
        transformed: Tensor = self.transform(context)
        return x + gate * transformed
