"""Does the tracker know how well it does? LOST against the truth, and calibration of the score."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hsi_models.evaluation.metrics import Array, is_box, overlaps
from hsi_models.evaluation.results import SequenceResult
from hsi_models.tracking.state import TrackStatus

LOST_IOU = 0.1
"""At or below this overlap a target counts as lost (the failure of VOT 2020's anchor-based protocol)."""
HIT_IOU = 0.5
"""Above this overlap a score should have been high: the meaning of TrackState.score."""
BINS = 10


@dataclass(frozen=True)
class StatusCounts:
    """Does LOST mean lost? Frames after the first (which is given), counted over sequences by `+`.

    A target is *gone* in a frame if it has no valid truth (absent), or if following the tracker would miss
    it: the row's box, else the last box given before, overlaps the truth by IoU <= .1. A row without a box is
    judged by the last box because declaring LOST must not be right merely for withholding the box.

    Args:
        frames: judged frames, those with a status.
        lost: LOST. gone: the target was gone. lost_and_gone: both.
        absent: no valid truth. lost_and_absent: LOST there.
    """

    frames: int = 0
    lost: int = 0
    gone: int = 0
    lost_and_gone: int = 0
    absent: int = 0
    lost_and_absent: int = 0

    def __add__(self, other: StatusCounts) -> StatusCounts:
        return StatusCounts(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def precision(self) -> float:
        """Fraction of LOST frames in which the target was gone; nan without one."""
        return _ratio(self.lost_and_gone, self.lost)

    @property
    def recall(self) -> float:
        """Fraction of frames with the target gone that say LOST; nan without one."""
        return _ratio(self.lost_and_gone, self.gone)

    @property
    def absent_recall(self) -> float:
        """Fraction of frames without valid truth that say LOST; nan without one."""
        return _ratio(self.lost_and_absent, self.absent)

    @property
    def visible_lost(self) -> float:
        """Fraction of frames with valid truth that say LOST, rightly or not; nan without one."""
        return _ratio(self.lost - self.lost_and_absent, self.frames - self.absent)


def count_statuses(truth: Array, result: SequenceResult) -> StatusCounts:
    """Counts of one sequence; truth (N, 4), nan where the target is absent. All 0 where no row has a status."""
    judged = np.array([status is not None for status in result.statuses], bool)
    lost = np.array([status is TrackStatus.LOST for status in result.statuses], bool)
    judged[:1] = False
    iou = overlaps(truth, _held(result.boxes))
    absent = np.isnan(iou)
    gone = absent | (iou <= LOST_IOU)
    return StatusCounts(*(int((judged & which).sum()) for which in (
        np.ones_like(lost), lost, gone, lost & gone, absent, lost & absent)))


@dataclass(frozen=True, eq=False)
class CalibrationBins:
    """Score against the frequency of IoU > .5, in 10 equal bins of the score; summed over sequences by `+`.

    Frames after the first that have a score and valid truth count; a row without a box is no hit.

    Args:
        count, score_sum, hits: frames, sum of scores and frames with IoU > .5, each (10,).
    """

    count: Array
    score_sum: Array
    hits: Array

    def __add__(self, other: CalibrationBins) -> CalibrationBins:
        return CalibrationBins(self.count + other.count, self.score_sum + other.score_sum, self.hits + other.hits)

    @property
    def error(self) -> float:
        """Expected calibration error (Naeini et al., AAAI 2015; Guo et al., ICML 2017, eq. 3), 0..1; nan if empty."""
        return _ratio(float(np.abs(self.hits - self.score_sum).sum()), float(self.count.sum()))

    def points(self) -> list[tuple[float, float, int]]:
        """(mean score, fraction of hits, frames) of each bin with frames: the reliability diagram."""
        return [(float(score / count), float(hits / count), int(count))
                for count, score, hits in zip(self.count, self.score_sum, self.hits, strict=True) if count]


def calibrate(truth: Array, result: SequenceResult) -> CalibrationBins:
    """Bins of one sequence; empty ones where the tracker gives no score, or one outside 0..1."""
    iou = overlaps(truth, result.boxes)
    counted = np.isfinite(result.scores) & ~np.isnan(iou)
    counted[:1] = False
    scores = result.scores[counted]
    if len(scores) and not (scores.min() >= 0 and scores.max() <= 1):
        scores, counted = scores[:0], np.zeros_like(counted)
    bins = np.minimum((scores * BINS).astype(np.intp), BINS - 1)
    return CalibrationBins(*(np.bincount(bins, weights, BINS).astype(np.float64) for weights in (
        np.ones_like(scores), scores, (iou[counted] > HIT_IOU).astype(np.float64))))


def _held(boxes: npt.NDArray[np.float64]) -> Array:
    """Boxes with each missing one replaced by the last one before it, (N, 4)."""
    index = np.where(is_box(boxes), np.arange(len(boxes)), 0)
    return boxes[np.maximum.accumulate(index)]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float('nan')
