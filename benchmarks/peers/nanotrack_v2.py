"""NanoTrack v2 on false colour: a row of the table; the parts it shares with v3 come from there.

Source: NanoTrack v2 by Honglin Chu (Apache-2.0); written anew from the facts of its layers, names of the weights are
the author's. It differs from v3 in a backbone shorter by one block, one correlation instead of two, and a response of
16 x 16 cells; cell (i, j) stands for the point ((j - 8) * 16 + 127.5, (i - 8) * 16 + 127.5) of the search crop.
"""
from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hsi_models.checkpoint import load_weights
from hsi_models.networks import nanotrack as v3
from hsi_models.networks.mobilenet_v3 import MobileNetV3, convolution
from hsi_models.runtime.executor import State
from hsi_models.tracking.confidence import StatusThresholds
from hsi_models.tracking.matcher import Geometry
from hsi_models.tracking.network_matcher import FalseColourMatcher
from hsi_models.tracking.siamese import SiameseTracker
from hsi_models.tracking.siamese_config import SiameseConfig

WEIGHTS_SHA256 = 'c712b8322f731a93b53edf71d9a9aa644818f61bf60c2bacff722f7b9be989f8'
"""Of the published weights as safetensors, float32."""

_CHANNELS, _CELLS, _WIDTH = 48, 64, 96
Floats = npt.NDArray[np.float32]


class _Neck(nn.Module):
    """Stored with the weights, never run."""

    def __init__(self) -> None:
        super().__init__()
        self.downsample = nn.Sequential(*convolution(64, 64))


class _Correlation(nn.Module):
    """Every cell of the template is a 1x1 kernel; the responses weighed by channel attention."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_kernel, self.conv_search = (nn.Sequential(nn.Conv2d(_CHANNELS, _CHANNELS, 1),
                                                            nn.BatchNorm2d(_CHANNELS)) for _ in range(2))
        self.CA_layer = v3._ChannelAttention(_CELLS)

    def template(self, features: Tensor) -> Tensor:
        """(B, 48, 8, 8) -> kernels (B, 64, 48)."""
        return cast(Tensor, self.conv_kernel(features).flatten(2).transpose(1, 2))

    def forward(self, kernels: Tensor, search: Tensor) -> Tensor:
        """(B, 64, 48), (B, 48, 16, 16) -> (B, 64, 16, 16)."""
        search = self.conv_search(search)
        response = (kernels @ search.flatten(2)).reshape(*kernels.shape[:2], *search.shape[2:])
        return cast(Tensor, self.CA_layer(response))


def _tower() -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (_CELLS, *[_WIDTH] * 5):
        layers += [nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
                   nn.Conv2d(channels, _WIDTH, 1, bias=False), nn.BatchNorm2d(_WIDTH), nn.ReLU6()]
    return nn.Sequential(*layers)


class _Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.corr_pw_cls, self.corr_pw_reg = _Correlation(), _Correlation()
        self.cls_pw_tower, self.bbox_pw_tower = _tower(), _tower()
        self.cls_pred = nn.Sequential(nn.Conv2d(_WIDTH, 2, 1))
        self.bbox_pred = nn.Sequential(nn.Conv2d(_WIDTH, 4, 1))


class NanoTrackV2(nn.Module):
    """Template and search half; stateless."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.neck, self.ban_head = MobileNetV3((8,), v3.STRIDE), _Neck(), _Head()

    def template(self, false_colour: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 127, 127), RGB, 0..1 -> kernels of both branches."""
        features = self._features(false_colour)
        return self.ban_head.corr_pw_cls.template(features), self.ban_head.corr_pw_reg.template(features)

    def search(self, false_colour: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """(B, 3, 255, 255) -> logits (B, 2, 16, 16), distances l, t, r, b in pixels of the crop (B, 4, 16, 16)."""
        head, features = self.ban_head, self._features(false_colour)
        logits = head.cls_pred(head.cls_pw_tower(head.corr_pw_cls(state[0], features)))
        distances = head.bbox_pred(head.bbox_pw_tower(head.corr_pw_reg(state[1], features)))
        return logits, distances.clamp_max(v3.MAX_LOG_DISTANCE).exp()

    def _features(self, false_colour: Tensor) -> Tensor:
        return cast(Tensor, self.backbone(false_colour)[-1])


class _Eager:
    """Follows `Executor` on the CPU."""

    def __init__(self, network: NanoTrackV2) -> None:
        self._network = network.eval()

    @torch.inference_mode()
    def template(self, *inputs: Floats) -> State:
        """See `Executor.template`."""
        return self._network.template(torch.from_numpy(inputs[0]))

    @torch.inference_mode()
    def renew(self, first: State, *inputs: Floats) -> State:
        """See `Executor.renew`."""
        return self.template(*inputs)

    @torch.inference_mode()
    def search(self, state: State, *inputs: Floats) -> tuple[Floats, ...]:
        """See `Executor.search`."""
        return tuple(part.numpy() for part in self._network.search(torch.from_numpy(inputs[0]),
                                                                     cast(tuple[Tensor, Tensor], state)))


def create_nanotrack_v2(weights: Path) -> SiameseTracker:
    """NanoTrack v2 as published: it follows its best guess for ever.

    Args:
        weights: `*.safetensors`, the published ones.

    Raises:
        FileNotFoundError: no such file.
        ValueError: other weights.
    """
    network = NanoTrackV2()
    load_weights(network, weights, WEIGHTS_SHA256)
    matcher = FalseColourMatcher(_Eager(network), Geometry(cells=16, stride=16))
    return SiameseTracker(matcher, SiameseConfig(penalty=0.150, window=0.490, learning_rate=0.385),
                          StatusThresholds(lost_score=0.0), WEIGHTS_SHA256)
