"""A scene through a camera and onto disk, read back by the ordinary loader; real videos turned hyperspectral."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from hsi_models.data.open import open_sequence
from hsi_models.data.simulation.cameras import nominal_camera
from hsi_models.data.simulation.ordinary import ordinary_scene
from hsi_models.data.simulation.scene import expose, render, write_sequence
from hsi_models.data.simulation.videos import VideoFolder
from hsi_models.mosaic import mosaic_to_cube


@pytest.fixture
def video(tmp_path: Path) -> Path:
    folder = tmp_path / 'clip'
    folder.mkdir()
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(40, 200, (8, 10, 3)).astype(np.uint8), (60, 48), interpolation=cv2.INTER_CUBIC)
    for index in range(3):
        frame = ground.copy()
        frame[10:22, 8 + 6 * index:22 + 6 * index] = (30, 60, 220)      # a red thing in BGR
        cv2.imwrite(str(folder / f'{index + 1:04d}.jpg'), frame, [cv2.IMWRITE_JPEG_QUALITY, 98])
    (folder / 'groundtruth_rect.txt').write_text('8,10,14,12\n14,10,14,12\nnan,nan,nan,nan\n')
    return folder


@pytest.mark.parametrize(('kind', 'side'), [('vis', 4), ('nir', 5)])
def test_a_video_becomes_a_sequence_that_the_loader_reads(kind: str, side: int, video: Path, tmp_path: Path) -> None:
    camera, scene = nominal_camera(kind), ordinary_scene(VideoFolder(video), seed=1)
    exposure = expose(scene, camera)
    images = list(render(scene, camera, 1, exposure))
    write_sequence(tmp_path / 'out', camera.description(exposure), iter(images), scene.boxes, scene.attributes)
    sequence = open_sequence(tmp_path / 'out')
    assert len(sequence) == 3
    np.testing.assert_array_equal(sequence.image(1), images[1])
    assert images[1].shape == (48 * side, 60 * side)
    assert images[1].dtype == np.uint16
    np.testing.assert_allclose(sequence.boxes, scene.boxes)
    assert sequence.camera.mosaic_rows == side
    assert sequence.camera.white_levels == camera.description(exposure).white_levels
    assert sequence.camera.wavelengths_nm == camera.description(exposure).wavelengths_nm


def test_images_are_equal_by_seed_and_differ_in_noise(video: Path) -> None:
    camera, scene = nominal_camera('vis'), ordinary_scene(VideoFolder(video), seed=1)
    first, same, other = (next(render(scene, camera, seed, 0.8)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    redrawn = next(render(ordinary_scene(VideoFolder(video), seed=1), camera, 1, 0.8))
    np.testing.assert_array_equal(first, redrawn)


def test_the_target_keeps_its_spectrum_while_it_moves(video: Path) -> None:
    camera, scene = nominal_camera('vis'), ordinary_scene(VideoFolder(video), seed=1, light='steady')
    spectra = []
    for index, image in enumerate(render(scene, camera, 1, 0.8)):
        x = 8 + 6 * index
        spectra.append(mosaic_to_cube(image, 4, 4)[12:20, x + 2:x + 12].mean(axis=(0, 1)))
    angle = np.arccos(spectra[0] @ spectra[2] / np.linalg.norm(spectra[0]) / np.linalg.norm(spectra[2]))
    assert np.degrees(angle) < 2


def test_exposure_brings_the_brightest_to_the_share_asked_for(video: Path) -> None:
    camera, scene = nominal_camera('vis'), ordinary_scene(VideoFolder(video), seed=1)
    image = next(render(scene, camera, 1, expose(scene, camera, 0.5)))
    assert np.quantile(image, 0.999) == pytest.approx(0.5 * 1023, rel=0.15)


def test_large_videos_are_shrunk_boxes_with_them(video: Path) -> None:
    small = VideoFolder(video, longest=30)
    assert small.size == (24, 30)
    np.testing.assert_allclose(small.boxes[0], (4, 5, 7, 6))
    assert small.rgb(0).shape == (1, 3, 24, 30)


def test_malformed_folders_are_refused(video: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='got 0 frames and no ground truth'):
        VideoFolder(tmp_path)
    (video / 'groundtruth_rect.txt').write_text('1,2,3,4\n')
    with pytest.raises(ValueError, match=r'expected 3 rows of 4 numbers, got \(1, 4\)'):
        VideoFolder(video)


def test_a_sequence_needs_a_mosaic_and_one_image_a_box(tmp_path: Path) -> None:
    camera = nominal_camera('vis')
    with pytest.raises(ValueError, match='expected 2 images, one a box, got 1'):
        write_sequence(tmp_path / 'a', camera.description(), iter([np.zeros((8, 8), np.uint16)]), np.zeros((2, 4)))
    from hsi_models.camera import Camera
    with pytest.raises(ValueError, match='expected a mosaic camera'):
        write_sequence(tmp_path / 'b', Camera(), iter([]), np.zeros((0, 4)))
