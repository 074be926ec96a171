"""Which snapshot cameras there are: measured filter responses from files, nominal ones, random ones."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from hsi_models.data.cameras import hotc_camera
from hsi_models.data.simulation.illumination import GRID_NM
from hsi_models.data.simulation.snapshot import SnapshotCamera

Array = npt.NDArray[np.float64]

RANGES_NM = {'vis': (460.0, 620.0), 'nir': (665.0, 960.0), 'rednir': (600.0, 850.0), 'visnir': (450.0, 950.0)}
"""Ranges of HOTC's cameras, and both together."""

_FILES = {'vis': ('spectral_responses_4x4.mat', 'SpectralProfiles', (4, 4), (452, 632)),
          'nir': ('Xemia_25.mat', 'Spectral_Profiles', (5, 5), (657, 985))}


def silicon() -> Array:
    """Quantum efficiency of a CMOS sensor on `GRID_NM`, about 1 at its peak, (L,)."""
    rise, fall = 1 / (1 + np.exp(-(GRID_NM - 430) / 35)), 1 / (1 + np.exp((GRID_NM - 830) / 70))
    out: Array = 1.25 * rise * fall
    return out


def measured_camera(kind: str, folder: Path) -> SnapshotCamera:
    """A camera by measured responses of 400-1000 nm in steps of 1 nm, behind its band-pass.

    Args:
        kind: `vis` (4 x 4, 16 bands) or `nir` (5 x 5, 25 bands).
        folder: holds `spectral_responses_4x4.mat` and `Xemia_25.mat`.

    Raises:
        ValueError: another kind, or a file without the responses.
        FileNotFoundError: the file is missing.
    """
    import scipy.io

    if kind not in _FILES:
        raise ValueError(f'expected a measured camera of {", ".join(_FILES)}, got {kind!r}')
    file, key, mosaic, (low, high) = _FILES[kind]
    if not (folder / file).is_file():       # scipy does not say which
        raise FileNotFoundError(f'expected the measured responses {folder / file}, found none')
    content = scipy.io.loadmat(folder / file)
    profiles = np.asarray(content.get(key, np.empty(0)), float)
    cells = mosaic[0] * mosaic[1]
    if profiles.shape != (cells, 601):
        raise ValueError(f'{folder / file}: expected {key} of shape ({cells}, 601), 400-1000 nm, got {profiles.shape}')
    smooth = np.stack([np.interp(GRID_NM, np.arange(400, 1001), np.convolve(row, np.ones(9) / 9, 'same'))
                       for row in profiles])
    band_pass = 1 / (1 + np.exp(-(GRID_NM - low) / 3)) / (1 + np.exp((GRID_NM - high) / 3))
    responses = smooth * band_pass
    return SnapshotCamera(f'simulated-{kind}{cells}-measured', responses / responses.max(), mosaic)


def gaussian_camera(name: str, centres_nm: npt.ArrayLike, fwhm_nm: npt.ArrayLike, mosaic: tuple[int, int],
                    leakage: Array | None = None) -> SnapshotCamera:
    """A camera with Gaussian filters before silicon.

    Args:
        name: model.
        centres_nm, fwhm_nm: (C,), nm, in mosaic order.
        mosaic: rows and columns, (0, 0) for cubes.
        leakage: added to each filter before silicon, (C, L).
    """
    centres = np.asarray(centres_nm, float)[:, None]
    sigma = np.broadcast_to(np.asarray(fwhm_nm, float), len(centres))[:, None] / 2.3548
    filters = np.exp(-0.5 * ((GRID_NM - centres) / np.maximum(sigma, 4.0)) ** 2)
    responses = (filters + (0 if leakage is None else leakage)) * silicon()
    return SnapshotCamera(name, responses / responses.max(), mosaic)


def nominal_camera(kind: str) -> SnapshotCamera:
    """HOTC's `vis` or `nir` camera with Gaussian filters at its published centres.

    Raises:
        ValueError: another kind.
    """
    if kind not in _FILES:
        raise ValueError(f'expected a nominal camera of {", ".join(_FILES)}, got {kind!r}')
    hotc = hotc_camera(kind)
    fwhm = np.maximum(hotc.fwhm_nm, 12.0) if hotc.fwhm_nm else np.full(len(hotc.wavelengths_nm), 15.0)
    return gaussian_camera(f'simulated-{kind}-nominal', hotc.wavelengths_nm, fwhm,
                           (hotc.mosaic_rows, hotc.mosaic_columns))


def random_camera(rng: np.random.Generator, bands: int | None = None, kind: str | None = None) -> SnapshotCamera:
    """A camera that does not exist but could: 8-61 bands in a range of `RANGES_NM`.

    Centres are uneven, widths vary, Fabry-Perot filters leak at a second order, order in the mosaic is shuffled, noise
    spans what sensors and exposures do.

    Args:
        rng: source of everything random.
        bands: 8..61; None draws one.
        kind: of `RANGES_NM`; None draws one.

    Raises:
        ValueError: no such kind or number of bands.
    """
    kind = str(rng.choice(list(RANGES_NM))) if kind is None else kind
    bands = int(rng.choice([8, 9, 15, 16, 25, 31, 61], p=[.1, .1, .1, .3, .25, .1, .05])) if bands is None else bands
    if kind not in RANGES_NM or not 8 <= bands <= 61:
        raise ValueError(f'expected 8..61 bands and a range of {", ".join(RANGES_NM)}, got {bands} and {kind!r}')
    low, high = RANGES_NM[kind]
    step = (high - low) / (bands - 1)
    centres = np.clip(np.linspace(low, high, bands) + rng.normal(0, 0.25 * step, bands), 405, 995)
    fwhm = np.clip(rng.uniform(0.8, 1.6) * step * rng.uniform(0.8, 1.3, bands), 9, 45)
    second = np.exp(-0.5 * ((GRID_NM - centres[:, None] * rng.uniform(0.72, 0.85)) / 14) ** 2)
    floor = rng.uniform(0, 0.03) + rng.uniform(0, 0.12, (bands, 1)) * second
    side = int(round(bands ** 0.5))
    mosaic = (side, side) if side * side == bands and side > 2 else (0, 0)
    order = rng.permutation(bands) if mosaic != (0, 0) else np.arange(bands)
    camera = gaussian_camera(f'random-{kind}{bands}', centres[order], fwhm[order], mosaic, floor[order])
    return SnapshotCamera(camera.name, camera.responses, mosaic, full_well_electrons=float(rng.uniform(4000, 20000)),
                          read_noise_electrons=float(rng.uniform(5, 25)), response_spread=float(rng.uniform(0, 0.02)),
                          cross_talk=float(rng.uniform(0, 0.08)), vignetting=float(rng.uniform(0, 0.4)))
