"""The filters find what they learned: a shift to a fraction of a cell, a scale to a per cent or two."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from hsi_models.tracking.correlation import (
    CorrelationFilter,
    FilterConfig,
    ScaleConfig,
    ScaleFilter,
    parabola_offset,
    peak,
)


def pattern(row: float, column: float, cells: int = 32) -> np.ndarray:
    """Three feature maps with structure of about two cells around (row, column), in cells."""
    y, x = np.arange(cells)[:, None] + 0.5 - row, np.arange(cells) + 0.5 - column
    near = np.exp(-(x ** 2 + y ** 2) / 5 ** 2)
    return np.stack([near * np.cos(2 * x + 1.3 * y), near * np.sin(1.1 * x - 2.3 * y), near]).astype(np.float32)


@pytest.mark.parametrize(('row', 'column'), [(16, 16), (19, 12), (13.4, 17.3)])
def test_the_response_peaks_where_the_pattern_went(row: float, column: float) -> None:
    learned = CorrelationFilter((32, 32), (8, 8), FilterConfig())
    learned.learn(pattern(16, 16))
    got = peak(learned.respond(pattern(row, column)))
    assert got[:2] == pytest.approx((row, column), abs=0.25)


def test_something_else_gives_a_low_peak() -> None:
    learned = CorrelationFilter((32, 32), (8, 8), FilterConfig())
    learned.learn(pattern(16, 16))
    noise = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    assert peak(learned.respond(noise))[2] < 0.5 * peak(learned.respond(pattern(16, 16)))[2]


def test_brightness_of_the_features_does_not_matter() -> None:
    one, other = (CorrelationFilter((32, 32), (8, 8), FilterConfig()) for _ in range(2))
    one.learn(pattern(16, 16))
    other.learn(50 * pattern(16, 16))
    np.testing.assert_allclose(one.respond(pattern(18, 15)), other.respond(7 * pattern(18, 15)), atol=1e-4)


def test_memory_holds_the_filter_back() -> None:
    """With a large pull towards the previous filter, one odd frame changes little."""
    kept, forgetful = (CorrelationFilter((32, 32), (8, 8), FilterConfig(memory=memory)) for memory in (1e4, 0.01))
    odd = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    for learned in (kept, forgetful):
        learned.learn(pattern(16, 16))
        learned.learn(odd)
    assert peak(kept.respond(pattern(16, 16)))[2] > 1.3 * peak(forgetful.respond(pattern(16, 16)))[2]


def test_an_empty_filter_says_so() -> None:
    with pytest.raises(RuntimeError, match=r'call learn\(\) first'):
        CorrelationFilter((8, 8), (2, 2), FilterConfig()).respond(np.zeros((1, 8, 8), np.float32))
    with pytest.raises(RuntimeError, match='expected a scale filter that has learned'):
        ScaleFilter(ScaleConfig()).estimate(np.zeros((4, 17), np.float32))


@pytest.mark.parametrize('factor', [0.9, 1.0, 1.06, 1.15])
def test_the_scale_filter_closes_in_on_a_zoom(factor: float) -> None:
    image = cv2.GaussianBlur(np.random.default_rng(0).random((80, 80), dtype=np.float32), (0, 0), 2.5)
    image -= image.mean()
    zoom = cv2.getRotationMatrix2D((39.5, 39.5), 0, factor)
    zoomed = cv2.warpAffine(image, zoom, (80, 80), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    learned = ScaleFilter(ScaleConfig())
    learned.learn(learned.features(image[None], (36, 30)))
    scale = 1.0
    for _ in range(12):
        scale *= learned.estimate(learned.features(zoomed[None], (36 * scale, 30 * scale)))
    assert scale == pytest.approx(factor, rel=0.02)


def test_features_without_any_structure_give_no_scale() -> None:
    learned = ScaleFilter(ScaleConfig())
    flat = learned.features(np.ones((1, 80, 80), np.float32), (30, 30))
    learned.learn(flat)
    assert np.isfinite(learned.estimate(flat))


@pytest.mark.parametrize(('values', 'index', 'offset'), [([0, 1, 0], 1, 0), ([0, 1, 1], 1, 0.5), ([1, 0], 0, 0),
                                                         ([1, 1, 1], 1, 0)])
def test_parabola_offset(values: list[float], index: int, offset: float) -> None:
    assert parabola_offset(np.array(values, float), index) == pytest.approx(offset)
