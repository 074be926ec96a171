"""Trackers made of a colour network whose weights are given by path: NanoTrack v3 on false colour, and the fusion.

Rows of the benchmark and starting points; the weights are others' and are not shipped.
"""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hsi_models.runtime.executor import Executor, Precision, Runtime
from hsi_models.tracking.confidence import StatusThresholds
from hsi_models.tracking.fusion import FusionConfig, FusionMatcher
from hsi_models.tracking.matcher import Geometry
from hsi_models.tracking.network_matcher import FalseColourMatcher
from hsi_models.tracking.siamese import SiameseTracker
from hsi_models.tracking.siamese_config import SiameseConfig

if TYPE_CHECKING:
    from hsi_models.networks.nanotrack import NanoTrack

NANOTRACK = Geometry(cells=15, stride=16)


def create_nanotrack(device: str = 'cpu', *, weights: str | Path | None = None, runtime: Runtime = 'eager',
                     precision: Precision = 'fp32', config: SiameseConfig | None = None,
                     thresholds: StatusThresholds | None = None) -> SiameseTracker:
    """NanoTrack v3 on false colour.

    Args:
        device: `cpu` or `cuda[:N]`.
        weights: the published weights as safetensors; their SHA-256 is checked.
        runtime, precision: see `runtime.paths.create_executor`.
        config: how a response becomes a box.
        thresholds: of the status.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no weights given, others than the published ones, or a runtime that does not exist there.
    """
    network, sha256 = _load(weights)
    matcher = FalseColourMatcher(_executor(network, 1, runtime, device, precision), NANOTRACK)
    return SiameseTracker(matcher, config, thresholds, sha256)


def create_fusion(device: str = 'cpu', *, weights: str | Path | None = None, runtime: Runtime = 'eager',
                  precision: Precision = 'fp32', config: SiameseConfig | None = None,
                  fusion: FusionConfig | None = None, thresholds: StatusThresholds | None = None) -> SiameseTracker:
    """NanoTrack v3 on false colour and on the target's probability; arguments and errors as `create_nanotrack`.

    Args:
        fusion: how far the spectrum is followed.
    """
    network, sha256 = _load(weights)
    single, double = (_executor(network, batch, runtime, device, precision) for batch in (1, 2))
    return SiameseTracker(FusionMatcher(single, double, NANOTRACK, fusion), config, thresholds, sha256)


def _load(weights: str | Path | None) -> tuple[NanoTrack, str]:
    from hsi_models.networks.nanotrack import WEIGHTS_SHA256, NanoTrack

    if weights is None:
        raise ValueError('expected weights=PATH, the published NanoTrack v3 as safetensors, got none: they are not '
                         'part of this project')
    return NanoTrack.load(Path(weights)), WEIGHTS_SHA256


def _executor(network: NanoTrack, batch: int, runtime: Runtime, device: str, precision: Precision) -> Executor:
    from hsi_models.runtime.paths import create_executor, nanotrack_paths

    return create_executor(nanotrack_paths(network, batch), runtime, device=device, precision=precision)
