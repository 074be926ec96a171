"""CST: cross-scope spatial-spectral transformer for hyperspectral super-resolution.

Source: Chen et al., arXiv 2311.17340. Not stated; ours: the padding of sizes that the windows do not divide, and
details marked so in the layers. Parameter counts equal the published ones (a test holds them).
"""
from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hsi_models.networks.layers.cross_scope_stage import CrossScopeStage
from hsi_models.superresolution.degradation import enlarge


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column of (B, C, H, W) until both sides are multiples of `multiple`."""
    height, width = image.shape[-2:]
    below, right = -height % multiple, -width % multiple
    if not below and not right:
        return image
    rows = torch.arange(height + below, device=image.device).clamp_max(height - 1)
    columns = torch.arange(width + right, device=image.device).clamp_max(width - 1)
    return image.index_select(-2, rows).index_select(-1, columns)


@dataclass(frozen=True)
class CstConfig:
    """Shape of the network.

    Args:
        bands: B of the cubes it takes.
        scale: 2, 4 or 8.
        dim: channels inside, a multiple of 2 * heads.
        depths: blocks of each stage.
        heads: attention heads, even.
        window: short and long side of the attention windows, pixels of low resolution.
        expansion: hidden / dim of the feed-forward networks.
        drop_path: drop probability of the last block while training; rises linearly from 0.
        parallel_kernel, parallel_scale: kernel of the convolutions beside the blocks of a stage and weight of what
            they add; the paper's 1 and .1, larger in `fast`, where they carry more of the work (ours).
    """

    bands: int
    scale: int = 2
    dim: int = 180
    depths: tuple[int, ...] = (4, 4, 4, 4)
    heads: int = 6
    window: tuple[int, int] = (2, 16)
    expansion: float = 2.66
    drop_path: float = 0.1
    parallel_kernel: int = 1
    parallel_scale: float = 0.1

    def __post_init__(self) -> None:
        if self.bands < 1:
            raise ValueError(f'expected at least 1 band, got {self.bands}')
        if self.scale not in (2, 4, 8):
            raise ValueError(f'expected scale 2, 4 or 8, got {self.scale}')
        if self.heads % 2 or self.dim % (2 * self.heads):
            raise ValueError(f'expected an even number of heads and dim a multiple of 2 * heads, got {self.heads} '
                             f'heads and dim {self.dim}')
        if not self.depths or min(self.depths) < 1:
            raise ValueError(f'expected at least one block a stage, got depths {self.depths}')
        if self.window[1] % self.window[0] or min(self.window) < 2 or any(side % 2 for side in self.window):
            raise ValueError(f'expected an even window whose long side is a multiple of the short, got {self.window}')

    @classmethod
    def preset(cls, name: str, bands: int, scale: int) -> CstConfig:
        """`paper`: as published; `fast`: narrow and shallow, for a laptop.

        Raises:
            ValueError: no such preset.
        """
        if name == 'paper':
            return cls(bands, scale)
        if name == 'fast':
            return cls(bands, scale, 48, (2, 2), 4, (2, 8), 1.5, drop_path=0.0, parallel_kernel=3, parallel_scale=1.0)
        raise ValueError(f'expected preset paper or fast, got {name!r}')


class Cst(nn.Module):
    """A cube of low resolution -> the cube of high resolution.

    Any size: sides are padded inside to multiples of the window by repeating the last row and column, and the
    result is cropped, so that it equals the crop of the result for the padded cube.
    """

    def __init__(self, config: CstConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.dim
        blocks = sum(config.depths)
        drops = [config.drop_path * i / max(blocks - 1, 1) for i in range(blocks)]
        starts = [sum(config.depths[:i]) for i in range(len(config.depths))]
        self.first = nn.Conv2d(config.bands, dim, 3, padding=1)
        self.stages = nn.Sequential(*(CrossScopeStage(dim, config.heads, config.window, drops[start:start + depth],
                                                      config.expansion, config.parallel_kernel, config.parallel_scale)
                                      for start, depth in zip(starts, config.depths, strict=True)))
        self.last = nn.Conv2d(dim, dim, 3, padding=1)
        self.enlarge = nn.Sequential(*(nn.Sequential(nn.Conv2d(dim, 4 * dim, 3, padding=1), nn.PixelShuffle(2))
                                       for _ in range(int(math.log2(config.scale)))))
        self.interpolated = nn.Conv2d(config.bands, dim, 3, padding=1)
        self.reconstruct = nn.Conv2d(dim, config.bands, 3, padding=1)

    def forward(self, cube: Tensor) -> Tensor:
        """(B, C, H, W) float, any range (0..1 as trained) -> (B, C, s H, s W)."""
        scale = self.config.scale
        height, width = cube.shape[-2:]
        cube = pad_to_multiple(cube, max(self.config.window))
        first = self.first(cube)
        features = self.enlarge(self.last(self.stages(first) + first))
        out: Tensor = self.reconstruct(features + self.interpolated(enlarge(cube, scale)))
        return out[..., :height * scale, :width * scale]
