"""Materials by formula: smooth reflectance spectra, 400-1000 nm, that need no data file."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Spectrum = npt.NDArray[np.float64]


def _step(wavelengths_nm: Spectrum, centre_nm: float, width_nm: float) -> Spectrum:
    """A logistic edge from 0 to 1: what absorption edges of pigments and minerals look like."""
    out: Spectrum = 1.0 / (1.0 + np.exp(-(wavelengths_nm - centre_nm) / width_nm))
    return out


def _bump(wavelengths_nm: Spectrum, centre_nm: float, width_nm: float) -> Spectrum:
    out: Spectrum = np.exp(-0.5 * ((wavelengths_nm - centre_nm) / width_nm) ** 2)
    return out


def _leaf(chlorophyll: float, plateau: float) -> Callable[[Spectrum], Spectrum]:
    """Green peak at 550 nm, chlorophyll well at 675 nm, red edge at 715 nm, water shoulder at 970 nm."""
    def formula(nm: Spectrum) -> Spectrum:
        yellow = _step(nm, 590, 18) * (1 - 0.75 * _bump(nm, 676, 17))
        infrared = _step(nm, 716, 11) * (1 - 0.12 * _bump(nm, 970, 25))
        return 0.03 + (0.09 * _bump(nm, 552, 28) + 0.05 * yellow) / chlorophyll + plateau * infrared

    return formula


_FORMULAS: dict[str, Callable[[Spectrum], Spectrum]] = {
    'grass': _leaf(1.0, 0.42),
    'dry_grass': lambda nm: 0.06 + 0.26 * _step(nm, 580, 55) + 0.10 * _step(nm, 730, 30),
    'foliage': _leaf(2.2, 0.36),
    'crop': _leaf(0.8, 0.33),
    'asphalt': lambda nm: 0.085 + 0.035 * (nm - 400) / 600,
    'concrete': lambda nm: 0.22 + 0.13 * _step(nm, 510, 60) + 0.02 * (nm - 400) / 600,
    'gravel': lambda nm: 0.15 + 0.12 * _step(nm, 560, 80),
    'sand': lambda nm: 0.14 + 0.30 * _step(nm, 555, 55) + 0.06 * (nm - 400) / 600,
    'soil': lambda nm: 0.05 + 0.15 * _step(nm, 600, 60) + 0.08 * _step(nm, 760, 70) - 0.02 * _bump(nm, 880, 40),
    'water': lambda nm: 0.015 + 0.055 * _bump(nm, 490, 55) + 0.02 * _bump(nm, 570, 40),
    'roof_tile': lambda nm: 0.06 + 0.30 * _step(nm, 588, 20) + 0.05 * _step(nm, 760, 50) - 0.04 * _bump(nm, 870, 45),
    'slate': lambda nm: 0.10 + 0.03 * _bump(nm, 470, 60),
    'white_paint': lambda nm: 0.10 + 0.68 * _step(nm, 410, 12),
    'red_paint': lambda nm: 0.05 + 0.50 * _step(nm, 583, 11),
    'blue_paint': lambda nm: 0.05 + 0.35 * _bump(nm, 465, 38) + 0.40 * _step(nm, 760, 30),
    'glass': lambda nm: 0.05 + 0.03 * _bump(nm, 480, 90),
    'rubber': lambda nm: 0.035 + 0.0 * nm,
}
MATERIALS = tuple(_FORMULAS)


def reflectance(name: str, wavelengths_nm: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Reflectance of a material, 0..1.

    Args:
        name: one of `MATERIALS`.
        wavelengths_nm: shape (L,), 400-1000 nm.

    Returns:
        shape (L,), float32, 0..1.

    Raises:
        ValueError: no such material.
    """
    if name not in _FORMULAS:
        raise ValueError(f'expected a material of {", ".join(MATERIALS)}, got {name!r}')
    return np.clip(_FORMULAS[name](np.asarray(wavelengths_nm, np.float64)), 0, 1).astype(np.float32)


def hidden_difference(wavelengths_nm: npt.ArrayLike, seen: npt.ArrayLike, rng: np.random.Generator,
                      smoothness_nm: float = 20.0) -> npt.NDArray[np.float64]:
    """A random smooth spectral difference that given linear observers do not see.

    Added to a spectrum in a small amount it gives a twin: the same (false) colour, another spectrum. It is drawn from
    a Gaussian process over wavelength under the condition that each observer's answer is zero.

    Args:
        wavelengths_nm: shape (L,).
        seen: weights of each observer, e.g. of a false colour, (K, L), K clearly below L.
        rng: source of everything random.
        smoothness_nm: length scale of the process.

    Returns:
        shape (L,), largest absolute value 1.
    """
    nm, observers = np.asarray(wavelengths_nm, np.float64), np.asarray(seen, np.float64)
    observers = observers / np.linalg.norm(observers, axis=1, keepdims=True)
    covariance = np.exp(-0.5 * ((nm[:, None] - nm[None]) / smoothness_nm) ** 2)
    values, vectors = np.linalg.eigh(covariance)
    draw = vectors @ (np.sqrt(np.clip(values, 0, None)) * rng.standard_normal(len(nm)))
    gain = covariance @ observers.T
    draw -= gain @ np.linalg.lstsq(observers @ gain, observers @ draw, rcond=1e-10)[0]
    out: npt.NDArray[np.float64] = draw / np.abs(draw).max()
    return out
