from __future__ import annotations

import numpy as np
import pytest

from hsi_models.frame import HyperspectralFrame, Quantity, SpectralInfo


def cube(bands=4, dtype=np.uint16):
    return np.arange(6 * 5 * bands).reshape(6, 5, bands).astype(dtype)


def test_shape_names():
    frame = HyperspectralFrame(cube(), stamp_ns=7, frame_id='camera', seq=3)
    assert (frame.height, frame.width, frame.bands) == (6, 5, 4)


@pytest.mark.parametrize(('dtype', 'saturation', 'scale'), [
    (np.uint8, 0, 255), (np.uint16, 0, 65535), (np.uint16, 1023, 1023), (np.float32, 0, 1), (np.float32, 2, 2)])
def test_scale_is_a_constant_of_the_source(dtype, saturation, scale):
    frame = HyperspectralFrame(cube(dtype=dtype), SpectralInfo(saturation=saturation))
    assert frame.scale == scale
    np.testing.assert_allclose(frame.as_float(), frame.data / scale, rtol=1e-6)
    assert frame.as_float().dtype == np.float32


def test_sorting_moves_data_and_metadata_together():
    info = SpectralInfo(wavelengths_nm=(600, 500, 700, 400), fwhm_nm=(6, 5, 7, 4), quantity=Quantity.RADIANCE)
    frame = HyperspectralFrame(cube(), info).sorted_by_wavelength()
    assert frame.info.wavelengths_nm == (400, 500, 600, 700)
    assert frame.info.fwhm_nm == (4, 5, 6, 7)
    np.testing.assert_array_equal(frame.data, cube()[..., [3, 1, 0, 2]])
    assert frame.sorted_by_wavelength() is frame


def test_unknown_wavelengths_keep_index_order():
    frame = HyperspectralFrame(cube())
    assert frame.sorted_by_wavelength() is frame


@pytest.mark.parametrize(('data', 'info', 'message'), [
    (np.zeros((4, 4)), {}, r'shape \(H, W, C\), got \(4, 4\)'),
    ([[1]], {}, 'got list'),
    (np.zeros((4, 4, 2)), {}, 'uint8 or uint16 or float32, got float64'),
    (np.zeros((0, 4, 2), np.uint8), {}, 'at least one pixel'),
    (np.zeros((4, 4, 2), np.uint8), {'wavelengths_nm': (1, 2, 3)}, 'expected 2 wavelengths_nm.* got 3'),
])
def test_malformed_frames_are_refused(data, info, message):
    with pytest.raises(ValueError, match=message):
        HyperspectralFrame(data, SpectralInfo(**info))


@pytest.mark.parametrize(('fields', 'message'), [
    ({'wavelengths_nm': (500, float('nan'))}, 'wavelengths_nm > 0, got nan'),
    ({'wavelengths_nm': (500, 600), 'fwhm_nm': (5,)}, r'one fwhm_nm a wavelength \(2\), got 1'),
    ({'saturation': -1.0}, 'saturation >= 0'),
    ({'quantity': 'colour'}, 'colour'),
])
def test_malformed_info_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        SpectralInfo(**fields)
