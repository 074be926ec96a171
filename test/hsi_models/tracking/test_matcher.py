"""What every Siamese tracker shares: where cells are, and what a change of size costs."""
from __future__ import annotations

import math

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.tracking.matcher import Geometry, size_penalty


def test_the_middle_cell_stands_for_the_middle_of_the_crop():
    for geometry in (Geometry(15, 16), Geometry(25, 8)):
        distances = np.broadcast_to(np.array([1, 2, 3, 4], np.float32)[:, None, None],
                                    (4, geometry.cells, geometry.cells))
        boxes, middle = geometry.boxes(distances), geometry.cells // 2
        np.testing.assert_allclose(boxes[:, middle, middle], [126.5, 125.5, 130.5, 131.5])
        np.testing.assert_allclose(boxes[:, middle, middle + 1] - boxes[:, middle, middle],
                                   [geometry.stride, 0, geometry.stride, 0])


def test_the_penalty_is_one_for_the_same_size_and_the_same_both_ways():
    before = Box(0, 0, 40, 20)
    sizes = [(40, 20), (80, 40), (20, 10), (20, 40)]
    boxes = np.array([[0, 0, w, h] for w, h in sizes], np.float32).T[:, None]
    same, double, half, turned = size_penalty(boxes, before, 0.138)[0]
    assert same == pytest.approx(1)
    assert double == pytest.approx(half) == pytest.approx(math.exp(-0.138))
    assert turned == pytest.approx(math.exp(-0.138 * 3))      # aspect 2 became 1 / 2
