from __future__ import annotations

import copy
from dataclasses import replace

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


class Source:
    """Makes `cube()` and counts the pixels."""

    def __init__(self, dtype='uint16', shape=(6, 5, 4)):
        self.dtype, self.shape, self.made = np.dtype(dtype), shape, 0

    def part(self, rows, columns):
        part = cube()[rows, columns]
        self.made += part.shape[0] * part.shape[1]
        return part


class TestDeferred:
    def test_makes_what_is_asked_for_and_the_whole_once(self):
        source = Source()
        frame = HyperspectralFrame.deferred(source, SpectralInfo(saturation=1023), stamp_ns=7, frame_id='camera', seq=3,
                                            upscaling=2)
        assert (frame.height, frame.width, frame.bands, frame.scale, frame.dtype) == (6, 5, 4, 1023, np.uint16)
        assert (frame.stamp_ns, frame.frame_id, frame.seq, frame.upscaling) == (7, 'camera', 3, 2)
        assert source.made == 0
        np.testing.assert_array_equal(frame.part(slice(1, 3), slice(2, 5)), cube()[1:3, 2:5])
        assert source.made == 6
        np.testing.assert_array_equal(frame.data, cube())
        assert frame.data is frame.data
        np.testing.assert_array_equal(frame.part(slice(1, 3), slice(2, 5)), cube()[1:3, 2:5])
        assert source.made == 6 + 30

    def test_is_a_frame_like_any_other(self):
        info = SpectralInfo(wavelengths_nm=(600, 500, 700, 400))
        deferred = HyperspectralFrame.deferred(Source(), info)
        for frame in (copy.copy(deferred), deferred):
            later = replace(frame, stamp_ns=9)
            assert later.stamp_ns == 9
            np.testing.assert_array_equal(later.data, cube())
            np.testing.assert_array_equal(frame.sorted_by_wavelength().data, cube()[..., [3, 1, 0, 2]])

    @pytest.mark.parametrize(('source', 'info', 'message'), [
        (Source(dtype='float64'), {}, 'uint8 or uint16 or float32, got float64'),
        (Source(shape=(0, 5, 4)), {}, 'at least one pixel'),
        (Source(), {'wavelengths_nm': (1, 2, 3)}, 'expected 4 wavelengths_nm.* got 3'),
    ])
    def test_malformed_ones_are_refused_before_anything_is_made(self, source, info, message):
        with pytest.raises(ValueError, match=message):
            HyperspectralFrame.deferred(source, SpectralInfo(**info))

    def test_unknown_attributes_stay_unknown(self):
        with pytest.raises(AttributeError, match="'HyperspectralFrame' object has no attribute 'pixels'"):
            _ = HyperspectralFrame.deferred(Source(), SpectralInfo()).pixels
