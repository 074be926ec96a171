"""Orientation histograms measure gradients, whatever their sign and contrast."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.tracking.features import contrast_normalised, orientation_histograms, pooled


@pytest.mark.parametrize(('angle_deg', 'bin_'), [(0, 0), (40, 2), (100, 5), (160, 8)])
def test_a_slope_falls_into_its_direction(angle_deg: float, bin_: int) -> None:
    angle = np.deg2rad(angle_deg)
    y, x = np.mgrid[:32, :32].astype(np.float32)
    slope = (np.cos(angle) * x + np.sin(angle) * y).astype(np.float32)
    histograms = orientation_histograms(slope, 4)
    assert histograms.shape == (9, 8, 8)
    inner = histograms[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inner.sum(axis=0), 1, rtol=1e-4)     # the gradient magnitude
    np.testing.assert_allclose(inner[bin_], 1, rtol=2e-3)
    np.testing.assert_allclose(orientation_histograms(-slope, 4), histograms, atol=2e-3)


def test_random_gradients_keep_their_magnitude() -> None:
    image = np.random.default_rng(0).random((32, 48), dtype=np.float32)
    fine, coarse = orientation_histograms(image, 2), orientation_histograms(image, 4)
    assert fine.shape == (9, 16, 24)
    np.testing.assert_allclose(pooled(fine, 2), coarse, rtol=1e-4)


def test_pooled_is_the_mean_of_each_cell() -> None:
    maps = np.arange(2 * 8 * 12, dtype=np.float32).reshape(2, 8, 12)
    expected = maps.reshape(2, 2, 4, 3, 4).mean(axis=(2, 4))
    np.testing.assert_allclose(pooled(maps, 4), expected)


def test_contrast_does_not_matter_after_normalisation() -> None:
    histograms = orientation_histograms(np.random.default_rng(0).random((32, 32), dtype=np.float32), 4)
    once = contrast_normalised(histograms)
    np.testing.assert_allclose(contrast_normalised(histograms * np.float32(9)), once, rtol=1e-4)
    assert once.max() <= np.float32(0.4)
    assert not contrast_normalised(np.zeros((9, 8, 8), np.float32)).any()


def test_gradients_in_the_dark_are_finite() -> None:
    rng = np.random.default_rng(0)
    lit = rng.random((32, 32)) < 0.3
    histograms = np.where(lit, rng.random((9, 32, 32)) * 10.0 ** rng.uniform(-6, 0, (32, 32)), 0).astype(np.float32)
    out = contrast_normalised(histograms)
    assert np.isfinite(out).all()
    assert not out[:, ~lit].any()
