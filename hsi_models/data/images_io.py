"""Image files: what the header declares, and pixels; truncated, corrupt and boundless files are refused."""
from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

MAX_PIXELS = 1 << 26
MAX_BYTES = 1 << 30
"""Of a file: the largest image as four channels of float32."""
SUFFIXES = ('.png', '.tif', '.tiff', '.jpg', '.jpeg')

_PNG = b'\x89PNG\r\n\x1a\n'
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_CHANNELS = 256, 257, 277
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_MAX_MARKERS = 1 << 14
_JPEG_BARE = {0x01, *range(0xD0, 0xD9)}


@dataclass(frozen=True)
class ImageHeader:
    """What an image file declares of itself."""

    height: int
    width: int
    channels: int


def read_header(path: Path) -> ImageHeader:
    """Size and channels of a PNG, TIFF or JPEG, without decoding it.

    Raises:
        ValueError: no such image, or larger than 2**26 pixels or 1 GiB.
    """
    _check_file(path)
    with path.open('rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _header(path, data)


def read_image(path: Path) -> npt.NDArray[Any]:
    """Pixels of a PNG, TIFF or JPEG as stored.

    Returns:
        (H, W) or (H, W, channels) in file order (red first), dtype of the file, native byte order.

    Raises:
        ValueError: no such image, truncated or corrupt, or larger than 2**26 pixels or 1 GiB.
    """
    header = read_header(path)
    data = path.read_bytes()
    # OpenCV's older decoders fill what is missing with grey: look for the end of the file ourselves.
    if data.startswith(_PNG) and b'IEND' not in data[-32:] or data.startswith(b'\xff\xd8') and b'\xff\xd9' not in data:
        raise ValueError(f'{path}: expected a whole image, got a truncated file of {len(data)} bytes')
    try:
        image: npt.NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError(f'{path}: expected a readable image, got {error}') from None
    if image is None:
        raise ValueError(f'{path}: expected a readable image of {header.height} x {header.width} pixels, '
                         'got a truncated or corrupt file')
    if image.ndim == 3 and image.shape[2] >= 3:     # OpenCV's order is blue first
        image = np.concatenate([image[..., 2::-1], image[..., 3:]], axis=2)
    return image


def read_single_channel(path: Path) -> npt.NDArray[Any]:
    """A raw image of one channel, (H, W), uint8, uint16 or float32; ValueError for anything else."""
    image = read_image(path)
    if image.ndim != 2 or image.dtype.name not in ('uint8', 'uint16', 'float32'):
        raise ValueError(f'{path}: expected one channel of uint8, uint16 or float32, '
                         f'got shape {image.shape}, {image.dtype.name}')
    return image


def _check_file(path: Path) -> None:
    size = path.stat().st_size
    if not path.is_file():
        raise ValueError(f'{path}: expected a regular file, got a folder, a pipe or a device')
    if not size:        # cannot be mapped
        raise ValueError(f'{path}: expected a PNG, TIFF or JPEG, got an empty file')
    if size > MAX_BYTES:
        raise ValueError(f'{path}: expected an image file of at most {MAX_BYTES} bytes, got {size}')


def _header(path: Path, data: mmap.mmap) -> ImageHeader:
    """The header of an image in a file mapped from disk, of which only the header is read."""
    try:
        if data[:8] == _PNG:
            width, height, _, colour = struct.unpack('>IIBB', data[16:26])
            header = ImageHeader(height, width, _PNG_CHANNELS.get(colour, 0))
        elif data[:4] in (b'II*\0', b'MM\0*'):
            header = _tiff_header(data)
        elif data[:2] == b'\xff\xd8':
            header = _jpeg_header(data)
        else:
            raise ValueError(f'{path}: expected a PNG, TIFF or JPEG, got a file that starts with {data[:8]!r}')
    except (struct.error, KeyError, StopIteration, IndexError):
        raise ValueError(f'{path}: expected an image header, got a truncated or corrupt file of '
                         f'{len(data)} bytes') from None
    if not (header.height and header.width):
        raise ValueError(f'{path}: expected an image with pixels, got {header.height} x {header.width}')
    if header.height * header.width > MAX_PIXELS:
        raise ValueError(f'{path}: expected at most {MAX_PIXELS} pixels, '
                         f'got a header that declares {header.height} x {header.width}')
    return header


def _tiff_header(data: mmap.mmap) -> ImageHeader:
    order = '<' if data[:2] == b'II' else '>'
    start, = struct.unpack_from(order + 'I', data, 4)
    count, = struct.unpack_from(order + 'H', data, start)
    tags: dict[int, int] = {_TIFF_CHANNELS: 1}
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + 'HH', data, entry)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_CHANNELS):
            tags[tag], = struct.unpack_from(order + ('H' if kind == 3 else 'I'), data, entry + 8)
    return ImageHeader(tags[_TIFF_HEIGHT], tags[_TIFF_WIDTH], tags[_TIFF_CHANNELS])


def _jpeg_header(data: mmap.mmap) -> ImageHeader:
    position = next(at for at, marker in islice(_jpeg_markers(data), _MAX_MARKERS) if marker in _JPEG_SIZES)
    height, width, channels = struct.unpack_from('>HHB', data, position + 5)
    return ImageHeader(height, width, channels)


def _jpeg_markers(data: mmap.mmap) -> Iterator[tuple[int, int]]:
    """(position of the 0xFF, marker) up to the compressed pixels."""
    position = 2
    while data[position] == 0xFF and data[position + 1] != 0xDA:
        yield position, data[position + 1]
        bare = data[position + 1] in _JPEG_BARE or data[position + 1] == 0xFF
        position += 1 if data[position + 1] == 0xFF else 2
        if not bare:
            position += struct.unpack_from('>H', data, position)[0]
