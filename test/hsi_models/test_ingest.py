"""One way from a camera's image to a frame: order of bands, calibration, refusals."""
from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hsi_models.calibration import Calibration
from hsi_models.camera import Camera
from hsi_models.frame import Quantity
from hsi_models.ingest import cube_camera, image_bands, to_cube, to_frame, wavelength_warning

MOSAIC = Camera(wavelengths_nm=(620, 500, 560, math.nan), fwhm_nm=(4, 1, 2, math.nan), mosaic_rows=2, mosaic_columns=2,
                bit_depth=10)
CUBE = Camera(wavelengths_nm=(620, 500, 560), quantity=Quantity.RADIANCE)


def mosaic_of(*levels, dtype=np.uint16):
    return np.tile(np.array(levels, dtype).reshape(2, 2), (3, 4))


def test_a_mosaic_becomes_a_cube_in_order_of_wavelength_without_empty_cells():
    frame = to_frame(mosaic_of(10, 20, 30, 0), MOSAIC, stamp_ns=7, frame_id='camera', seq=3)
    assert frame.data.shape == (3, 4, 3)
    assert frame.data.dtype == np.uint16
    assert frame.data[0, 0].tolist() == [20, 30, 10]
    assert frame.info.wavelengths_nm == (500, 560, 620)
    assert frame.info.fwhm_nm == (1, 2, 4)
    assert frame.info.quantity is Quantity.RAW
    assert frame.scale == 1023
    assert (frame.stamp_ns, frame.frame_id, frame.seq) == (7, 'camera', 3)


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', '>u2', 'float32', '>f4'])
def test_a_cube_is_sorted_and_keeps_its_dtype_in_native_order(dtype):
    frame = to_frame(np.full((2, 2, 3), [1, 2, 3], dtype), CUBE)
    assert frame.data[1, 1].tolist() == [2, 3, 1]
    assert frame.data.dtype == np.dtype(dtype).newbyteorder('=')
    assert frame.info.quantity is Quantity.RADIANCE


def test_without_wavelengths_the_order_stays():
    frame = to_frame(mosaic_of(4, 3, 2, 1), Camera(mosaic_rows=2, mosaic_columns=2))
    assert frame.data[0, 0].tolist() == [4, 3, 2, 1]
    assert frame.info.wavelengths_nm == ()


def test_levels_of_the_camera_give_reflectance_in_order_of_wavelength():
    camera = Camera(wavelengths_nm=MOSAIC.wavelengths_nm, mosaic_rows=2, mosaic_columns=2, bit_depth=10,
                    dark_levels=(10, 20, 30, 0), white_levels=(110, 220, 330, 0))
    calibration = Calibration.from_camera(camera)
    frame = to_frame(mosaic_of(60, 120, 30, 5), camera, calibration=calibration)
    assert frame.data.dtype == np.float32
    np.testing.assert_allclose(frame.data[0, 0], [0.5, 0.0, 0.5], atol=1e-6)
    assert frame.info.quantity is Quantity.REFLECTANCE
    assert frame.scale == 1.0


def test_dark_levels_alone_give_radiance_with_what_is_left_of_the_scale():
    camera = Camera(dark_levels=(3, 3, 3), bit_depth=10)
    frame = to_frame(np.full((2, 2, 3), 5, np.uint16), camera, calibration=Calibration.from_camera(camera))
    assert frame.info.quantity is Quantity.RADIANCE
    assert frame.data[0, 0].tolist() == [2, 2, 2]
    assert frame.scale == 1020


@pytest.mark.parametrize(('image', 'camera', 'message'), [
    (np.zeros((4, 4), np.uint16), CUBE, 'states no mosaic pattern'),
    (np.zeros((4, 4, 4), np.uint16), MOSAIC, r'states a 2 x 2 pattern, got an image of shape \(4, 4, 4\)'),
    (np.zeros((4, 4, 5), np.uint16), CUBE, 'expected 3 bands as the camera describes, got 5'),
    (np.zeros((4, 4, 3), np.int16), CUBE, 'expected an image as uint8 or uint16 or float32, got int16'),
    (np.zeros((4, 4, 3), np.float64), CUBE, 'got float64'),
    (np.full((4, 4, 3), np.nan, np.float32), CUBE, 'expected finite image values, got 48 nan or infinite'),
    (np.zeros((0, 4, 3), np.uint8), CUBE, 'with pixels and bands'),
    (np.zeros((1, 1), np.uint8), MOSAIC, 'at least one cell of 2 x 2'),
    (np.zeros((2, 3, 4, 5), np.uint8), Camera(), r'expected a cube \(H, W, C\)'),
    (b'bytes', Camera(), 'got bytes'),
])
def test_an_image_that_does_not_fit_the_camera_is_refused(image, camera, message):
    with pytest.raises(ValueError, match=message):
        to_frame(image, camera)


def test_references_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r'as the references have, got \(2, 2, 3\)'):
        to_frame(np.zeros((2, 2, 3), np.uint8), CUBE, calibration=Calibration(white=np.ones(4)))


def test_the_warning_says_what_is_not_known():
    assert wavelength_warning(CUBE) is None
    assert 'index order' in wavelength_warning(Camera())
    nominal = Camera(wavelengths_nm=(600, 850, math.nan), nominal=True)
    assert '600-850 nm' in wavelength_warning(nominal)


def test_a_cube_read_with_its_own_camera_is_the_frame():
    levels = replace(MOSAIC, dark_levels=(1, 2, 3, 4), white_levels=(101, 202, 303, 5))
    image = mosaic_of(10, 20, 30, 0)
    described = cube_camera(levels, image_bands(image, levels))
    assert (described.dark_levels, described.white_levels) == ((2, 3, 1), (202, 303, 101))
    assert described.pixel_size == levels.pixel_size == (2, 2)
    frames = [to_frame(data, camera, calibration=Calibration.from_camera(camera))
              for data, camera in ((image, levels), (to_cube(image, levels), described))]
    np.testing.assert_array_equal(frames[0].data, frames[1].data)
    assert frames[0].info == frames[1].info


def references(kind, bands=4, shape=(7, 9)):
    rng = np.random.default_rng(5)
    if kind == 'none':
        return None
    size = (bands,) if kind == 'levels' else (*shape, bands)
    dark, white = rng.uniform(5, 20, size).astype(np.float32), rng.uniform(900, 1000, size).astype(np.float32)
    return Calibration(dark, white, rng.random((*shape, bands)) < 0.1 if kind == 'defective' else None)


@pytest.mark.parametrize('kind', ['none', 'levels', 'pixels', 'defective'])
@pytest.mark.parametrize('is_mosaic', [True, False])
@pytest.mark.parametrize('part', [
    (slice(None), slice(None)), (slice(2, 5), slice(3, 9)), (slice(6, 7), slice(0, 1)),
    (slice(1, None, 2), slice(0, 8, 3)),
    (slice(3, 3), slice(None)), (slice(-3, None), slice(None, -2)), (slice(None, None, -1), slice(4, 2, -1))])
def test_a_part_of_a_frame_is_that_part_of_its_data(kind, is_mosaic, part):
    rng = np.random.default_rng(1)
    shape = (15, 19) if is_mosaic else (7, 9, 4)        # the mosaic's last cells are cut
    image = rng.integers(0, 1023, shape).astype('>u2')
    camera = Camera(wavelengths_nm=(620, 500, 560, 450), bit_depth=10, mosaic_rows=2 * is_mosaic,
                    mosaic_columns=2 * is_mosaic)
    frame = to_frame(image, camera, calibration=references(kind))
    got = frame.part(*part)
    assert 'data' not in vars(frame)
    assert got.dtype == frame.dtype
    np.testing.assert_array_equal(got, frame.data[part])


def test_a_frame_with_defective_pixels_is_calibrated_once_for_all_its_parts(monkeypatch):
    calls = []
    apply = Calibration.apply
    monkeypatch.setattr(Calibration, 'apply', lambda *args: calls.append(1) or apply(*args))
    image = np.random.default_rng(1).integers(100, 900, (7, 9, 4)).astype(np.uint16)
    frame = to_frame(image, Camera(bit_depth=10), calibration=references('defective'))
    parts = [frame.part(slice(top, top + 3), slice(2, 6)) for top in (0, 2, 4)]
    np.testing.assert_array_equal(parts[1], frame.data[2:5, 2:6])
    assert len(calls) == 1
