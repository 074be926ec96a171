"""Quality of a super-resolved cube against its reference: MPSNR, MSSIM, SAM, CC, RMSE, ERGAS."""
from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CubeQuality:
    """Measures of one cube, or their mean over several.

    Args:
        mpsnr_db: mean over bands of the peak signal-to-noise ratio; peak = maximum of the whole reference cube.
        mssim: mean over bands of the structural similarity (Gaussian window 11, deviation 1.5).
        sam_deg: mean spectral angle over pixels, degrees; pixels where either spectrum is zero are left out.
        cc: mean over bands of the correlation coefficient; bands without variation are left out.
        rmse: root mean square error in units of the peak.
        ergas: relative dimensionless global error, 100 / scale * sqrt(mean((RMSE_b / mean_b) ** 2)).
    """

    mpsnr_db: float
    mssim: float
    sam_deg: float
    cc: float
    rmse: float
    ergas: float

    def as_dict(self) -> dict[str, float]:
        """Name -> value."""
        return asdict(self)


def spectral_angle_map(reference: npt.ArrayLike, estimate: npt.ArrayLike) -> FloatArray:
    """Angle between the spectra of each pixel, rad, (H, W), of two cubes (H, W, C); nan where a spectrum is zero."""
    first, second = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    norms = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    cosine = np.divide((first * second).sum(-1), norms, out=np.full(norms.shape, np.nan), where=norms > 0)
    return np.asarray(np.arccos(np.clip(cosine, -1, 1)), np.float64)


def structural_similarity(reference: FloatArray, estimate: FloatArray, peak: float) -> FloatArray:
    """SSIM (Wang et al. 2004) of each band of two cubes (H, W, C): (C,)."""
    def blur(x: FloatArray) -> FloatArray:
        for axis in (0, 1):
            x = gaussian_filter1d(x, 1.5, axis=axis, radius=5)
        return x

    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    mean_a, mean_b = blur(reference), blur(estimate)
    variance_a = blur(reference * reference) - mean_a ** 2
    variance_b = blur(estimate * estimate) - mean_b ** 2
    covariance = blur(reference * estimate) - mean_a * mean_b
    similarity = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)
                  / ((mean_a ** 2 + mean_b ** 2 + c1) * (variance_a + variance_b + c2)))
    return np.asarray(similarity.mean((0, 1)), np.float64)


def compare_cubes(reference: npt.ArrayLike, estimate: npt.ArrayLike, scale: int) -> CubeQuality:
    """All measures of one cube.

    Args:
        reference, estimate: (H, W, C), any scale, finite.
        scale: enlargement that led to the estimate; ERGAS needs it.

    Raises:
        ValueError: shapes differ or are not (H, W, C), a value is not finite, or the reference is nowhere positive.
    """
    truth, guess = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    if truth.ndim != 3 or truth.shape != guess.shape:
        raise ValueError(f'expected two cubes of equal shape (H, W, C), got {truth.shape} and {guess.shape}')
    if not (np.isfinite(truth).all() and np.isfinite(guess).all()):
        raise ValueError('expected finite cubes, got nan or infinity')
    peak = float(truth.max())
    if peak <= 0:
        raise ValueError(f'expected a reference with positive values, got a maximum of {peak:g}')
    error = ((truth - guess) ** 2).mean((0, 1))
    psnr = 10 * np.log10(peak ** 2 / np.maximum(error, 1e-20 * peak ** 2))
    centred_a, centred_b = truth - truth.mean((0, 1)), guess - guess.mean((0, 1))
    spread = np.sqrt((centred_a ** 2).mean((0, 1)) * (centred_b ** 2).mean((0, 1)))
    varied = spread > 1e-12 * peak ** 2
    correlation = (centred_a * centred_b).mean((0, 1))[varied] / spread[varied]
    means = truth.mean((0, 1))
    relative = error[means > 0] / means[means > 0] ** 2
    angles = np.degrees(spectral_angle_map(truth, guess))
    return CubeQuality(
        mpsnr_db=float(psnr.mean()),
        mssim=float(structural_similarity(truth, guess, peak).mean()),
        sam_deg=float(np.nanmean(angles)) if np.isfinite(angles).any() else math.nan,
        cc=float(correlation.mean()) if varied.any() else math.nan,
        rmse=math.sqrt(float(error.mean())) / peak,
        ergas=100 / scale * math.sqrt(float(relative.mean())))


def mean_quality(cubes: list[CubeQuality]) -> CubeQuality:
    """Mean of each measure over cubes, each cube counting once.

    Raises:
        ValueError: there are none.
    """
    if not cubes:
        raise ValueError('expected the quality of at least one cube, got none')
    return CubeQuality(**{field.name: float(np.mean([getattr(cube, field.name) for cube in cubes]))
                          for field in fields(CubeQuality)})
