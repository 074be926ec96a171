"""sensor_msgs/Image <-> numpy: mosaics as (H, W), cubes as (H, W, C), without a copy where that is possible."""
from __future__ import annotations

import array
import re
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from hsi_tracking_ros.optional import optional_module

MAX_BANDS = 512
MAX_SIDE = 65535
MAX_BYTES = 1 << 31
KNOWN = 'mono8, mono16, 8UC<C>, 16UC<C> or 32FC<C>'

_TYPES: dict[str, np.dtype[Any]] = {'8U': np.dtype(np.uint8), '16U': np.dtype(np.uint16), '32F': np.dtype(np.float32)}
_MONO = {'mono8': '8UC1', 'mono16': '16UC1'}
_DISPLAY = {'rgb8': 3, 'bgr8': 3, 'mono8': 1, 'mono16': 1}
_GENERIC = re.compile(r'(8U|16U|32F)C([1-9][0-9]{0,8})')


def parse_encoding(encoding: str) -> tuple[np.dtype[Any], int]:
    """Data type and number of bands of an encoding.

    Raises:
        ValueError: an encoding that is not a mosaic's or a cube's, or more than 512 bands.
    """
    match = _GENERIC.fullmatch(_MONO.get(encoding, encoding))
    if match is None:
        raise ValueError(f'expected encoding {KNOWN}, got {encoding!r}')
    bands = int(match[2])
    if bands > MAX_BANDS:
        raise ValueError(f'expected at most {MAX_BANDS} bands, got encoding {encoding!r}')
    return _TYPES[match[1]], bands


def is_mosaic(encoding: str) -> bool:
    """True for the encodings that `to_array` returns as (H, W)."""
    return encoding in ('mono8', 'mono16', '8UC1', '16UC1')


def to_array(message: Image) -> npt.NDArray[Any]:
    """Pixels of a message, as a read-only view of its data where byte order and values allow.

    Args:
        message: mono8, mono16, 8UC1, 16UC1 (a mosaic or one band), or 8UC<C>, 16UC<C>, 32FC<C>; rows may be
            padded (step), 16-bit and float data may be big-endian.

    Returns:
        (H, W) for a mosaic, else (H, W, C); uint8, uint16 or float32 in native byte order.

    Raises:
        ValueError: unknown encoding, no pixels, a size beyond 65535 x 65535 or 2 GB, a step too small, data that is
            shorter or longer than declared, or float data that is not finite; nothing is allocated before.
    """
    dtype, bands = parse_encoding(message.encoding)
    height, width, step = message.height, message.width, message.step
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE):
        raise ValueError(f'expected height and width 1..{MAX_SIDE}, got {height} x {width}')
    row = width * bands * dtype.itemsize
    if step < row:
        raise ValueError(f'expected step >= {row} bytes for {width} pixels of {message.encoding}, got {step}')
    if step * height > MAX_BYTES:
        raise ValueError(f'expected at most {MAX_BYTES} bytes an image, got a header that declares {step * height}')
    data = message.data
    got = data.nbytes if isinstance(data, np.ndarray) else len(data)
    if got != step * height:
        raise ValueError(f'expected {step * height} bytes of data (step {step} x height {height}), got {got}')
    stored = dtype.newbyteorder('>' if message.is_bigendian else '<')
    shape: tuple[int, ...] = (height, width, bands)
    strides: tuple[int, ...] = (step, bands * dtype.itemsize, dtype.itemsize)
    if is_mosaic(message.encoding):
        shape, strides = shape[:2], strides[:2]
    view: npt.NDArray[Any] = np.ndarray(shape, stored, buffer=memoryview(data).cast('B'), strides=strides)
    pixels = view.astype(dtype, copy=False)     # copies only where the byte order differs
    if dtype == np.float32:
        _require_finite(pixels)
    pixels.flags.writeable = False
    return pixels


def _require_finite(pixels: npt.NDArray[np.float32]) -> None:
    """Raise for nan and infinity, which a sum carries along: a fifth of the time of looking at each value."""
    with np.errstate(all='ignore'):
        if np.isfinite(pixels.sum(dtype=np.float32)):
            return
    bad = np.argwhere(~np.isfinite(pixels))
    if len(bad):
        first = tuple(int(i) for i in bad[0])
        raise ValueError(f'expected finite values, got {pixels[first]} at (row, column, band) {first} '
                         f'and {len(bad) - 1} more')


def encoding_of(pixels: npt.NDArray[Any]) -> str:
    """Encoding of a mosaic (H, W) or a cube (H, W, C).

    Raises:
        ValueError: another shape or dtype, or more than 512 bands.
    """
    names = {dtype.name: name for name, dtype in _TYPES.items()}
    if pixels.ndim not in (2, 3) or pixels.dtype.name not in names or 0 in pixels.shape:
        raise ValueError('expected pixels of shape (H, W) or (H, W, C) as uint8, uint16 or float32, '
                         f'got {pixels.shape} {pixels.dtype.name}')
    if pixels.ndim == 2 and pixels.dtype != np.float32:
        return 'mono8' if pixels.dtype == np.uint8 else 'mono16'
    bands = 1 if pixels.ndim == 2 else pixels.shape[2]
    encoding = f'{names[pixels.dtype.name]}C{bands}'
    parse_encoding(encoding)
    return encoding


def to_message(pixels: npt.NDArray[Any], header: Header | None = None, encoding: str | None = None) -> Image:
    """Message with these pixels.

    Args:
        pixels: (H, W) or (H, W, C), uint8, uint16 or float32.
        header: taken over as it is.
        encoding: None: `encoding_of` them; or rgb8, bgr8, mono8, mono16 for display, made by cv_bridge where that
            is installed.

    Raises:
        ValueError: pixels that no encoding fits.
    """
    message = Image()
    if encoding is not None:
        channels = pixels.shape[2] if pixels.ndim == 3 else 1
        if _DISPLAY.get(encoding) != channels or pixels.dtype != (np.uint16 if encoding == 'mono16' else np.uint8):
            raise ValueError(f'expected pixels that fit {encoding!r} (one of {", ".join(_DISPLAY)}), '
                             f'got {pixels.shape} {pixels.dtype.name}')
        bridge = optional_module('cv_bridge')
        if bridge is not None:
            message = bridge.CvBridge().cv2_to_imgmsg(pixels, encoding)
            message.header = header or message.header
            return message
    message.header = header or message.header
    message.encoding = encoding or encoding_of(pixels)
    message.height, message.width = pixels.shape[:2]
    message.step = pixels.nbytes // pixels.shape[0]
    message.is_bigendian = int(sys.byteorder == 'big')
    # An array of bytes passes the setter unchecked; a list, memoryview or ndarray takes 100 - 200 ms at 4 MB.
    data = array.array('B')
    data.frombytes(np.ascontiguousarray(pixels).reshape(-1).view(np.uint8).data)
    message.data = data
    return message


def scaled_uint16(cube: npt.NDArray[np.float32], scale: float) -> npt.NDArray[np.uint16]:
    """Values times `scale`, rounded and clipped to 0..65535: half the bytes of float32."""
    scaled = np.multiply(cube, np.float32(scale))
    np.clip(np.rint(scaled, out=scaled), 0, 65535, out=scaled)
    return scaled.astype(np.uint16)
