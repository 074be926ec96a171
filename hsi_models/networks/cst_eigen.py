"""CST over eigen-images: few channels in, the detail that bicubic misses out; for real time.

Ours, from the blocks of CST (arXiv 2311.17340). It differs from `Cst` where speed on few channels asks for it: all
computation at low resolution, detail of every sub-pixel from one convolution and a pixel shuffle, and a stage is a
cross-scope block followed by channel-attention residual blocks of 3x3 convolutions, which carry most of the work.
What is done to the cube around it is in `hsi_models.superresolution`.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from hsi_models.networks.cst import pad_to_multiple
from hsi_models.networks.layers.cross_scope_stage import ChannelAttentionResidual, CrossScopeBlock


@dataclass(frozen=True)
class CstEigenConfig:
    """Shape of the network.

    Args:
        scale: 2, 3, 4 or 8.
        components: eigen-images in and out.
        dim: channels inside, a multiple of 4 * heads.
        stages: a cross-scope block and its residual blocks, so many times; windows are shifted in odd stages.
        residuals: convolutional residual blocks a stage.
        heads: attention heads, even.
        window: short and long side of the attention windows, pixels of low resolution.
        expansion: hidden / dim of the feed-forward networks.
    """

    scale: int = 2
    components: int = 10
    dim: int = 48
    stages: int = 1
    residuals: int = 3
    heads: int = 2
    window: tuple[int, int] = (2, 8)
    expansion: float = 1.5

    def __post_init__(self) -> None:
        if self.scale not in (2, 3, 4, 8):
            raise ValueError(f'expected scale 2, 3, 4 or 8, got {self.scale}')
        if self.heads % 2 or self.dim % (4 * self.heads):
            raise ValueError(f'expected an even number of heads and dim a multiple of 4 * heads, got {self.heads} '
                             f'heads and dim {self.dim}')


class CstEigen(nn.Module):
    """Whitened eigen-images of low resolution -> whitened detail of high resolution."""

    def __init__(self, config: CstEigenConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.dim
        self.first = nn.Conv2d(config.components, dim, 3, padding=1)
        layers: list[nn.Module] = []
        for stage in range(config.stages):
            layers.append(CrossScopeBlock(dim, config.heads, config.window, stage % 2 == 1, config.expansion, 0.0))
            layers += [ChannelAttentionResidual(dim, 3, residual_scale=1.0) for _ in range(config.residuals)]
        self.body = nn.Sequential(*layers)
        self.detail = nn.Conv2d(dim, config.components * config.scale ** 2, 3, padding=1)
        nn.init.zeros_(self.detail.weight)      # starts as back-projection without learning
        if self.detail.bias is not None:
            nn.init.zeros_(self.detail.bias)

    def forward(self, images: Tensor) -> Tensor:
        """(B, K, H, W) float, about unit variance -> (B, K, s H, s W)."""
        height, width = images.shape[-2:]
        first = self.first(pad_to_multiple(images, max(self.config.window)))
        detail = F.pixel_shuffle(self.detail(F.relu(self.body(first))), self.config.scale)
        return detail[..., :height * self.config.scale, :width * self.config.scale]
