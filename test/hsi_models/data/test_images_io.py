"""Headers say what decoding gives, for each format and byte order."""
from __future__ import annotations

import os
import resource
import struct

import cv2
import numpy as np
import pytest

from hsi_models.data.images_io import ImageHeader, read_header, read_image, read_single_channel

GREY = np.random.default_rng(0).integers(0, 1000, (5, 7)).astype(np.uint16)
COLOUR = np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype(np.uint8)


def big_endian_tiff(image):
    """An uncompressed TIFF of one strip, most significant byte first."""
    entries = [(256, 3, image.shape[1]), (257, 3, image.shape[0]), (258, 3, 16), (259, 3, 1), (262, 3, 1),
               (273, 4, 8 + 2 + 12 * 9 + 4), (277, 3, 1), (278, 3, image.shape[0]), (279, 4, image.nbytes)]
    body = b''.join(struct.pack('>HHI', tag, kind, 1) + (struct.pack('>HH', value, 0) if kind == 3
                                                         else struct.pack('>I', value))
                    for tag, kind, value in entries)
    return b'MM\0*' + struct.pack('>IH', 8, len(entries)) + body + bytes(4) + image.astype('>u2').tobytes()


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
@pytest.mark.parametrize('image', [GREY, COLOUR, GREY.astype(np.uint8), np.dstack([COLOUR, COLOUR[..., :1]])])
def test_lossless_formats(tmp_path, suffix, image):
    path = tmp_path / f'a{suffix}'
    stored = image if image.ndim == 2 else np.concatenate([image[..., 2::-1], image[..., 3:]], axis=2)
    assert cv2.imwrite(str(path), stored)
    assert read_header(path) == ImageHeader(5, 7, image.shape[2] if image.ndim == 3 else 1)
    np.testing.assert_array_equal(read_image(path), image)


def test_jpeg(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.jpg'), np.full((5, 7, 3), [0, 0, 200], np.uint8))
    assert read_header(tmp_path / 'a.jpg') == ImageHeader(5, 7, 3)
    assert read_image(tmp_path / 'a.jpg')[0, 0, 0] > 180       # red comes first


def test_big_endian_tiff(tmp_path):
    (tmp_path / 'a.tif').write_bytes(big_endian_tiff(GREY))
    assert read_header(tmp_path / 'a.tif') == ImageHeader(5, 7, 1)
    image = read_single_channel(tmp_path / 'a.tif')
    assert image.dtype == np.dtype(np.uint16)
    np.testing.assert_array_equal(image, GREY)


def test_float_tiff(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.tif'), GREY.astype(np.float32) / 7)
    np.testing.assert_array_equal(read_single_channel(tmp_path / 'a.tif'), GREY.astype(np.float32) / 7)


@pytest.mark.parametrize('image', [COLOUR, GREY.astype(np.float64)])
def test_a_raw_image_has_one_channel_of_a_known_type(tmp_path, image):
    cv2.imwrite(str(tmp_path / 'a.tif'), image)
    with pytest.raises(ValueError, match='expected one channel of uint8, uint16 or float32'):
        read_single_channel(tmp_path / 'a.tif')


def test_a_truncated_jpeg_is_refused(tmp_path):
    path = tmp_path / 'a.jpg'
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match='truncated'):
        read_image(path)


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.jpg'])
def test_a_header_is_read_without_the_file_and_a_boundless_file_is_refused(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    cv2.imwrite(str(path), COLOUR)
    os.truncate(path, 1 << 29)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_header(path) == ImageHeader(5, 7, 3)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 16      # KiB
    os.truncate(path, (1 << 30) + 1)
    for read in (read_header, read_image):
        with pytest.raises(ValueError, match='expected an image file of at most 1073741824 bytes, got 1073741825'):
            read(path)


def test_a_header_of_padding_alone_ends(tmp_path):
    (tmp_path / 'a.jpg').write_bytes(b'\xff\xd8' + b'\xff' * (1 << 24))
    with pytest.raises(ValueError, match='expected an image header'):
        read_header(tmp_path / 'a.jpg')


def test_a_pipe_is_no_image(tmp_path):
    os.mkfifo(tmp_path / 'a.png')
    with pytest.raises(ValueError, match='expected a regular file'):
        read_header(tmp_path / 'a.png')
