"""MobileNetV3-small, cut short, as trackers use it: at stride 16 in NanoTrack, at stride 8 in the `fast` presets.

Source: Howard et al., arXiv 1905.02244; cut and widths of NanoTrack v3 by Honglin Chu, whose backbone was trained to
tell targets from what is around them: names of the weights are the author's, so that a converted file loads by path.
Ours: at stride 8 the block that would go on to stride 16 does not, and the blocks behind it see four maps of stride 16,
shifted against each other, which are woven together at the end: what dilated convolutions would do, faster. Each of the
four is what the network at stride 16 says of a picture shifted by as much, but for the attention in between, whose mean
is taken over all of them.
"""
from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

# kernel, hidden, out, squeezed channels of the attention (0: none), h-swish, stride
_BLOCKS = ((3, 16, 16, 8, False, 2), (3, 72, 24, 0, False, 2), (3, 88, 24, 0, False, 1), (5, 96, 40, 24, True, 2),
           (5, 240, 40, 64, True, 1), (5, 240, 40, 64, True, 1), (5, 120, 48, 32, True, 1), (5, 144, 48, 40, True, 1),
           (5, 288, 96, 72, True, 1))
_FIRST = 3          # block whose map has stride 8


class _Depthwise(nn.Conv2d):
    """In float32 where a CPU trains in bfloat16, whose gradients take it twice as long."""

    def forward(self, x: Tensor) -> Tensor:
        """See `nn.Conv2d`."""
        if x.device.type != 'cpu' or not self.training or not torch.is_autocast_enabled('cpu'):
            return super().forward(x)
        with torch.autocast('cpu', enabled=False):
            return super().forward(x.float())


def convolution(channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Convolution without bias and batch norm; the size stays at stride 1."""
    kind = _Depthwise if groups == channels else nn.Conv2d
    return [kind(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(out)]


def split_phases(x: Tensor) -> Tensor:
    """(B, C, H, W) of even sides -> (4 B, C, H / 2, W / 2): every second cell, four times."""
    return torch.cat([x[..., i::2, j::2] for i in range(2) for j in range(2)])


def weave_phases(x: Tensor) -> Tensor:
    """What `split_phases` took apart."""
    channels, height, width = x.shape[1:]
    four = x.reshape(2, 2, -1, channels, height, width)
    return four.permute(2, 3, 4, 0, 5, 1).reshape(-1, channels, 2 * height, 2 * width)


class _SqueezeExcitation(nn.Module):
    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(channels, squeezed), nn.ReLU(), nn.Linear(squeezed, channels),
                                nn.Hardsigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        gate: Tensor = self.fc(x.mean((2, 3)))
        return x * gate[:, :, None, None]


class _InvertedResidual(nn.Module):
    """A block of MobileNetV3; without the first 1x1 where it would not expand."""

    def __init__(self, channels: int, kernel: int, hidden: int, out: int, squeezed: int, hard_swish: bool,
                 stride: int) -> None:
        super().__init__()
        activation = nn.Hardswish if hard_swish else nn.ReLU
        attention = _SqueezeExcitation(hidden, squeezed) if squeezed else nn.Identity()
        depthwise = convolution(hidden, hidden, kernel, stride, hidden)
        if hidden == channels:
            layers = [*depthwise, activation(), attention]
        else:
            layers = [*convolution(channels, hidden), activation(), *depthwise, attention, activation()]
        self.conv = nn.Sequential(*layers, *convolution(hidden, out))
        self.skip = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, out, H / stride, W / stride)."""
        y: Tensor = self.conv(x)
        return x + y if self.skip else y


class MobileNetV3(nn.Module):
    """Maps after chosen blocks; cut after the last of them.

    Args:
        levels: block numbers, ascending: 3 gives 24 channels, 4 to 6 40, 7 and 8 48, 9 96.
        stride: of the maps after blocks 4 to 9: 16 or 8.

    Raises:
        ValueError: a block that is not there or above stride 8, or another stride.
    """

    def __init__(self, levels: tuple[int, ...] = (9,), stride: int = 8) -> None:
        super().__init__()
        if not levels or list(levels) != sorted(set(levels)) or levels[0] < _FIRST or levels[-1] > len(_BLOCKS):
            raise ValueError(f'expected ascending block numbers {_FIRST}..{len(_BLOCKS)} as levels of MobileNetV3, got '
                             f'{levels}')
        if stride not in (8, 16):
            raise ValueError(f'expected stride 8 or 16, got {stride}')
        self.levels = levels
        self.channels = tuple(_BLOCKS[level - 1][2] for level in levels)
        blocks: list[nn.Module] = [nn.Sequential(*convolution(3, 16, 3, 2), nn.Hardswish())]
        channels = 16
        for number, (kernel, hidden, out, squeezed, hard_swish, step) in enumerate(_BLOCKS[:levels[-1]], 1):
            step = 1 if stride == 8 and number > _FIRST else step
            blocks.append(_InvertedResidual(channels, kernel, hidden, out, squeezed, hard_swish, step))
            channels = out
        self.dense = stride == 8
        self.features = nn.Sequential(*blocks)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, S, S), R, G, B, 0..1 -> a map a level; at stride 8, S 127 -> 16, 255 -> 32."""
        return self.maps(image.flip(1) * 255)

    def maps(self, image: Tensor) -> list[Tensor]:
        """The same of a picture as the published weights were trained on, as OpenCV reads it: B, G, R, 0..255."""
        image = image.contiguous(memory_format=torch.channels_last)     # half the time on a CPU
        maps = []
        for number, block in enumerate(self.features):
            image = cast(Tensor, block(image))
            split = self.dense and number > _FIRST
            if split and number == _FIRST + 1:
                image = split_phases(image)
            if number in self.levels:
                maps.append(weave_phases(image) if split else image)
        return maps
