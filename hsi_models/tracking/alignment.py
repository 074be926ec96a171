"""Place and size of a target that looks as on the first frame, to a fraction of a pixel.

A network's boxes are right within some percent; where the target has not changed, its own picture tells more. Inverse
compositional alignment (Baker and Matthews, IJCV 2004, section 3.2) of four numbers, place and size; gain and offset of
the brightness are solved for beside them, so that light does not matter.
"""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.tracking.probability import ramp

Floats = npt.NDArray[np.float32]
ALIKE = (0.95, 0.99)
"""See `Alignment`; chosen on the benchmark's validation part."""

_SIDE = 32          # samples along each side of the box
_REACH = 1.1        # of the samples, in units of the box: its outline is what tells the size
_STEPS = 8
_RIDGE = 0.02       # on the four numbers, in units of their mean curvature: a plain target holds no size of its own
_FURTHEST = 0.25    # from where it starts, in units of the box and in natural logarithms of its size


@dataclass(frozen=True, eq=False)
class Alignment:
    """The first frame's picture of the target, ready to be laid over others.

    Args:
        picture: samples, mean of each channel removed, of norm 1, (C * 32 * 32,).
        solution: from samples of another picture to place, size, gain and offsets, (5 + C, C * 32 * 32).
        alike: likeness from which on a box is corrected, and at which it is fully.
    """

    picture: Floats
    solution: Floats
    alike: tuple[float, float]

    @classmethod
    def of(cls, image: Floats, box: Box, alike: tuple[float, float] = ALIKE) -> Alignment | None:
        """Learn a target.

        Args:
            image: (C, S, S).
            box: the target, pixels of `image`.
            alike: see `Alignment`; none is more alike than 1, so that from there on nothing is corrected.

        Returns:
            None where nothing is corrected, or where the target shows nothing but one colour.
        """
        if alike[0] >= 1:
            return None
        samples = _samples(image, box)
        norm = float(np.linalg.norm(_levelled(samples)))
        if norm < 1e-3 * samples.size ** 0.5:
            return None
        scaled = samples / norm
        along_y, along_x = np.gradient(scaled, 1 / _SIDE, axis=(1, 2))
        place = (np.arange(_SIDE, dtype=np.float32) + 0.5) / _SIDE - 0.5
        offsets = np.repeat(np.eye(len(image)), _SIDE * _SIDE, axis=1)
        columns = np.stack([along_x.ravel(), along_y.ravel(), (along_x * place).ravel(),
                            (along_y * place[:, None]).ravel(), _levelled(scaled).ravel(), *offsets])
        square = columns @ columns.T
        square[range(4), range(4)] += _RIDGE * np.trace(square[:4, :4]) / 4
        return cls(_levelled(scaled).ravel().astype(np.float32), np.linalg.solve(square, columns).astype(np.float32),
                   alike)

    def likeness(self, image: Floats, box: Box) -> float:
        """Correlation of a box's picture with the first one, -1..1."""
        samples = _levelled(_samples(image, box)).ravel()
        return float(samples @ self.picture / max(float(np.linalg.norm(samples)), 1e-9))

    def correct(self, image: Floats, box: Box) -> Box:
        """The box drawn towards the place near it that looks most like the first picture.

        Args:
            image: (C, S, S).
            box: where the target is believed to be, pixels of `image`.
        """
        found, likeness = self.fit(image, box)
        return box.towards(found, ramp(likeness, self.alike))

    def fit(self, image: Floats, start: Box) -> tuple[Box, float]:
        """The box near `start` whose picture is most like the first one, and its likeness; pixels of `image`."""
        box = start
        for _ in range(_STEPS):
            x, y, grow_x, grow_y, gain, *_ = self.solution @ _samples(image, box).ravel()
            if gain <= 0:
                return start, self.likeness(image, start)
            moves = np.clip(np.array([x, y, grow_x, grow_y]) / gain / _REACH, -0.1, 0.1)
            width, height = box.w / (1 + moves[2]), box.h / (1 + moves[3])
            box = Box.from_centre(box.centre[0] - _REACH * moves[0] * width, box.centre[1] - _REACH * moves[1] * height,
                                  width, height)
            if _distance(start, box) > _FURTHEST:
                return start, self.likeness(image, start)
            if np.abs(moves).max() < 1e-3:
                break
        return box, self.likeness(image, box)


def _distance(start: Box, box: Box) -> float:
    """The largest of shift, in units of the box, and change of size, natural logarithm."""
    return float(max(abs(box.centre[0] - start.centre[0]) / start.w, abs(box.centre[1] - start.centre[1]) / start.h,
                     abs(np.log(box.w / start.w)), abs(np.log(box.h / start.h))))


def _samples(image: Floats, box: Box) -> Floats:
    """The picture of a box with some of what is around it, (C, 32, 32)."""
    x, y = (centre + _REACH * side * ((np.arange(_SIDE, dtype=np.float32) + 0.5) / _SIDE - 0.5) - 0.5
            for centre, side in zip(box.centre, (box.w, box.h), strict=True))
    map_x, map_y = (np.ascontiguousarray(np.broadcast_to(axis, (_SIDE, _SIDE)), np.float32)
                    for axis in (x[None], y[:, None]))
    return np.stack([cv2.remap(channel, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                     for channel in image])


def _levelled(samples: Floats) -> Floats:
    return np.asarray(samples - samples.mean(axis=(1, 2), keepdims=True), np.float32)
