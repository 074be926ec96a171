"""`.npy` and `.npz` without pickle and without trust in the sizes they declare."""
from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
import numpy.typing as npt

MAX_BYTES = 8 << 30

Array = npt.NDArray[Any]
Header = tuple[tuple[int, ...], np.dtype[Any]]

_MAX_HEADER = 1 << 16
# What the readers let through of a damaged file: Python's tokenizer and parser, zlib, zipfile, NumPy.
_DAMAGED = (ValueError, OSError, EOFError, TypeError, SyntaxError, TokenError, MemoryError, RuntimeError, LookupError,
            ArithmeticError, struct.error, zipfile.BadZipFile, zlib.error)


def npz_members(path: Path) -> dict[str, Header]:
    """Shape and dtype of each array of a `.npz` file, from the headers alone.

    Raises:
        ValueError: not such a file, an array of Python objects, or a header that declares more than it carries.
    """
    try:
        _require_file(path)
        with zipfile.ZipFile(path) as archive:
            return {name: _member_header(archive, info) for name, info in _arrays(archive).items()}
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None
    except _DAMAGED as error:
        raise ValueError(f'{path}: expected a .npz file (numpy.savez), got a truncated or other file: '
                         f'{error}') from None


def load_npz(path: Path, *keys: str, most_bytes: int = MAX_BYTES) -> dict[str, Array]:
    """Arrays of a `.npz` file: those of `keys` that are there, or all.

    Args:
        path: of the file.
        keys: names of arrays.
        most_bytes: that these arrays may take together, in memory.

    Raises:
        ValueError: as `npz_members`, corrupt, or larger.
    """
    members = {name: header for name, header in npz_members(path).items() if not keys or name in keys}
    wanted = sum(_bytes(*header) for header in members.values())
    if wanted > most_bytes:
        raise ValueError(f'{path}: expected at most {most_bytes} bytes in {", ".join(members)}, got arrays of {wanted}')
    try:
        with zipfile.ZipFile(path) as archive:
            found = _arrays(archive)
            return {name: _read(archive, found[name]) for name in members}
    except _DAMAGED as error:
        raise ValueError(f'{path}: expected a readable .npz file, got a corrupt one: {error}') from None


def load_npy(path: Path) -> Array:
    """The array of a `.npy` file, mapped from disk, read-only.

    Raises:
        ValueError: not such a file, an array of Python objects, or truncated.
    """
    try:
        _require_file(path)
        with path.open('rb') as stream:
            shape, dtype = _header(stream)
            wanted, stored = _bytes(shape, dtype), path.stat().st_size - stream.tell()
            if wanted > stored:
                raise ValueError(f'its header declares {shape}, {dtype.name} = {wanted} bytes and it carries {stored}')
        # An empty array cannot be mapped.
        array: Array = np.load(path, mmap_mode='r', allow_pickle=False) if wanted else np.empty(shape, dtype)
    except _DAMAGED as error:
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


def _require_file(path: Path) -> None:
    """Refuse what is there and no regular file: opening a pipe would wait for good."""
    if path.exists() and not path.is_file():
        raise ValueError('expected a regular file, got a folder, a pipe or a device')


def _arrays(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    return {info.filename.removesuffix('.npy'): info for info in archive.infolist() if info.filename.endswith('.npy')}


def _bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return int(np.prod(shape, dtype=object)) * dtype.itemsize


def _member_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Header:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f'expected {info.filename} stored or deflated, got compression {info.compress_type}')
    with archive.open(info) as stream:
        try:
            shape, dtype = _header(stream)
        except ValueError as error:
            raise ValueError(f'expected arrays, got {info.filename}: {error}') from None
        carried = info.file_size - stream.tell()
    wanted = _bytes(shape, dtype)
    if wanted > carried or wanted > MAX_BYTES:
        raise ValueError(f'expected at most {min(carried, MAX_BYTES)} bytes in {info.filename} as the archive '
                         f'carries, got a header that declares {shape}, {dtype.name} = {wanted} bytes')
    return shape, dtype


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    with archive.open(info) as stream:
        array: Array = np.lib.format.read_array(stream, allow_pickle=False)
        stream.read(1)      # its end is where the checksum is looked at
    return array


def _header(stream: IO[bytes]) -> Header:
    version = np.lib.format.read_magic(stream)
    kind = '<H' if version == (1, 0) else '<I'
    prefix = stream.read(struct.calcsize(kind))
    length, = struct.unpack(kind, prefix)
    if length > _MAX_HEADER:
        raise ValueError(f'expected a header of at most {_MAX_HEADER} bytes, got one that declares {length}')
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, _, dtype = read(io.BytesIO(prefix + stream.read(length)))
    except _DAMAGED as error:
        raise ValueError(f'a header that is damaged: {error}') from None
    if any(type(side) is not int or side < 0 for side in shape):
        raise ValueError(f'a header that is damaged: shape {shape}')
    if dtype.hasobject:
        raise ValueError('it holds pickled Python objects, which are not loaded')
    if not dtype.itemsize:
        raise ValueError(f'values without a size: {dtype.str}')
    return shape, dtype
