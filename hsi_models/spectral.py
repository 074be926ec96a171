"""Spectra as vectors: angle, band statistics, matched filter and adaptive cosine estimator."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def spectral_angle(spectra: npt.ArrayLike, reference: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Angle between spectra, independent of brightness (Kruse et al. 1993, spectral angle mapper).

    Args:
        spectra: shape (..., C), any unit.
        reference: shape (C,), or one that broadcasts against `spectra`.

    Returns:
        Radians, shape (...), 0..pi; pi/2 where one of the two is all zero and has no direction.

    Raises:
        ValueError: the numbers of bands differ.
    """
    a, b = np.asarray(spectra, np.float64), np.asarray(reference, np.float64)
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-1]:
        raise ValueError(f'expected spectra with equal numbers of bands on the last axis, got {a.shape} and {b.shape}')
    dot = np.einsum('...c,...c->...', a, b)
    norm = np.sqrt(np.einsum('...c,...c->...', a, a) * np.einsum('...c,...c->...', b, b))
    cosine = np.divide(dot, norm, out=np.zeros_like(dot), where=norm > 0)
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)), np.float32)


@dataclass(frozen=True, eq=False)
class BandStatistics:
    """Mean and shrunk covariance of a set of pixels.

    Args:
        mean: (C,), unit of the pixels.
        covariance: (C, C), symmetric, positive definite through shrinkage.
        count: number of pixels.
        shrinkage: share of the scaled identity in the covariance, 0..1.
    """

    mean: Floats
    covariance: Floats
    count: int
    shrinkage: float
    _whitening: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # The inverse of the Cholesky factor: rows become independent with unit variance.
        factor = np.linalg.cholesky(self.covariance)
        object.__setattr__(self, '_whitening', np.linalg.solve(factor, np.eye(len(self.mean))))

    def whiten(self, spectra: npt.ArrayLike) -> Floats:
        """Spectra (..., C) with the mean taken off and the covariance made identity; float64 (..., C)."""
        values = np.asarray(spectra, np.float64)
        if values.ndim == 0 or values.shape[-1] != len(self.mean):
            raise ValueError(f'expected spectra of {len(self.mean)} bands on the last axis, got shape {values.shape}')
        return np.asarray((values - self.mean) @ self._whitening.T)


def band_statistics(pixels: npt.NDArray[Any], mask: npt.NDArray[np.bool_] | None = None, *,
                    shrinkage: float | None = None) -> BandStatistics:
    """Mean and covariance of pixels, safe with fewer pixels than bands.

    Args:
        pixels: shape (..., C), e.g. a cube (H, W, C) or a list of spectra (N, C).
        mask: which of them, shape (...); None: all.
        shrinkage: share of the scaled identity, 0..1; None: the one that minimises the expected squared error
            (Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices").

    Raises:
        ValueError: no band axis, fewer than two pixels, values not finite, a mask of another shape.
    """
    if pixels.ndim < 2:
        raise ValueError(f'expected pixels of shape (..., C), got {pixels.shape}')
    if mask is not None and mask.shape != pixels.shape[:-1]:
        raise ValueError(f'expected a mask of shape {pixels.shape[:-1]}, got {mask.shape}')
    selected = pixels[mask] if mask is not None else pixels.reshape(-1, pixels.shape[-1])
    samples = selected.astype(np.float64)
    count, bands = samples.shape
    if count < 2:
        raise ValueError(f'expected at least 2 pixels for band statistics, got {count}')
    if not np.isfinite(samples).all():
        raise ValueError('expected finite pixels for band statistics, got nan or infinite values')
    mean = samples.mean(axis=0)
    samples -= mean
    covariance = samples.T @ samples / count
    variance = float(np.trace(covariance)) / bands
    if shrinkage is None:
        shrinkage = _ledoit_wolf(samples, covariance, variance)
    elif not 0.0 <= shrinkage <= 1.0:
        raise ValueError(f'expected a shrinkage 0..1, got {shrinkage:g}')
    # Constant or collinear bands would leave it singular: a floor far below any sensor's noise.
    floor = 1e-9 * variance + 1e-12
    covariance = (1.0 - shrinkage) * covariance + (shrinkage * variance + floor) * np.eye(bands)
    return BandStatistics(mean, covariance, count, float(shrinkage))


def _ledoit_wolf(centred: Floats, covariance: Floats, variance: float) -> float:
    """Optimal weight of the scaled identity (Ledoit and Wolf 2004, section 3.3)."""
    count, bands = centred.shape
    distance = float(np.sum(covariance ** 2)) / bands - variance ** 2
    if distance <= 0:
        return 1.0
    error = (float(np.mean(np.sum(centred ** 2, axis=1) ** 2)) - float(np.sum(covariance ** 2))) / (bands * count)
    return float(np.clip(error / distance, 0.0, 1.0))


def matched_filter(pixels: npt.NDArray[Any], target: npt.ArrayLike,
                   background: BandStatistics) -> npt.NDArray[np.float32]:
    """Spectral matched filter: estimated share of the target in each pixel.

    Args:
        pixels: shape (..., C).
        target: target spectrum, (C,), unit of the pixels.
        background: statistics of the surroundings.

    Returns:
        shape (...): 0 at the background's mean, 1 at the target's spectrum; not clipped. Zero everywhere where
        the target equals the background's mean.
    """
    direction = background.whiten(target)
    energy = float(direction @ direction)
    response = background.whiten(pixels) @ direction
    return np.asarray(response / energy if energy > 0 else response * 0.0, np.float32)


def adaptive_cosine(pixels: npt.NDArray[Any], target: npt.ArrayLike,
                    background: BandStatistics) -> npt.NDArray[np.float32]:
    """Adaptive cosine estimator (Kraut, Scharf and McWhorter 2001), with the sign of the cosine kept.

    Args:
        pixels: shape (..., C).
        target: target spectrum, (C,), unit of the pixels.
        background: statistics of the surroundings.

    Returns:
        shape (...), -1..1: the squared cosine between pixel and target in whitened coordinates, negative on the
        side away from the target; 0 where a pixel equals the background's mean.
    """
    direction = background.whiten(target)
    whitened = background.whiten(pixels)
    norm = np.sqrt(np.einsum('...c,...c->...', whitened, whitened) * float(direction @ direction))
    dot = whitened @ direction
    cosine = np.divide(dot, norm, out=np.zeros_like(dot), where=norm > 0)
    return np.asarray(cosine * np.abs(cosine), np.float32)
