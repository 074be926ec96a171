"""LOST against the truth, and the calibration of the score."""
from __future__ import annotations

import math

import numpy as np
import pytest

from hsi_models.evaluation.honesty import StatusCounts, calibrate, count_statuses
from hsi_models.evaluation.results import SequenceResult
from hsi_models.tracking.state import TrackStatus

HERE, FAR, NONE = [10, 10, 10, 10], [90, 90, 10, 10], [math.nan] * 4
TRACKING, LOST = TrackStatus.TRACKING, TrackStatus.LOST


def counts(*frames: tuple[list[float], list[float], TrackStatus | None]) -> StatusCounts:
    """Of frames (truth, box, status) after a first one that is given."""
    truth, boxes, statuses = zip((HERE, HERE, TRACKING), *frames, strict=True)
    return count_statuses(np.array(truth, float), SequenceResult(
        np.array(boxes, float), np.full(len(boxes), math.nan), tuple(statuses)))


@pytest.mark.parametrize(('truth', 'box', 'status', 'gone'), [
    (HERE, HERE, TRACKING, False),
    (HERE, FAR, TRACKING, True),            # follows something else
    (NONE, HERE, TRACKING, True),           # absent
    (NONE, NONE, LOST, True),
    (HERE, HERE, LOST, False),              # --always-box: the guess is right, LOST is not
    (HERE, FAR, LOST, True),
    (HERE, NONE, LOST, False),              # the last box would still do: withholding it makes LOST no truer
    (FAR, NONE, LOST, True),                # the target left the last box
    ([14, 10, 10, 10], HERE, TRACKING, False),
])
def test_when_a_target_is_gone(truth: list[float], box: list[float], status: TrackStatus, gone: bool) -> None:
    one = counts((truth, box, status))
    assert (one.frames, one.gone, one.lost) == (1, int(gone), int(status is LOST))
    assert one.lost_and_gone == int(gone and status is LOST)


def test_precision_recall_and_rates() -> None:
    one = counts((NONE, NONE, LOST), (NONE, HERE, TRACKING), (HERE, NONE, LOST), (HERE, HERE, TRACKING),
                 (FAR, NONE, LOST))
    assert one.precision == pytest.approx(2 / 3)
    assert one.recall == pytest.approx(2 / 3)
    assert one.absent_recall == 1 / 2
    assert one.visible_lost == pytest.approx(2 / 3)
    assert (one + one).lost == 6
    assert (one + one).precision == one.precision


def test_crying_lost_at_once_is_not_precise() -> None:
    assert counts(*[(HERE, NONE, LOST)] * 20).precision == 0


def test_without_status_nothing_is_judged() -> None:
    one = counts((NONE, HERE, None), (HERE, NONE, None))
    assert one == StatusCounts()
    assert math.isnan(one.precision)
    assert math.isnan(one.recall)


def result(scores: np.ndarray, hit: np.ndarray) -> tuple[np.ndarray, SequenceResult]:
    truth = np.tile(np.array(HERE, float), (len(scores) + 1, 1))
    boxes = np.array([HERE, *(HERE if one else FAR for one in hit)], float)
    return truth, SequenceResult(boxes, np.append(1.0, scores), (None,) * len(boxes))


def test_a_calibrated_score_has_no_error_and_a_boastful_one_has() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0, 1, 50_000)
    hit = rng.uniform(0, 1, 50_000) < p
    assert calibrate(*result(p, hit)).error < 0.01
    assert calibrate(*result(np.full(50_000, 0.9), hit)).error == pytest.approx(0.4, abs=0.01)
    assert calibrate(*result(np.ones(100), np.ones(100))).error == 0
    assert calibrate(*result(np.ones(100), np.zeros(100))).error == 1


def test_bins_sum_over_sequences() -> None:
    one = calibrate(*result(np.array([.05, .95]), np.array([0, 1])))
    two = calibrate(*result(np.array([.95]), np.array([0])))
    assert (one + two).points() == [(pytest.approx(.05), 0, 1), (pytest.approx(.95), .5, 2)]


@pytest.mark.parametrize('scores', [[math.nan, math.nan], [0.5, 7.0], [-0.1, 0.5]])
def test_no_score_in_0_to_1_no_calibration(scores: list[float]) -> None:
    bins = calibrate(*result(np.array(scores), np.ones(2)))
    assert bins.count.sum() == 0
    assert math.isnan(bins.error)


def test_frames_without_truth_and_the_given_first_frame_do_not_count() -> None:
    truth, answer = result(np.array([.5, .5]), np.ones(2))
    truth[1] = math.nan
    assert calibrate(truth, answer).count.sum() == 1
