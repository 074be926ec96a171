"""The target probability image: how much each pixel's spectrum looks like the target and not its surroundings."""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.crops import crop
from hsi_models.tracking.spectra import blurred, blurred_pixels, unit_spectra

Float = npt.NDArray[np.float32]
_FOLDS = 2          # stripes of which each is held out once
FOLD_STEPS = 6      # of the logistic regression on the others
_FOLD_SAMPLES = 800  # about so many of each kind
SEPARABLE = (0.85, 0.94)    # held-out separability from which the spectrum tells something, and all: on validation
_MAX_SIDE = 200     # pixels of a crop that is fitted on: more say nothing new


@dataclass(frozen=True)
class ProbabilityConfig:
    """How the probability image is fitted.

    Args:
        blur_px: Gaussian sigma before anything else, pixels; averages sensor noise (chosen on validation sequences).
        inner: share of the box whose ellipse counts as target.
        ring: width of the ring around the box that counts as surroundings, in units of the box.
        ridge: penalty on the squared whitened weights.
        newton_steps: steps of the logistic regression.
        max_samples: pixels of the whole frame that are looked at.
    """

    blur_px: float = 1.1
    inner: float = 0.7
    ring: float = 1.0
    ridge: float = 2e-3
    newton_steps: int = 12
    max_samples: int = 4000

    def on(self, frame: HyperspectralFrame) -> ProbabilityConfig:
        """The same for a frame that was enlarged: the blur covers as much of what was measured."""
        return replace(self, blur_px=self.blur_px * frame.upscaling)


def ramp(value: float, limits: tuple[float, float]) -> float:
    """0 up to the first limit, 1 from the second on."""
    return float(np.clip((value - limits[0]) / (limits[1] - limits[0]), 0, 1))


@dataclass(frozen=True)
class Separability:
    """How well the spectrum alone tells the target from its surroundings, measured on the first frame.

    Args:
        roc: smaller of the areas under the ROC curves target / ring and target / whole frame, 0..1.
        ok: IoU of the box with the component of probability > .5 under it, 0..1.
        held_out: `roc` of pixels that were not fitted, 0..1: things of everyday separate on the pixels that were,
            too, and on no others.
    """

    roc: float
    ok: float
    held_out: float

    @property
    def weight(self) -> float:
        """How far to trust the probability image, 0..1."""
        return float(np.clip((self.ok - 0.65) / 0.2, 0, 1) * np.clip((self.roc - 0.9) / 0.09, 0, 1))


@dataclass(frozen=True, eq=False)
class TargetProbability:
    """Logistic regression on the shape of the spectrum, fitted on one frame and kept.

    Each spectrum is divided by its norm, which alone makes it independent of brightness and shading.

    Args:
        weights: shape (C,), of the normalised spectrum.
        bias: added to it.
        separability: measured on the frame that it was fitted on.
        blur_px: Gaussian sigma before normalisation, pixels of the frame.
    """

    weights: Float
    bias: float
    separability: Separability
    blur_px: float

    @classmethod
    def fit(cls, image: npt.NDArray[Any], box: Box,
            config: ProbabilityConfig | None = None) -> TargetProbability:
        """Fit on the box of one frame: inner ellipse against half ring, half whole frame.

        Args:
            image: shape (H, W, C), any unit proportional to intensity.
            box: the target, pixels; at least partly inside.

        Raises:
            ValueError: the box does not show a single pixel, or values are not finite.
        """
        config = config or ProbabilityConfig()
        return cls.of_samples(samples(image, box, config), image, box, config)

    @classmethod
    def of_samples(cls, spectra: tuple[Float, Float, Float], image: npt.NDArray[Any], box: Box,
                   config: ProbabilityConfig) -> TargetProbability:
        """The same with the spectra that `samples` found in the image."""
        target, ring, surroundings = spectra
        weights, bias = _fit(target, ring, surroundings, config)
        score = [part @ weights for part in (target, ring, surroundings)]
        roc = min(roc_area(score[0], score[1]), roc_area(score[0], score[2]))
        unmeasured = cls(weights, bias, Separability(roc, 0.0, _held_out_roc(spectra, config)), config.blur_px)
        return replace(unmeasured, separability=replace(unmeasured.separability, ok=unmeasured._box_iou(image, box)))

    def apply(self, image: Float, pixel_size: float = 1.0) -> Float:
        """Probability of each pixel of a crop or frame.

        Args:
            image: shape (H, W, C), the unit it was fitted in or any multiple of it.
            pixel_size: size of a pixel of `image` in pixels of the frame.

        Returns:
            shape (H, W), 0..1.
        """
        return self.of_spectra(*unit_spectra(blurred(image, self.blur_px / pixel_size)))

    def of_spectra(self, spectra: Float, norm: Float) -> Float:
        """Probability of normalised spectra (..., C) of this norm (...), as `unit_spectra` gives them.

        Returns:
            shape (...), 0..1; 0 where there is no light.
        """
        out = sigmoid(spectra @ self.weights + np.float32(self.bias))
        out[norm <= 0] = 0
        return out

    def _box_iou(self, image: npt.NDArray[Any], box: Box) -> float:
        """IoU of the box with the component of probability > .5 under it."""
        region = Box.from_centre(*box.centre, 3 * box.w, 3 * box.h)
        size = _native_size(region)
        truth = Box(size[1] / 3, size[0] / 3, size[1] / 3, size[0] / 3)
        found = component_box(self.apply(crop(image, region, size), region.w / size[1]), truth)
        return 0.0 if found is None else found.iou(truth)


def sigmoid(x: Float) -> Float:
    """Logistic function without overflow."""
    out: Float = np.tanh(np.float32(0.5) * x)
    out *= np.float32(0.5)
    out += np.float32(0.5)
    return out


def roc_area(positive: npt.NDArray[np.floating], negative: npt.NDArray[np.floating]) -> float:
    """Area under the ROC curve: how often a positive scores above a negative; .5 where one is empty."""
    if not len(positive) or not len(negative):
        return 0.5
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, 'left') + np.searchsorted(ordered, positive, 'right')
    return float(below.mean() / (2 * len(negative)))


def _held_out_roc(spectra: tuple[Float, Float, Float], config: ProbabilityConfig) -> float:
    """`Separability.held_out`: stripes of target and ring are scored by a fit on the other ones."""
    target, ring, surroundings = (part[::max(1, len(part) // _FOLD_SAMPLES)] for part in spectra)
    stripes = [np.arange(len(part)) * _FOLDS // max(len(part), 1) for part in (target, ring)]
    config = replace(config, newton_steps=FOLD_STEPS)
    scores: list[list[Float]] = [[], []]
    areas = []
    for fold in range(_FOLDS):
        kept, held = ([part[(stripe == fold) == out] for part, stripe in zip((target, ring), stripes, strict=True)]
                      for out in (False, True))
        weights, bias = _fit(kept[0], kept[1], surroundings, config)
        for found, part in zip(scores, held, strict=True):
            found.append(part @ weights + bias)
        areas.append(roc_area(scores[0][-1], surroundings @ weights + bias))
    return min(roc_area(*(np.concatenate(parts) for parts in scores)), float(np.mean(areas)))


def component_box(probability: Float, box: Box, threshold: float = 0.5) -> Box | None:
    """Bounding box of the connected component above a threshold that covers most of a box.

    Args:
        probability: shape (H, W), 0..1.
        box: where to look, pixels of `probability`.
        threshold: value that counts as target.

    Returns:
        the component's box, pixels; None where nothing under the box is above the threshold.
    """
    mask = (probability > threshold).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    height, width = mask.shape
    x1, y1, x2, y2 = box.corners
    under = labels[max(0, round(y1)):min(height, round(y2)), max(0, round(x1)):min(width, round(x2))]
    counts = np.bincount(under.ravel(), minlength=len(stats))
    counts[0] = 0
    best = int(counts.argmax())
    return Box(*(float(v) for v in stats[best, :4])) if counts[best] else None


def _native_size(region: Box) -> tuple[int, int]:
    """Crop size (rows, columns) of about one pixel a pixel, less for large regions."""
    return max(1, min(_MAX_SIDE, round(region.h))), max(1, min(_MAX_SIDE, round(region.w)))


def fit_spectra(kinds: list[tuple[Float, float, float]], config: ProbabilityConfig) -> tuple[Float, float]:
    """Logistic regression on several kinds of normalised spectra.

    Args:
        kinds: spectra (N, C), the share of their kind in the whole, and their label, 0 or 1.
        config: penalty and steps.

    Returns:
        weights (C,) and bias.
    """
    spectra = np.concatenate([part for part, _, _ in kinds]).astype(np.float64)
    labels = np.concatenate([np.full(len(part), label) for part, _, label in kinds])
    share = np.concatenate([np.full(len(part), weight / max(len(part), 1)) for part, weight, _ in kinds])
    weights, bias = _logistic_regression(spectra, labels, share / share.sum(), config)
    return weights.astype(np.float32), bias


def _fit(target: Float, ring: Float, surroundings: Float, config: ProbabilityConfig) -> tuple[Float, float]:
    """`fit_spectra` of a first frame: half target, half what is not."""
    return fit_spectra([(target, 0.5, 1.0), (ring, 0.25, 0.0), (surroundings, 0.25, 0.0)], config)


def near_samples(image: npt.NDArray[Any], box: Box, config: ProbabilityConfig) -> tuple[Float, Float]:
    """Normalised spectra (N, C) of the target and of the ring around it; empty where neither is in the frame."""
    height, width = image.shape[:2]
    region = Box.from_centre(*box.centre, (1 + 2 * config.ring) * box.w, (1 + 2 * config.ring) * box.h)
    size = _native_size(region)
    patch = unit_spectra(blurred(crop(image, region, size), config.blur_px * size[1] / region.w))[0]
    x = region.x + (np.arange(size[1]) + 0.5) * region.w / size[1]
    y = region.y + (np.arange(size[0]) + 0.5) * region.h / size[0]
    inside = ((y >= 0) & (y <= height))[:, None] & ((x >= 0) & (x <= width))
    dx, dy = np.abs(x - box.centre[0]) / (box.w / 2), np.abs(y - box.centre[1])[:, None] / (box.h / 2)
    target = inside & (dx ** 2 + dy ** 2 <= config.inner ** 2)
    if not target.any():
        target = inside & (dx <= 1) & (dy <= 1)
    return patch[target], patch[inside & ((dx > 1) | (dy > 1))]


def samples(image: npt.NDArray[Any], box: Box, config: ProbabilityConfig) -> tuple[Float, Float, Float]:
    """Normalised spectra (N, C) of the target, of the ring around it and of the whole frame.

    Raises:
        ValueError: the box does not show a single pixel, or values are not finite.
    """
    height, width = image.shape[:2]
    target, ring = near_samples(image, box, config)
    if not len(target):
        raise ValueError(f'expected a box that shows a pixel of the {width} x {height} frame, got {tuple(box)}')
    step = max(1, int(np.sqrt(height * width / config.max_samples)))
    rows, columns = np.arange(step // 2, height, step), np.arange(step // 2, width, step)
    frame = blurred_pixels(image, rows, columns, config.blur_px)
    outside = (np.abs(columns + 0.5 - box.centre[0]) > box.w / 2) \
        | (np.abs(rows + 0.5 - box.centre[1]) > box.h / 2)[:, None]
    surroundings = unit_spectra(frame[outside])[0]
    if not all(np.isfinite(part).all() for part in (target, ring, surroundings)):
        raise ValueError('expected finite values in the frame that the target is learned from, got nan or inf')
    return target, ring, surroundings


def _logistic_regression(spectra: npt.NDArray[np.float64], labels: npt.NDArray[np.float64],
                         share: npt.NDArray[np.float64],
                         config: ProbabilityConfig) -> tuple[npt.NDArray[np.float64], float]:
    """Weights (C,) and bias of spectra (N, C): Newton's method on whitened values, ridge on the weights."""
    mean = share @ spectra
    centred = spectra - mean
    values, vectors = np.linalg.eigh((centred * share[:, None]).T @ centred)
    floor = max(1e-6 * values[-1], 1e-12)
    keep = values > floor      # constant bands and numerical null space carry nothing
    whitening = vectors[:, keep] / np.sqrt(values[keep])
    inputs = np.hstack([centred @ whitening, np.ones((len(spectra), 1))])
    penalty = np.full(inputs.shape[1], config.ridge)
    penalty[-1] = 1e-6
    solution = np.zeros(inputs.shape[1])
    for _ in range(config.newton_steps):
        p = 0.5 + 0.5 * np.tanh(0.5 * (inputs @ solution))
        gradient = inputs.T @ (share * (p - labels)) + penalty * solution
        hessian = (inputs * (share * p * (1 - p) + 1e-9)[:, None]).T @ inputs + np.diag(penalty)
        solution -= np.linalg.solve(hessian, gradient)
    weights = whitening @ solution[:-1]
    return weights, float(solution[-1] - mean @ weights)
