"""First boxes that are a little wrong."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.evaluation.robustness import (
    JITTER,
    PERTURBATIONS,
    jittered_box,
    perturbed_boxes,
    wrong_first_box,
)

BOX = Box(50, 40, 20, 10)


def test_twelve_named_boxes() -> None:
    boxes = perturbed_boxes(BOX)
    assert tuple(boxes) == PERTURBATIONS
    assert len(set(boxes.values())) == 12
    assert boxes['shift_left'] == Box(48, 40, 20, 10)
    assert boxes['shift_right_down'] == Box(52, 41, 20, 10)
    for name, scale in (('scale_80', 0.8), ('scale_120', 1.2)):
        assert boxes[name].centre == pytest.approx(BOX.centre)
        assert boxes[name].area == pytest.approx(BOX.area * scale ** 2)


def test_every_box_still_covers_most_of_the_target() -> None:
    assert all(0.6 < box.iou(BOX) < 1 for box in perturbed_boxes(BOX).values())


def test_clipped_to_the_image() -> None:
    for box in perturbed_boxes(Box(0, 0, 20, 10), 100, 100).values():
        assert box.x >= 0
        assert box.y >= 0
    with pytest.raises(ValueError, match='inside the image of 100 x 100 px'):
        perturbed_boxes(Box(200, 200, 20, 10), 100, 100)


def test_jitter_is_within_its_share_differs_by_seed_and_repeats() -> None:
    boxes = [jittered_box(BOX, seed) for seed in range(200)]
    assert boxes == [jittered_box(BOX, seed) for seed in range(200)]
    shifts = np.array([((box.centre[0] - BOX.centre[0]) / BOX.w, (box.centre[1] - BOX.centre[1]) / BOX.h,
                        box.w / BOX.w - 1, box.h / BOX.h - 1) for box in boxes])
    assert 0.11 < np.abs(shifts).max() <= JITTER
    assert (shifts.max(axis=0) > 0.1).all()
    assert (shifts.min(axis=0) < -0.1).all()


def test_a_wrong_first_box_has_the_name_of_its_error_and_stays_inside() -> None:
    assert wrong_first_box('scale_120', BOX, 500, 500) == perturbed_boxes(BOX)['scale_120']
    first, other = (wrong_first_box('jitter_2', BOX, 500, 500, salt) for salt in (0, 1))
    assert first != other
    edge = wrong_first_box('jitter_3', Box(0, 0, 20, 10), 100, 100)
    assert min(edge.x, edge.y) >= 0
    with pytest.raises(ValueError, match='expected one of shift_left, .*jitter_5, got'):
        wrong_first_box('jitter_9', BOX, 500, 500)
