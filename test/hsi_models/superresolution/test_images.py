"""Whole images upscaled, and what their readers are told: bands, levels, how large a pixel is."""
from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from hsi_models.calibration import Calibration
from hsi_models.camera import Camera
from hsi_models.ingest import to_cube, to_frame
from hsi_models.superresolution.factory import create_super_resolver
from hsi_models.superresolution.images import require_upscaled, upscale_image

MOSAIC = Camera(serial='7', wavelengths_nm=(620, 500, 560, float('nan')), fwhm_nm=(3, 1, 2, 9), mosaic_rows=2,
                mosaic_columns=2, bit_depth=10, dark_levels=(30, 10, 20, 0), white_levels=(930, 910, 920, 1))
CUBE = Camera(wavelengths_nm=(620, 500, 560))


def image(camera, seed=0):
    shape = (12, 16) if camera.is_mosaic else (6, 8, 3)
    return np.random.default_rng(seed).integers(100, 900, shape).astype(np.uint16)


@pytest.mark.parametrize('camera', [MOSAIC, CUBE], ids=['mosaic', 'cube'])
@pytest.mark.parametrize('scale', [2, 4])
def test_the_cube_is_the_frame_upscaled_and_keeps_type_and_band_order(camera, scale):
    resolver = create_super_resolver('back_projection', scale)
    cube, described = upscale_image(image(camera), camera, resolver)
    assert cube.dtype == np.uint16
    np.testing.assert_array_equal(cube, resolver.upscale(to_cube(image(camera), camera)))
    assert described.wavelengths_nm == (500, 560, 620)
    assert not described.is_mosaic
    cell = 2 if camera.is_mosaic else 1
    assert described.pixel_size == (cell / scale, cell / scale)


def test_levels_follow_their_bands_so_that_the_reader_calibrates_as_it_would_the_image():
    cube, described = upscale_image(image(MOSAIC), MOSAIC, create_super_resolver('bicubic', 2))
    assert (described.serial, described.dark_levels, described.white_levels) == ('7', (10, 20, 30), (910, 920, 930))
    assert described.fwhm_nm == (1, 2, 3)
    frame = to_frame(cube, described, calibration=Calibration.from_camera(described))
    plain = to_frame(image(MOSAIC), MOSAIC, calibration=Calibration.from_camera(MOSAIC))
    np.testing.assert_allclose(frame.data, create_super_resolver('bicubic', 2).upscale(plain.data), atol=0.51 / 900)
    assert frame.info == plain.info
    assert (frame.upscaling, plain.upscaling) == (2, 1)


def test_upscaling_what_was_upscaled_goes_on_counting():
    resolver = create_super_resolver('bicubic', 2)
    twice = upscale_image(*upscale_image(image(MOSAIC), MOSAIC, resolver), resolver)[1]
    assert twice.pixel_size == (0.5, 0.5)
    assert twice.upscaling == 4
    assert to_frame(np.zeros((24, 32, 3), np.uint16), twice).upscaling == 4


@pytest.mark.parametrize('scale', [2, 4])
def test_a_description_of_upscaled_cubes_is_accepted(scale):
    require_upscaled(upscale_image(image(MOSAIC), MOSAIC, create_super_resolver('bicubic', scale))[1], scale)


@pytest.mark.parametrize(('camera', 'says'), [
    (Camera(), 'cubes upscaled by 2, got one of images that were not upscaled'),
    (MOSAIC, 'got one of images that were not upscaled'), (Camera(upscaling=2), 'expected hyperspectral_info'),
    (Camera(pixel_rows=0.25, pixel_columns=0.25, upscaling=4), 'upscaled by 2, got one of cubes upscaled by 4')])
def test_other_descriptions_are_refused(camera, says):
    with pytest.raises(ValueError, match=says):
        require_upscaled(camera, 2)


def test_bad_images_are_refused():
    bad = np.full((6, 8, 3), np.nan, np.float32)
    with pytest.raises(ValueError, match='expected finite'):
        upscale_image(bad, CUBE, create_super_resolver('bicubic', 2))
    with pytest.raises(ValueError, match='expected a cube'):
        upscale_image(image(MOSAIC), replace(CUBE), create_super_resolver('bicubic', 2))


def test_a_tracker_that_upscales_nothing_needs_no_torch():
    code = ('import sys; sys.modules["torch"] = None; import hsi_models.offline, hsi_models.superresolution.images; '
            'from hsi_models.pipeline import TrackingPipeline; TrackingPipeline("spectral_dcf")')
    subprocess.run([sys.executable, '-c', code], check=True, timeout=60)
