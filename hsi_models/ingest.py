"""Camera image to frame: the one way by which a mosaic or a cube becomes what trackers are given."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.calibration import Calibration
from hsi_models.camera import Camera
from hsi_models.frame import DTYPES, HyperspectralFrame, Quantity
from hsi_models.mosaic import mosaic_to_cube


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
    if not isinstance(image, np.ndarray) or image.dtype.name not in DTYPES:
        got = getattr(image, 'dtype', type(image).__name__)
        raise ValueError(f'expected an image as {" or ".join(DTYPES)}, got {got}')
    if image.dtype == np.float32 and not np.isfinite(image).all():
        raise ValueError(f'expected finite image values, got {np.count_nonzero(~np.isfinite(image))} nan or infinite')
    cube = _to_cube(image, camera)
    order = camera.band_order(cube.shape[2])
    return cube if np.array_equal(order, np.arange(cube.shape[2])) else np.take(cube, order, axis=2)


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
    cube = to_cube(image, camera)
    info = cube_camera(camera, image_bands(image, camera)).spectral_info(cube.shape[2])
    if calibration is not None:
        if calibration.white is not None:
            info = replace(info, quantity=Quantity.REFLECTANCE, saturation=0.0)
        else:
            full_scale = camera.full_scale or (1.0 if cube.dtype == np.float32 else float(np.iinfo(cube.dtype).max))
            info = replace(info, quantity=Quantity.RADIANCE,
                           saturation=max(0.0, full_scale - calibration.mean_dark))
        cube = calibration.apply(cube)
    return HyperspectralFrame(cube, info, stamp_ns=stamp_ns, frame_id=frame_id, seq=seq,
                              upscaling=camera.upscaling or 1)


def _to_cube(image: npt.NDArray[Any], camera: Camera) -> npt.NDArray[Any]:
    if image.ndim == 3 and image.shape[2] == 1 and camera.is_mosaic:
        image = image[:, :, 0]
    if image.ndim == 2 and camera.is_mosaic:
        return mosaic_to_cube(image, camera.mosaic_rows, camera.mosaic_columns)
    if image.ndim == 2:
        raise ValueError(f'expected a cube (H, W, C), as the camera states no mosaic pattern, got an image of shape '
                         f'{image.shape}: state mosaic rows and columns of the camera')
    if camera.is_mosaic:
        raise ValueError(f'expected a mosaic (rows * H, columns * W), as the camera states a {camera.mosaic_rows} x '
                         f'{camera.mosaic_columns} pattern, got an image of shape {image.shape}')
    if image.ndim != 3 or 0 in image.shape:
        raise ValueError(f'expected a cube (H, W, C) with pixels and bands, got an image of shape {image.shape}')
    return np.ascontiguousarray(image, dtype=image.dtype.newbyteorder('='))


def wavelength_warning(camera: Camera) -> str | None:
    """What a user has to be told, once, about the camera's wavelengths; None where they are known."""
    if not camera.wavelengths_nm:
        return ('the camera states no wavelengths: bands are taken in index order, as if neighbours in the image were '
                'neighbours in the spectrum')
    if camera.nominal:
        known = [value for value in camera.wavelengths_nm if np.isfinite(value)]
        return (f'the wavelengths are nominal ({min(known):g}-{max(known):g} nm in even steps), not a calibration of '
                f'this camera: names of bands and false colour are approximate')
    return None
