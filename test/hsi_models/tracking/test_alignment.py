"""A picture is found again to a fraction of a pixel, whatever the light, and a strange one is not."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.tracking.alignment import Alignment

BOX = Box(90, 100, 60, 44)


def picture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).random((255, 255, 3), np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 5)
    return (smooth - smooth.min()) / np.ptp(smooth)


def planes(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image.transpose(2, 0, 1))


@pytest.mark.parametrize(('scale', 'shift'), [((1, 1), (4.3, -2.6)), ((1.1, 0.93), (-4, 1)), ((0.9, 0.9), (10, 6))])
def test_place_and_size_are_found_in_other_light(scale, shift):
    first = picture(0)
    warp = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], np.float32)
    later = cv2.warpAffine(first, warp, (255, 255)) * np.array([0.7, 0.6, 0.5], np.float32) + 0.1
    # A pixel's centre lies half a pixel after its index, which warpAffine counts from.
    truth = Box(scale[0] * (BOX.x - 0.5) + shift[0] + 0.5, scale[1] * (BOX.y - 0.5) + shift[1] + 0.5,
                scale[0] * BOX.w, scale[1] * BOX.h)
    start = Box.from_centre(truth.centre[0] + 4, truth.centre[1] - 3, 1.06 * truth.w, 0.96 * truth.h)
    found, likeness = Alignment.of(planes(first), BOX).fit(planes(later), start)
    assert likeness > 0.99
    np.testing.assert_allclose(tuple(found), tuple(truth), atol=0.5)


def test_a_box_follows_as_far_as_the_picture_is_alike():
    first, start = planes(picture(0)), Box(94, 97, 60, 44)
    found, likeness = Alignment.of(first, BOX).fit(first, start)

    def corrected(*alike, image=first):
        return Alignment.of(first, BOX, alike).correct(image, start)

    assert tuple(corrected(likeness - 0.2, likeness)) == pytest.approx(tuple(found))
    halfway = corrected(likeness - 0.1, likeness + 0.1)
    assert halfway.centre[0] == pytest.approx((start.centre[0] + found.centre[0]) / 2, abs=0.01)
    assert corrected(0.95, 0.99, image=planes(picture(1))) == start
    assert Alignment.of(first, BOX, (1.0, 2.0)) is None


def test_a_strange_picture_is_unlike_and_nothing_moves_far():
    alignment = Alignment.of(planes(picture(0)), BOX)
    found, likeness = alignment.fit(planes(picture(1)), BOX)
    assert likeness < 0.6
    assert abs(np.log(found.w / BOX.w)) <= 0.25
    assert abs(found.centre[0] - BOX.centre[0]) <= 0.25 * BOX.w


def test_a_picture_of_one_colour_cannot_be_laid_over_anything():
    assert Alignment.of(np.full((3, 255, 255), 0.4, np.float32), BOX) is None


def test_a_negative_is_not_followed():
    first = picture(0)
    found, likeness = Alignment.of(planes(first), BOX).fit(planes(1 - first), Box(92, 101, 60, 44))
    assert found == Box(92, 101, 60, 44)
    assert likeness < 0
