"""Spectral libraries: reflectance spectra of materials with their names."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hsi_models.data.numpy_files import load_npz

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SpectralLibrary:
    """Spectra on one grid of wavelengths.

    Args:
        name: of the file, without suffix.
        wavelengths_nm: (L,), ascending.
        reflectance: (N, L), 1 = white; nan where a spectrum has no value.
        names: of the N materials.

    Raises:
        ValueError: shapes that do not agree, wavelengths that are not ascending and positive.
    """

    name: str
    wavelengths_nm: Floats
    reflectance: Floats
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        wanted = (len(self.names), *self.wavelengths_nm.shape)
        if self.wavelengths_nm.ndim != 1 or self.reflectance.shape != wanted or 0 in wanted:
            raise ValueError(f'{self.name}: expected reflectance (N, L) for wavelengths (L,) and N names, got '
                             f'{self.reflectance.shape}, {self.wavelengths_nm.shape} and {len(self.names)} names')
        nm = self.wavelengths_nm
        if not np.isfinite(nm).all() or nm[0] <= 0 or (np.diff(nm) < 0).any():
            raise ValueError(f'{self.name}: expected ascending wavelengths > 0 nm')

    def __len__(self) -> int:
        return len(self.names)

    def at(self, wavelengths_nm: npt.ArrayLike) -> Floats:
        """Spectra at other wavelengths, linearly interpolated.

        Args:
            wavelengths_nm: nm, (C,).

        Returns:
            float32 (N, C); nan outside the range in which a spectrum has values.
        """
        nm = np.asarray(wavelengths_nm, np.float64)
        out = np.full((len(self), len(nm)), np.nan, np.float32)
        for row, spectrum in zip(out, self.reflectance, strict=True):
            known = np.isfinite(spectrum)
            if known.any():
                row[:] = np.interp(nm, self.wavelengths_nm[known], spectrum[known], left=np.nan, right=np.nan)
        return out


def load_library(path: str | Path) -> SpectralLibrary:
    """Read a library from `.npz` with `wavelength_nm` (L,), `reflectance` (N, L) and `names` (N,).

    Spectrometers whose detectors overlap give wavelengths out of order: they are sorted.

    Raises:
        ValueError: malformed, or a key is missing.
    """
    path = Path(path)
    arrays = load_npz(path, 'wavelength_nm', 'reflectance', 'names', most_bytes=1 << 30)
    missing = [key for key in ('wavelength_nm', 'reflectance', 'names') if key not in arrays]
    if missing:
        raise ValueError(f'{path}: expected the keys wavelength_nm, reflectance and names, got none of '
                         f'{", ".join(missing)}')
    nm, reflectance = arrays['wavelength_nm'], arrays['reflectance']
    if nm.ndim != 1 or reflectance.ndim != 2 or reflectance.shape[1] != len(nm) \
            or nm.dtype.kind not in 'iuf' or reflectance.dtype.kind not in 'iuf':
        raise ValueError(f'{path}: expected wavelength_nm (L,) and reflectance (N, L), numbers, got {nm.shape} and '
                         f'{reflectance.shape}')
    order = np.argsort(nm, kind='stable')
    return SpectralLibrary(path.stem, nm[order].astype(np.float32), reflectance[:, order].astype(np.float32),
                           tuple(str(name) for name in arrays['names'].ravel()))
