"""A light backbone for SSF-Net and BCR-Net: MobileNetV2 cut where it leaves stride 8.

Ours; no paper states one. The variant of Apache MXNet's model zoo keeps its 64-channel group at stride 8, which gives a
tracker deeper features at that resolution than torchvision's (seven blocks instead of three); names of the weights
follow torchvision's scheme, so that a file of this variant loads by path (`hsi_models.networks.pretrained`). It
differs from torchvision's network in three ways: block 1 expands too, ReLU instead of ReLU6, and the strides.
"""
from __future__ import annotations

from typing import cast

from torch import Tensor, nn

# Block number -> (channels out, expansion, stride, dilation); 11 to 13 have stride 16 in the original.
_BLOCKS: dict[int, tuple[int, int, int, int]] = {
    1: (16, 1, 1, 1), 2: (24, 6, 2, 1), 3: (24, 6, 1, 1), 4: (32, 6, 2, 1), 5: (32, 6, 1, 1), 6: (32, 6, 1, 1),
    7: (64, 6, 1, 1), 8: (64, 6, 1, 1), 9: (64, 6, 1, 1), 10: (64, 6, 1, 1), 11: (96, 6, 1, 1), 12: (96, 6, 1, 2),
    13: (96, 6, 1, 2),
}


def _convolution(channels: int, out: int, kernel: int, stride: int = 1, dilation: int = 1,
                 groups: int = 1) -> nn.Sequential:
    padding = kernel // 2 * dilation
    return nn.Sequential(nn.Conv2d(channels, out, kernel, stride, padding, dilation, groups, bias=False),
                         nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class InvertedResidual(nn.Module):
    """1x1 expand, depth-wise 3x3, linear 1x1; a skip where the shape stays."""

    def __init__(self, channels: int, out: int, expansion: int, stride: int, dilation: int) -> None:
        super().__init__()
        hidden = channels * expansion
        self.conv = nn.Sequential(_convolution(channels, hidden, 1),
                                  _convolution(hidden, hidden, 3, stride, dilation, hidden),
                                  nn.Conv2d(hidden, out, 1, bias=False), nn.BatchNorm2d(out))
        self.skip = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, out, H / stride, W / stride)."""
        y: Tensor = self.conv(x)
        return x + y if self.skip else y


class LightBackbone(nn.Module):
    """Features at stride 8 after chosen blocks; cut after the last of them.

    Args:
        levels: block numbers, ascending: 4 to 6 give 32 channels, 7 to 10 64, 11 to 13 96 (dilated).

    Raises:
        ValueError: a block that is not there or not at stride 8.
    """

    def __init__(self, levels: tuple[int, ...] = (10,)) -> None:
        super().__init__()
        if not levels or list(levels) != sorted(set(levels)) or levels[0] < 4 or levels[-1] > 13:
            raise ValueError(f'expected ascending block numbers 4..13 as levels of the light backbone, got {levels}')
        self.levels = levels
        self.channels = tuple(_BLOCKS[level][0] for level in levels)
        blocks: list[nn.Module] = [_convolution(3, 32, 3, 2)]
        channels = 32
        for number in range(1, levels[-1] + 1):
            out, expansion, stride, dilation = _BLOCKS[number]
            blocks.append(InvertedResidual(channels, out, expansion, stride, dilation))
            channels = out
        self.features = nn.Sequential(*blocks)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, S, S), normalised by ImageNet's mean and deviation -> a map a level; S 127 -> 16, 255 -> 32."""
        maps = []
        for number, block in enumerate(self.features):
            image = cast(Tensor, block(image))
            if number in self.levels:
                maps.append(image)
        return maps
