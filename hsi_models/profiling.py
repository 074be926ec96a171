"""Speed and memory of the pipeline without ROS: the ring `core` of `hsi-tracking benchmark`."""
from __future__ import annotations

import resource
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hsi_models.data.sequence import Sequence
from hsi_models.offline import first_box
from hsi_models.pipeline import TrackingPipeline
from hsi_models.runtime.options import NetworkOptions


@dataclass(frozen=True)
class CoreFigures:
    """What one tracker costs on one sequence.

    Args:
        tracker: its name.
        image: shape and dtype of the images, `1024x2048 uint16`.
        frames: frames tracked, the first left out.
        fps: frames per second of the pipeline, reading left out.
        stages_ms: {stage: {p50, p99}}.
        frame_ms: {p50, p90, p99, max} of a whole frame.
        peak_memory_mb: of the process, after tracking.
        weights_sha256: None for a tracker without weights.
    """

    tracker: str
    image: str
    frames: int
    fps: float
    stages_ms: dict[str, dict[str, float]]
    frame_ms: dict[str, float]
    peak_memory_mb: float
    weights_sha256: str | None

    def to_json(self) -> dict[str, Any]:
        """As plain objects."""
        return asdict(self)


def percentiles(values: list[float], names: tuple[str, ...] = ('p50', 'p90', 'p99', 'max')) -> dict[str, float]:
    """The named percentiles (`pNN`, `max`), rounded to a microsecond where values are ms; nan without values."""
    ranks = [100.0 if name == 'max' else float(name[1:]) for name in names]
    found = np.percentile(values, ranks) if values else np.full(len(ranks), np.nan)
    return {name: round(float(value), 3) for name, value in zip(names, found, strict=True)}


def peak_memory_mb() -> float:
    """Largest resident size of this process so far, MB."""
    unit = 1 if sys.platform == 'darwin' else 1024      # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def profile_tracker(name: str, sequence: Sequence, *, device: str = 'cpu', network: NetworkOptions | None = None,
                    frames: int = 100) -> CoreFigures:
    """Track through up to `frames` frames, read ahead of time, and measure; `network`: how the tracker's is run.

    Raises:
        ValueError: unknown tracker, no initial box, fewer than two frames.
    """
    count = min(frames, len(sequence))
    if count < 2:
        raise ValueError(f'expected a sequence of at least 2 frames to measure, got {count}')
    images = [sequence.image(index) for index in range(count)]
    pipeline = TrackingPipeline(name, camera=sequence.camera, device=device, network=network)
    cell = sequence.camera.pixel_size
    pipeline.initialise(first_box(sequence).scaled(*cell))
    pipeline.process(images[0], stamp_ns=sequence.stamp_ns(0))
    stages: dict[str, list[float]] = {'preprocess': [], 'infer': [], 'postprocess': []}
    whole: list[float] = []
    for index in range(1, count):
        start = time.perf_counter()
        result = pipeline.process(images[index], stamp_ns=sequence.stamp_ns(index))
        whole.append(1e3 * (time.perf_counter() - start))
        for stage, values in stages.items():
            values.append(getattr(result.stages, stage))
    shape = 'x'.join(str(side) for side in images[0].shape)
    return CoreFigures(name, f'{shape} {images[0].dtype}', len(whole), round(1e3 * len(whole) / sum(whole), 1),
                       {stage: percentiles(values, ('p50', 'p99')) for stage, values in stages.items()},
                       percentiles(whole), round(peak_memory_mb(), 1),
                       getattr(pipeline.tracker, 'weights_sha256', None))
