"""Cross-scope spectral attention (CSE) and the concise feed-forward network (CFFN) of CST.

Source: CST (Chen et al., arXiv 2311.17340). Not stated; ours: where biases stand. The published parameter counts
fix their number: with a bias on both output projections and none on the point-wise convolutions they agree.
"""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CrossScopeSpectralAttention(nn.Module):
    """CSE: attention between channels; Q and K from a half-resolution map, V at full resolution.

    Args:
        dim: channels C.
        heads: attention heads; C / 2 must be a multiple.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        inner = dim // 2
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qk = nn.Conv2d(dim, 2 * inner, 1, bias=False)
        self.reduce = nn.Conv2d(2 * inner, 2 * inner, 2, stride=2, groups=2 * inner)
        self.v = nn.Conv2d(dim, inner, 1, bias=False)
        self.out = nn.Conv2d(inner, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W), without residual; H and W even."""
        q, k = (F.normalize(y.flatten(2).unflatten(1, (self.heads, -1)), dim=-1)
                for y in self.reduce(self.qk(x)).chunk(2, dim=1))
        v = self.v(x).flatten(2).unflatten(1, (self.heads, -1))
        attention = (q @ k.transpose(-2, -1) * self.temperature).softmax(-1)
        out: Tensor = self.out((attention @ v).flatten(1, 2).unflatten(-1, x.shape[-2:]))
        return out


class ConciseFeedForward(nn.Module):
    """CFFN: 1x1 to 2 x hidden channels, depth-wise 3x3, one half gates the other by GELU, 1x1 back.

    Args:
        dim: channels C.
        expansion: hidden / C; 2.66 gives the 956 = 2 x 478 channels of the paper's preset.
    """

    def __init__(self, dim: int, expansion: float = 2.66) -> None:
        super().__init__()
        hidden = int(dim * expansion)
        self.expand = nn.Conv2d(dim, 2 * hidden, 1, bias=False)
        self.local = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden, bias=False)
        self.out = nn.Conv2d(hidden, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W), without residual."""
        gate, value = self.local(self.expand(x)).chunk(2, dim=1)
        out: Tensor = self.out(F.gelu(gate) * value)
        return out
