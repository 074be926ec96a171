"""From a backbone's map to a head's: 1x1 adjust and centre crop (SiamBAN family)."""
from __future__ import annotations

from torch import Tensor, nn


class Adjust(nn.Sequential):
    """1x1 convolution and batch norm: (B, C, H, W) -> (B, out, H, W)."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__(nn.Conv2d(channels, out, 1, bias=False), nn.BatchNorm2d(out))


def centre_crop(x: Tensor, size: int) -> Tensor:
    """The `size` x `size` cells around cell n // 2 of a map (B, C, n, n).

    Cell n // 2 is where the centre of a crop of 127 or 255 pixels falls in all backbones here (16 and 32, 18 and 34
    cells), so that template and search stay aligned to each other.
    """
    start = x.shape[-1] // 2 - size // 2
    return x[..., start:start + size, start:start + size]
