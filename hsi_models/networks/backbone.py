"""A named RGB backbone with its adjust layers: image in, equally wide maps of every level out."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from hsi_models.networks.layers.adjust import Adjust
from hsi_models.networks.light_backbone import LightBackbone
from hsi_models.networks.mobilenet_v3 import MobileNetV3
from hsi_models.networks.resnet import ResNet50

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _per_channel(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).view(1, 3, 1, 1)


class ImageNetNormalisation(nn.Module):
    """sRGB 0..1 to what ImageNet-trained weights expect."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('mean', _per_channel(_MEAN), persistent=False)
        self.register_buffer('std', _per_channel(_STD), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H, W)."""
        return (image - self.mean) / self.std


class NormalisedMobileNetV3(MobileNetV3):
    """A tracker's backbone, for pictures as the other backbones take them."""

    scale: Tensor
    offset: Tensor

    def __init__(self, levels: tuple[int, ...] = (9,), stride: int = 8) -> None:
        super().__init__(levels, stride)
        self.register_buffer('scale', 255 * _per_channel(_STD), persistent=False)
        self.register_buffer('offset', 255 * _per_channel(_MEAN), persistent=False)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, S, S), zero mean and unit deviation -> a map a level."""
        return self.maps((image * self.scale + self.offset).flip(1))


_BACKBONES: dict[str, Callable[[tuple[int, ...]], ResNet50 | LightBackbone | NormalisedMobileNetV3]] = {
    'mobilenet_v3': NormalisedMobileNetV3, 'light': LightBackbone, 'resnet50': lambda levels: ResNet50()}


@dataclass(frozen=True)
class BackboneConfig:
    """Which RGB backbone.

    Args:
        name: `mobilenet_v3` (of a tracker), `light` (MobileNetV2) or `resnet50`.
        levels: blocks of a light backbone that are used; ResNet-50 always gives conv3, conv4 and conv5.
        frozen: weights and batch norm statistics stay as loaded while the rest is trained.
    """

    name: Literal['mobilenet_v3', 'light', 'resnet50'] = 'mobilenet_v3'
    levels: tuple[int, ...] = (9,)
    frozen: bool = False

    def __post_init__(self) -> None:
        if self.name not in _BACKBONES:
            raise ValueError(f"expected backbone {', '.join(map(repr, _BACKBONES))}, got {self.name!r}")
        object.__setattr__(self, 'levels', tuple(self.levels))


class AdjustedBackbone(nn.Module):
    """Backbone, then a 1x1 adjust to `channels` on each level."""

    def __init__(self, config: BackboneConfig, channels: int) -> None:
        super().__init__()
        self.frozen = config.frozen
        self.backbone = _BACKBONES[config.name](config.levels)
        self.adjusts = nn.ModuleList(Adjust(width, channels) for width in self.backbone.channels)
        if self.frozen:
            self.backbone.requires_grad_(False)

    @property
    def levels(self) -> int:
        """Number of maps."""
        return len(self.adjusts)

    def train(self, mode: bool = True) -> AdjustedBackbone:
        """As in torch; a frozen backbone keeps its batch norm statistics."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, S, S), zero mean and unit deviation -> maps (B, channels, S / 8, S / 8), one a level."""
        return [adjust(level) for adjust, level in zip(self.adjusts, self.backbone(image), strict=True)]
