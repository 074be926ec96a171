"""Where the bands of a camera lie, in the numbers that networks take."""
from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from hsi_models.frame import SpectralInfo

Floats = npt.NDArray[np.float32]

ORIGIN_NM = 400.0
RANGE_NM = 600.0


def band_positions(info: SpectralInfo, bands: int) -> tuple[Floats, Floats]:
    """Normalised centres and widths of the bands of a sorted cube.

    400 nm is 0 and 1000 nm is 1; other wavelengths go on linearly. A band without FWHM is as wide as its distance to
    its neighbours. Without wavelengths: an even ramp 0..1 in index order, and a warning.

    Args:
        info: meaning of the bands, in the cube's order.
        bands: C.

    Returns:
        centres and widths, (C,), float32.

    Raises:
        ValueError: another number of wavelengths than bands, or they are not ascending.
    """
    if bands < 3:
        raise ValueError(f'expected at least 3 bands, got {bands}')
    if not info.wavelengths_nm:
        warnings.warn('no wavelengths known: bands are taken in index order, evenly over 400-1000 nm', stacklevel=2)
        centres = np.linspace(0.0, 1.0, bands)
    else:
        if len(info.wavelengths_nm) != bands:
            raise ValueError(f'expected {bands} wavelengths for {bands} bands, got {len(info.wavelengths_nm)}')
        if not info.is_sorted:
            raise ValueError('expected bands in ascending wavelength, got another order; use '
                             'HyperspectralFrame.sorted_by_wavelength')
        centres = (np.asarray(info.wavelengths_nm) - ORIGIN_NM) / RANGE_NM
    known = info.wavelengths_nm and info.fwhm_nm
    widths = np.asarray(info.fwhm_nm) / RANGE_NM if known else np.gradient(centres)
    return centres.astype(np.float32), widths.astype(np.float32)
