from __future__ import annotations

import math

import numpy as np
import pytest

from hsi_models.boxes import Box, iou


def test_corners_and_centre_round_trip():
    box = Box(1.5, -2.0, 4.0, 6.0)
    assert Box.from_corners(*box.corners) == box
    assert Box.from_centre(*box.centre, box.w, box.h) == box
    assert box.area == 24.0


@pytest.mark.parametrize(('other', 'expected'), [
    ((0, 0, 10, 10), 1.0),
    ((5, 0, 10, 10), 1 / 3),            # half of each
    ((10, 0, 10, 10), 0.0),             # touching shares no area
    ((2.5, 2.5, 5, 5), 0.25),           # inside
    ((100, 100, 1, 1), 0.0),
])
def test_iou_by_hand(other, expected):
    assert Box(0, 0, 10, 10).iou(Box(*other)) == pytest.approx(expected)
    assert Box(*other).iou(Box(0, 0, 10, 10)) == pytest.approx(expected)


def test_iou_rows_with_missing_boxes_are_nan():
    a = np.array([[0, 0, 2, 2], [math.nan] * 4, [0, 0, 2, 2]])
    b = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [0, math.inf, 2, 2]])
    np.testing.assert_array_equal(iou(a, b), [1.0, math.nan, math.nan])


def test_scaling_is_exact_for_powers_of_two_and_keeps_iou():
    a, b = Box(0.1, 0.2, 3.3, 4.4), Box(1.0, 1.0, 3.0, 3.0)
    assert a.scaled(4, 4).scaled(0.25, 0.25) == a
    assert a.scaled(4, 5).iou(b.scaled(4, 5)) == pytest.approx(a.iou(b))


def test_a_share_of_the_way_to_another_box():
    box, other = Box(0, 0, 10, 40), Box(20, 10, 40, 10)
    assert box.towards(other, 0) == box
    np.testing.assert_allclose(tuple(box.towards(other, 1)), tuple(other))
    half = box.towards(other, 0.5)
    assert half.centre == pytest.approx((22.5, 17.5))
    assert (half.w, half.h) == pytest.approx((20, 20))


def test_clipping():
    assert Box(-5, -5, 10, 10).clipped(100, 100) == Box(0, 0, 5, 5)
    assert Box(200, 0, 10, 10).clipped(100, 100) is None


def test_a_box_that_shows_nothing_of_an_image_is_refused():
    Box(-5, 95, 10, 10).require_inside(100, 100)
    with pytest.raises(ValueError, match=r'expected a box inside the 100 x 50 image, got \(100.0, 0.0, 10.0, 10.0\)'):
        Box(100, 0, 10, 10).require_inside(100, 50, 'image')
    Box(-50, -20, 200, 100).require_inside(100, 50)
    for box in (Box(0, 0, 201, 10), Box(0, 0, 10, 101)):
        with pytest.raises(ValueError, match=r'expected a box of at most twice the 100 x 50 frame, got \(0.0, 0.0, '):
            box.require_inside(100, 50)


@pytest.mark.parametrize('text', ['10,20,30,40', ' 10 20\t30 40 ', '10.0, 20, 30 ,40'])
def test_parse(text):
    assert Box.parse(text) == Box(10, 20, 30, 40)


@pytest.mark.parametrize('text', ['', '1,2,3', '1,2,3,4,5', 'a,b,c,d'])
def test_parse_says_what_it_expected(text):
    with pytest.raises(ValueError, match='expected a box as X,Y,W,H'):
        Box.parse(text)


@pytest.mark.parametrize(('values', 'message'), [
    ((math.nan, 0, 1, 1), 'finite box, got x = nan'),
    ((0, math.inf, 1, 1), 'finite box, got y = inf'),
    ((0, 0, 0, 1), 'w > 0 and h > 0, got w = 0'),
    ((0, 0, 1, -2), 'got w = 1, h = -2'),
])
def test_boxes_without_meaning_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Box(*values)


def test_iou_refuses_other_shapes():
    with pytest.raises(ValueError, match=r'equal shape \(N, 4\), got \(2, 4\) and \(3, 4\)'):
        iou(np.zeros((2, 4)), np.zeros((3, 4)))
