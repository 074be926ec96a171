"""References turn digital numbers into reflectance; impossible ones are refused."""
from __future__ import annotations

import hashlib
import time

import numpy as np
import pytest

from hsi_models.calibration import Calibration
from hsi_models.camera import Camera
from hsi_models.frame import Quantity
from hsi_models.mosaic import cube_to_mosaic


def test_levels_and_images_of_references_agree_with_the_formula():
    rng = np.random.default_rng(0)
    cube = rng.integers(0, 1023, (5, 6, 4)).astype(np.uint16)
    dark, white = rng.uniform(5, 10, 4), rng.uniform(300, 900, 4)
    expected = (cube - dark) / (white - dark)
    levels = Calibration(dark, white).apply(cube)
    images = Calibration(np.broadcast_to(dark, cube.shape), np.broadcast_to(white, cube.shape)).apply(cube)
    assert levels.dtype == np.float32
    np.testing.assert_allclose(levels, expected, atol=1e-5)
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_reflectance_does_not_depend_on_the_light_that_made_both():
    scene = np.random.default_rng(0).uniform(0.1, 0.9, (4, 4, 3))
    results = []
    for light in ([100, 200, 300], [400, 100, 50]):
        white = np.array(light, float)
        results.append(Calibration(white=white).apply((scene * white).astype(np.float32)))
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)


def test_highlights_and_noise_below_dark_are_not_clipped():
    out = Calibration(np.array([10.0]), np.array([110.0])).apply(np.array([[[5], [210]]], np.uint16))
    np.testing.assert_allclose(out.ravel(), [-0.05, 2.0], atol=1e-6)


def test_a_camera_without_levels_gives_nothing_to_calibrate():
    assert Calibration.from_camera(Camera()) is None


def test_levels_of_a_camera_follow_its_wavelengths():
    camera = Camera(wavelengths_nm=(600, 500, float('nan'), 700), mosaic_rows=2, mosaic_columns=2,
                    white_levels=(60, 50, float('nan'), 70))
    assert Calibration.from_camera(camera).white.tolist() == [50, 60, 70]


def test_a_defective_pixel_takes_the_mean_of_its_good_neighbours_in_the_same_band():
    cube = np.arange(50, dtype=np.float32).reshape(5, 5, 2)
    mask = np.zeros(cube.shape, bool)
    mask[2, 2, 0] = mask[2, 3, 0] = mask[0, 0, 1] = True
    out = Calibration(defective=mask).apply(cube)
    around = [cube[y, x, 0] for y in (1, 2, 3) for x in (1, 2, 3) if not mask[y, x, 0]]
    assert out[2, 2, 0] == pytest.approx(np.mean(around))
    assert out[0, 0, 1] == pytest.approx(np.mean([cube[0, 1, 1], cube[1, 0, 1], cube[1, 1, 1]]))
    np.testing.assert_array_equal(out[~mask], cube[~mask])


def test_a_block_of_defective_pixels_is_filled_from_further_away():
    mask = np.zeros((8, 8, 1), bool)
    mask[1:6, 1:6] = True
    out = Calibration(defective=mask).apply(np.where(mask, 1000, 3).astype(np.uint16))
    assert (out == 3).all()


def test_many_defective_values_take_the_mean_of_the_smallest_square_with_good_ones():
    rng = np.random.default_rng(0)
    cube, mask = rng.random((30, 40, 2), np.float32), rng.random((30, 40, 2)) < 0.3
    mask[4:15, 3:16, 1] = True
    out = Calibration(defective=mask).apply(cube)
    for y, x, band in np.argwhere(mask):
        for radius in range(1, 40):
            square = np.s_[max(0, y - radius):y + radius + 1, max(0, x - radius):x + radius + 1, band]
            if not mask[square].all():
                break
        assert out[y, x, band] == pytest.approx(cube[square][~mask[square]].mean(), abs=1e-6)


def test_dead_rows_are_filled_at_once_and_the_middle_of_a_dead_area_by_one_near_pixel():
    cube = np.broadcast_to(np.arange(256, dtype=np.float32)[:, None, None], (256, 512, 16)).copy()
    mask = np.zeros(cube.shape, bool)
    mask[100:116] = mask[:60] = True
    started = time.process_time()
    out = Calibration(defective=mask).apply(cube)
    assert time.process_time() - started < 5        # one value after another: half a minute
    assert (out[100:108] <= 107).all()
    assert (out[101:107] == 99).all()
    assert (out[109:115] == 116).all()
    assert (out[:60] == 60).all()


@pytest.mark.parametrize(('arguments', 'message'), [
    ({'dark': [5, 5], 'white': [9, 5]}, r'white > dark, got 1 values.*index \(1,\)'),
    ({'dark': [np.nan], 'white': [9]}, 'finite references'),
    ({'dark': [1, 2], 'white': [9]}, 'one size and band count'),
    ({'dark': np.zeros((2, 2, 3)), 'white': np.ones((3, 2, 3))}, 'one size and band count'),
    ({'dark': np.zeros((2, 2))}, r'levels \(C,\) or an image \(H, W, C\), got shape \(2, 2\)'),
    ({'defective': np.zeros((2, 2))}, r'mask \(H, W, C\)'),
    ({'dark': [np.nan, 0], 'white': [9, 9]}, r'finite references.* index \(0,\)'),
    ({'white': [1e-39, 1]}, r'white > dark, got 1 values.*index \(0,\)'),
    ({'defective': np.ones((2, 2, 1))}, 'at least one good pixel in each band .* got 1 of band 0'),
    ({'defective': np.tile([[True, False]], (3, 4))[..., None] | (np.arange(3) == 1)[:, None, None]},
     'at most 50% of a band defective, got 0.667 of band 0'),
])
def test_impossible_references_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Calibration(**{name: np.asarray(value) for name, value in arguments.items()})


def test_a_dead_reference_pixel_is_accepted_once_marked_as_defective():
    white = np.full((3, 3, 1), 100.0)
    white[1, 1] = 0
    mask = white == 0
    out = Calibration(dark=np.ones((3, 3, 1)), white=white, defective=mask).apply(np.full((3, 3, 1), 50, np.uint8))
    np.testing.assert_allclose(out, 49 / 99, atol=1e-6)


def test_a_file_of_references_is_read_as_the_camera_gives_images_and_hashed(tmp_path):
    camera = Camera(wavelengths_nm=(620, 500, 560, 590), mosaic_rows=2, mosaic_columns=2)
    dark = np.random.default_rng(0).uniform(0, 5, (3, 4, 4)).astype(np.float32)
    path = tmp_path / 'references.npz'
    np.savez(path, dark=cube_to_mosaic(dark, 2, 2), white=np.array([100, 200, 300, 400]),
             defective=cube_to_mosaic(dark > 4.9, 2, 2))
    calibration = Calibration.from_npz(path, camera)
    order = [1, 2, 3, 0]
    np.testing.assert_array_equal(calibration.dark, dark[..., order])
    assert calibration.white.tolist() == [200, 300, 400, 100]
    np.testing.assert_array_equal(calibration.defective, (dark > 4.9)[..., order])
    assert calibration.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_camera_is_calibrated_by_the_file_and_without_one_by_its_levels(tmp_path):
    camera = Camera(wavelengths_nm=(620, 500), white_levels=(100, 200))
    path = tmp_path / 'references.npz'
    np.savez(path, white=np.full((3, 4, 2), (400.0, 500.0)))
    assert Calibration.of(camera).white.tolist() == [200, 100]
    assert Calibration.of(camera, str(path)).white[1, 1].tolist() == [500, 400]
    assert Calibration.of(Camera()) is None


def test_reflectance_is_not_calibrated_again(tmp_path):
    with pytest.raises(ValueError, match='expected images that are still to be calibrated .* got images of reflect'):
        Calibration.of(Camera(quantity=Quantity.REFLECTANCE), str(tmp_path / 'references.npz'))


@pytest.mark.parametrize(('write', 'message'), [
    (lambda path: None, 'references.npz, which is no file'),
    (lambda path: path.write_bytes(b'garbage'), 'expected a .npz file'),
    (lambda path: np.savez(path), 'expected the keys dark, white or defective, got none'),
    (lambda path: np.savez(path, other=np.ones(3)), 'expected the keys dark, white or defective, got other'),
    (lambda path: np.savez(path, dark=np.array([{}])), 'pickled Python objects'),
    (lambda path: np.savez(path, dark=np.array(['a'])), 'references as numbers'),
    (lambda path: np.savez(path, dark=np.ones((4, 4))), 'without a mosaic pattern'),
    (lambda path: np.savez(path, dark=np.ones(3), white=np.ones(3)), 'references.npz: expected finite references'),
])
def test_a_file_that_holds_no_references_is_refused(tmp_path, write, message):
    path = tmp_path / 'references.npz'
    write(path)
    with pytest.raises(ValueError, match=message):
        Calibration.from_npz(path)


def test_references_that_unpack_to_more_than_a_camera_gives_are_refused(tmp_path):
    np.savez(tmp_path / 'references.npz', dark=np.zeros(3), white=np.ones(3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('hsi_models.calibration.MAX_BYTES', 23)
        with pytest.raises(ValueError, match='references of at most 23 bytes as float32, got 24'):
            Calibration.from_npz(tmp_path / 'references.npz')
