"""`.npy` and `.npz` without pickle and without trust in the sizes they declare."""
from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
import numpy.typing as npt

MAX_BYTES = 8 << 30

Array = npt.NDArray[Any]


def npz_members(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    """Shape and dtype of each array of a `.npz` file, from the headers alone.

    Raises:
        ValueError: not such a file, an array of Python objects, or a header that declares more than it carries.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {info.filename.removesuffix('.npy'): _member_header(path, archive, info)
                    for info in archive.infolist() if info.filename.endswith('.npy')}
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        raise ValueError(f'{path}: expected a .npz file (numpy.savez), got a truncated or other file: '
                         f'{error}') from None


def load_npz(path: Path, *keys: str) -> dict[str, Array]:
    """Arrays of a `.npz` file: those of `keys` that are there, or all.

    Raises:
        ValueError: as `npz_members`, or corrupt.
    """
    names = [name for name in npz_members(path) if not keys or name in keys]
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in names}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f'{path}: expected a readable .npz file, got a corrupt one: {error}') from None


def load_npy(path: Path) -> Array:
    """The array of a `.npy` file, mapped from disk, read-only.

    Raises:
        ValueError: not such a file, an array of Python objects, or truncated.
    """
    try:
        with path.open('rb') as stream:
            shape, dtype = _header(stream)
            if dtype.hasobject:
                raise ValueError('it holds pickled Python objects, which are not loaded')
            wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
            stored = path.stat().st_size - stream.tell()
            if wanted > stored:
                raise ValueError(f'its header declares {shape}, {dtype.name} = {wanted} bytes and it carries {stored}')
        # An empty array cannot be mapped.
        array: Array = np.load(path, mmap_mode='r', allow_pickle=False) if wanted else np.empty(shape, dtype)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f'{path}: expected a .npy file (numpy.save), got a file that is none or damaged: '
                         f'{error}') from None
    return array


def image_dtype(array: Array, path: Path) -> Array:
    """The array as uint8, uint16 or float32, contiguous, in memory; half and double become float32.

    Raises:
        ValueError: any other dtype, or values that are not finite.
    """
    if array.dtype.kind == 'f':
        array = np.ascontiguousarray(array, np.float32)
        if not np.isfinite(array).all():
            raise ValueError(f'{path}: expected finite values, got nan or infinite ones')
        return array
    if array.dtype.name not in ('uint8', 'uint16'):
        raise ValueError(f'{path}: expected uint8, uint16 or float32 values, got {array.dtype.name}')
    return np.array(array, array.dtype.newbyteorder('='), order='C')


def _member_header(path: Path, archive: zipfile.ZipFile,
                   info: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype[Any]]:
    with archive.open(info) as stream:
        try:
            shape, dtype = _header(stream)
            header_bytes = stream.tell()
        except ValueError as error:
            raise ValueError(f'{path}: expected arrays, got {info.filename}: {error}') from None
    if dtype.hasobject:
        raise ValueError(f'{path}: expected plain arrays, got pickled Python objects in {info.filename}, '
                         'which are not loaded')
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    carried = info.file_size - header_bytes
    if wanted > carried or wanted > MAX_BYTES:
        raise ValueError(f'{path}: expected at most {min(carried, MAX_BYTES)} bytes in {info.filename} as the archive '
                         f'carries, got a header that declares {shape}, {dtype.name} = {wanted} bytes')
    return shape, dtype


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, _, dtype = read(stream)
    except (SyntaxError, TokenError) as error:      # of Python's tokenizer, which NumPy lets through
        raise ValueError(f'a header that is damaged: {error}') from None
    return shape, dtype
