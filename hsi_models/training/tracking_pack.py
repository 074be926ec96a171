"""Windows in one file of WebP pictures, small enough to travel to a machine that trains."""
from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from hsi_models.data.numpy_files import load_npz
from hsi_models.training.tracking_windows import Picture, Windows

_THREADS = 8
_LAYOUT = 1


def pack_windows(windows: Windows, path: Path, quality: int = 50) -> int:
    """Write windows as WebP pictures in one file without pickled objects.

    Args:
        windows: what to write.
        path: `*.npz`.
        quality: of the pictures, 1..100.

    Returns:
        bytes written.
    """
    def encode(picture: Picture) -> bytes:
        done, data = cv2.imencode('.webp', picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])
        if not done:
            raise ValueError('expected OpenCV to write WebP, got a refusal; use an OpenCV with WebP')
        return bytes(data)

    with ThreadPoolExecutor(_THREADS) as pool:
        encoded = list(pool.map(encode, windows.pictures))
    table = {name: value for name, value in windows.__dict__.items() if name != 'pictures'}
    partial = path.with_suffix('.partial')
    path.parent.mkdir(parents=True, exist_ok=True)
    with partial.open('wb') as file:
        np.savez(file, layout=np.array(_LAYOUT), px=np.array(windows.pictures.shape[1]),
                 data=np.frombuffer(b''.join(encoded), np.uint8), lengths=np.array([len(item) for item in encoded]),
                 **table)
    os.replace(partial, path)
    return path.stat().st_size


def unpack_windows(path: Path) -> Windows:
    """Read what `pack_windows` wrote.

    Raises:
        ValueError: no such file, or not such a file.
    """
    try:
        content = load_npz(path)
        if int(content.pop('layout')) != _LAYOUT:
            raise KeyError('layout')
        px, data, lengths = int(content.pop('px')), content.pop('data'), content.pop('lengths')
        starts = np.concatenate([[0], np.cumsum(lengths)])
        pictures = np.empty((len(lengths), px, px, 3), np.uint8)

        def decode(index: int) -> None:
            picture = cv2.imdecode(data[starts[index]:starts[index + 1]], cv2.IMREAD_COLOR)
            if picture is None or picture.shape[:2] != (px, px):
                raise ValueError(f'picture {index} is damaged')
            pictures[index] = picture[..., ::-1]

        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(decode, range(len(lengths))))
        return Windows(pictures, **content)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'expected a file of windows as `hsi-tracking train MODEL --pack FILE` writes, got {path}: '
                         f'{error}') from error
