"""Prediction heads of the Siamese networks: additive (SSF-Net) or depth-wise (box-adaptive), over several levels."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from hsi_models.networks.layers.correlation import AdditiveCorrelation, depthwise_correlation
from hsi_models.networks.siamese_network import State

TYPICAL_DISTANCE = 32.0     # pixels; a target of 64 x 64 in the crop
MAX_LOG_DISTANCE = 7.0      # exp(7) = 1097 pixels: four times the crop, and finite in float16


class Head(Protocol):
    """Template map to what is cached of it; cached and search map to an output map."""

    def template(self, template: Tensor, box_size: Tensor) -> Tensor:
        """(B, C, 7, 7), (B, 2) -> cached tensor."""
        ...

    def __call__(self, cached: Tensor, search: Tensor) -> Tensor:
        """Cached tensor, (B, C, 31, 31) -> (B, outputs, 25, 25)."""
        ...


class _Embedding(nn.Sequential):
    """Unpadded 3x3, batch norm, ReLU: (B, C, n, n) -> (B, C, n - 2, n - 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__(nn.Conv2d(channels, channels, 3, bias=False), nn.BatchNorm2d(channels), nn.ReLU())


class AdditiveHead(nn.Module):
    """3x3 on each side, additive correlation, 3x3 to the outputs.

    Source: SSF-Net. Not stated; ours: the unpadded 3x3 of each side (7 -> 5, 31 -> 29), which with the 5x5 gives
    25 x 25, and that the last 3x3 gives the outputs directly.
    """

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.template_embedding, self.search_embedding = _Embedding(channels), _Embedding(channels)
        self.correlation = AdditiveCorrelation(channels)
        self.output = nn.Conv2d(channels, outputs, 3, padding=1)

    def template(self, template: Tensor, box_size: Tensor) -> Tensor:
        """(B, C, 7, 7), (B, 2) pixels of the template crop -> (B, C, 1, 1)."""
        return self.correlation.template(self.template_embedding(template), box_size)

    def forward(self, cached: Tensor, search: Tensor) -> Tensor:
        """(B, C, 1, 1), (B, C, 31, 31) -> (B, outputs, 25, 25)."""
        return cast(Tensor, self.output(self.correlation(cached, self.search_embedding(search))))


class BoxAdaptiveHead(nn.Module):
    """3x3 on each side, depth-wise cross-correlation, 1x1, 1x1 to the outputs (SiamBAN; BCR-Net section 3.4.2)."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.template_embedding, self.search_embedding = _Embedding(channels), _Embedding(channels)
        self.output = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
                                    nn.Conv2d(channels, outputs, 1))

    def template(self, template: Tensor, box_size: Tensor) -> Tensor:
        """(B, C, 7, 7) -> kernels (B, C, 5, 5); the box size is not used."""
        return cast(Tensor, self.template_embedding(template))

    def forward(self, cached: Tensor, search: Tensor) -> Tensor:
        """(B, C, 5, 5), (B, C, 31, 31) -> (B, outputs, 25, 25)."""
        return cast(Tensor, self.output(depthwise_correlation(self.search_embedding(search), cached)))


def _last_convolution(head: nn.Module) -> nn.Conv2d:
    return [module for module in head.modules() if isinstance(module, nn.Conv2d)][-1]


class LevelHeads(nn.Module):
    """Classification and regression of every level, mixed by learned softmax weights (equal at the start).

    Distances are exp(scale * x) with a learned scale a level (SiamBAN). Not stated; ours: the bias that starts them
    at 32 pixels, and the limit of the exponent, which keeps float16 finite.

    Args:
        head: makes a head from (channels, outputs).
        channels: of the maps.
        levels: number of maps.
        prefix: put before the names of the state.
    """

    def __init__(self, head: Callable[[int, int], nn.Module], channels: int, levels: int, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix
        self.cls = nn.ModuleList(head(channels, 2) for _ in range(levels))
        self.reg = nn.ModuleList(head(channels, 4) for _ in range(levels))
        self.cls_weights, self.reg_weights = nn.Parameter(torch.ones(levels)), nn.Parameter(torch.ones(levels))
        self.scales = nn.Parameter(torch.ones(levels))
        for module in self.reg:
            bias = _last_convolution(module).bias
            if bias is not None:
                nn.init.constant_(bias, math.log(TYPICAL_DISTANCE))

    def template(self, maps: Sequence[Tensor], box_size: Tensor) -> State:
        """Maps (B, C, 7, 7), one a level, and box sizes (B, 2) -> what is cached, by name."""
        state: State = {}
        for level, features in enumerate(maps):
            state[f'{self.prefix}_cls{level}'] = cast(Head, self.cls[level]).template(features, box_size)
            state[f'{self.prefix}_reg{level}'] = cast(Head, self.reg[level]).template(features, box_size)
        return state

    def forward(self, state: State, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Cached state and maps (B, C, 31, 31) -> logits (B, 2, 25, 25), distances in pixels (B, 4, 25, 25)."""
        cls = [head(state[f'{self.prefix}_cls{i}'], maps[i]) for i, head in enumerate(self.cls)]
        reg = [torch.exp((self.scales[i] * head(state[f'{self.prefix}_reg{i}'], maps[i])).clamp_max(MAX_LOG_DISTANCE))
               for i, head in enumerate(self.reg)]
        return _mix(cls, self.cls_weights), _mix(reg, self.reg_weights)


def _mix(maps: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Mean of maps (B, ...) by softmax weights (levels,)."""
    return (torch.stack(list(maps), dim=-1) * weights.softmax(0)).sum(-1)
