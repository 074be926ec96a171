"""Super-resolution of the search region: any tracker, shown frames whose surroundings of the target are upscaled."""
from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.superresolution.eigen import SpectralSubspace
from hsi_models.superresolution.super_resolver import TiledSuperResolver
from hsi_models.tracking.crops import siamese_region
from hsi_models.tracking.state import Tracker, TrackState

Cube = npt.NDArray[Any]
_SEARCH_SIZE = 255
_CHANNELS = 128     # most channels of an image in OpenCV 5


@dataclass(frozen=True)
class RegionConfig:
    """What is upscaled.

    Args:
        reach: side of the upscaled square, in units of the square that a Siamese tracker searches (about four times
            the target's side, no less than what spectral_dcf searches); more than 1, as the target moves.
        largest_px: a target whose sqrt(w h) is above this is tracked without upscaling: trackers shrink its
            surroundings again, so that the work would be thrown away.

    Raises:
        ValueError: a value that is not positive.
    """

    reach: float = 1.25
    largest_px: float = 32.0

    def __post_init__(self) -> None:
        if not self.reach > 0 or not self.largest_px > 0:
            raise ValueError(f'expected reach > 0 and largest_px > 0, got {self.reach:g} and {self.largest_px:g}')


class UpscaledRegionTracker:
    """Follows the `Tracker` protocol in pixels of the frames it is given; the tracker inside sees larger ones.

    Around the last box the enlarged frame is super-resolved, with the one spectral subspace of the first frame;
    everywhere else it is interpolated linearly, for there is nothing to see unless the target is lost: then it is
    looked for all over the frame, and where it is found will be super-resolved from the next frame on. So coordinates
    are the same in all frames, which is what trackers rest on.

    Args:
        tracker: any tracker.
        resolver: enlarges by s.
        config: what is upscaled.
    """

    def __init__(self, tracker: Tracker, resolver: TiledSuperResolver, config: RegionConfig | None = None) -> None:
        self.tracker, self.resolver, self.config = tracker, resolver, config or RegionConfig()
        self._scale = 1
        self._subspace: SpectralSubspace | None = None
        self._box: Box | None = None
        self._shape: tuple[int, ...] = ()

    @property
    def scale(self) -> int:
        """Enlargement of the frames that the tracker sees: that of the resolver, 1 for a large target."""
        return self._scale

    def reset(self) -> None:
        """Forget the target."""
        self.tracker.reset()
        self._box = self._subspace = None

    def initialise(self, frame: HyperspectralFrame, box: Box) -> TrackState:
        """Start on a box of a frame.

        Args:
            frame: (H, W, C), finite.
            box: the target, pixels of `frame`.

        Raises:
            ValueError: what the tracker refuses, or values around the target that are not finite; a target tracked
                before goes on.
        """
        box.require_inside(frame.width, frame.height)
        before = self._scale, self._subspace
        try:
            self._scale = self.resolver.scale if math.sqrt(box.area) <= self.config.largest_px else 1
            self._subspace = self.resolver.fit(frame.data) if self._scale > 1 else None
            state = self.tracker.initialise(self._enlarged(frame, box), box.scaled(self._scale, self._scale))
        except ValueError:
            self._scale, self._subspace = before
            raise
        self._box, self._shape = box, frame.shape
        return self._in_frame(state)

    def update(self, frame: HyperspectralFrame) -> TrackState:
        """Find the target in the next frame.

        Raises:
            RuntimeError: not initialised.
            ValueError: the frame has another shape than the first, or what the tracker refuses.
        """
        if self._box is None:
            raise RuntimeError('expected initialise() before update(), got no target')
        if frame.shape != self._shape:
            raise ValueError(f'expected a frame of shape {self._shape} as at initialisation, got {frame.shape}')
        state = self._in_frame(self.tracker.update(self._enlarged(frame, self._box)))
        self._box = state.best_guess
        return state

    def _in_frame(self, state: TrackState) -> TrackState:
        return state if self._scale == 1 else state.scaled(1 / self._scale, 1 / self._scale)

    def _enlarged(self, frame: HyperspectralFrame, box: Box) -> HyperspectralFrame:
        """The frame as the tracker sees it: (s H, s W, C), same dtype and unit."""
        s = self._scale
        if s == 1:
            return frame
        rows, columns = self._region(frame, box)
        data = enlarge_linearly(frame.data, s)
        if rows.stop > rows.start and columns.stop > columns.start:
            data[s * rows.start:s * rows.stop, s * columns.start:s * columns.stop] = \
                self.resolver.upscale(frame.data[rows, columns], self._subspace)
        return replace(frame, data=data, upscaling=s * frame.upscaling)

    def _region(self, frame: HyperspectralFrame, box: Box) -> tuple[slice, slice]:
        """Rows and columns of the frame to be super-resolved; empty for a target that has grown large."""
        if math.sqrt(box.area) > self.config.largest_px:
            return slice(0, 0), slice(0, 0)
        x1, y1, x2, y2 = siamese_region(box, round(self.config.reach * _SEARCH_SIZE)).corners
        return (slice(max(math.floor(y1), 0), min(math.ceil(y2), frame.height)),
                slice(max(math.floor(x1), 0), min(math.ceil(x2), frame.width)))


def enlarge_linearly(cube: Cube, scale: int) -> Cube:
    """(H, W, C) to (s H, s W, C) by bilinear interpolation, centres on centres, same dtype."""
    height, width, bands = cube.shape
    parts = [cv2.resize(np.ascontiguousarray(cube[..., first:first + _CHANNELS]), (scale * width, scale * height),
                        interpolation=cv2.INTER_LINEAR).reshape(scale * height, scale * width, -1)
             for first in range(0, bands, _CHANNELS)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
