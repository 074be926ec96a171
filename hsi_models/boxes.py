"""Axis-aligned boxes in continuous pixel coordinates: pixel i covers [i, i + 1)."""
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Box:
    """A box by its top-left corner and size.

    Args:
        x, y: top-left corner, pixels, may lie outside the image.
        w, h: width and height, pixels, both > 0.

    Raises:
        ValueError: a value is not finite, or the box has no area.
    """

    x: float
    y: float
    w: float
    h: float

    def __post_init__(self) -> None:
        for name in ('x', 'y', 'w', 'h'):
            value = float(getattr(self, name))
            if not math.isfinite(value):
                raise ValueError(f'expected a finite box, got {name} = {value}')
            object.__setattr__(self, name, value)
        if self.w <= 0 or self.h <= 0:
            raise ValueError(f'expected a box with w > 0 and h > 0, got w = {self.w:g}, h = {self.h:g}')

    @classmethod
    def from_corners(cls, x1: float, y1: float, x2: float, y2: float) -> Box:
        """Box from its top-left (x1, y1) and bottom-right (x2, y2) corners."""
        return cls(x1, y1, x2 - x1, y2 - y1)

    @classmethod
    def from_centre(cls, cx: float, cy: float, w: float, h: float) -> Box:
        """Box from its centre (cx, cy) and size."""
        return cls(cx - w / 2, cy - h / 2, w, h)

    @classmethod
    def parse(cls, text: str) -> Box:
        """Box from `X,Y,W,H` as typed on a command line.

        >>> Box.parse('10, 20, 30, 40')
        Box(x=10.0, y=20.0, w=30.0, h=40.0)
        """
        parts = text.replace(',', ' ').split()
        try:
            values = [float(part) for part in parts]
        except ValueError:
            values = []
        if len(values) != 4:
            raise ValueError(f'expected a box as X,Y,W,H (four numbers, pixels), got {text!r}')
        return cls(*values)

    def __iter__(self) -> Iterator[float]:
        return iter((self.x, self.y, self.w, self.h))

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """(x1, y1, x2, y2), pixels."""
        return self.x, self.y, self.x + self.w, self.y + self.h

    @property
    def centre(self) -> tuple[float, float]:
        """(cx, cy), pixels."""
        return self.x + self.w / 2, self.y + self.h / 2

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.w * self.h

    def scaled(self, sx: float, sy: float) -> Box:
        """The same box on a pixel grid that is `sx`, `sy` times finer."""
        return Box(self.x * sx, self.y * sy, self.w * sx, self.h * sy)

    def towards(self, other: Box, share: float) -> Box:
        """A share of the way to another box, 0..1: its centre evenly, its sides by equal factors."""
        cx, cy = (own + share * (there - own) for own, there in zip(self.centre, other.centre, strict=True))
        return Box.from_centre(cx, cy, self.w * (other.w / self.w) ** share, self.h * (other.h / self.h) ** share)

    def clipped(self, width: float, height: float) -> Box | None:
        """The part inside an image of `width` x `height` pixels, or None if there is none."""
        x1, y1, x2, y2 = self.corners
        x1, y1, x2, y2 = max(x1, 0.0), max(y1, 0.0), min(x2, width), min(y2, height)
        return Box.from_corners(x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None

    def require_inside(self, width: float, height: float, what: str = 'frame') -> None:
        """Refuse a box that shows nothing of an image, or is so large that it cannot mean anything in it.

        Args:
            width, height: of the image, pixels.
            what: it is called.

        Raises:
            ValueError: no part of the box is inside, or it is wider or higher than twice the image.
        """
        if self.clipped(width, height) is None:
            raise ValueError(f'expected a box inside the {width:g} x {height:g} {what}, got {tuple(self)}')
        if self.w > 2 * width or self.h > 2 * height:
            raise ValueError(f'expected a box of at most twice the {width:g} x {height:g} {what}, got {tuple(self)}')

    def iou(self, other: Box) -> float:
        """Intersection over union with another box, 0..1."""
        return float(iou(np.array([tuple(self)]), np.array([tuple(other)]))[0])


def iou(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Intersection over union, row by row.

    Args:
        a, b: boxes x, y, w, h in pixels, shape (N, 4).

    Returns:
        shape (N,), 0..1; nan where either box has a value that is not finite.

    Raises:
        ValueError: the shapes are not (N, 4) and equal.
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.ndim != 2 or first.shape[1] != 4 or first.shape != second.shape:
        raise ValueError(f'expected two arrays of boxes of equal shape (N, 4), got {first.shape} and {second.shape}')
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, :2] + first[:, 2:], second[:, :2] + second[:, 2:])
    intersection = np.prod(np.clip(high - low, 0, None), axis=1)
    union = first[:, 2] * first[:, 3] + second[:, 2] * second[:, 3] - intersection
    out: npt.NDArray[np.float64] = np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
    out[~np.isfinite(first).all(axis=1) | ~np.isfinite(second).all(axis=1)] = np.nan
    return out
