"""MUST: eight bands in the right order, from arrays or from three JPEGs."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from hsi_models.data.must import MustSequence
from hsi_models.data.sequence import Sequence
from hsi_models.ingest import to_frame


def cube_of(number):
    return np.full((24, 32, 8), number, np.uint8) + np.arange(0, 160, 20, dtype=np.uint8)


def write_jpegs(folder, frames=3, parts=(1, 2, 3)):
    folder.mkdir(parents=True)
    for number in range(1, frames + 1):
        for part, first in ((1, 0), (2, 3), (3, 5)):
            if part in parts:
                assert cv2.imwrite(str(folder / f'{number:06d}_img{part}.jpg'), cube_of(number)[..., first:first + 3],
                                   [cv2.IMWRITE_JPEG_QUALITY, 100])


def test_three_jpegs_give_eight_bands_in_order(tmp_path):
    write_jpegs(tmp_path / 'car')
    sequence = MustSequence(tmp_path / 'car')
    assert isinstance(sequence, Sequence)
    assert len(sequence) == 3
    image = sequence.image(1)
    assert image.shape == (24, 32, 8)
    assert abs(image.astype(int) - cube_of(2)).max() <= 2
    assert to_frame(image, sequence.camera).scale == 255


def test_arrays_are_taken_as_stored(tmp_path):
    for number in range(1, 4):
        np.save(tmp_path / f'{number:06d}.npy', cube_of(number))
    (tmp_path / 'groundtruth.txt').write_text('1,2,3,4\n' * 3)
    sequence = MustSequence(tmp_path)
    np.testing.assert_array_equal(sequence.image(2), cube_of(3))
    assert sequence.boxes.shape == (3, 4)
    assert sequence.camera.model == 'MUST'


def test_ground_truth_in_the_parallel_tree(tmp_path):
    write_jpegs(tmp_path / 'HSIJPG' / 'test' / 'car')
    truth = tmp_path / 'FalseColor' / 'test' / 'car'
    truth.mkdir(parents=True)
    (truth / 'groundtruth.txt').write_text('1,2,3,4\n' * 3)
    assert len(MustSequence(tmp_path / 'HSIJPG' / 'test' / 'car').boxes) == 3


def test_a_missing_part_of_a_frame_is_named(tmp_path):
    write_jpegs(tmp_path / 'car', parts=(1, 3))
    with pytest.raises(ValueError, match=r'three images of frame 000001.*got 000001_img1.jpg, 000001_img3.jpg'):
        MustSequence(tmp_path / 'car')


def test_parts_of_different_size_and_grey_ones_are_refused(tmp_path):
    write_jpegs(tmp_path / 'car')
    cv2.imwrite(str(tmp_path / 'car' / '000001_img2.jpg'), np.zeros((5, 5, 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'car' / '000002_img2.jpg'), np.zeros((24, 32), np.uint8))
    sequence = MustSequence(tmp_path / 'car')
    for index in (0, 1):
        with pytest.raises(ValueError, match=r'three images \(H, W, 3\) of one size'):
            sequence.image(index)


def test_an_array_of_other_shape_is_refused(tmp_path):
    np.save(tmp_path / '1.npy', np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match=r'expected a cube \(H, W, 8\), got \(4, 4, 3\)'):
        MustSequence(tmp_path).image(0)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match='found none'):
        MustSequence(tmp_path)
