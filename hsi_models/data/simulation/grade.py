"""How well a target separates spectrally from what is around it, on the first frame: the grade of a camouflage.

Nothing here is shared with a tracker: the benchmark must stay bit for bit what it is when trackers change.
"""
from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box

Array = npt.NDArray[np.float64]

GRADES = {'camouflage_1': (0.98, 1.0), 'camouflage_2': (0.90, 0.98), 'camouflage_3': (0.75, 0.90)}
RIDGE = 2e-3
SMOOTHING_PX = 0.8
BLOCK_PX = 4


def separability(cube: npt.NDArray[np.float32], box: Box, look_alikes: npt.NDArray[np.bool_] | None = None) -> float:
    """Area under the ROC curve of a ridge discriminant on unit spectra, cross-validated.

    The discriminant is fitted on half of the picture's blocks and judged on the others, in turn. Of the areas of the
    target against its ring and, where given, against its look-alikes, the smaller counts: being told from a distant
    background of another colour is no merit.

    Args:
        cube: first frame over white reference, (H, W, C).
        box: of the target.
        look_alikes: pixels of objects of the same colour, bool (H, W).

    Returns:
        0..1; .5 is chance.
    """
    smooth = cv2.GaussianBlur(cube, (0, 0), SMOOTHING_PX).astype(np.float64)
    spectra = smooth / np.maximum(np.linalg.norm(smooth, axis=-1, keepdims=True), 1e-6)
    height, width = spectra.shape[:2]
    y, x = np.mgrid[:height, :width] + 0.5
    u, v = (x - box.centre[0]) / (box.w / 2), (y - box.centre[1]) / (box.h / 2)
    target = u ** 2 + v ** 2 <= 0.7 ** 2
    outside = (np.abs(u) > 1.1) | (np.abs(v) > 1.1)
    ring = outside & (np.abs(u) <= 2.2) & (np.abs(v) <= 2.2)
    against = [ring] + ([look_alikes & outside] if look_alikes is not None and (look_alikes & outside).any() else [])
    half = ((np.floor(y / BLOCK_PX) + np.floor(x / BLOCK_PX)) % 2).astype(bool)
    areas = []
    for fold in (half, ~half):
        weights = _discriminant(spectra[target & fold], [spectra[part & fold] for part in (*against, outside)])
        scores = spectra @ weights
        areas.append([_roc_area(scores[target & ~fold], scores[part & ~fold]) for part in against])
    return float(np.mean(areas, axis=0).min())


def _roc_area(positive: Array, negative: Array) -> float:
    """Probability that a positive scores above a negative, (N,), (M,) -> 0..1."""
    order = np.concatenate([positive, negative]).argsort(kind='stable')
    ranks = np.empty(len(order))
    ranks[order] = np.arange(len(order))
    count = len(positive)
    return float((ranks[:count].sum() - count * (count - 1) / 2) / (count * len(negative)))


def _discriminant(target: Array, others: list[Array]) -> Array:
    """Weights of a linear discriminant; each group of others counts alike."""
    groups = [group for group in others if len(group) > 1]
    mean = np.mean([group.mean(axis=0) for group in groups], axis=0)
    within = 0.5 * np.cov(target.T) + 0.5 * np.mean([np.cov(group.T) for group in groups], axis=0)
    ridge = RIDGE * np.trace(within) / len(within)
    out: Array = np.linalg.solve(within + ridge * np.eye(len(within)), target.mean(axis=0) - mean)
    return out
