"""Spectral measures do what their names promise: independence of brightness, of scale, of correlated noise."""
from __future__ import annotations

import math

import numpy as np
import pytest

from hsi_models.spectral import adaptive_cosine, band_statistics, matched_filter, spectral_angle


@pytest.mark.parametrize(('a', 'b', 'angle'), [
    ([1, 0], [0, 2], math.pi / 2), ([1, 1], [3, 3], 0.0), ([1, 0], [1, 1], math.pi / 4), ([1, 0], [-2, 0], math.pi),
    ([0, 0], [1, 1], math.pi / 2),
])
def test_spectral_angle_of_known_pairs(a, b, angle):
    assert spectral_angle(a, b) == pytest.approx(angle, abs=1e-6)


def test_spectral_angle_is_independent_of_brightness_and_works_on_integers():
    rng = np.random.default_rng(0)
    cube = rng.integers(1, 200, (4, 5, 16)).astype(np.uint16)
    reference = rng.uniform(1, 2, 16)
    np.testing.assert_allclose(spectral_angle(cube, reference), spectral_angle(cube * 7.0, reference * 0.1), atol=1e-6)
    assert spectral_angle(cube, cube[0, 0])[0, 0] == pytest.approx(0, abs=1e-6)


def test_spectral_angle_resolves_small_angles():
    tilted = [math.cos(1e-4), math.sin(1e-4)]
    assert spectral_angle([1.0, 0.0], tilted) == pytest.approx(1e-4, rel=1e-3)


def test_spectra_of_different_length_are_refused():
    with pytest.raises(ValueError, match='equal numbers of bands'):
        spectral_angle(np.ones((2, 3)), np.ones(4))


def correlated(count, bands=8, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(bands, bands))
    return 5 + rng.normal(size=(count, bands)) @ mixing, mixing.T @ mixing


def test_statistics_of_many_pixels_are_those_of_the_distribution():
    pixels, covariance = correlated(20000)
    statistics = band_statistics(pixels)
    np.testing.assert_allclose(statistics.mean, 5, atol=0.1)
    np.testing.assert_allclose(statistics.covariance, covariance, atol=0.05 * np.abs(covariance).max())
    assert statistics.shrinkage < 0.01


def test_shrinkage_beats_the_sample_covariance_with_few_pixels():
    pixels, truth = correlated(10)
    shrunk = band_statistics(pixels)
    sample = band_statistics(pixels, shrinkage=0.0)
    assert 0.01 < shrunk.shrinkage < 1
    assert np.linalg.norm(shrunk.covariance - truth) < np.linalg.norm(sample.covariance - truth)


def test_fewer_pixels_than_bands_and_constant_bands_are_safe():
    pixels = np.random.default_rng(0).normal(size=(4, 16))
    pixels[:, 3] = 2.0
    assert np.isfinite(band_statistics(pixels).whiten(pixels)).all()
    assert np.isfinite(band_statistics(np.full((9, 3), 4.0)).whiten(np.ones(3))).all()


def test_a_mask_chooses_the_pixels():
    cube = np.zeros((2, 2, 3))
    cube[0] = 1
    mask = np.array([[True, True], [False, False]])
    assert band_statistics(cube, mask).mean.tolist() == [1, 1, 1]
    assert band_statistics(cube, mask).count == 2


def test_whitened_pixels_are_independent_with_unit_variance():
    pixels, _ = correlated(5000)
    whitened = band_statistics(pixels, shrinkage=0.0).whiten(pixels)
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(8), atol=0.01)


def test_the_matched_filter_is_one_on_the_target_and_zero_on_the_background():
    pixels, _ = correlated(2000)
    statistics = band_statistics(pixels)
    target = pixels.mean(axis=0) + 3
    response = matched_filter(np.stack([target, statistics.mean, (target + statistics.mean) / 2]), target, statistics)
    np.testing.assert_allclose(response, [1, 0, 0.5], atol=1e-6)


@pytest.mark.parametrize('detector', [matched_filter, adaptive_cosine])
def test_detectors_find_a_weak_target_that_the_angle_does_not(detector):
    pixels, _ = correlated(4000)
    truth = np.zeros(4000, bool)
    truth[:40] = True
    # Along the direction in which the background varies least.
    weak = np.linalg.eigh(np.cov(pixels.T))[1][:, 0] * 1.5
    pixels[truth] += weak
    target = pixels[~truth].mean(axis=0) + weak
    statistics = band_statistics(pixels[~truth])

    def roc_area(score):
        return (score[truth][:, None] > score[~truth][None]).mean()
    assert roc_area(detector(pixels, target, statistics)) > 0.9
    assert roc_area(-spectral_angle(pixels, target)) < 0.8


def test_the_adaptive_cosine_ignores_how_much_of_the_target_fills_a_pixel():
    pixels, _ = correlated(2000)
    statistics = band_statistics(pixels)
    target = statistics.mean + 3
    mixed = statistics.mean + np.outer([0.1, 1.0, 4.0, -1.0], target - statistics.mean)
    np.testing.assert_allclose(adaptive_cosine(mixed, target, statistics), [1, 1, 1, -1], atol=1e-6)
    assert adaptive_cosine(statistics.mean, target, statistics) == 0


@pytest.mark.parametrize(('pixels', 'arguments', 'message'), [
    (np.ones(3), {}, r'shape \(..., C\)'),
    (np.ones((1, 3)), {}, 'at least 2 pixels'),
    (np.full((5, 3), np.nan), {}, 'finite pixels'),
    (np.ones((5, 3)), {'mask': np.ones(4, bool)}, r'mask of shape \(5,\), got \(4,\)'),
    (np.ones((5, 3)), {'shrinkage': 2.0}, 'shrinkage 0..1, got 2'),
])
def test_bad_pixels_are_refused(pixels, arguments, message):
    with pytest.raises(ValueError, match=message):
        band_statistics(pixels, **arguments)


def test_a_spectrum_of_another_length_is_refused():
    with pytest.raises(ValueError, match='spectra of 3 bands'):
        matched_filter(np.ones((2, 4)), np.ones(3), band_statistics(np.eye(3)))
