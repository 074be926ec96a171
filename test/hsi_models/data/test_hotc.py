"""HOTC folders of all years give mosaics, camera and ground truth."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from hsi_models.camera import Camera
from hsi_models.data.cameras import camera_to_json
from hsi_models.data.hotc import HotcSequence
from hsi_models.data.sequence import Sequence
from hsi_models.ingest import to_frame


def write_frames(folder, frames=3, shape=(16, 32), first=1, dtype=np.uint16, suffix='.png'):
    folder.mkdir(parents=True, exist_ok=True)
    images = [np.random.default_rng(i).integers(0, 250, shape).astype(dtype) for i in range(frames)]
    for number, image in enumerate(images, first):
        assert cv2.imwrite(str(folder / f'{number:04d}{suffix}'), image)
    return images


@pytest.mark.parametrize(('place', 'shape', 'bands', 'name'), [
    ('ball/HSI', (16, 32), 16, 'ball'),
    ('training/HSI-VIS/ball', (16, 32), 16, 'ball'),
    ('validation/HSI-NIR/car', (25, 40), 25, 'car'),
    ('validation/HSI-RedNIR/rider', (16, 32), 15, 'rider'),
    ('HSI-NIR/park/img/park', (25, 40), 25, 'park'),
])
def test_each_layout_gives_camera_name_and_images(tmp_path, place, shape, bands, name):
    images = write_frames(tmp_path / place, shape=shape)
    sequence = HotcSequence(tmp_path / place)
    assert isinstance(sequence, Sequence)
    assert sequence.name == name
    assert len(sequence) == 3
    for index, image in enumerate(images):
        np.testing.assert_array_equal(sequence.image(index), image)
    frame = to_frame(sequence.image(0), sequence.camera)
    assert frame.bands == bands
    assert frame.info.is_sorted
    assert sequence.boxes.shape == (0, 4)
    assert sequence.stamp_ns(0) == 1_000_000_000
    assert sequence.stamp_ns(2) - sequence.stamp_ns(1) == 40_000_000


@pytest.mark.parametrize('text', [
    '1\t2\t30\t40\t\n1\t2\t30\t40\t\n5\t6\t30\t40\t\n', '1,2,30,40\n1,2,30,40\n5,6,30,40\n',
    '1.0 2.0 30 40\r\n1 2 30 40\r\n5 6 30 40', '  1 2  30 40 \n1, 2, 30, 40\n5\t6\t30\t40\n\n\n'])
@pytest.mark.parametrize('file', ['ball/groundtruth_rect.txt', 'ball/HSI/groundtruth_rect.txt'])
def test_ground_truth_in_any_writing_beside_or_with_the_images(tmp_path, text, file):
    write_frames(tmp_path / 'ball' / 'HSI')
    (tmp_path / file).write_bytes(text.encode())
    np.testing.assert_array_equal(HotcSequence(tmp_path / 'ball' / 'HSI').boxes,
                                  [[1, 2, 30, 40], [1, 2, 30, 40], [5, 6, 30, 40]])
    np.testing.assert_array_equal(HotcSequence(tmp_path / 'ball' / 'HSI', one_based=True).boxes[0], [0, 1, 30, 40])


def test_a_test_set_gives_the_first_box_alone(tmp_path):
    write_frames(tmp_path / 'HSI-VIS' / 'ball')
    (tmp_path / 'HSI-VIS' / 'ball' / 'init_rect.txt').write_text('1 2 3 4')
    assert HotcSequence(tmp_path / 'HSI-VIS' / 'ball').boxes.tolist() == [[1, 2, 3, 4]]


def test_frames_without_valid_truth_are_nan(tmp_path):
    write_frames(tmp_path / 'HSI-VIS' / 'ball')
    (tmp_path / 'HSI-VIS' / 'ball' / 'groundtruth_rect.txt').write_text('1 2 3 4\n0 0 0 0\nnan nan nan nan\n')
    assert np.isnan(HotcSequence(tmp_path / 'HSI-VIS' / 'ball').boxes[1:]).all()


def test_numbers_order_the_frames_padded_or_not(tmp_path):
    write_frames(tmp_path / 'HSI', 1)
    for number in range(2, 13):
        cv2.imwrite(str(tmp_path / 'HSI' / f'{number}.png'), np.full((16, 32), number, np.uint16))
    (tmp_path / 'HSI' / '._0003.png').write_bytes(b'')
    (tmp_path / 'HSI' / 'Thumbs.db').write_bytes(b'')
    sequence = HotcSequence(tmp_path / 'HSI')
    assert [int(sequence.image(i)[0, 0]) for i in range(1, 12)] == list(range(2, 13))


def test_any_other_camera_by_its_description(tmp_path):
    camera = Camera(wavelengths_nm=(500, 600, 700, 800), mosaic_rows=2, mosaic_columns=2, bit_depth=12,
                    white_levels=(1000,) * 4)
    write_frames(tmp_path / 'scene', shape=(9, 11), dtype=np.uint8, suffix='.tif')
    (tmp_path / 'scene' / 'wavelengths.json').write_text(camera_to_json(camera))
    sequence = HotcSequence(tmp_path / 'scene')
    assert sequence.camera == camera
    assert to_frame(sequence.image(0), camera).data.shape == (4, 5, 4)


def test_a_description_beside_the_images_comes_before_the_table(tmp_path):
    camera = Camera(wavelengths_nm=(500, 600, 700, 800), mosaic_rows=2, mosaic_columns=2)
    write_frames(tmp_path / 'HSI-NIR' / 'a', shape=(8, 8))
    (tmp_path / 'HSI-NIR' / 'wavelengths.json').write_text(camera_to_json(camera))
    assert HotcSequence(tmp_path / 'HSI-NIR' / 'a').camera == camera


def test_attributes_are_read_where_they_are_given(tmp_path):
    write_frames(tmp_path / 'HSI-VIS' / 'ball')
    (tmp_path / 'HSI-VIS' / 'attributes.json').write_text('{"ball": ["OCC", "SV"], "car": ["LR"]}')
    assert HotcSequence(tmp_path / 'HSI-VIS' / 'ball').attributes == ('OCC', 'SV')


@pytest.mark.parametrize('index', [-1, 3])
def test_a_frame_that_is_not_there_is_an_index_error(tmp_path, index):
    write_frames(tmp_path / 'HSI')
    with pytest.raises(IndexError, match=r'expected a frame 0\.\.2'):
        HotcSequence(tmp_path / 'HSI').image(index)


def test_real_ground_truth_of_hotc_2020(tmp_path, shared_data):
    text = (shared_data / 'hotc2020_gt_boxes' / 'car2_gt.txt').read_text()
    write_frames(tmp_path / 'car2' / 'HSI', frames=len(text.split('\n')) - text.endswith('\n'), shape=(4, 4))
    (tmp_path / 'car2' / 'groundtruth_rect.txt').write_text(text)
    sequence = HotcSequence(tmp_path / 'car2' / 'HSI')
    assert sequence.boxes.shape == (len(sequence), 4)
    assert sequence.boxes[0].tolist() == [89, 83, 22, 15]


def test_a_real_mosaic_is_read_as_stored(tmp_path, shared_data):
    source = shared_data / 'real_mosaics' / 'mei_shanghai_5_0.tif'
    folder = tmp_path / 'street'
    folder.mkdir()
    (folder / '0001.tif').write_bytes(source.read_bytes())
    sequence = HotcSequence(folder, camera=Camera(mosaic_rows=4, mosaic_columns=4, bit_depth=8))
    frame = to_frame(sequence.image(0), sequence.camera)
    assert frame.data.shape == (256, 512, 16)
    assert frame.data.dtype == np.uint8
    # Neighbouring bands of one scene are nearly the same picture.
    assert np.corrcoef(frame.data[..., 0].ravel(), frame.data[..., 1].ravel())[0, 1] > 0.95
