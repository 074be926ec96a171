"""A mosaic is taken apart cell by cell and put together again without loss."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from hsi_models.mosaic import cube_to_mosaic, mosaic_to_cube


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'float32'])
@pytest.mark.parametrize(('rows', 'columns'), [(1, 1), (2, 2), (2, 4), (3, 2), (4, 4), (5, 5)])
def test_each_band_is_one_cell_of_the_pattern(rows, columns, dtype):
    mosaic = np.random.default_rng(0).integers(0, 250, (rows * 6, columns * 7)).astype(dtype)
    cube = mosaic_to_cube(mosaic, rows, columns)
    assert cube.shape == (6, 7, rows * columns)
    assert cube.dtype == mosaic.dtype
    assert cube.flags.c_contiguous
    for k in range(rows * columns):
        np.testing.assert_array_equal(cube[..., k], mosaic[k // columns::rows, k % columns::columns])
    np.testing.assert_array_equal(cube_to_mosaic(cube, rows, columns), mosaic)


def test_partial_cells_at_the_edges_are_left_out():
    mosaic = np.arange(11 * 14, dtype=np.uint16).reshape(11, 14)
    np.testing.assert_array_equal(mosaic_to_cube(mosaic, 5, 5), mosaic_to_cube(mosaic[:10, :10], 5, 5))


def test_views_and_big_endian_images_give_the_same_cube():
    mosaic = np.random.default_rng(0).integers(0, 1000, (16, 24)).astype(np.uint16)
    expected = mosaic_to_cube(mosaic, 4, 4)
    wider = np.pad(mosaic, ((3, 0), (0, 5)))
    np.testing.assert_array_equal(mosaic_to_cube(wider[3:, :24], 4, 4), expected)
    swapped = mosaic_to_cube(mosaic.astype('>u2'), 4, 4)
    assert swapped.dtype == np.dtype(np.uint16)
    np.testing.assert_array_equal(swapped, expected)


@pytest.mark.parametrize(('image', 'rows', 'message'), [
    (np.zeros((8, 8, 3), np.uint8), 4, r'one channel, got \(8, 8, 3\)'),
    (np.zeros((8, 8), np.int32), 4, 'expected a mosaic as uint8 or uint16 or float32, got int32'),
    (np.zeros((8, 8), np.uint8), 0, 'at least 1 x 1 filters, got 0 x 4'),
    (np.zeros((3, 8), np.uint8), 4, 'at least one cell of 4 x 4 pixels, got 3 x 8'),
    ([[1, 2]], 1, 'got list'),
])
def test_an_image_that_is_no_mosaic_is_refused(image, rows, message):
    with pytest.raises(ValueError, match=message):
        mosaic_to_cube(image, rows, 4)


def test_a_cube_that_does_not_fill_the_pattern_is_refused():
    with pytest.raises(ValueError, match=r'\(H, W, 16\) for a 4 x 4 pattern, got \(2, 2, 15\)'):
        cube_to_mosaic(np.zeros((2, 2, 15), np.uint8), 4, 4)


def test_the_same_filter_four_rows_on_agrees_better_than_the_next_row_of_a_real_frame(shared_data):
    path = shared_data / 'real_mosaics' / 'room_scene_colorchecker_testborad_prefix_6.tif'
    mosaic = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    cube = mosaic_to_cube(mosaic, 4, 4).astype(float)
    within = np.abs(np.diff(cube, axis=0)).mean()
    across = np.abs(np.diff(mosaic.astype(float), axis=0)).mean()
    assert within < 0.5 * across
