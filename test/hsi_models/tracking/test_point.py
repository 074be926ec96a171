"""A click on a thing gives its box; a click on nothing in particular gives the default box."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.point import PointConfig, box_from_point


def frame(truth: Box | None, camouflaged: bool = False) -> HyperspectralFrame:
    rng = np.random.default_rng(0)
    axis = np.linspace(0, 3, 16)
    image = rng.uniform(0.45, 0.55, (120, 160, 1)) * (1 + 0.3 * np.cos(axis))
    if truth is not None:
        x, y, w, h = (int(v) for v in truth)
        shape = 1 + 0.3 * np.cos(axis + 0.8)
        image[y:y + h, x:x + w] = rng.uniform(0.45, 0.55, (h, w, 1)) * shape * (1 if camouflaged else 1.8)
    return HyperspectralFrame((image + rng.normal(0, 0.005, image.shape)).astype(np.float32))


@pytest.mark.parametrize('camouflaged', [False, True])
@pytest.mark.parametrize('truth', [Box(60, 40, 30, 22), Box(100, 80, 9, 12), Box(20, 20, 50, 40)])
def test_the_region_under_the_point_is_found(truth: Box, camouflaged: bool) -> None:
    box = box_from_point(frame(truth, camouflaged), truth.centre)
    assert box.iou(truth) > 0.7


def test_without_a_region_the_default_box_lies_around_the_point() -> None:
    config = PointConfig(default_px=20)
    box = box_from_point(frame(None), (80.0, 60.0), config)
    assert box.centre == pytest.approx((80, 60))
    assert box.w == box.h == 20


@pytest.mark.parametrize('point', [(0.0, 0.0), (159.5, 119.5)])
def test_in_a_corner_the_box_stays_inside(point: tuple[float, float]) -> None:
    box = box_from_point(frame(None), point)
    assert box.clipped(160, 120) == box
    assert box.x <= point[0] <= box.x + box.w


def test_an_image_smaller_than_the_window() -> None:
    small = HyperspectralFrame(np.full((6, 6, 4), 0.5, np.float32))
    assert box_from_point(small, (3, 3)).clipped(6, 6) is not None


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match=r'a point inside the 160 x 120 frame, got \(160, 5\)'):
        box_from_point(frame(None), (160, 5))
    data = np.full((40, 40, 4), np.nan, np.float32)
    with pytest.raises(ValueError, match='expected finite values around the point'):
        box_from_point(HyperspectralFrame(data), (5, 5))
    data[:] = np.random.default_rng(0).uniform(2e38, 3e38, data.shape)
    with pytest.raises(ValueError, match=r'around the point \(5, 5\) whose squares fit float32, got up to 3e'):
        box_from_point(HyperspectralFrame(data), (5, 5))
    with pytest.raises(ValueError, match='minimum_px <= default_px <= window_px, got 9, 200, 128'):
        PointConfig(default_px=200)
