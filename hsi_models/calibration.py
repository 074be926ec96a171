"""Dark and white references, defective pixels: digital numbers to reflectance."""
from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.camera import Camera
from hsi_models.checkpoint import sha256_of
from hsi_models.data.numpy_files import load_npz, npz_members
from hsi_models.defects import neighbours
from hsi_models.frame import Quantity
from hsi_models.mosaic import mosaic_to_cube

Floats = npt.NDArray[np.float32]
KEYS = ('dark', 'white', 'defective')
MAX_BYTES = 1 << 30
"""Of the references in a file, as float32."""
_ROWS = 8       # of a cube, calibrated together


@dataclass(frozen=True, eq=False)
class Calibration:
    """References of one camera, in the band order of its frames (ascending wavelength, no empty cells).

    `apply` gives `(value - dark) / (white - dark)`. The result is not clipped: values above 1 are highlights and
    light that grew since the white reference was taken, values below 0 are noise around darkness, and clipping
    either would turn the spectrum and bias the mean. A saturated value stays what it is, a lower bound.

    Args:
        dark: image value of darkness, (C,) or (H, W, C); None: 0.
        white: image value of the white reference, (C,) or (H, W, C); None: the result is dark-subtracted only.
        defective: pixels to be replaced, bool (H, W, C): mean of the nearest good pixels of the same band (the
            nearest one where none is within 8 pixels).
        sha256: of the file the references came from, '' where none.

    Raises:
        ValueError: shapes that do not agree, values not finite, white <= dark (or as good as) at a pixel not marked as
            defective, or a band of which more than half is defective.
    """

    dark: Floats | None = None
    white: Floats | None = None
    defective: npt.NDArray[np.bool_] | None = None
    sha256: str = ''
    _gain: Floats | None = field(init=False, repr=False, default=None)
    _offset: Floats | None = field(init=False, repr=False, default=None)
    _patches: tuple[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]], ...] = field(
        init=False, repr=False, default=())

    def __post_init__(self) -> None:
        shapes = set()
        for name in ('dark', 'white'):
            value = getattr(self, name)
            if value is not None:
                value = np.ascontiguousarray(value, np.float32)
                if value.ndim not in (1, 3) or 0 in value.shape:
                    raise ValueError(f'expected {name} as levels (C,) or an image (H, W, C), got shape {value.shape}')
                object.__setattr__(self, name, value)
                shapes.add(value.shape)
        if self.defective is not None:
            mask = np.ascontiguousarray(self.defective, bool)
            if mask.ndim != 3:
                raise ValueError(f'expected defective pixels as a mask (H, W, C), got shape {mask.shape}')
            object.__setattr__(self, 'defective', mask)
            shapes.add(mask.shape)
        if len({shape[-1] for shape in shapes}) > 1 or len({shape for shape in shapes if len(shape) == 3}) > 1:
            raise ValueError(f'expected references of one size and band count, got shapes {sorted(shapes)}')
        self._prepare()

    def _prepare(self) -> None:
        dark = np.float32(0) if self.dark is None else self.dark
        if self.white is not None or self.dark is not None:
            span = np.ones_like(dark) if self.white is None else np.asarray(self.white - dark, np.float32)
            gain = np.zeros_like(span)
            with np.errstate(invalid='ignore', over='ignore'):
                np.divide(1.0, span, out=gain, where=np.isfinite(span) & (span > 0))
            gain[~np.isfinite(gain)] = 0        # a span below what float32 divides by
            bad = ~(np.isfinite(dark) & (gain > 0))
            if self.defective is not None:
                bad = bad & ~self.defective
            if bad.any():
                where = tuple(int(i) for i in np.argwhere(bad)[0])
                raise ValueError(f'expected finite references with white > dark, got {np.count_nonzero(bad)} values '
                                 f'where they are not, the first at index {where}: mark such pixels as defective')
            offset = np.zeros(span.shape[-1:], np.float32) if self.dark is None else -np.nan_to_num(dark) * gain
            object.__setattr__(self, '_gain', gain)
            object.__setattr__(self, '_offset', offset)
        if self.defective is not None and self.defective.any():
            object.__setattr__(self, '_patches', tuple(neighbours(self.defective)))

    @property
    def mean_dark(self) -> float:
        """Mean image value of darkness; 0 where none is known."""
        return 0.0 if self.dark is None else float(np.nanmean(self.dark))

    @classmethod
    def of(cls, camera: Camera, path: str = '') -> Calibration | None:
        """What images of this camera are calibrated with: the references of a file, else the levels that it states.

        Args:
            camera: of the images.
            path: as in `from_npz`; '': no file.

        Returns:
            None where there is nothing to calibrate.

        Raises:
            ValueError: references that cannot be used, or a file for images that are reflectance already.
        """
        if not path:
            return cls.from_camera(camera)
        if camera.quantity is Quantity.REFLECTANCE:
            raise ValueError(f'expected images that are still to be calibrated with {path}, got images of reflectance')
        return cls.from_npz(path, camera)

    @classmethod
    def from_camera(cls, camera: Camera) -> Calibration | None:
        """The levels that a camera states; None where there is nothing to calibrate."""
        if not camera.dark_levels and not camera.white_levels:
            return None
        order = camera.band_order(len(camera.white_levels or camera.dark_levels))
        dark, white = (np.asarray(values, np.float32)[order] if values else None
                       for values in (camera.dark_levels, camera.white_levels))
        return cls(dark, white)

    @classmethod
    def from_npz(cls, path: str | Path, camera: Camera | None = None) -> Calibration:
        """References from a `.npz` file with keys `dark`, `white` and optionally `defective`.

        Args:
            path: each array is given as the camera gives its images: a mosaic (rows * H, columns * W), a cube
                (H, W, C) or levels (C,), in the camera's band order.
            camera: says what that order is; None: the order of the frame.

        Raises:
            ValueError: no `.npz`, none of these keys or more than 1 GiB of them as float32, or arrays that do not fit.
        """
        path = Path(path)
        require_references(path)
        camera = camera or Camera()
        try:
            values = sum(math.prod(shape) for name, (shape, _) in npz_members(path).items() if name in KEYS)
            if 4 * values > MAX_BYTES:
                raise ValueError(f'expected references of at most {MAX_BYTES} bytes as float32, got {4 * values}')
            arrays = load_npz(path, *KEYS, most_bytes=2 * MAX_BYTES)        # doubles are as good
            for name in list(arrays):
                arrays[name] = _in_frame_order(arrays.pop(name), camera)
            return cls(**arrays, sha256=sha256_of(path))
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from None

    def apply(self, cube: npt.NDArray[Any]) -> Floats:
        """Calibrate one cube.

        Args:
            cube: shape (H, W, C), uint8, uint16 or float32.

        Returns:
            float32 (H, W, C): reflectance, 1 = white reference; dark-subtracted values without a white reference.

        Raises:
            ValueError: the cube's shape differs from that of the references.
        """
        self.check(cube.shape)
        out = self.apply_part(cube)
        flat = out.reshape(-1)
        for targets, sources in self._patches:
            flat[targets] = flat[sources].mean(axis=0)
        return out

    @property
    def replaces_pixels(self) -> bool:
        """Whether values follow from others far away, so that a part of a cube cannot be calibrated alone."""
        return bool(self._patches)

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse a cube of a shape (H, W, C) that is not the references'.

        Raises:
            ValueError: it is not.
        """
        for reference in (self.dark, self.white, self.defective):
            if reference is not None and shape[-reference.ndim:] != reference.shape:
                wanted = '(H, W, C) = ' + str(reference.shape) if reference.ndim == 3 else f'(H, W, {len(reference)})'
                raise ValueError(f'expected a cube of shape {wanted} as the references have, got {shape}')

    def apply_part(self, part: npt.NDArray[Any], top: int = 0, left: int = 0) -> Floats:
        """Calibrate a part of a cube that `check` has passed; defective pixels stay what they are.

        Args:
            part: shape (h, w, C), uint8, uint16 or float32.
            top, left: row and column of the cube at which it begins.

        Returns:
            float32 (h, w, C), as `apply`.
        """
        if self._gain is None or self._offset is None:
            return part.astype(np.float32)
        height, width, bands = part.shape
        # Long rows instead of rows of C values: numpy's inner loop is over the last axis.
        rows = part.reshape(height, width * bands)
        gain, offset = (np.broadcast_to(
            np.tile(values, width) if values.ndim == 1
            else values[top:top + height, left:left + width].reshape(height, -1), rows.shape)
            for values in (self._gain, self._offset))
        out = np.empty((height, width, bands), np.float32)
        for start in range(0, height, _ROWS):         # few rows stay in the cache: half the time
            here = slice(start, start + _ROWS)
            strip = out[here].reshape(-1, width * bands)
            strip[...] = rows[here]
            strip *= gain[here]
            if self.dark is not None:
                strip += offset[here]
        return out


def require_references(path: str | Path) -> None:
    """Refuse a file that holds no references; its arrays are not read, and whether they fit a camera is not asked.

    Raises:
        ValueError: no such file, no `.npz`, or none of the keys `dark`, `white`, `defective`.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f'expected a .npz file of references (dark, white, defective), got {path}, which is no file')
    names = npz_members(path)
    if not set(KEYS) & set(names):
        raise ValueError(f'{path}: expected the keys dark, white or defective, got {", ".join(names) or "none"}')


def _in_frame_order(array: npt.NDArray[Any], camera: Camera) -> npt.NDArray[Any]:
    if array.dtype.kind not in 'biuf':
        raise ValueError(f'expected references as numbers, got {array.dtype.name}')
    if array.ndim == 2:
        if not camera.is_mosaic:
            raise ValueError(f'expected references (H, W, C) or (C,), got shape {array.shape} and a camera without '
                             'a mosaic pattern')
        kind = np.uint8 if array.dtype == bool else np.float32
        array = mosaic_to_cube(array.astype(kind, copy=False), camera.mosaic_rows, camera.mosaic_columns)
    if array.ndim not in (1, 3):
        raise ValueError(f'expected references (rows * H, columns * W), (H, W, C) or (C,), got shape {array.shape}')
    if array.dtype.itemsize > 4:
        array = array.astype(np.float32)
    order = camera.band_order(array.shape[-1])
    return array if np.array_equal(order, np.arange(array.shape[-1])) else array[..., order]
