"""The row that does nothing: the first box, held still."""
from __future__ import annotations

import numpy as np

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.state import TrackState, TrackStatus


def boxed(box: Box, age: int) -> TrackState:
    """A state that holds a box and claims nothing: peers have neither score nor status."""
    return TrackState(box, box, 0.5, TrackStatus.TRACKING, np.empty(0, np.float32), age=age)


class Still:
    """Follows the `Tracker` protocol."""

    def __init__(self) -> None:
        self._box: Box | None = None
        self._age = 0

    def initialise(self, frame: HyperspectralFrame, box: Box) -> TrackState:
        """Remember the box."""
        self._box, self._age = box, 0
        return boxed(box, 0)

    def update(self, frame: HyperspectralFrame) -> TrackState:
        """Say it again."""
        if self._box is None:
            raise RuntimeError('expected initialise() before update(), got no target')
        self._age += 1
        return boxed(self._box, self._age)

    def reset(self) -> None:
        """Forget the box."""
        self._box = None
