"""A sequence through the pipeline: rows as the contract says, bad frames counted, LOST without a box."""
from __future__ import annotations

import math

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.camera import Camera
from hsi_models.offline import ResultRow, first_box, track_sequence
from hsi_models.superresolution.settings import SuperResolution
from hsi_models.tracking.state import TrackState, TrackStatus


class Frames:
    """Five mosaics of 5 x 5 cells; the fourth file is broken."""

    name = 'frames'
    camera = Camera(mosaic_rows=5, mosaic_columns=5, bit_depth=10)
    frame_rate_hz = 25.0
    attributes = ()

    def __init__(self, boxes=((4.0, 2.0, 6.0, 3.0),), broken=3):
        self.boxes = np.asarray(boxes, float).reshape(-1, 4)
        self.broken = broken

    def __len__(self):
        return 5

    def image(self, index):
        if index == self.broken:
            raise ValueError('0004.png: expected a PNG, got nothing')
        return np.full((50, 100), 100, np.uint16)

    def stamp_ns(self, index):
        return 1_000_000_000 + index * 40_000_000


class LosesAtTwo:
    """Right where it began, and lost from the third frame on."""

    def initialise(self, frame, box):
        self.box, self.count = box, 0
        return self.update(frame)

    def update(self, frame):
        lost = self.count >= 2
        self.count += 1
        return TrackState(None if lost else self.box, self.box, np.float32(0.25), TrackStatus.LOST if lost
                          else TrackStatus.TRACKING, np.zeros(frame.bands, np.float32))

    def reset(self):
        pass


def parsed(run, tmp_path):
    run.write(tmp_path / 'below' / 'r.txt')
    return [line.split(',') for line in (tmp_path / 'below' / 'r.txt').read_text().splitlines()]


def test_rows_of_the_contract(tmp_path):
    run = track_sequence(Frames(), LosesAtTwo())
    rows = parsed(run, tmp_path)
    assert rows[0] == ['4.0', '2.0', '6.0', '3.0', '0.25', 'TRACKING']      # the initial box, bit for bit
    assert rows[2] == ['nan', 'nan', 'nan', 'nan', '0.25', 'LOST']
    assert [row[5] for row in rows] == ['TRACKING', 'TRACKING', 'LOST', 'LOST', 'LOST']
    assert run.fps > 0


def test_a_broken_frame_is_a_row_and_a_reason(tmp_path):
    run = track_sequence(Frames(), LosesAtTwo())
    assert run.rejected == {3: '0004.png: expected a PNG, got nothing'}
    assert parsed(run, tmp_path)[3][4] == '0.0'


def test_always_box_writes_the_best_guess_with_the_honest_status(tmp_path):
    rows = parsed(track_sequence(Frames(), LosesAtTwo(), always_box=True), tmp_path)
    assert [float(value) for value in rows[2][:4]] == pytest.approx([4, 2, 6, 3])
    assert rows[2][5] == 'LOST'


def test_init_overrides_the_ground_truth(tmp_path):
    run = track_sequence(Frames(boxes=[[math.nan] * 4]), LosesAtTwo(), init=Box(1, 1, 5, 5))
    assert run.rows[0].box == Box(1, 1, 5, 5)


@pytest.mark.parametrize('boxes', [[[math.nan] * 4], np.zeros((0, 4))])
def test_no_initial_box_says_what_to_do(boxes):
    with pytest.raises(ValueError, match='box for the first frame of frames, got none: give one with --init'):
        first_box(Frames(boxes=boxes))


def test_a_broken_first_frame_is_an_error():
    with pytest.raises(ValueError, match='0004.png'):
        track_sequence(Frames(broken=0), LosesAtTwo())


def test_floats_read_back():
    value = 1 / 3
    assert float(ResultRow(Box(value, 1, 2, 3), 0.1, TrackStatus.TRACKING).text().split(',')[0]) == value


@pytest.mark.parametrize('mode', ['off', 'crop', 'frame'])
def test_rows_stay_in_pixels_of_the_cube_when_it_is_upscaled(mode):
    run = track_sequence(Frames(), LosesAtTwo(), always_box=True, super_resolution=SuperResolution(mode, 'bicubic'))
    assert [tuple(row.box) for row in run.rows[:3]] == [pytest.approx((4, 2, 6, 3))] * 3
    assert run.rejected == {3: '0004.png: expected a PNG, got nothing'}
