"""Single cubes in the files they are distributed as: `.npz`, `.mat`, ENVI, multi-page TIFF."""
from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.data.numpy_files import MAX_BYTES, load_npz
from hsi_models.frame import Quantity, SpectralInfo

Array = npt.NDArray[Any]

# First and last band's centre, nm, taken in even steps where a file states none; by (part of a) name and band count
# (0: any). Ranges as published with the images: Hyperspec-VNIR, ROSIS, CASI, AVIRIS, Hyperion.
_NOMINAL_NM: tuple[tuple[str, int, float, float], ...] = (
    ('chikusei', 128, 363.0, 1018.0), ('pavia', 0, 430.0, 860.0), ('houston', 144, 364.0, 1046.0),
    ('houston', 48, 380.0, 1050.0), ('abu_', 0, 366.0, 2496.0), ('moffett', 0, 366.0, 2496.0),
    ('hyperion', 0, 426.0, 2395.0))
# Hyperion numbers its bands through two spectrometers: first and last number, and their centres in nm.
_HYPERION = ((1, 70, 355.6, 1057.7), (71, 242, 851.9, 2577.1))
_MAT_V73 = b'MATLAB 7.3'
_MAX_COMPRESSION = 1000


@dataclass(frozen=True, eq=False)
class Cube:
    """One hyperspectral image.

    Args:
        name: of the file, without suffix.
        data: (H, W, C) as stored, integer or float.
        wavelengths_nm, fwhm_nm: (C,), ascending or not, as stored; empty where unknown.
        nominal: the wavelengths are a nominal range in even steps.
        scale: factor from stored values to reflectance; 0 where unknown.
        labels: class of each pixel, (H, W), 0 = none; None without ground truth.
        valid: pixels with data, (H, W); None: all.

    Raises:
        ValueError: shapes that do not agree.
    """

    name: str
    data: Array
    wavelengths_nm: tuple[float, ...] = ()
    fwhm_nm: tuple[float, ...] = ()
    nominal: bool = False
    scale: float = 0.0
    labels: Array | None = None
    valid: npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if self.data.ndim != 3 or 0 in self.data.shape or self.data.dtype.kind not in 'iuf':
            raise ValueError(f'{self.name}: expected a cube of numbers (H, W, C), got {self.data.shape}, '
                             f'{self.data.dtype.name}')
        for key in ('wavelengths_nm', 'fwhm_nm'):
            values = getattr(self, key)
            if values and len(values) != self.data.shape[2]:
                raise ValueError(f'{self.name}: expected {self.data.shape[2]} {key}, one a band, got {len(values)}')
            if not all(math.isfinite(value) and value > 0 for value in values):
                raise ValueError(f'{self.name}: expected finite {key} > 0')
        if not (math.isfinite(self.scale) and self.scale >= 0):
            raise ValueError(f'{self.name}: expected a scale >= 0 (0 where unknown), got {self.scale}')
        for key in ('labels', 'valid'):
            image = getattr(self, key)
            if image is not None and image.shape != self.data.shape[:2]:
                raise ValueError(f'{self.name}: expected {key} of shape {self.data.shape[:2]}, got {image.shape}')

    def info(self) -> SpectralInfo:
        """Meaning of the bands of `reflectance`."""
        return SpectralInfo(self.wavelengths_nm, self.fwhm_nm, nominal=self.nominal,
                            quantity=Quantity.REFLECTANCE if self.scale else Quantity.RADIANCE)

    def reflectance(self) -> npt.NDArray[np.float32]:
        """Data as float32 (H, W, C), negative values 0: by `scale`; where that is unknown relative to the 99.9th
        percentile (a fixed factor: spectra keep their angles)."""
        values = np.nan_to_num(self.data.astype(np.float32))
        factor = self.scale or 1.0 / max(float(np.percentile(values, 99.9)), 1e-12)
        return np.asarray(np.clip(values * np.float32(factor), 0, None), np.float32)

    def sorted_by_wavelength(self) -> Cube:
        """The cube with bands in ascending wavelength; itself where sorted or unknown."""
        order = np.argsort(self.wavelengths_nm, kind='stable')
        if not self.wavelengths_nm or np.array_equal(order, np.arange(len(order))):
            return self
        return replace(self, data=self.data[..., order], wavelengths_nm=tuple(self.wavelengths_nm[i] for i in order),
                       fwhm_nm=tuple(self.fwhm_nm[i] for i in order) if self.fwhm_nm else ())


def load_cube(path: str | Path, *, key: str = '') -> Cube:
    """Read one cube.

    - `.npz`: `cube` (H, W, C), optional `wavelength_nm`, `fwhm_nm`, `scale`, `gt`, `valid` or `mask`.
    - `.mat` (MATLAB 5, or 7.3 through h5py): the largest three-dimensional array, as Chikusei, Pavia and Houston are
      distributed; a two-dimensional one of its size is the ground truth.
    - ENVI (`.hdr`, through the library `spectral`): wavelengths and widths from the header.
    - `.tif`, `.tiff` (through `tifffile`): one page a band, or many samples a pixel.

    Where the file states no wavelengths, a nominal range is taken for the sensors known by name.

    Args:
        path: the file.
        key: name of the array in `.mat` or `.npz`; '': found as above.

    Raises:
        ValueError: malformed, truncated, or nothing like a cube in it.
        ModuleNotFoundError: the format needs a library of the extra `data`.
    """
    path = Path(path)
    readers: dict[str, Callable[[Path, str], Cube]] = {
        '.npz': _read_npz, '.mat': _read_mat, '.hdr': _read_envi, '.tif': _read_tiff, '.tiff': _read_tiff}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f'{path}: expected a cube as {", ".join(readers)}, got {path.suffix or "no suffix"}')
    if not path.is_file():
        raise FileNotFoundError(f'expected a cube, got {path}: no such file')
    cube = reader(path, key)
    return cube if cube.wavelengths_nm else _with_nominal(cube, path)


def _read_npz(path: Path, key: str) -> Cube:
    arrays = load_npz(path)
    key = key or 'cube'
    if key not in arrays:
        raise ValueError(f'{path}: expected the key {key}, got {", ".join(arrays) or "no arrays"}')
    valid, scale = arrays.get('valid', arrays.get('mask')), arrays.get('scale', np.zeros(()))
    if scale.size != 1 or scale.dtype.kind not in 'iuf':
        raise ValueError(f'{path}: expected scale as one number, got {scale.shape}, {scale.dtype.name}')
    cube = Cube(path.stem, arrays[key], _floats(arrays.get('wavelength_nm')), _floats(arrays.get('fwhm_nm')),
                scale=float(scale.item()), labels=arrays.get('gt'), valid=None if valid is None else valid.astype(bool))
    numbers = arrays.get('kept_band_index_1based')
    if not cube.wavelengths_nm and numbers is not None and 'hyperion' in path.stem.lower():
        return replace(cube, wavelengths_nm=tuple(_hyperion_nm(int(number)) for number in numbers), nominal=True)
    return cube


def _read_mat(path: Path, key: str) -> Cube:
    with path.open('rb') as stream:
        version = stream.read(len(_MAT_V73))
    arrays = _mat73(path) if version == _MAT_V73 else _mat5(path)
    cubes = {name: array for name, array in arrays.items() if array.ndim == 3}
    if key and key not in cubes:
        raise ValueError(f'{path}: expected a cube {key}, got {", ".join(cubes) or "none"}')
    if not cubes:
        shapes = ', '.join(f'{name} {array.shape}' for name, array in arrays.items()) or 'no arrays'
        raise ValueError(f'{path}: expected an array (H, W, C), got {shapes}')
    chosen = key or max(cubes, key=lambda name: cubes[name].size)
    data = cubes[chosen]
    labels = next((array for array in arrays.values() if array.shape == data.shape[:2]), None)
    nm = next((array for name, array in arrays.items()
               if 'wave' in name.lower() and array.size == data.shape[2]), None)
    cube = Cube(path.stem, data, _nanometres(_floats(nm)), labels=labels)
    return cube if cube.wavelengths_nm else _with_nominal(cube, Path(chosen))


def _mat5(path: Path) -> dict[str, Array]:
    import scipy.io
    from scipy.io.matlab import MatReadError

    try:
        found = scipy.io.loadmat(path)
    except (MatReadError, ValueError, TypeError, OSError, NotImplementedError, MemoryError, KeyError) as error:
        raise ValueError(f'{path}: expected a MATLAB file, got a truncated or other file: {error}') from None
    return {name: value for name, value in found.items()
            if isinstance(value, np.ndarray) and value.dtype.kind in 'iuf' and not name.startswith('__')}


def _mat73(path: Path) -> dict[str, Array]:
    h5py = _library('h5py', path)
    arrays: dict[str, Array] = {}
    try:
        with h5py.File(path, 'r') as file:
            for name, item in file.items():
                if isinstance(item, h5py.Dataset) and item.dtype.kind in 'iuf':
                    _check_size(item.shape, item.dtype, item.id.get_storage_size())
                    arrays[name] = np.ascontiguousarray(item[()].T)     # MATLAB stores the last axis first
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ValueError(f'{path}: expected a MATLAB 7.3 file, got a truncated or damaged one: {error}') from None
    return arrays


def _read_envi(path: Path, key: str) -> Cube:
    envi = _library('spectral.io.envi', path)
    try:
        image = envi.open(str(path))
        wanted = math.prod(image.shape) * np.dtype(image.dtype).itemsize
        stored = Path(image.filename).stat().st_size - image.offset
        if wanted > stored:
            raise ValueError(f'its header declares {image.shape} = {wanted} bytes and the data file carries {stored}')
        data = np.array(image.open_memmap(interleave='bip'))
        centres, widths = (_floats(values and np.array(values, float))
                           for values in (image.bands.centers, image.bands.bandwidths))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, envi.EnviException) as error:
        raise ValueError(f'{path}: expected an ENVI header with its data file, got {error}') from None
    return Cube(path.stem, data, _nanometres(centres), _nanometres(widths, reference=centres))


def _read_tiff(path: Path, key: str) -> Cube:
    tifffile = _library('tifffile', path)
    try:
        _check_pages(path)
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            axes, shape = series.axes, series.shape
            _check_size(shape, series.dtype, path.stat().st_size)
            data = series.asarray()
    except (OSError, ValueError, IndexError, KeyError, tifffile.TiffFileError, struct.error, RuntimeError) as error:
        raise ValueError(f'{path}: expected a TIFF with one page a band, got a truncated or other file: '
                         f'{error}') from None
    if data.ndim != 3:
        raise ValueError(f'{path}: expected more than one band, got shape {data.shape}')
    if axes.endswith('YX'):
        data = data.transpose(1, 2, 0)
    return Cube(path.stem, np.ascontiguousarray(data))


def _check_pages(path: Path) -> None:
    """Follow the chain of pages to its end; tifffile would leave out silently what is beyond a truncated file."""
    with path.open('rb') as stream:
        header = stream.read(16)
        order = '<' if header[:2] == b'II' else '>'
        big = header[2:4] in (b'+\0', b'\0+')       # BigTIFF
        number, count, entry = ('Q', 'Q', 20) if big else ('I', 'H', 12)
        offset, = struct.unpack_from(order + number, header, 8 if big else 4)
        visited: set[int] = set()
        while offset and offset not in visited:
            visited.add(offset)
            stream.seek(offset)
            entries, = struct.unpack(order + count, stream.read(struct.calcsize(order + count)))
            stream.seek(entries * entry, 1)
            offset, = struct.unpack(order + number, stream.read(struct.calcsize(order + number)))


def _check_size(shape: tuple[int, ...], dtype: npt.DTypeLike, stored_bytes: int) -> None:
    """Refuse a header that declares far more than its file can carry."""
    wanted = math.prod(shape) * np.dtype(dtype).itemsize
    if wanted > min(MAX_BYTES, _MAX_COMPRESSION * stored_bytes):
        raise ValueError(f'its header declares {shape} = {wanted} bytes, and {stored_bytes} are stored')


def _library(name: str, path: Path) -> ModuleType:
    from importlib import import_module
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{path}: reading it needs the library {name.split('.')[0]}, which is not installed: "
                                  "pip install 'hsi-tracking-ros[data]'") from error


def _floats(values: Array | None) -> tuple[float, ...]:
    if values is None or not np.size(values):
        return ()
    return tuple(np.asarray(values, np.float64).ravel().tolist())


def _nanometres(values: tuple[float, ...], reference: tuple[float, ...] = ()) -> tuple[float, ...]:
    """Values in nm, also where a file gives micrometres: no optical sensor sees below 100 nm or beyond 100 um."""
    return tuple(1000.0 * value for value in values) if values and max(reference or values) < 100.0 else values


def _with_nominal(cube: Cube, path: Path) -> Cube:
    name, bands = path.stem.lower(), cube.data.shape[2]
    for part, count, first, last in _NOMINAL_NM:
        if part in name and count in (0, bands):
            return replace(cube, wavelengths_nm=tuple(np.linspace(first, last, bands).tolist()), nominal=True)
    return cube


def _hyperion_nm(number: int) -> float:
    for first, last, low, high in _HYPERION:
        if number <= last:
            return low + (high - low) * (number - first) / (last - first)
    raise ValueError(f'expected a Hyperion band 1..242, got {number}')
