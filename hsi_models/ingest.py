"""Camera image to frame: the one way by which a mosaic or a cube becomes what trackers are given."""
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.calibration import Calibration
from hsi_models.camera import Camera
from hsi_models.frame import DTYPES, HyperspectralFrame, Quantity
from hsi_models.mosaic import mosaic_to_cube, require_cells


def to_cube(image: npt.NDArray[Any], camera: Camera) -> npt.NDArray[Any]:
    """Mosaic to cube, cells without a band dropped, bands in ascending wavelength; nothing is calibrated.

    Args:
        image: as in `to_frame`.
        camera: what is known of the camera; where wavelengths are missing the bands keep their order.

    Returns:
        (H, W, C), dtype of the image.

    Raises:
        ValueError: the image does not fit the camera, has another dtype, or is not finite.
    """
    return _CameraCube(_checked(image, camera), camera, None).part(slice(None), slice(None))


def cube_camera(camera: Camera, bands: int) -> Camera:
    """The camera as a reader of its cubes from `to_cube` has to see it: bands in order, no mosaic, not calibrated.

    Args:
        camera: of the images.
        bands: of an image, cells without a band included.

    Raises:
        ValueError: the camera describes another number of bands.
    """
    order = camera.band_order(bands)
    wavelengths, fwhm, dark, white = (tuple(values[i] for i in order) if values else () for values in (
        camera.wavelengths_nm, camera.fwhm_nm, camera.dark_levels, camera.white_levels))
    columns, rows = camera.pixel_size
    return replace(camera, wavelengths_nm=wavelengths, fwhm_nm=fwhm, dark_levels=dark, white_levels=white,
                   mosaic_rows=0, mosaic_columns=0, pixel_rows=rows, pixel_columns=columns)


def image_bands(image: npt.NDArray[Any], camera: Camera) -> int:
    """Bands of an image that `to_cube` takes, cells without a band included."""
    return camera.mosaic_rows * camera.mosaic_columns or int(image.shape[-1])


def to_frame(image: npt.NDArray[Any], camera: Camera, *, stamp_ns: int = 0, frame_id: str = '', seq: int = 0,
             calibration: Calibration | None = None) -> HyperspectralFrame:
    """Make a frame: mosaic to cube, cells without a band dropped, bands in ascending wavelength, calibrated.

    The frame is a deferred one: it keeps the image, which must not change, and makes of it what it is asked for.

    Args:
        image: as the camera gives it: mosaic (rows * H, columns * W) where the camera is one, else a cube
            (H, W, C) in the camera's band order; uint8, uint16 or float32.
        camera: what is known of the camera; where wavelengths are missing the bands keep their order.
        stamp_ns, frame_id, seq: as in HyperspectralFrame.
        calibration: references in the frame's band order, as `Calibration.from_camera` gives them.

    Returns:
        The frame. Without calibration it keeps the image's dtype and the camera's quantity; with it, it is
        float32: reflectance where a white reference is known, else radiance (dark-subtracted).

    Raises:
        ValueError: the image does not fit the camera or the calibration, has another dtype, or is not finite.
    """
    cube = _CameraCube(_checked(image, camera), camera, calibration)
    info = cube_camera(camera, image_bands(cube.image, camera)).spectral_info(cube.shape[2])
    if calibration is not None:
        calibration.check(cube.shape)
        if calibration.white is not None:
            info = replace(info, quantity=Quantity.REFLECTANCE, saturation=0.0)
        else:
            native = image.dtype
            full_scale = camera.full_scale or (1.0 if native == np.float32 else float(np.iinfo(native).max))
            info = replace(info, quantity=Quantity.RADIANCE,
                           saturation=max(0.0, full_scale - calibration.mean_dark))
    return HyperspectralFrame.deferred(cube, info, stamp_ns=stamp_ns, frame_id=frame_id, seq=seq,
                                       upscaling=camera.upscaling or 1)


@dataclass(frozen=True, eq=False)
class _CameraCube:
    """The cube that an image of a camera stands for; a `CubeSource`.

    Args:
        image: checked.
        camera: what is known of the camera.
        calibration: of a frame; None: values stay what they are.
    """

    image: npt.NDArray[Any]
    camera: Camera
    calibration: Calibration | None

    @cached_property
    def order(self) -> npt.NDArray[np.intp]:
        """Bands of the image that are bands of the cube."""
        return self.camera.band_order(image_bands(self.image, self.camera))

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        height, width = (side // cell for side, cell in zip(self.image.shape, self._cell, strict=False))
        return height, width, len(self.order)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the cube."""
        return np.dtype(np.float32) if self.calibration is not None else self.image.dtype.newbyteorder('=')

    @property
    def _cell(self) -> tuple[int, int]:
        """Rows and columns of the image that make a pixel."""
        return (self.camera.mosaic_rows, self.camera.mosaic_columns) if self.image.ndim == 2 else (1, 1)

    def part(self, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """See `CubeSource.part`."""
        (top, bottom, row_step), (left, right, column_step) = (
            span.indices(side) for span, side in zip((rows, columns), self.shape, strict=False))
        if min(row_step, column_step) < 0 or (self.calibration is not None and self.calibration.replaces_pixels):
            return self._whole[rows, columns]
        cell_rows, cell_columns = self._cell
        pixels = self.image[cell_rows * top:cell_rows * max(top, bottom),
                            cell_columns * left:cell_columns * max(left, right)]
        if 0 in pixels.shape:
            cube = np.empty((max(bottom - top, 0), max(right - left, 0), self.shape[2]), self.dtype)
        else:
            cube = self._bands(pixels)
            if self.calibration is not None:
                cube = self.calibration.apply_part(cube, top, left)
        return cube if row_step == column_step == 1 else cube[::row_step, ::column_step]

    @cached_property
    def _whole(self) -> npt.NDArray[Any]:
        """The whole cube, made once for all parts that cannot be made alone."""
        cube = self._bands(self.image)
        return cube if self.calibration is None else self.calibration.apply(cube)

    def _bands(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The cube of a part of the image that begins with a pixel, not calibrated."""
        if pixels.ndim == 2:
            cube = mosaic_to_cube(pixels, *self._cell)
        else:
            cube = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder('='))
        return cube if np.array_equal(self.order, np.arange(cube.shape[2])) else np.take(cube, self.order, axis=2)


def _checked(image: npt.NDArray[Any], camera: Camera) -> npt.NDArray[Any]:
    """The image of a camera, a mosaic with two axes.

    Raises:
        ValueError: as `to_cube`.
    """
    if not isinstance(image, np.ndarray) or image.dtype.name not in DTYPES:
        got = getattr(image, 'dtype', type(image).__name__)
        raise ValueError(f'expected an image as {" or ".join(DTYPES)}, got {got}')
    if image.dtype == np.float32 and not np.isfinite(image).all():
        raise ValueError(f'expected finite image values, got {np.count_nonzero(~np.isfinite(image))} nan or infinite')
    if image.ndim == 3 and image.shape[2] == 1 and camera.is_mosaic:
        image = image[:, :, 0]
    if image.ndim == 2 and camera.is_mosaic:
        require_cells(image.shape, camera.mosaic_rows, camera.mosaic_columns)
    elif image.ndim == 2:
        raise ValueError(f'expected a cube (H, W, C), as the camera states no mosaic pattern, got an image of shape '
                         f'{image.shape}: state mosaic rows and columns of the camera')
    elif camera.is_mosaic:
        raise ValueError(f'expected a mosaic (rows * H, columns * W), as the camera states a {camera.mosaic_rows} x '
                         f'{camera.mosaic_columns} pattern, got an image of shape {image.shape}')
    elif image.ndim != 3 or 0 in image.shape:
        raise ValueError(f'expected a cube (H, W, C) with pixels and bands, got an image of shape {image.shape}')
    return image


def wavelength_warning(camera: Camera) -> str | None:
    """What a user has to be told, once, about the camera's wavelengths; None where they are known."""
    if not camera.wavelengths_nm:
        return ('the camera states no wavelengths: bands are taken in index order, as if neighbours in the image were '
                'neighbours in the spectrum')
    known = [value for value in camera.wavelengths_nm if np.isfinite(value)]
    if camera.nominal and known:
        return (f'the wavelengths are nominal ({min(known):g}-{max(known):g} nm in even steps), not a calibration of '
                f'this camera: names of bands and false colour are approximate')
    return None
