"""Cubes on disk for training and judging super-resolution, and the one split they are used by."""
from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.superresolution.evaluation import nominal_wavelengths

TEST_CUBES = ('abu_urban_3', 'abu_beach_2', 'paris_hyperion')
VALIDATION_CUBES = ('abu_airport_1', 'muufl_sub')
FloatArray = npt.NDArray[np.float32]


def cube_role(name: str) -> str:
    """`test`, `validation` or `training` for a cube of the agreed split; unknown cubes are for training."""
    if name.startswith(TEST_CUBES):
        return 'test'
    return 'validation' if name.startswith(VALIDATION_CUBES) else 'training'


def load_cubes(folder: Path, role: str) -> dict[str, FloatArray]:
    """Cubes of one role: name -> (H, W, C) float32, divided by their maximum, negative values set to 0.

    Args:
        folder: holds `NAME_HxWxC.npz` with key `cube`, or `NAME.mat`.
        role: `training`, `validation`, `test` or `all`.

    Raises:
        ValueError: the folder holds none, or a file has no cube.
    """
    cubes: dict[str, FloatArray] = {}
    for path in sorted((*folder.glob('*.npz'), *folder.glob('*.mat'))):
        if role in ('all', cube_role(path.stem)):
            cube = np.clip(_read_mat(path) if path.suffix == '.mat' else _read_npz(path), 0, None).astype(np.float32)
            cubes[_name(path)] = cube / max(float(cube.max()), 1e-12)
    if not cubes:
        raise ValueError(f'expected {role} cubes (*.npz with key cube, or *.mat) in {folder}, found none')
    return cubes


def load_wavelengths(folder: Path, cubes: Iterable[str]) -> dict[str, npt.NDArray[np.float64]]:
    """Wavelengths of these cubes, nm: their `wavelength_nm`, else the nominal range of their sensor.

    Raises:
        ValueError: neither is known.
    """
    found: dict[str, npt.NDArray[np.float64]] = {}
    for path in sorted(folder.glob('*.npz')):
        name = _name(path)
        if name in cubes:
            with np.load(path, allow_pickle=False) as file:
                found[name] = np.asarray(file['wavelength_nm'], np.float64) if 'wavelength_nm' in file.files \
                    else nominal_wavelengths(name, file['cube'].shape[2])
    missing = sorted(set(cubes) - found.keys())
    if missing:
        raise ValueError(f'expected wavelengths of {", ".join(missing)} in {folder}, found none')
    return found


def _name(path: Path) -> str:
    """`abu_beach_1_150x150x188.npz` -> `abu_beach_1`."""
    head, _, size = path.stem.rpartition('_')
    return head if head and size.count('x') == 2 else path.stem


def _read_npz(path: Path) -> npt.NDArray[Any]:
    with np.load(path, allow_pickle=False) as file:
        cube = file['cube'] if 'cube' in file.files else np.empty(0)
    return _checked(cube, path)


def _read_mat(path: Path) -> npt.NDArray[Any]:
    """The largest three-dimensional array of a MATLAB file (Pavia Centre, Houston; Chikusei is of version 7.3)."""
    import scipy.io

    try:
        arrays = [value for value in scipy.io.loadmat(path).values() if getattr(value, 'ndim', 0) == 3]
    except NotImplementedError:     # version 7.3 is HDF5, with axes in reverse order
        try:
            import h5py
        except ImportError as error:
            raise ValueError(f'expected h5py to read {path}, a MATLAB 7.3 file; pip install h5py') from error
        with h5py.File(path, 'r') as file:
            arrays = [np.asarray(value).T for value in file.values() if getattr(value, 'ndim', 0) == 3]
    return _checked(max(arrays, key=lambda array: array.size, default=np.empty(0)), path)


def _checked(cube: npt.NDArray[Any], path: Path) -> npt.NDArray[Any]:
    if cube.ndim != 3 or cube.dtype.kind not in 'uif' or not np.isfinite(cube).all():
        raise ValueError(f'expected a finite cube (H, W, C) in {path}, got shape {cube.shape} of {cube.dtype}')
    return cube
