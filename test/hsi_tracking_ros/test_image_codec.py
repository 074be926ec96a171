from __future__ import annotations

import sys
import time
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
from sensor_msgs.msg import Image  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from hsi_tracking_ros import image_codec  # noqa: E402
from hsi_tracking_ros.image_codec import encoding_of, scaled_uint16, to_array, to_message  # noqa: E402

RNG = np.random.default_rng(0)


def pixels_of(shape, dtype):
    if dtype == 'float32':
        return RNG.normal(size=shape).astype(np.float32)
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def message_of(encoding='16UC3', height=2, width=5, step=30, data=bytes(60), is_bigendian=0):
    return Image(height=height, width=width, encoding=encoding, step=step, is_bigendian=is_bigendian, data=data)


@pytest.mark.parametrize(('shape', 'dtype', 'encoding'), [
    ((6, 8), 'uint8', 'mono8'), ((6, 8), 'uint16', 'mono16'),
    ((4, 3, 1), 'uint8', '8UC1'), ((4, 3, 3), 'uint8', '8UC3'), ((4, 3, 16), 'uint16', '16UC16'),
    ((4, 3, 1), 'float32', '32FC1'), ((4, 3, 61), 'float32', '32FC61'), ((1, 1, 512), 'uint16', '16UC512'),
])
def test_pixels_survive_the_round_trip_bit_for_bit(shape, dtype, encoding):
    pixels = pixels_of(shape, dtype)
    message = to_message(pixels, Header(frame_id='camera'))
    assert message.encoding == encoding_of(pixels) == encoding
    assert (message.height, message.width) == shape[:2]
    assert message.header.frame_id == 'camera'
    back = to_array(message)
    assert back.dtype == pixels.dtype
    # one band of 8UC1 is a mosaic to whoever reads it: sensor_msgs gives the encoding no other meaning
    np.testing.assert_array_equal(back, pixels[..., 0] if encoding == '8UC1' else pixels)


@pytest.mark.parametrize('data', [bytes, bytearray, lambda b: np.frombuffer(b, np.uint8)])
def test_any_buffer_that_a_message_may_hold_is_read(data):
    pixels = pixels_of((4, 6), 'uint16')
    message = message_of('mono16', 4, 6, 12)
    message._data = data(pixels.tobytes())
    np.testing.assert_array_equal(to_array(message), pixels)


def test_reading_copies_nothing_and_the_view_is_read_only():
    message = to_message(pixels_of((8, 8, 16), 'uint16'))
    pixels = to_array(message)
    assert np.shares_memory(pixels, np.frombuffer(message.data, np.uint8))
    with pytest.raises(ValueError, match='read-only'):
        pixels[0] = 0


@pytest.mark.parametrize(('encoding', 'shape', 'dtype'), [
    ('mono8', (3, 5), 'uint8'), ('16UC1', (3, 5), 'uint16'), ('16UC4', (3, 5, 4), 'uint16'),
    ('32FC2', (3, 5, 2), 'float32'),
])
@pytest.mark.parametrize('padding', [0, 3, 8])
@pytest.mark.parametrize('big_endian', [False, True])
def test_row_padding_and_byte_order(encoding, shape, dtype, padding, big_endian):
    pixels = pixels_of(shape, dtype)
    stored = pixels.astype(pixels.dtype.newbyteorder('>' if big_endian else '<'))
    rows = stored.reshape(shape[0], -1).view(np.uint8)
    data = np.pad(rows, ((0, 0), (0, padding)), constant_values=255).tobytes()
    message = message_of(encoding, shape[0], shape[1], rows.shape[1] + padding, data, int(big_endian))
    back = to_array(message)
    assert back.dtype == np.dtype(dtype)
    assert back.dtype.isnative
    np.testing.assert_array_equal(back, pixels)


@pytest.mark.parametrize(('message', 'says'), [
    *((message_of(encoding), f"expected encoding mono8, .* got '{encoding}'")
      for encoding in ('', 'bgr8', '64FC3', '16SC3', '16UC0', '16UC', '16UC03', 'mono16 ')),
    *((message_of(encoding), 'expected at most 512 bands') for encoding in ('16UC513', '8UC999999999')),
    (message_of(height=0), 'expected height and width 1..65535, got 0 x 5'),
    (message_of(width=0), 'expected height and width 1..65535, got 2 x 0'),
    (message_of(step=29), 'expected step >= 30 bytes for 5 pixels of 16UC3, got 29'),
    (message_of(step=0), 'expected step >= 30'),
    (message_of(data=bytes(59)), r'expected 60 bytes of data \(step 30 x height 2\), got 59'),
    (message_of(data=bytes(61)), 'got 61'),
    (message_of(data=b''), 'got 0'),
])
def test_bad_messages_are_refused_with_expected_and_got(message, says):
    with pytest.raises(ValueError, match=says):
        to_array(message)


@pytest.mark.parametrize(('height', 'width', 'step', 'says'), [
    (60_000, 60_000, 60_000 * 1024, 'a header that declares'),
    (2 ** 32 - 1, 1, 1024, 'expected height and width'),
    (1, 1, 2 ** 32 - 1, 'a header that declares 4294967295'),
    (65_535, 30, 30_720, 'expected 2013235200 bytes of data'),
])
def test_an_absurd_header_costs_neither_memory_nor_time(height, width, step, says):
    message = Image(height=height, width=width, step=step, encoding='16UC512', data=bytes(100))
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(ValueError, match=says):
        to_array(message)
    assert time.perf_counter() - start < 0.1
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_their_place(bad):
    pixels = pixels_of((3, 4, 5), 'float32')
    pixels[1, 2, 3] = pixels[2, 0, 0] = bad
    with pytest.raises(ValueError, match=r'expected finite values, got (nan|-?inf) at .* \(1, 2, 3\) and 1 more'):
        to_array(to_message(pixels))


def test_large_finite_values_are_not_mistaken_for_infinity():
    pixels = np.full((2, 2, 2), 3e38, np.float32)
    np.testing.assert_array_equal(to_array(to_message(pixels)), pixels)


@pytest.mark.parametrize(('pixels', 'says'), [
    (np.zeros((2, 2, 2, 2), np.uint8), r'got \(2, 2, 2, 2\)'), (np.zeros((2, 2)), 'float64'),
    (np.zeros((0, 2), np.uint8), r'\(0, 2\)'), (np.zeros((1, 1, 513), np.uint8), 'at most 512 bands'),
])
def test_pixels_without_an_encoding_are_refused(pixels, says):
    with pytest.raises(ValueError, match=says):
        to_message(pixels)


def test_display_images_without_cv_bridge(monkeypatch):
    monkeypatch.setattr(image_codec, 'optional_module', lambda name: None)
    pixels = pixels_of((3, 4, 3), 'uint8')
    message = to_message(pixels, encoding='rgb8')
    assert (message.encoding, message.step, bytes(message.data)) == ('rgb8', 12, pixels.tobytes())
    assert message.is_bigendian == (sys.byteorder == 'big')


def test_display_images_go_through_cv_bridge_where_it_is_installed(monkeypatch):
    class CvBridge:
        def cv2_to_imgmsg(self, pixels, encoding):
            return Image(height=pixels.shape[0], encoding=encoding)
    monkeypatch.setattr(image_codec, 'optional_module', lambda name: SimpleNamespace(CvBridge=CvBridge))
    message = to_message(pixels_of((3, 4, 3), 'uint8'), Header(frame_id='x'), 'rgb8')
    assert (message.height, message.encoding, message.header.frame_id) == (3, 'rgb8', 'x')


def test_display_images_with_the_real_cv_bridge():
    pytest.importorskip('cv_bridge', reason='cv_bridge has no wheel: it comes with an installed ROS 2')
    if image_codec.optional_module('cv_bridge') is None:
        pytest.skip("cv_bridge's compiled part is missing")
    pixels = pixels_of((3, 4, 3), 'uint8')
    assert bytes(to_message(pixels, encoding='rgb8').data) == pixels.tobytes()


@pytest.mark.parametrize(('shape', 'dtype', 'encoding'), [
    ((3, 4), 'uint8', 'rgb8'), ((3, 4, 3), 'uint16', 'rgb8'), ((3, 4, 3), 'uint8', 'yuv422')])
def test_display_encodings_have_to_fit(shape, dtype, encoding):
    with pytest.raises(ValueError, match=f"expected pixels that fit '{encoding}'"):
        to_message(pixels_of(shape, dtype), encoding=encoding)


def test_reflectance_as_integers_is_rounded_and_clipped():
    cube = np.array([[[-0.1, 0.0, 0.123449, 0.12346, 1.0, 7.0]]], np.float32)
    assert scaled_uint16(cube, 10_000.0).ravel().tolist() == [0, 0, 1234, 1235, 10_000, 65_535]
