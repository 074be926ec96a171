"""Drawing primitives that stay readable on any background: every light stroke lies on a dark halo."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box

Colour = tuple[int, int, int]
Image = npt.NDArray[np.uint8]
"""(H, W, 3) uint8 rgb, drawn into in place."""

WHITE: Colour = (245, 245, 245)
GREY: Colour = (165, 170, 178)
INK: Colour = (14, 16, 20)
SHIFT = 4   # OpenCV's fixed-point bits: boxes land between pixels
DASH = 9.0
FAR = 1000      # pixels beyond the image at which lines end: nobody sees more of them
FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class Curve:
    """One line of a plot: values at the plot's x, (N,); drawn dashed where it is only for comparison."""

    values: npt.NDArray[Any]
    colour: Colour
    label: str
    dashed: bool = False


def text_width(text: str, size: float, bold: bool = False) -> int:
    """Width in pixels of `text` drawn with `draw_text`."""
    return int(cv2.getTextSize(text, FONT, size / 22.0, 2 if bold else 1)[0][0])


def draw_text(image: Image, text: str, x: float, y: float, *, size: float = 13, colour: Colour = WHITE,
              bold: bool = False, halo: bool = True) -> None:
    """Write ASCII `text` with its baseline's left end at (x, y); `size` is the height of capitals, pixels."""
    scale, thickness = size / 22.0, 2 if bold else 1
    (width, height), below = cv2.getTextSize(text, FONT, scale, thickness)
    margin = 4
    mask = np.zeros((height + below + 2 * margin, width + 2 * margin), np.uint8)
    cv2.putText(mask, text, (margin, margin + height), FONT, scale, (255,), thickness, cv2.LINE_AA)
    left, top = round(x) - margin, round(y) - height - margin
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + mask.shape[1], image.shape[1]), min(top + mask.shape[0], image.shape[0])
    if x2 <= x1 or y2 <= y1:
        return
    if halo:    # a dilated copy, since stroke width means different things in OpenCV 4 and 5
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
        shade = cv2.GaussianBlur(cv2.dilate(mask, kernel), (0, 0), 0.8)
        _blend(image[y1:y2, x1:x2], shade[y1 - top:y2 - top, x1 - left:x2 - left], INK, 0.85)
    _blend(image[y1:y2, x1:x2], mask[y1 - top:y2 - top, x1 - left:x2 - left], colour, 1.0)


def _blend(patch: Image, mask: npt.NDArray[Any], colour: Colour, opacity: float) -> None:
    alpha = mask.astype(np.float32)[..., None] * (opacity / 255.0)
    patch[:] = np.rint(patch * (1 - alpha) + np.asarray(colour, np.float32) * alpha)


def draw_chip(image: Image, text: str, x: float, y: float, *, size: float = 12, colour: Colour = WHITE) -> None:
    """Write `text` in dark on a chip of `colour` whose lower left corner is (x, y), moved into the image if need be."""
    width, height = text_width(text, size, bold=True) + 12, round(size) + 10
    left = round(min(max(x, 0), max(image.shape[1] - width, 0)))
    top = round(min(max(y - height, 0), max(image.shape[0] - height, 0)))
    cv2.rectangle(image, (left, top), (left + width - 1, top + height - 1), INK, 3)
    cv2.rectangle(image, (left, top), (left + width - 1, top + height - 1), colour, -1)
    draw_text(image, text, left + 6, top + height - 6, size=size, colour=INK, bold=True, halo=False)


def draw_polyline(image: Image, points: npt.ArrayLike, colour: Colour, *, thickness: int = 2, dashed: bool = False,
                  halo: bool = True) -> None:
    """Join `points` (N, 2), x y in pixels where integers are pixel centres, sub-pixel exact; finite, of any size."""
    vertices = np.clip(np.asarray(points, np.float64), -FAR, FAR + max(image.shape))
    pieces = _dashes(vertices) if dashed else [vertices]
    fixed = [np.rint(piece * (1 << SHIFT)).astype(np.int32).reshape(-1, 1, 2) for piece in pieces]
    if halo:
        cv2.polylines(image, fixed, False, INK, thickness + 2, cv2.LINE_AA, SHIFT)
    cv2.polylines(image, fixed, False, colour, thickness, cv2.LINE_AA, SHIFT)


def _dashes(vertices: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """The strokes of a dashed line; their number is odd on each edge, so that corners are always closed."""
    strokes = []
    for start, end in zip(vertices[:-1], vertices[1:], strict=True):
        length = float(np.hypot(*(end - start)))
        count = max(1, 2 * round((length / DASH - 1) / 2) + 1)
        for i in range(0, count, 2):
            strokes.append(np.stack([start + (end - start) * i / count, start + (end - start) * (i + 1) / count]))
    return strokes


def draw_box(image: Image, box: Box, colour: Colour, *, thickness: int = 2, dashed: bool = False) -> None:
    """Outline `box` from outside, so that a small target is not covered by its own frame."""
    x1, y1, x2, y2 = box.corners
    out = thickness // 2 + 0.5      # pixel i covers [i, i + 1), its centre is at i + .5: whole pixels stay sharp
    x1, y1, x2, y2 = x1 - out - 0.5, y1 - out - 0.5, x2 + out - 0.5, y2 + out - 0.5
    draw_polyline(image, [(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)], colour, thickness=thickness, dashed=dashed)


def nice_limit(value: float) -> float:
    """The next larger 1, 1.5, 2, 3, 5 or 7.5 times a power of ten: an axis that does not flicker from frame to frame.

    >>> nice_limit(0.31), nice_limit(820.0)
    (0.5, 1000.0)
    """
    if not math.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 5, 7.5, 10) if step * power >= value)


def draw_plot(image: Image, left: int, top: int, width: int, height: int, x: npt.ArrayLike, curves: Sequence[Curve], *,
              x_label: str, y_label: str) -> None:
    """Plot curves into a rectangle of the image, axes from 0, x ascending, with a legend on top.

    Args:
        image: drawn into, (H, W, 3) uint8.
        left, top, width, height: the rectangle with axes and labels, pixels.
        x: (N,), ascending; N >= 2.
        curves: what to draw; values that are not finite leave gaps to their neighbours' line.
        x_label, y_label: names and units of the axes.
    """
    xs = np.asarray(x, np.float64)
    x0, y0, x1, y1 = left + 44, top + 24, left + width - 14, top + height - 34
    finite = [c.values[np.isfinite(c.values)] for c in curves]
    limit = nice_limit(max((float(v.max()) for v in finite if v.size), default=0.0))
    span = float(xs[-1] - xs[0]) or 1.0
    for share in (0.0, 0.5, 1.0):
        y = y1 - share * (y1 - y0)
        cv2.line(image, (x0, round(y)), (x1, round(y)), (58, 63, 72), 1)
        label = f'{limit * share:g}'
        draw_text(image, label, x0 - 6 - text_width(label, 10), y + 4, size=10, colour=GREY, halo=False)
    for tick in _ticks(float(xs[0]), float(xs[-1])):
        px = x0 + (tick - xs[0]) / span * (x1 - x0)
        cv2.line(image, (round(px), y1), (round(px), y1 + 4), GREY, 1)
        label = f'{tick:g}'
        draw_text(image, label, px - text_width(label, 10) / 2, y1 + 16, size=10, colour=GREY, halo=False)
    draw_text(image, x_label, x1 - text_width(x_label, 10), y1 + 29, size=10, colour=GREY, halo=False)
    draw_text(image, y_label, left + 2, top + 10, size=10, colour=GREY, halo=False)
    legend = float(x1)
    for curve in reversed(curves):
        keep = np.isfinite(curve.values)
        points = np.stack([x0 + (xs - xs[0]) / span * (x1 - x0), y1 - curve.values / limit * (y1 - y0)], axis=1)[keep]
        if len(points) > 1:
            draw_polyline(image, points, curve.colour, dashed=curve.dashed)
        if not curve.dashed:
            for px, py in points:
                cv2.circle(image, (round(px), round(py)), 3, curve.colour, -1, cv2.LINE_AA)
        legend -= text_width(curve.label, 11)
        draw_text(image, curve.label, legend, top + 10, size=11, colour=curve.colour, halo=False)
        draw_polyline(image, [(legend - 26, top + 6), (legend - 6, top + 6)], curve.colour, dashed=curve.dashed)
        legend -= 44


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers between `low` and `high`."""
    step = 10.0 ** math.floor(math.log10((high - low) or 1.0))
    step = next(s for s in (step * f for f in (2, 1, 0.5, 0.25, 0.2, 0.1)) if (high - low) / s >= 4)
    return [float(v) for v in np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step]
