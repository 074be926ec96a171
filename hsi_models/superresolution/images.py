"""Images of a camera to upscaled cubes, and what a reader of these has to know: one way for node, bags and tracker."""
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from hsi_models.camera import Camera
from hsi_models.ingest import cube_camera, image_bands, to_cube

if TYPE_CHECKING:       # torch is loaded only where something is upscaled
    from hsi_models.superresolution.super_resolver import SuperResolver


def upscale_image(image: npt.NDArray[Any], camera: Camera,
                  resolver: SuperResolver) -> tuple[npt.NDArray[Any], Camera]:
    """A whole image, enlarged. It depends on this image alone: whatever was dropped before it, it is the same.

    Args:
        image: mosaic (rows * H, columns * W) or cube (H, W, C) as the camera describes it.
        camera: what is known of the camera.
        resolver: enlarges by s.

    Returns:
        The cube (s H, s W, C), bands in ascending wavelength, dtype and scale of the image: digital numbers stay
        digital numbers, half the bytes of reflectance. And its camera: levels still to be applied, no mosaic,
        `pixel_rows`, `pixel_columns` and `upscaling` relating it to the camera's own image.

    Raises:
        ValueError: the image does not fit the camera, or is not finite.
    """
    cube = to_cube(image, camera)
    described = cube_camera(camera, image_bands(image, camera))
    s = resolver.scale
    return resolver.upscale(cube), replace(described, pixel_rows=described.pixel_rows / s,
                                           pixel_columns=described.pixel_columns / s,
                                           upscaling=s * (described.upscaling or 1))


def require_upscaled(camera: Camera, scale: int) -> None:
    """Refuse a description that is not one of images upscaled by `scale`.

    Args:
        camera: of the images at hand.
        scale: s.

    Raises:
        ValueError: another enlargement, or none.
    """
    if camera.upscaling != scale or not camera.pixel_rows:
        raise ValueError(f'expected hyperspectral_info of cubes upscaled by {scale}, got '
                         + (f'one of cubes upscaled by {camera.upscaling}' if camera.upscaling > 1 else
                            'one of images that were not upscaled') + ': use the same scale there and here')
