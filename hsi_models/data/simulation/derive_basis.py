"""Derives `basis.json`, by which colours become reflectances, from libraries of measured spectra.

    python -m hsi_models.data.simulation.derive_basis LIBRARIES OUT.json

LIBRARIES holds `.npz` files with `wavelength_nm` (L,) and `reflectance` (N, L). Primaries after Mallett and Yuksel
(2019), Spectral primary decomposition for rendering with sRGB reflectance: three smooth spectra, 0..1, that add up to
1 at each wavelength (energy is conserved, white is white) and give each colour back exactly. Unlike theirs they also
fit the measured spectra, and thereby say what a colour most likely does in the near infrared, of which colour itself
says nothing. Residuals are the principal components of what the primaries leave unexplained: no colour camera sees
them, so that one colour has many spectra.
"""
from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear

from hsi_models.colour import colour_matching
from hsi_models.data.libraries import load_library
from hsi_models.data.simulation.illumination import GRID_NM, daylight

Array = npt.NDArray[np.float64]

RESIDUALS = 10
DARKEST = 0.1      # linear RGB; below, noise of the measurement would be taken for a spectrum
SMOOTHNESS, FIT, EXACTNESS = 60.0, 0.2, 1e4
_XYZ_TO_SRGB = np.array([[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560],
                         [0.0556434, -0.2040259, 1.0572252]])


def rgb_from_reflectance() -> Array:
    """Linear sRGB of a reflectance on `GRID_NM` under daylight of 6504 K, shape (3, L); white gives (1, 1, 1)."""
    matrix: Array = _XYZ_TO_SRGB @ (colour_matching(GRID_NM).T * daylight(6504))
    matrix /= matrix.sum(axis=1, keepdims=True)
    return matrix


def read_libraries(folder: Path) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Spectra on `GRID_NM`: (N, L), and where each was measured: bool (N, L).

    Raises:
        ValueError: the folder holds no library.
    """
    tables = [load_library(path).at(GRID_NM) for path in sorted(folder.glob('*.npz'))]
    if not tables:
        raise ValueError(f'expected libraries (*.npz with wavelength_nm and reflectance) in {folder}, got none')
    spectra = np.concatenate(tables).astype(np.float64)
    known = np.isfinite(spectra)
    usable = (known.mean(axis=1) > 0.3) & (np.nan_to_num(spectra, nan=0.5) >= 0).all(axis=1)
    filled = [np.interp(GRID_NM, GRID_NM[k], row[k]) for row, k in zip(spectra[usable], known[usable], strict=True)]
    return np.clip(filled, 0, 1), known[usable]


def derive(spectra: Array, known: npt.NDArray[np.bool_]) -> dict[str, Array]:
    """The arrays of the file from spectra (N, L) and where they were measured (N, L)."""
    to_rgb = rgb_from_reflectance()
    bands = len(GRID_NM)
    whole = known.all(axis=1)
    visible = known[:, GRID_NM <= 650].all(axis=1)
    rgb = spectra @ to_rgb.T
    curvature = SMOOTHNESS * np.diff(np.eye(bands), 2, axis=0)
    rows, values = [np.kron(curvature, np.eye(3))], [np.zeros(3 * (bands - 2))]
    rows.append(EXACTNESS * np.kron(to_rgb, np.eye(3)))                       # each primary's colour is itself
    values.append(EXACTNESS * np.eye(3).ravel())
    rows.append(EXACTNESS * np.kron(np.eye(bands), np.ones((1, 3))))          # the primaries add up to white
    values.append(EXACTNESS * np.ones(bands))
    for band in range(bands):
        use = visible & known[:, band]
        block = np.zeros((3, 3 * bands))
        # R'R in place of R: 1800 spectra enter by the three numbers they amount to
        triangle = np.asarray(np.linalg.qr(np.column_stack([rgb[use], spectra[use, band]]), mode='r'))
        block[:, 3 * band:3 * band + 3] = FIT * triangle[:3, :3]
        rows.append(block)
        values.append(FIT * triangle[:3, 3])
    system, right = np.concatenate(rows), np.concatenate(values)
    flat = lsq_linear(system, right, bounds=(0, 1), tol=1e-12, max_iter=500).x
    equality = np.concatenate([np.kron(to_rgb, np.eye(3)), np.kron(np.eye(bands), np.ones((1, 3)))])
    wanted = np.concatenate([np.eye(3).ravel(), np.ones(bands)])
    flat -= np.linalg.pinv(equality) @ (equality @ flat - wanted)
    primaries = flat.reshape(bands, 3)
    left = spectra[whole] - rgb[whole] @ primaries.T
    left /= np.maximum(rgb[whole].mean(axis=1, keepdims=True), DARKEST)       # per unit of brightness
    size = np.linalg.norm(left, axis=1)
    left = left[size <= np.quantile(size, 0.95)]                              # minerals with a step of their own
    _, sizes, modes = np.linalg.svd(left - left.mean(axis=0), full_matrices=False)
    modes = modes[:RESIDUALS] - (modes[:RESIDUALS] @ np.linalg.pinv(to_rgb)) @ to_rgb
    return {'primaries': primaries, 'residuals': modes.T, 'residual_std': sizes[:RESIDUALS] / np.sqrt(len(left)),
            'rgb_from_reflectance': to_rgb}


def main() -> None:
    """The command of the module's docstring."""
    libraries, out = sys.argv[1:]
    arrays = derive(*read_libraries(Path(libraries)))
    Path(out).write_text(json.dumps({name: array.round(8).tolist() for name, array in arrays.items()}) + '\n')


if __name__ == '__main__':
    main()
