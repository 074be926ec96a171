"""A whole sequence through the pipeline, without ROS: what `hsi-tracking track` runs."""
from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hsi_models.boxes import Box
from hsi_models.data.sequence import Sequence
from hsi_models.pipeline import PipelineResult, TrackingPipeline
from hsi_models.superresolution.settings import SuperResolution
from hsi_models.tracking.state import Tracker, TrackState, TrackStatus


@dataclass(frozen=True, eq=False)
class ResultRow:
    """One frame of a result file: a box in pixels of the cube, or none, with score and status."""

    box: Box | None
    score: float
    status: TrackStatus

    def text(self) -> str:
        """`x,y,w,h,score,status`; a missing box is written as nan. Floats are written so that they read back."""
        values = tuple(self.box) if self.box else (math.nan,) * 4
        return ','.join([*(repr(float(value)) for value in (*values, self.score)), self.status.value])


@dataclass(eq=False)
class SequenceRun:
    """What a tracker did on one sequence.

    Args:
        rows: one a frame; the first is the initial box.
        seconds: time spent in the pipeline, reading of files and rejected frames left out.
        rejected: frames that could not be read or used, by index, with the reason.
    """

    rows: list[ResultRow] = field(default_factory=list)
    seconds: float = 0.0
    rejected: dict[int, str] = field(default_factory=dict)

    @property
    def fps(self) -> float:
        """Frames that were not rejected per second of the pipeline alone; 0 before the first frame."""
        return (len(self.rows) - len(self.rejected)) / self.seconds if self.seconds else 0.0

    def write(self, path: Path) -> None:
        """Write the rows, one a line; parent folders are made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(''.join(row.text() + '\n' for row in self.rows))


def first_box(sequence: Sequence) -> Box:
    """The sequence's own initial box, in pixels of the cube.

    Raises:
        ValueError: the sequence has no valid box for its first frame.
    """
    boxes = sequence.boxes
    if len(boxes) == 0 or not np.isfinite(boxes[0]).all():
        raise ValueError(f'expected a ground-truth box for the first frame of {sequence.name}, got none: '
                         'give one with --init X,Y,W,H')
    return Box(*boxes[0])


def track_sequence(sequence: Sequence, tracker: str | Tracker = 'auto', *, init: Box | None = None,
                   device: str = 'cpu', always_box: bool = False, calibration_file: str = '',
                   super_resolution: SuperResolution | None = None, run: SequenceRun | None = None,
                   progress: Callable[[range], Iterator[int]] = iter) -> SequenceRun:
    """Track through a sequence, one pass from the first frame on.

    Args:
        sequence: frames and camera.
        tracker: a tracker or its name.
        init: initial box, pixels of the cube; None: the sequence's own.
        device: where a tracker made by name and a super-resolver compute.
        always_box: write the best guess where the target is LOST, as tables of the field expect.
        calibration_file: `.npz` with references of each pixel; '': the levels that the sequence's camera states.
        super_resolution: what is upscaled before it is tracked; boxes stay in pixels of the sequence's cube.
        run: is filled frame by frame, so that what an interrupt leaves can be used; None: a new one.
        progress: wraps the range of frame numbers, to show a bar.

    Raises:
        ValueError: no initial box, a first frame that cannot be used, an unknown tracker. A later frame that
            cannot be used is counted in `rejected` and gives a LOST row.
    """
    box = init or first_box(sequence)
    pipeline = TrackingPipeline(tracker, camera=sequence.camera, device=device, history=1,
                                calibration_file=calibration_file, super_resolution=super_resolution)
    cell = sequence.camera.pixel_size
    run = SequenceRun() if run is None else run
    for index in progress(range(len(sequence))):
        try:
            image = sequence.image(index)
            stamp_ns = sequence.stamp_ns(index)
            start = time.perf_counter()
            if index == 0:
                box.require_inside(*sequence.camera.frame_size(image.shape))     # before it is in pixels of the image
                pipeline.initialise(box.scaled(*cell), stamp_ns=stamp_ns)
            state = _in_cube(pipeline.process(image, stamp_ns=stamp_ns, seq=index), cell)
            run.seconds += time.perf_counter() - start
        except ValueError as error:
            if index == 0:
                raise
            run.rejected[index] = str(error)
            run.rows.append(ResultRow(None, 0.0, TrackStatus.LOST))
            continue
        run.rows.append(_row(state, box if index == 0 else None, always_box))
    return run


def _in_cube(result: PipelineResult, cell: tuple[float, float]) -> TrackState:
    """The target in pixels of the cube before it was upscaled; `cell`: source pixels that one of these covers."""
    sx, sy = result.scale[0] / cell[0], result.scale[1] / cell[1]
    return result.frame_states[0] if sx == sy == 1 else result.frame_states[0].scaled(sx, sy)


def _row(state: TrackState, given: Box | None, always_box: bool) -> ResultRow:
    box = given or (state.best_guess if always_box and state.box is None else state.box)
    return ResultRow(box, state.score, state.status)
