"""Frames as NumPy files: one `.npy` or `.npz` a frame, or a whole sequence in one file."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.camera import Camera
from hsi_models.data.folder import FRAME_RATE_HZ, START_NS, FolderSequence, camera_beside, numbered_files
from hsi_models.data.numpy_files import image_dtype, load_npy, load_npz, npz_members
from hsi_models.evaluation.metrics import is_box

SUFFIXES = ('.npy', '.npz')
FRAME_KEYS = ('cube', 'mosaic')
STACK_KEYS = ('cubes', 'mosaics', 'frames')

Array = npt.NDArray[Any]


class ArraySequence(FolderSequence):
    """One array a frame: a cube (H, W, C), or a mosaic (rows * H, columns * W) where the camera states a pattern.

    In a `.npz` it is `cube` or `mosaic`, or the only array; `wavelength_nm` (C,) in the first one describes the bands
    where there is no `wavelengths.json`.

    Args:
        folder: of the files.
        camera: overrides what the folder says.
        one_based: the ground truth counts pixels from 1.
        frame_rate_hz: nominal.

    Raises:
        ValueError: no files, or a malformed one beside or among the first.
    """

    def __init__(self, folder: str | Path, *, camera: Camera | None = None, one_based: bool = False,
                 frame_rate_hz: float = FRAME_RATE_HZ) -> None:
        folder = Path(folder)
        self._files = numbered_files(folder, SUFFIXES)
        if not self._files:
            raise ValueError(f'{folder}: expected numbered arrays ({", ".join(SUFFIXES)}), found none')
        camera = camera or camera_beside(folder) or _described_bands(self._files[0]) or Camera()
        super().__init__(folder, len(self._files), camera, one_based=one_based, frame_rate_hz=frame_rate_hz)
        check_image(_frame_array(self._files[0]), camera, self._files[0])

    def _read(self, index: int) -> Array:
        path = self._files[index]
        array = _frame_array(path)
        check_image(array, self.camera, path)
        return image_dtype(array, path)


class StackSequence:
    """A whole sequence in one file (see `hsi_models.data.sequence.Sequence`).

    `.npy`: cubes (N, H, W, C), or mosaics (N, rows * H, columns * W) where the camera states a pattern. `.npz`: the
    same as `cubes`, `mosaics` or `frames`, with optional `boxes` (N, 4) or (1, 4) and `wavelength_nm` (C,).

    Args:
        path: the file; the camera is described by a `wavelengths.json` beside it.
        camera: overrides that.
        one_based: boxes count pixels from 1.
        frame_rate_hz: nominal.

    Raises:
        ValueError: not such a file, or malformed.
    """

    def __init__(self, path: str | Path, *, camera: Camera | None = None, one_based: bool = False,
                 frame_rate_hz: float = FRAME_RATE_HZ) -> None:
        path = Path(path)
        self.name, self.frame_rate_hz = path.stem, frame_rate_hz
        self.attributes: tuple[str, ...] = ()
        self.boxes = np.empty((0, 4))
        self._path = path
        if path.suffix == '.npz':
            arrays = load_npz(path, *STACK_KEYS, 'boxes')
            key = next((key for key in STACK_KEYS if key in arrays), None)
            if key is None:
                raise ValueError(f'{path}: expected the key {", ".join(STACK_KEYS)} (frames of a sequence), '
                                 f'got {", ".join(npz_members(path)) or "no arrays"}')
            self._stack = arrays[key]
            if 'boxes' in arrays:
                self.boxes = _stack_boxes(arrays['boxes'], len(self._stack), path) - [one_based, one_based, 0, 0]
        else:
            self._stack = load_npy(path)
        self.camera = camera or camera_beside(path.parent) or _described_bands(path) or Camera()
        wanted = 3 if self.camera.is_mosaic else 4
        if self._stack.ndim != wanted or not len(self._stack):
            shape = '(N, rows * H, columns * W)' if self.camera.is_mosaic else '(N, H, W, C)'
            raise ValueError(f'{path}: expected frames of shape {shape}, got {self._stack.shape}')
        check_image(self._stack[0], self.camera, path)

    def __len__(self) -> int:
        return len(self._stack)

    def image(self, index: int) -> Array:
        """Frame `index` as the camera gives it; raises IndexError, or ValueError for values not finite."""
        if not 0 <= index < len(self._stack):
            raise IndexError(f'expected a frame 0..{len(self._stack) - 1} of {self.name}, got {index}')
        return image_dtype(self._stack[index], self._path)

    def stamp_ns(self, index: int) -> int:
        """Nominal time of frame `index`, from 1 s on."""
        return START_NS + round(index * 1e9 / self.frame_rate_hz)


def is_stack(path: Path) -> bool:
    """True for a `.npy` or `.npz` that holds the frames of a sequence; only headers are read."""
    try:
        if path.suffix == '.npz':
            return any(key in STACK_KEYS for key in npz_members(path))
        return path.suffix == '.npy' and load_npy(path).ndim == 4
    except ValueError:
        return False


def check_image(array: Array, camera: Camera, path: Path) -> None:
    """Refuse an array that cannot be an image of this camera, naming the file."""
    if camera.is_mosaic:
        smallest = (camera.mosaic_rows, camera.mosaic_columns)
        if array.ndim != 2 or array.shape[0] < smallest[0] or array.shape[1] < smallest[1]:
            raise ValueError(f'{path}: expected a mosaic of {smallest[0]} x {smallest[1]} cells, got {array.shape}')
    elif array.ndim != 3 or 0 in array.shape:
        hint = ': state mosaic [rows, columns] in wavelengths.json' if array.ndim == 2 else ''
        raise ValueError(f'{path}: expected a cube (H, W, C), got shape {array.shape}{hint}')
    else:
        try:
            camera.band_order(array.shape[2])
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from None
    if array.dtype.kind != 'f' and array.dtype.name not in ('uint8', 'uint16'):
        raise ValueError(f'{path}: expected uint8, uint16 or float32 values, got {array.dtype.name}')


def _frame_array(path: Path) -> Array:
    if path.suffix == '.npy':
        return load_npy(path)
    members = npz_members(path)
    keys = [key for key in FRAME_KEYS if key in members] or (list(members) if len(members) == 1 else [])
    if not keys:
        raise ValueError(f'{path}: expected the key cube or mosaic, got {", ".join(members) or "no arrays"}')
    return load_npz(path, keys[0])[keys[0]]


def _described_bands(path: Path) -> Camera | None:
    """A camera from the `wavelength_nm` that a `.npz` carries itself."""
    if path.suffix != '.npz':
        return None
    nm = load_npz(path, 'wavelength_nm', most_bytes=1 << 20).get('wavelength_nm')
    if nm is None:
        return None
    if nm.ndim != 1 or nm.dtype.kind not in 'iuf' or not (np.isfinite(nm) & (nm > 0)).all():
        raise ValueError(f'{path}: expected wavelength_nm (C,), finite and > 0, got shape {nm.shape}, {nm.dtype.name}')
    return Camera(wavelengths_nm=tuple(nm.astype(float).tolist()))


def _stack_boxes(boxes: Array, frames: int, path: Path) -> npt.NDArray[np.float64]:
    if boxes.ndim != 2 or boxes.shape[1] != 4 or len(boxes) not in (1, frames) or boxes.dtype.kind not in 'iuf':
        raise ValueError(f'{path}: expected boxes ({frames}, 4) or (1, 4), got {boxes.shape}, {boxes.dtype.name}')
    out = boxes.astype(np.float64)
    out[~is_box(out)] = np.nan
    return out
