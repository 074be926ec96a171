"""FEAR-XS: shapes, its crops, its decoding, and what its published weights do on pictures made here."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from benchmarks.peers.fear_xs import GEOMETRY, FearMatcher, FearXS, create_fear_xs, inside, widened
from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.crops import siamese_region, to_frame
from hsi_models.tracking.state import TrackStatus

SIDE = GEOMETRY.search_size


class Recorder:
    """An executor that keeps what it is shown; every cell says 10 pixels to each side, one cell says it is there."""

    def __init__(self, row: int = 8, column: int = 8) -> None:
        self.crops: list[np.ndarray] = []
        self.cell = row, column

    def template(self, *inputs: np.ndarray) -> list[np.ndarray]:
        self.crops.append(inputs[0])
        return [np.zeros(1, np.float32)]

    def renew(self, first: list[np.ndarray], *inputs: np.ndarray) -> list[np.ndarray]:
        return self.template(*inputs)

    def search(self, state: list[np.ndarray], *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        self.crops.append(inputs[0])
        logits = np.zeros((1, 2, 16, 16), np.float32)
        logits[0, 1][self.cell] = 5
        return logits, np.full((1, 4, 16, 16), 10, np.float32)


@pytest.fixture(scope='module')
def weights(shared_data: Path) -> Path:
    path = shared_data / 'pretrained' / 'fear_xs' / 'weights.safetensors'
    if not path.is_file():
        pytest.skip('needs the published weights of FEAR-XS (../shared/data/pretrained/fear_xs)')
    return path


def scene(box: Box, seed: int = 0) -> HyperspectralFrame:
    """A coarse pattern in a box, on a smooth background."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(200, 700, (12, 16, 3)).astype(np.float32), (320, 240))
    pattern = np.random.default_rng(7).integers(0, 1023, (4, 4, 3)).astype(np.float32)
    x, y, w, h = (round(value) for value in box)
    image[y:y + h, x:x + w] = cv2.resize(pattern, (w, h), interpolation=cv2.INTER_NEAREST)
    return HyperspectralFrame(image.astype(np.uint16))


def test_the_network_answers_with_sixteen_cells():
    network = FearXS().eval()
    with torch.inference_mode():
        logits, distances = network.search(torch.rand(1, 3, 256, 256), *network.template(torch.rand(1, 3, 128, 128)))
    assert logits.shape == (1, 2, 16, 16)
    assert not logits[:, 0].any()
    assert distances.shape == (1, 4, 16, 16)
    assert (distances > 0).all()
    assert sum(value.numel() for value in network.parameters()) == 761_848 + 586_757


def test_crops_are_stretched_and_their_outside_is_the_mean_colour():
    recorder, box = Recorder(), Box(0, 100, 60, 20)
    image = np.full((240, 320, 3), 100, np.uint16)
    image[100:120, :60] = 900
    image[:, 160:] = 200
    frame = HyperspectralFrame(image)
    matcher = FearMatcher(recorder)
    template = matcher.template(frame, box)
    matcher.search(template, frame, siamese_region(box, SIDE, GEOMETRY.template_size))
    for crop, shown in zip(recorder.crops, (1.4, 5), strict=True):
        size = crop.shape[-1]
        inside_px, middle = size / shown, size // 2
        bright = crop[0, 0] > 0.5
        assert bright[:, middle].sum() == pytest.approx(inside_px, abs=2)       # 20 pixels stand as high
        assert bright[middle].sum() == pytest.approx(inside_px, abs=2)          # as 60 stand wide
        expected = template.colour.apply(frame).mean(axis=(0, 1)) / 255
        assert np.allclose(crop[0, :, :, 0], expected[:, None], atol=1e-3)


@pytest.mark.parametrize(('row', 'column'), [(8, 8), (8, 10), (3, 12)])
def test_a_cell_stands_for_its_point_of_the_stretched_crop(row: int, column: int):
    box = Box(140, 100, 32, 16)
    frame, matcher = scene(box), FearMatcher(Recorder(row, column))
    template, region = matcher.template(frame, box), siamese_region(box, SIDE, GEOMETRY.template_size)
    response = matcher.search(template, frame, region)
    found = to_frame(matcher.refine(template, response, box), region, (SIDE, SIDE))
    pixel_x, pixel_y = 5 * 32 / SIDE, 5 * 16 / SIDE
    assert found.centre == pytest.approx((156 + 16 * (column - 8) * pixel_x, 108 + 16 * (row - 8) * pixel_y), abs=1e-3)
    assert (found.w, found.h) == pytest.approx((20 * pixel_x, 20 * pixel_y), abs=1e-3)


def test_boxes_end_at_the_edge():
    frame = HyperspectralFrame(np.zeros((40, 60, 3), np.uint16))
    assert tuple(inside(Box(-5, 10, 20, 50), frame)) == (0, 10, 15, 30)
    assert tuple(inside(Box(80, -30, 5, 5), frame)) == (57, 0, 3, 3)
    assert tuple(widened(Box(10, 20, 10, 4), 2)) == (-10, 12, 50, 20)


def test_it_finds_its_template_in_its_own_picture(weights: Path):
    matcher = create_fear_xs(weights, 'eager').matcher
    overlaps = []
    for box in (Box(150, 100, 30, 30), Box(60, 120, 50, 24), Box(200, 80, 20, 44), Box(30, 40, 40, 40)):
        frame = scene(box)
        template = matcher.template(frame, box)
        for shift in ((0, 0), (0.7, 0), (-0.5, 0.6), (0.3, -0.8)):
            where = Box(box.x + shift[0] * box.w, box.y + shift[1] * box.h, box.w, box.h)
            region = siamese_region(where, SIDE, GEOMETRY.template_size)
            found = matcher.refine(template, matcher.search(template, frame, region), box)
            overlaps.append(to_frame(found, region, (SIDE, SIDE)).iou(box))
    assert min(overlaps) > 0.6
    assert np.mean(overlaps) > 0.7


def test_it_follows_and_never_says_lost(weights: Path):
    tracker = create_fear_xs(weights)
    boxes = [Box(60 + 5 * index, 80 + 3 * index, 30 + index, 30 + index) for index in range(8)]
    tracker.initialise(scene(boxes[0]), boxes[0])
    for box in boxes[1:]:
        assert tracker.update(scene(box)).box.iou(box) > 0.5
    for _ in range(12):
        state = tracker.update(scene(Box(0, 0, 4, 4), seed=3))
        assert state.status is not TrackStatus.LOST
        assert state.box is not None


def test_other_weights_are_refused(weights: Path, tmp_path: Path):
    other = tmp_path / 'other.safetensors'
    other.write_bytes(weights.read_bytes()[:-1] + b'x')
    with pytest.raises(ValueError, match='SHA-256'):
        create_fear_xs(other)
