"""The online evaluator says the same as the one for files."""
from __future__ import annotations

import math

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.evaluation import OnlineEvaluator
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
