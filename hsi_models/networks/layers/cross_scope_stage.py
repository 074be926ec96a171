"""One CST stage: a chain of attention blocks beside a channel-attention residual block.

Source: CST (Chen et al., arXiv 2311.17340). Not stated; ours: reduction 16 and 1x1 kernels of the parallel block
(fixed by the published parameter counts), and the order of the skips.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hsi_models.networks.layers.cross_scope_spatial import CrossScopeSpatialAttention
from hsi_models.networks.layers.cross_scope_spectral import ConciseFeedForward, CrossScopeSpectralAttention


class DropPath(nn.Module):
    """Stochastic depth: while training, a sample's residual branch is left out with this probability."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Any shape (B, ...)."""
        if not self.training or self.probability == 0:
            return x
        keep = 1 - self.probability
        mask = torch.rand(x.shape[0], *[1] * (x.ndim - 1), device=x.device) < keep
        return x * mask / keep


class CrossScopeBlock(nn.Module):
    """LN -> CSA -> CSE with a skip, then LN -> CFFN with a skip."""

    def __init__(self, dim: int, heads: int, window: tuple[int, int], shifted: bool, expansion: float,
                 drop_path: float) -> None:
        super().__init__()
        self.norm_attention, self.norm_feed_forward = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.spatial = CrossScopeSpatialAttention(dim, heads, window, shifted)
        self.spectral = CrossScopeSpectralAttention(dim, heads)
        self.feed_forward = ConciseFeedForward(dim, expansion)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        attended = self.spatial(self.norm_attention(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        x = x + self.drop_path(self.spectral(attended))
        normed = self.norm_feed_forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        out: Tensor = x + self.drop_path(self.feed_forward(normed))
        return out


class ChannelAttentionResidual(nn.Module):
    """x + residual_scale * gate * conv(relu(conv(x))), the gate from the mean of each channel."""

    def __init__(self, dim: int, kernel: int = 1, reduction: int = 16, residual_scale: float = 0.1) -> None:
        super().__init__()
        inner = max(dim // reduction, 4)
        self.body = nn.Sequential(nn.Conv2d(dim, dim, kernel, padding=kernel // 2), nn.ReLU(),
                                  nn.Conv2d(dim, dim, kernel, padding=kernel // 2))
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(dim, inner, 1), nn.ReLU(),
                                  nn.Conv2d(inner, dim, 1), nn.Sigmoid())
        self.residual_scale = residual_scale

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        y = self.body(x)
        out: Tensor = x + self.residual_scale * y * self.gate(y)
        return out


class CrossScopeStage(nn.Module):
    """Blocks -> 1x1 convolution, plus the parallel block, plus the input.

    Args:
        dim: channels C.
        heads: attention heads.
        window: short and long side of the attention windows, pixels.
        drop_paths: one drop probability a block; their number is the depth. Odd blocks have shifted windows.
        expansion: hidden / C of the feed-forward network.
        parallel_kernel, parallel_scale: kernel of the parallel block and weight of what it adds; 1 and .1 in the
            paper's form.
    """

    def __init__(self, dim: int, heads: int, window: tuple[int, int], drop_paths: Sequence[float],
                 expansion: float = 2.66, parallel_kernel: int = 1, parallel_scale: float = 0.1) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(CrossScopeBlock(dim, heads, window, i % 2 == 1, expansion, drop)
                                      for i, drop in enumerate(drop_paths)))
        self.merge = nn.Conv2d(dim, dim, 1)
        self.parallel = ChannelAttentionResidual(dim, parallel_kernel, residual_scale=parallel_scale)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W); H, W multiples of the window's long side."""
        out: Tensor = x + self.merge(self.blocks(x)) + self.parallel(x)
        return out
