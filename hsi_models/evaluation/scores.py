"""The scores of one tracker on one sequence, and their mean over sequences."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from hsi_models.evaluation.honesty import CalibrationBins, StatusCounts, calibrate, count_statuses
from hsi_models.evaluation.metrics import (
    DP_PX,
    Array,
    SuccessProtocol,
    centre_errors,
    is_box,
    normalised_precision_curve,
    overlaps,
    precision_curve,
)
from hsi_models.evaluation.results import SequenceResult


@dataclass(frozen=True, eq=False)
class SequenceScores:
    """Scores of one tracker on one sequence, or the mean of several (every sequence counts alike).

    Args:
        name: of the sequence.
        frames: frames with valid truth: those that count.
        missed: frames of these without a box from the tracker.
        success: success curve a protocol, (T,) each; the first is the one `auc` stands for.
        precision: fraction of frames with centre error < 0, 1 .. 50 px, (51,).
        normalised_precision_curve: the same for the error in sizes of the target, 0, .01 .. .5, (51,).
        status: LOST against the truth.
        calibration: score against IoU > .5.
    """

    name: str
    frames: int
    missed: int
    success: Mapping[str, Array]
    precision: Array
    normalised_precision_curve: Array
    status: StatusCounts
    calibration: CalibrationBins

    @property
    def auc(self) -> float:
        """Success AUC of the first protocol, 0..1."""
        return float(next(iter(self.success.values())).mean())

    @property
    def aucs(self) -> dict[str, float]:
        """Success AUC of every protocol, 0..1."""
        return {protocol: float(curve.mean()) for protocol, curve in self.success.items()}

    @property
    def dp20(self) -> float:
        """Fraction of frames with centre error strictly below 20 px."""
        return float(self.precision[DP_PX])

    @property
    def normalised_precision(self) -> float:
        """Area under the normalised precision curve between 0 and .5 (TrackingNet), 0..1."""
        return float(self.normalised_precision_curve.mean())


def score_sequence(name: str, truth: Array, result: SequenceResult,
                   protocols: Sequence[SuccessProtocol]) -> SequenceScores:
    """Scores of a result with one row a frame.

    Args:
        name: of the sequence.
        truth: boxes x, y, w, h in pixels, (N, 4), nan where there is no valid truth. The first frame counts.
        result: N answers.
        protocols: of success, the first is the one of `auc`.

    Raises:
        ValueError: the lengths differ, or no protocol.
    """
    if not protocols:
        raise ValueError('expected one or more success protocols, got none')
    iou = overlaps(truth, result.boxes)
    return SequenceScores(
        name, frames=int((~np.isnan(iou)).sum()), missed=int((is_box(truth) & ~is_box(result.boxes)).sum()),
        success={protocol.name: protocol.curve(iou) for protocol in protocols},
        precision=precision_curve(centre_errors(truth, result.boxes)),
        normalised_precision_curve=normalised_precision_curve(centre_errors(truth, result.boxes, normalised=True)),
        status=count_statuses(truth, result), calibration=calibrate(truth, result))


def mean_scores(name: str, scores: Sequence[SequenceScores]) -> SequenceScores:
    """Mean over sequences of every curve; frames, status and calibration are summed over all frames.

    Raises:
        ValueError: no sequence.
    """
    if not scores:
        raise ValueError(f'expected one or more sequences for the mean {name!r}, got none')
    return SequenceScores(
        name, frames=sum(one.frames for one in scores), missed=sum(one.missed for one in scores),
        success={protocol: np.mean([one.success[protocol] for one in scores], axis=0)
                 for protocol in scores[0].success},
        precision=np.mean([one.precision for one in scores], axis=0),
        normalised_precision_curve=np.mean([one.normalised_precision_curve for one in scores], axis=0),
        status=reduce(add, (one.status for one in scores)),
        calibration=reduce(add, (one.calibration for one in scores)))
