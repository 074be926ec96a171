"""Measures of super-resolution against values worked out by hand."""
from __future__ import annotations

import math

import numpy as np
import pytest

from hsi_models.superresolution.metrics import CubeQuality, compare_cubes, mean_quality, spectral_angle_map


@pytest.fixture
def reference():
    cube = np.random.default_rng(0).random((16, 12, 3))
    cube[0, 0, 0] = 1.0
    return cube / cube.max()


def test_an_equal_cube_is_perfect(reference):
    quality = compare_cubes(reference, reference, 2)
    assert (quality.mssim, quality.cc) == pytest.approx((1, 1))
    assert (quality.sam_deg, quality.rmse, quality.ergas) == pytest.approx((0, 0, 0), abs=1e-4)
    assert quality.mpsnr_db == pytest.approx(200)


def test_a_known_error(reference):
    estimate = reference + np.array([0.1, 0.01, 0.001])
    quality = compare_cubes(reference, estimate, 4)
    assert quality.mpsnr_db == pytest.approx((20 + 40 + 60) / 3)
    assert quality.rmse == pytest.approx(math.sqrt((0.01 + 0.0001 + 0.000001) / 3))
    assert quality.cc == pytest.approx(1)
    means = reference.mean((0, 1))
    assert quality.ergas == pytest.approx(
        100 / 4 * math.sqrt((np.array([0.1, 0.01, 0.001]) ** 2 / means ** 2).mean()))


def test_ergas_has_the_ratio_of_its_scale(reference):
    estimate = reference + 0.05
    ratios = [compare_cubes(reference, estimate, scale).ergas * scale for scale in (2, 4, 8)]
    assert ratios == pytest.approx([ratios[0]] * 3)


def test_no_measure_but_none_depends_on_the_unit(reference):
    estimate = reference + np.random.default_rng(1).normal(0, 0.05, reference.shape)
    one, other = compare_cubes(reference, estimate, 2), compare_cubes(reference * 4000, estimate * 4000, 2)
    assert list(one.as_dict().values()) == pytest.approx(list(other.as_dict().values()))


def test_spectral_angle_ignores_brightness_and_leaves_zero_spectra_out():
    first = np.array([[[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]])
    second = np.array([[[0.0, 3.0], [5.0, 5.0], [1.0, 1.0]]])
    assert spectral_angle_map(first, second)[0] == pytest.approx([math.pi / 2, 0, math.nan], nan_ok=True, abs=1e-7)


def test_the_mean_counts_each_cube_once():
    qualities = [CubeQuality(*[float(i)] * 6) for i in (1, 3)]
    assert mean_quality(qualities) == CubeQuality(*[2.0] * 6)


@pytest.mark.parametrize(('truth', 'guess', 'message'), [
    (np.zeros((2, 2)), np.zeros((2, 2)), r'equal shape \(H, W, C\)'),
    (np.ones((2, 2, 1)), np.ones((2, 3, 1)), 'equal shape'),
    (np.ones((2, 2, 1)), np.full((2, 2, 1), np.nan), 'finite cubes'),
    (np.zeros((2, 2, 1)), np.ones((2, 2, 1)), 'positive values')])
def test_bad_cubes_are_refused(truth, guess, message):
    with pytest.raises(ValueError, match=message):
        compare_cubes(truth, guess, 2)


def test_no_cubes_have_no_mean():
    with pytest.raises(ValueError, match='at least one cube'):
        mean_quality([])
