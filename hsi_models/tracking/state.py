"""What a tracker says after each frame, and the protocol that all trackers follow."""
from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame


class TrackStatus(str, Enum):
    """What the tracker knows of its target; values as in TrackedTarget.msg."""

    INITIALISING = 'INITIALISING'
    TRACKING = 'TRACKING'
    UNCERTAIN = 'UNCERTAIN'
    LOST = 'LOST'


@dataclass(frozen=True, eq=False)
class TrackState:
    """One target in one frame; pixels are those of the frame the tracker was given.

    Args:
        box: where the target is; None if and only if the status is LOST.
        best_guess: where it would be looked for first; the box where there is one.
        score: confidence 0..1 that `best_guess` overlaps the target by IoU > .5.
        status: TRACKING, UNCERTAIN or LOST (INITIALISING before the first answer).
        spectrum: mean spectrum of the target, (C,), unit of the frame; empty where not measured.
        spectral_angle_rad: angle between this spectrum and the template's, 0..pi; nan where not measured.
        box_std: standard deviation of x, y, w, h, pixels; nan where not estimated.
        velocity: of the centre, pixels per second; nan where unknown.
        id: number of the target.
        age: frames since initialisation.
        frames_since_seen: frames since the status was last TRACKING.
    """

    box: Box | None
    best_guess: Box
    score: float
    status: TrackStatus
    spectrum: npt.NDArray[np.float32]
    spectral_angle_rad: float = float('nan')
    box_std: tuple[float, float, float, float] = (float('nan'),) * 4
    velocity: tuple[float, float] = (float('nan'),) * 2
    id: int = 0
    age: int = 0
    frames_since_seen: int = 0

    def __post_init__(self) -> None:
        if (self.box is None) != (self.status is TrackStatus.LOST):
            raise ValueError(f'expected a box exactly when the target is not LOST, got {self.box} and {self.status}')
        if not 0.0 <= self.score <= 1.0:
            raise ValueError(f'expected a score 0..1, got {self.score}')

    def scaled(self, sx: float, sy: float) -> TrackState:
        """The same state on a pixel grid that is `sx`, `sy` times finer."""
        x, y, w, h = self.box_std
        return replace(self, box=self.box and self.box.scaled(sx, sy), best_guess=self.best_guess.scaled(sx, sy),
                       box_std=(x * sx, y * sy, w * sx, h * sy),
                       velocity=(self.velocity[0] * sx, self.velocity[1] * sy))


@runtime_checkable
class Tracker(Protocol):
    """The protocol of every tracker: one target, frames in order of time."""

    def initialise(self, frame: HyperspectralFrame, box: Box) -> TrackState:
        """Start on `box` (pixels of `frame`); ValueError for a box outside of it: a target before goes on."""
        ...

    def update(self, frame: HyperspectralFrame) -> TrackState:
        """Find the target in the next frame; raises RuntimeError before `initialise`, ValueError for
        a frame of another size or band count."""
        ...

    def reset(self) -> None:
        """Forget the target."""
        ...
