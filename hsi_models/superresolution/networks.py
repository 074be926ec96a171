"""Names of super-resolution networks -> modules, in one place for training and use."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from hsi_models.networks.cst import Cst, CstConfig
from hsi_models.networks.cst_eigen import CstEigen, CstEigenConfig

MODELS = ('cst_eigen', 'cst:fast', 'cst:paper')


def over_eigen_images(model: str) -> bool:
    """True where the network sees eigen-images and therefore takes any number of bands."""
    return model != 'cst:paper'


def build_network(model: str, scale: int, channels: int, *, stages: int = 0,
                  window: Sequence[int] = ()) -> nn.Module:
    """A network with random weights.

    Args:
        model: one of MODELS.
        scale: 2, 4 or 8.
        channels: eigen-images, or bands for `cst:paper`.
        stages: number of stages, for ablations; 0 for the model's own.
        window: short and long side of the attention windows, for ablations; () for the model's own.

    Raises:
        ValueError: no such model or scale, or a shape that the network does not take.
    """
    if len(window) not in (0, 2):
        raise ValueError(f'expected a window of two sides, got {tuple(window)}')
    if model == 'cst_eigen':
        small = CstEigenConfig(scale, channels)
        return CstEigen(replace(small, stages=stages or small.stages, window=_pair(window) or small.window))
    if model in ('cst:fast', 'cst:paper'):
        config = CstConfig.preset(model.partition(':')[2], channels, scale)
        return Cst(replace(config, depths=config.depths[:1] * (stages or len(config.depths)),
                           window=_pair(window) or config.window))
    raise ValueError(f'expected model {", ".join(MODELS)}, got {model!r}')


def _pair(window: Sequence[int]) -> tuple[int, int] | None:
    return (int(window[0]), int(window[1])) if window else None
