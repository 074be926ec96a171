"""NanoTrack v3: a small RGB Siamese tracker, a row of the benchmark and a starting point; its weights are not shipped.

Source: NanoTrack v3 by Honglin Chu (Apache-2.0); written anew from the facts of its layers. Names of the weights are
the author's, so that a file converted from the published ones loads by path.

Geometry: template crop 127 -> 8 x 8, search crop 255 -> 16 x 16, stride 16; response 15 x 15, cell (i, j) stands for
the point ((j - 7) * 16 + 127.5, (i - 7) * 16 + 127.5) of the search crop.
"""
from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hsi_models.checkpoint import load_weights
from hsi_models.networks.layers.correlation import depthwise_correlation
from hsi_models.networks.mobilenet_v3 import MobileNetV3, convolution

TEMPLATE_SIZE, SEARCH_SIZE, STRIDE, RESPONSE_SIZE = 127, 255, 16, 15
WEIGHTS_SHA256 = 'cbfdb5074ec2cb550ed7cecae183b212d17e1c3dfa7e66eae9f2a74e9f37ec89'
"""Of the published weights as safetensors, float32."""
ORIGIN = 'NanoTrack v3 by Honglin Chu, Apache-2.0; its author trained it on data with research terms of their own'
"""Of these weights, for cards of what is trained from them."""

MAX_LOG_DISTANCE = 7.0      # exp(7) = 1097 pixels: four times the crop, and finite in float16
_CHANNELS = 96
_TEMPLATE_CELLS = 64

class _Neck(nn.Module):
    """Stored with the weights, never run: channels in and out are the same."""

    def __init__(self) -> None:
        super().__init__()
        self.downsample = nn.Sequential(*convolution(_CHANNELS, _CHANNELS))


def _projection() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(_CHANNELS, _CHANNELS, 1), nn.BatchNorm2d(_CHANNELS))


class _ChannelAttention(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class _PixelwiseCorrelation(nn.Module):
    """Every cell of the template is a 1x1 kernel; the last 2x2 convolution makes 15 cells of 16."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_kernel, self.conv_search = _projection(), _projection()
        n = _TEMPLATE_CELLS
        self.CA_layer = _ChannelAttention(n)
        self.conv = nn.Sequential(nn.Conv2d(n, n, 2, groups=n, bias=False), nn.BatchNorm2d(n), nn.ReLU6(),
                                  nn.Conv2d(n, n, 1), nn.BatchNorm2d(n))

    def template(self, features: Tensor) -> Tensor:
        """(B, 96, 8, 8) -> kernels (B, 64, 96)."""
        return cast(Tensor, self.conv_kernel(features).flatten(2).transpose(1, 2))

    def forward(self, kernels: Tensor, search: Tensor) -> Tensor:
        """(B, 64, 96), (B, 96, 16, 16) -> (B, 64, 15, 15)."""
        search = self.conv_search(search)
        response = (kernels @ search.flatten(2)).reshape(*kernels.shape[:2], *search.shape[2:])
        return cast(Tensor, self.conv(self.CA_layer(response)))


class _DepthwiseCorrelation(nn.Module):
    """The central 4 x 4 cells of the template, a kernel a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_kernel, self.conv_search = _projection(), _projection()

    def template(self, features: Tensor) -> Tensor:
        """(B, 96, 8, 8) -> kernels (B, 96, 4, 4)."""
        return cast(Tensor, self.conv_kernel(features[:, :, 2:6, 2:6]))

    def forward(self, kernels: Tensor, search: Tensor) -> Tensor:
        """(B, 96, 4, 4), (B, 96, 16, 16) -> (B, 96, 15, 15)."""
        return depthwise_correlation(F.pad(self.conv_search(search), (1, 1, 1, 1)), kernels)


def _tower() -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(6):
        layers += [*convolution(_CHANNELS, _CHANNELS, 3, groups=_CHANNELS), nn.ReLU6(),
                   *convolution(_CHANNELS, _CHANNELS)]
    return nn.Sequential(*layers)


class _Head(nn.Module):
    """Classification and box branch, each with both correlations and a tower."""

    def __init__(self) -> None:
        super().__init__()
        self.corr_pw_cls, self.corr_pw_reg = _PixelwiseCorrelation(), _PixelwiseCorrelation()
        self.corr_dw_cls, self.corr_dw_reg = _DepthwiseCorrelation(), _DepthwiseCorrelation()
        mixed = _TEMPLATE_CELLS + _CHANNELS
        self.down_cls = nn.Sequential(nn.Conv2d(mixed, _CHANNELS, 1))
        self.down_reg = nn.Sequential(nn.Conv2d(mixed, _CHANNELS, 1))
        self.cls_tower, self.bbox_tower = _tower(), _tower()
        self.cls_logits = nn.Sequential(nn.Conv2d(_CHANNELS, 2, 1))
        self.bbox_pred = nn.Sequential(nn.Conv2d(_CHANNELS, 4, 1))

    def template(self, features: Tensor) -> tuple[Tensor, ...]:
        """(B, 96, 8, 8) -> kernels of the four correlations."""
        return (self.corr_pw_cls.template(features), self.corr_dw_cls.template(features),
                self.corr_pw_reg.template(features), self.corr_dw_reg.template(features))

    def forward(self, state: tuple[Tensor, ...], search: Tensor) -> tuple[Tensor, Tensor]:
        """Kernels and (B, 96, 16, 16) -> logits (B, 2, 15, 15), distances (B, 4, 15, 15)."""
        cls = self.down_cls(torch.cat([self.corr_pw_cls(state[0], search), self.corr_dw_cls(state[1], search)], 1))
        reg = self.down_reg(torch.cat([self.corr_pw_reg(state[2], search), self.corr_dw_reg(state[3], search)], 1))
        distances = self.bbox_pred(self.bbox_tower(reg)).clamp_max(MAX_LOG_DISTANCE).exp()
        return self.cls_logits(self.cls_tower(cls)), distances


class NanoTrack(nn.Module):
    """Template and search half; stateless."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.neck, self.ban_head = MobileNetV3((9,), STRIDE), _Neck(), _Head()

    @classmethod
    def load(cls, path: Path, sha256: str = WEIGHTS_SHA256) -> NanoTrack:
        """The network with the weights of a file, in evaluation mode.

        Args:
            path: `*.safetensors`.
            sha256: what the file must hash to; '' to accept any.

        Raises:
            FileNotFoundError: no such file.
            ValueError: another hash, or not the weights of this network.
        """
        network = cls()
        load_weights(network, path, sha256)
        return network.eval()

    def template(self, false_colour: Tensor) -> tuple[Tensor, ...]:
        """Kernels of a template.

        Args:
            false_colour: (B, 3, 127, 127), RGB, 0..1.
        """
        return self.ban_head.template(self._features(false_colour))

    def search(self, false_colour: Tensor, *state: Tensor) -> tuple[Tensor, Tensor]:
        """Where the template is.

        Args:
            false_colour: (B, 3, 255, 255), RGB, 0..1.
            state: of `template`, with the same batch.

        Returns:
            logits of background and target (B, 2, 15, 15); distances from a cell's point to the left, top, right and
            bottom edge of the box, pixels of the search crop, > 0, (B, 4, 15, 15).
        """
        return cast(tuple[Tensor, Tensor], self.ban_head(state, self._features(false_colour)))

    def _features(self, false_colour: Tensor) -> Tensor:
        return cast(Tensor, self.backbone(false_colour)[-1])
