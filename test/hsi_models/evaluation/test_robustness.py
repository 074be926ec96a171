"""The twelve first boxes of spatial robustness evaluation."""
from __future__ import annotations

import pytest

from hsi_models.boxes import Box
from hsi_models.evaluation.robustness import PERTURBATIONS, perturbed_boxes

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
