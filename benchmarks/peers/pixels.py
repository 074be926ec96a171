"""Rows that classify pixels alone: a score a pixel, fitted on the first frame, and the box that stands out most.

`discriminant`: linear discriminant on unit spectra, target against half ring, half whole frame. `ace`: adaptive
cosine estimator (`hsi_models.spectral`) against the first frame's surroundings. The box keeps its size and moves by at
most its own size a frame.
"""
from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.peers.still import boxed
from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.spectral import adaptive_cosine, band_statistics
from hsi_models.tracking.crops import crop
from hsi_models.tracking.spectra import blurred, unit_spectra
from hsi_models.tracking.state import TrackState

Floats = npt.NDArray[np.float32]
Score = Callable[[Floats], Floats]
"""Cube (H, W, C) -> score (H, W), about 1 on the target and not above, lower elsewhere."""

BLUR_PX = 0.8
RIDGE = 2e-3
RING = 2.0


def fit_discriminant(cube: Floats, box: Box) -> Score:
    """Fisher's discriminant with a ridge, scaled to 1 at the target's mean and -1 at the surroundings'."""
    spectra = unit_spectra(blurred(cube, BLUR_PX))[0].astype(np.float64)
    inside, outside, ring = _regions(cube, box)
    target, others = spectra[inside], (spectra[ring], spectra[outside])
    surroundings = np.mean([group.mean(axis=0) for group in others], axis=0)
    within = 0.5 * np.cov(target.T) + 0.25 * sum(np.cov(group.T) for group in others)
    within += RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    difference = target.mean(axis=0) - surroundings
    weights = np.linalg.solve(within, difference)
    middle, half = weights @ (target.mean(axis=0) + surroundings) / 2, weights @ difference / 2

    def score(image: Floats) -> Floats:
        values = (unit_spectra(blurred(image, BLUR_PX))[0] @ weights - middle) / max(half, 1e-12)
        return np.asarray(np.clip(values, -1, 1), np.float32)
    return score


def fit_cosine(cube: Floats, box: Box) -> Score:
    """Adaptive cosine estimator for the mean spectrum of the target."""
    smooth = blurred(cube, BLUR_PX)
    inside, outside, _ = _regions(cube, box)
    background, target = band_statistics(smooth, outside), smooth[inside].mean(axis=0)
    return lambda image: adaptive_cosine(blurred(image, BLUR_PX), target, background)


class PixelTracker:
    """Follows the `Tracker` protocol.

    Args:
        fit: makes the score of pixels from the first frame.
    """

    def __init__(self, fit: Callable[[Floats, Box], Score]) -> None:
        self._fit = fit
        self._score: Score | None = None
        self._box = Box(0, 0, 1, 1)
        self._age = 0

    def initialise(self, frame: HyperspectralFrame, box: Box) -> TrackState:
        """Fit on the first frame."""
        self._score, self._box, self._age = self._fit(frame.as_float(), box), box, 0
        return boxed(box, 0)

    def update(self, frame: HyperspectralFrame) -> TrackState:
        """Move to where the inside of the box stands out most from its surroundings."""
        if self._score is None:
            raise RuntimeError('expected initialise() before update(), got no target')
        w, h = max(3, round(self._box.w)), max(3, round(self._box.h))
        reach_x, reach_y = max(4, w), max(4, h)
        columns, rows = 3 * w + 2 * reach_x, 3 * h + 2 * reach_y
        left, top = round(self._box.x) - w - reach_x, round(self._box.y) - h - reach_y
        score = self._score(crop(frame, Box(left, top, columns, rows), (rows, columns)) / np.float32(frame.scale))
        inside = cv2.blur(score, (w, h), anchor=(0, 0))
        wide = cv2.blur(score, (3 * w, 3 * h), anchor=(w, h))      # of the box with its corner at the same pixel
        standing_out = inside - (9 * wide - inside) / 8
        allowed = standing_out[h:h + 2 * reach_y + 1, w:w + 2 * reach_x + 1].copy()
        y, x = np.mgrid[:allowed.shape[0], :allowed.shape[1]]
        centre_x, centre_y = left + w + x + w / 2, top + h + y + h / 2
        allowed[(centre_x < 0) | (centre_x > frame.width) | (centre_y < 0) | (centre_y > frame.height)] = -np.inf
        row, column = np.unravel_index(int(allowed.argmax()), allowed.shape)
        self._box = Box(left + w + int(column), top + h + int(row), self._box.w, self._box.h)
        self._age += 1
        return boxed(self._box, self._age)

    def reset(self) -> None:
        """Forget the target."""
        self._score = None


def _regions(cube: Floats, box: Box) -> tuple[npt.NDArray[np.bool_], ...]:
    """Inner ellipse, everything outside of the box, and the ring around it; bool (H, W) each."""
    y, x = np.mgrid[:cube.shape[0], :cube.shape[1]] + 0.5
    u, v = np.abs(x - box.centre[0]) / (box.w / 2), np.abs(y - box.centre[1]) / (box.h / 2)
    outside = (u > 1.1) | (v > 1.1)
    return u ** 2 + v ** 2 <= 0.7 ** 2, outside, outside & (u <= 1 + RING) & (v <= 1 + RING)
