"""Pan: the window moves, the picture does not change."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from hsi_models.data.simulation.pan import moving_boxes, pan_mosaic, window_offsets

BOX = (100.0, 60.0, 20.0, 16.0)


def test_a_real_mosaic_is_shown_untouched_and_its_box_moves_against_the_window(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).integers(0, 256, (4 * 128, 4 * 200)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / 'm.png'), whole)
    camera, images, boxes = pan_mosaic(tmp_path / 'm.png', BOX, (64, 96), 12, seed=1)
    assert camera.bit_depth == 8
    assert len(boxes) == 12
    assert np.ptp(boxes[:, 0]) > 2
    for image, (x, y, w, h) in zip(images, boxes, strict=True):
        assert image.shape == (256, 384)
        top, left = round(BOX[1] - y), round(BOX[0] - x)
        np.testing.assert_array_equal(image, whole[4 * top:4 * top + 256, 4 * left:4 * left + 384])
        assert (w, h) == BOX[2:]


def test_a_box_that_leaves_is_cut_and_then_not_true() -> None:
    offsets = np.array([[60, 100], [60, 110], [60, 119], [60, 125]])
    boxes = moving_boxes(BOX, offsets, (40, 50))
    np.testing.assert_allclose(boxes[0], (0, 0, 20, 16))
    np.testing.assert_allclose(boxes[1], (0, 0, 10, 16))
    assert np.isnan(boxes[2:]).all()


def test_bad_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='expected a window within a scene of 50 x 60, got 64 x 40'):
        window_offsets((50, 60), (64, 40), BOX, 5, np.random.default_rng(0))
    (tmp_path / 'm.png').write_text('no picture')
    with pytest.raises(ValueError, match='expected a picture of one channel, got no picture'):
        pan_mosaic(tmp_path / 'm.png', BOX, (64, 96), 5, seed=1)
