"""The same scores while frames still come: for a node that judges a running tracker."""
from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np

from hsi_models.boxes import Box
from hsi_models.evaluation.honesty import BINS, CalibrationBins
from hsi_models.evaluation.metrics import DP_PX, Array, centre_errors, overlaps, select_protocols
from hsi_models.evaluation.results import SequenceResult
from hsi_models.evaluation.scores import SequenceScores, score_sequence
from hsi_models.tracking.state import TrackStatus

NO_BOX = (float('nan'),) * 4
BLOCK = 4096
"""Frames that are kept one by one: of those before, only sums."""
_NO_SCORES = CalibrationBins(*np.zeros((3, BINS)))


class Answer(Protocol):
    """What is judged: a TrackState, or anything with these three."""

    @property
    def box(self) -> Box | None:
        """The reported box; None where the target is lost."""
        ...

    @property
    def score(self) -> float:
        """Confidence 0..1."""
        ...

    @property
    def status(self) -> TrackStatus:
        """Status of the track."""
        ...


class RunningScores(NamedTuple):
    """Scores up to now; nan before the first frame with truth."""

    auc: float
    dp20: float
    frames: int
    """frames with valid truth"""
    iou: float
    """of the frame just added; nan without truth"""


class OnlineEvaluator:
    """Judges one tracker on one sequence, frame by frame; frames in order of time, the first one counts.

    Args:
        name: of the sequence.
        protocols: of success; the first one is that of the running AUC.

    Raises:
        ValueError: an unknown protocol.
    """

    def __init__(self, name: str = 'online', protocols: Iterable[str] = ('hot50', 'otb21')) -> None:
        self._name = name
        self._protocols = select_protocols(protocols)
        self.reset()

    def reset(self) -> None:
        """Forget all frames."""
        self._before: SequenceScores | None = None
        self._out_of_range = False
        self._truth: list[tuple[float, ...]] = []
        self._boxes: list[tuple[float, ...]] = []
        self._scores: list[float] = []
        self._statuses: list[TrackStatus | None] = []
        self._frames, self._auc_sum, self._hits = 0, 0.0, 0

    def add(self, truth: Box | None, answer: Answer | None) -> RunningScores:
        """Judge one frame in constant time and memory.

        Args:
            truth: the true box, pixels; None where the target is not visible (the frame is left out).
            answer: of the tracker, in the same pixels; None where it gave none (a miss).
        """
        if len(self._truth) > BLOCK:
            self._fold()
        score = float('nan') if answer is None else float(answer.score)
        if truth is not None and self._truth and math.isfinite(score) and not 0 <= score <= 1:
            self._out_of_range = True
        self._truth.append(NO_BOX if truth is None else tuple(truth))
        self._boxes.append(NO_BOX if answer is None or answer.box is None else tuple(answer.box))
        self._scores.append(score)
        self._statuses.append(None if answer is None else answer.status)
        pair = self._truth[-1:], self._boxes[-1:]
        iou = overlaps(*pair)
        if truth is not None:
            self._frames += 1
            self._auc_sum += self._protocols[0].auc(iou)
            self._hits += int(centre_errors(*pair)[0].round(9) < DP_PX)
        mean = 1 / self._frames if self._frames else float('nan')
        return RunningScores(self._auc_sum * mean, self._hits * mean, self._frames, float(iou[0]))

    def summary(self) -> SequenceScores:
        """All scores of the frames so far, by the same code as `evaluate`; nan before the first truth."""
        latest = score_sequence(self._name, _rows(self._truth), SequenceResult(
            _rows(self._boxes), np.array(self._scores, np.float64), tuple(self._statuses)), self._protocols)
        scores = latest if self._before is None else _joined(self._before, latest)
        return replace(scores, calibration=_NO_SCORES) if self._out_of_range else scores

    def _fold(self) -> None:
        """Keep the sums of the frames so far, and the last box: what a lost target is judged by."""
        self._before = self.summary()
        held = next((box for box in reversed(self._boxes) if box is not NO_BOX), NO_BOX)
        # Without truth, score and status, and first: a row that counts nowhere.
        self._truth, self._boxes, self._scores, self._statuses = [NO_BOX], [held], [float('nan')], [None]


def _joined(first: SequenceScores, second: SequenceScores) -> SequenceScores:
    """Scores of two parts of a sequence, as of the whole."""
    frames = first.frames + second.frames

    def curve(one: Array, other: Array) -> Array:
        counts = [np.rint(part * scores.frames) for part, scores in ((one, first), (other, second)) if scores.frames]
        return np.asarray(sum(counts) / frames, np.float64) if counts else one

    return SequenceScores(
        first.name, frames, first.missed + second.missed,
        {name: curve(first.success[name], second.success[name]) for name in first.success},
        curve(first.precision, second.precision),
        curve(first.normalised_precision_curve, second.normalised_precision_curve),
        first.status + second.status, first.calibration + second.calibration)


def _rows(boxes: list[tuple[float, ...]]) -> Array:
    return np.array(boxes, np.float64).reshape(-1, 4)
