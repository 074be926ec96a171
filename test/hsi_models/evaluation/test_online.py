"""The online evaluator says the same as the one for files."""
from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.evaluation import OnlineEvaluator, online
from hsi_models.tracking.state import TrackState, TrackStatus

EMPTY = np.zeros(0, np.float32)


def state(box: Box, lost: bool = False, score: float = 0.9) -> TrackState:
    return TrackState(None if lost else box, box, score, TrackStatus.LOST if lost else TrackStatus.TRACKING, EMPTY)


def test_running_scores_are_those_of_the_summary() -> None:
    rng = np.random.default_rng(0)
    evaluator = OnlineEvaluator('car')
    for index in range(60):
        truth = Box(10 + index, 20, 15, 12)
        answer = state(Box(10 + index + rng.normal(0, 9), 20, 15, 12), lost=index % 10 == 9)
        running = evaluator.add(None if index % 7 == 3 else truth, None if index == 20 else answer)
        summary = evaluator.summary()
        assert running.auc == pytest.approx(summary.auc)
        assert running.dp20 == pytest.approx(summary.dp20)
        assert running.frames == summary.frames
    assert summary.name == 'car'
    assert summary.frames == 60 - 9
    assert summary.status.lost == 6
    assert summary.calibration.count.sum() > 0
    assert set(summary.aucs) == {'hot50', 'otb21'}


def test_truth_absent_and_misses() -> None:
    evaluator = OnlineEvaluator()
    box = Box(0, 0, 10, 10)
    first = evaluator.add(None, state(box))
    assert math.isnan(first.auc)
    assert math.isnan(first.iou)
    assert math.isnan(evaluator.summary().auc)
    assert evaluator.add(box, state(box)).auc == 1
    assert evaluator.add(box, state(box, lost=True)).auc == 0.5
    assert evaluator.add(box, None)[:3] == pytest.approx((1 / 3, 1 / 3, 3))


def test_reset_forgets() -> None:
    evaluator = OnlineEvaluator(protocols=['otb21'])
    evaluator.add(Box(0, 0, 10, 10), None)
    evaluator.reset()
    assert evaluator.add(Box(0, 0, 10, 10), state(Box(0, 0, 10, 10))) == pytest.approx((20 / 21, 1, 1, 1))
    with pytest.raises(ValueError, match='expected one or more protocols'):
        OnlineEvaluator(protocols=['auc'])


@pytest.mark.parametrize('odd', [None, 3, 50])
def test_what_is_kept_is_bounded_and_says_the_same(monkeypatch: pytest.MonkeyPatch, odd: int | None) -> None:
    rng = np.random.default_rng(1)
    kept, whole = OnlineEvaluator(), OnlineEvaluator()
    for index in range(100):
        truth = None if 30 < index < 60 or index % 9 == 4 else Box(10 + index, 20, 15, 12)
        lost = 15 < index < 40 or index % 10 == 9
        score = 1.5 if index == odd else float(rng.random())
        box = None if lost else Box(10 + index + rng.normal(0, 7), 20, 15, 12)
        answer = None if index % 11 == 5 else SimpleNamespace(
            box=box, score=score, status=TrackStatus.LOST if lost else TrackStatus.TRACKING)
        monkeypatch.setattr(online, 'BLOCK', 7)
        assert kept.add(truth, answer)[2] == whole._frames + (truth is not None)
        monkeypatch.setattr(online, 'BLOCK', 1000)
        whole.add(truth, answer)
        assert len(kept._truth) <= 8
        one, other = kept.summary(), whole.summary()
        assert (one.frames, one.missed, one.status) == (other.frames, other.missed, other.status)
        for name in one.success:
            np.testing.assert_array_equal(one.success[name], other.success[name])
        np.testing.assert_array_equal(one.precision, other.precision)
        np.testing.assert_array_equal(one.normalised_precision_curve, other.normalised_precision_curve)
        np.testing.assert_array_equal(one.calibration.count, other.calibration.count)
        np.testing.assert_array_equal(one.calibration.hits, other.calibration.hits)
        np.testing.assert_allclose(one.calibration.score_sum, other.calibration.score_sum)
