from __future__ import annotations

import math

import numpy as np
import pytest

from hsi_models.camera import Camera

NAN = math.nan


def test_band_order_sorts_and_drops_cells_without_a_band():
    camera = Camera(wavelengths_nm=(600, 500, NAN, 550), mosaic_rows=2, mosaic_columns=2, bit_depth=10)
    np.testing.assert_array_equal(camera.band_order(4), [1, 3, 0])
    info = camera.spectral_info(4)
    assert info.wavelengths_nm == (500, 550, 600)
    assert info.saturation == 1023


def test_unknown_wavelengths_give_index_order():
    camera = Camera(mosaic_rows=4, mosaic_columns=4)
    np.testing.assert_array_equal(camera.band_order(16), np.arange(16))
    assert camera.spectral_info(16).wavelengths_nm == ()


def test_saturation_beats_bit_depth():
    assert Camera(bit_depth=10, saturation=1000.0).full_scale == 1000
    assert Camera().full_scale == 0


@pytest.mark.parametrize(('fields', 'message'), [
    ({'mosaic_rows': 4}, 'both 0 .cube. or both 1..16, got 4 x 0'),
    ({'mosaic_rows': 17, 'mosaic_columns': 17}, 'got 17 x 17'),
    ({'wavelengths_nm': (1.0, 2.0), 'dark_levels': (1.0,)}, "per-band lists of one length, got {'wavelengths_nm': 2"),
    ({'wavelengths_nm': (1.0,) * 15, 'mosaic_rows': 4, 'mosaic_columns': 4}, 'expected 16 wavelengths_nm'),
    ({'bit_depth': 33}, 'bit_depth 0..32'),
    ({'exposure_s': -1.0}, 'exposure_s >= 0'),
    ({'saturation': NAN}, 'saturation >= 0'),
    ({'pixel_rows': 0.5}, 'pixel_rows and pixel_columns both 0 .unknown. or both > 0, got 0.5 x 0'),
    ({'pixel_rows': -1.0, 'pixel_columns': -1.0}, 'pixel_rows >= 0'),
    ({'wavelengths_nm': (-5, 500)}, 'finite wavelengths_nm > 0 .nan where not known., got -5'),
    ({'wavelengths_nm': (500, math.inf)}, 'finite wavelengths_nm > 0 .* got inf'),
    ({'fwhm_nm': (0, 1)}, 'finite fwhm_nm > 0 .* got 0'),
    ({'white_levels': (math.inf, 1)}, 'finite white_levels .* got inf'),
    ({'wavelengths_nm': (NAN,) * 3, 'mosaic_rows': 2, 'mosaic_columns': 2}, 'expected 4 wavelengths_nm'),
    ({'gain_db': NAN}, 'finite gain_db'),
    ({'gain_db': -math.inf}, 'finite gain_db'),
])
def test_descriptions_that_contradict_themselves_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Camera(**fields)


def test_a_list_of_nan_alone_is_not_known():
    camera = Camera(wavelengths_nm=(NAN, NAN), fwhm_nm=(NAN, NAN), nominal=True)
    assert camera == Camera(nominal=True)
    np.testing.assert_array_equal(camera.band_order(2), [0, 1])


def test_equal_descriptions_compare_equal_whatever_is_not_known():
    cameras = [Camera(wavelengths_nm=(500, float('nan')), dark_levels=np.array([5, np.nan])) for _ in range(2)]
    assert cameras[0] == cameras[1]
    assert hash(cameras[0]) == hash(cameras[1])


def test_another_band_count_is_refused():
    with pytest.raises(ValueError, match='expected 3 bands as the camera describes, got 4'):
        Camera(wavelengths_nm=(1, 2, 3)).band_order(4)


@pytest.mark.parametrize(('camera', 'size'), [
    (Camera(), (1, 1)), (Camera(mosaic_rows=4, mosaic_columns=5), (5, 4)),
    (Camera(pixel_rows=2.0, pixel_columns=2.5), (2.5, 2.0)),
    (Camera(mosaic_rows=2, mosaic_columns=2, pixel_rows=0.5, pixel_columns=0.5), (1, 1))])
def test_what_a_pixel_of_the_cube_covers_of_the_cameras_own_image(camera, size):
    assert camera.pixel_size == size


def test_the_cube_that_an_image_holds_is_counted_in_whole_cells():
    assert Camera().frame_size((30, 50, 16)) == (50, 30)
    assert Camera(mosaic_rows=4, mosaic_columns=5).frame_size((30, 50)) == (10, 7)
    with pytest.raises(ValueError, match='at least one cell of 4 x 5 pixels, got 3 x 50'):
        Camera(mosaic_rows=4, mosaic_columns=5).frame_size((3, 50))
