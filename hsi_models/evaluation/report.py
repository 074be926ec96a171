"""What an evaluation found, as data and as JSON."""
from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from hsi_models.evaluation.bootstrap import Interval, PairedDifference
from hsi_models.evaluation.metrics import NORMALISED_THRESHOLDS, PRECISION_THRESHOLDS_PX, Array, SuccessProtocol
from hsi_models.evaluation.results import SequenceResult
from hsi_models.evaluation.scores import SequenceScores
from hsi_models.evaluation.truth import Groups

Json = dict[str, object]


@dataclass(frozen=True, eq=False)
class TrackerReport:
    """One tracker on all sequences.

    Args:
        name: of the tracker.
        results: its answers, by sequence, one row a frame of the truth.
        sequences: scores by sequence.
        mean: over all sequences.
        groups, attributes: means over the sequences of each group and attribute.
        robustness: means by perturbation of the first box; empty where it was not run.
        auc_interval, dp20_interval: 95 % over sequences; None for a single sequence.
        fps: frames per second as its runner measured them; None where unknown.
    """

    name: str
    results: dict[str, SequenceResult]
    sequences: dict[str, SequenceScores]
    mean: SequenceScores
    groups: dict[str, SequenceScores] = field(default_factory=dict)
    attributes: dict[str, SequenceScores] = field(default_factory=dict)
    robustness: dict[str, SequenceScores] = field(default_factory=dict)
    auc_interval: Interval | None = None
    dp20_interval: Interval | None = None
    fps: float | None = None

    def to_json(self) -> Json:
        """Numbers alone; see `Report.to_json`."""
        return {
            **scores_json(self.mean),
            'auc_interval_95': self.auc_interval and list(self.auc_interval),
            'dp20_interval_95': self.dp20_interval and list(self.dp20_interval),
            'fps': self.fps,
            'sequences': {name: scores_json(one) for name, one in self.sequences.items()},
            'groups': {name: scores_json(one) for name, one in self.groups.items()},
            'attributes': {name: scores_json(one) for name, one in self.attributes.items()},
            'robustness': self._robustness_json(),
            'status': status_json(self.mean),
            'calibration': calibration_json(self.mean),
            'curves': {'success': {name: curve.tolist() for name, curve in self.mean.success.items()},
                       'precision': self.mean.precision.tolist(),
                       'normalised_precision': self.mean.normalised_precision_curve.tolist()},
        }

    def _robustness_json(self) -> Json | None:
        if not self.robustness:
            return None
        perturbed = list(self.robustness.values())
        return {'auc': float(np.mean([one.auc for one in perturbed])),
                'dp20': float(np.mean([one.dp20 for one in perturbed])),
                'worst_auc': min(one.auc for one in perturbed),
                'perturbations': {name: scores_json(one) for name, one in self.robustness.items()}}


@dataclass(frozen=True)
class Comparison:
    """Paired difference of mean AUC, `first` - `second`."""

    first: str
    second: str
    auc: PairedDifference

    def to_json(self) -> Json:
        """The comparison with plain values."""
        interval = self.auc.interval
        return {'first': self.first, 'second': self.second, 'auc_difference': self.auc.difference,
                'interval_95': interval and list(interval), 'p': self.auc.p}


@dataclass(frozen=True, eq=False)
class Report:
    """An evaluation.

    Args:
        protocols: of success; the first one is what "AUC" stands for.
        truth: boxes by sequence, (N, 4) each, pixels, nan where there is no valid truth.
        groups, attributes: names of sequences by group and attribute.
        trackers: by name, in the order they were given.
        comparisons: every pair of trackers.
        warnings: what was missing or odd in the results, for people.
    """

    protocols: tuple[SuccessProtocol, ...]
    truth: dict[str, Array]
    groups: Groups
    attributes: Groups
    trackers: dict[str, TrackerReport]
    comparisons: tuple[Comparison, ...]
    warnings: tuple[str, ...]

    @property
    def ranking(self) -> list[TrackerReport]:
        """Trackers by falling AUC."""
        return sorted(self.trackers.values(), key=lambda one: -one.mean.auc)

    def to_json(self) -> Json:
        """Plain values for `json.dumps`: the form `hsi-tracking evaluate --json` prints; unknown is None."""
        return {
            'protocol': self.protocols[0].name,
            'protocols': {one.name: one.description for one in self.protocols},
            'sequences': {name: len(boxes) for name, boxes in self.truth.items()},
            'trackers': {name: one.to_json() for name, one in self.trackers.items()},
            'comparisons': [one.to_json() for one in self.comparisons],
            'thresholds': {'success': {one.name: list(one.thresholds) for one in self.protocols},
                           'precision_px': PRECISION_THRESHOLDS_PX.tolist(),
                           'normalised_precision': NORMALISED_THRESHOLDS.tolist()},
            'warnings': list(self.warnings),
        }


def scores_json(scores: SequenceScores) -> Json:
    """The numbers of one sequence or mean."""
    return {'auc': _known(scores.auc), 'dp20': _known(scores.dp20),
            **{f'auc_{name}': _known(value) for name, value in scores.aucs.items()},
            'normalised_precision': _known(scores.normalised_precision),
            'frames': scores.frames, 'missed': scores.missed}


def status_json(scores: SequenceScores) -> Json | None:
    """LOST against the truth; None where the tracker gives no status."""
    status = scores.status
    if not status.frames:
        return None
    return {'frames': status.frames, 'lost': status.lost, 'gone': status.gone, 'absent': status.absent,
            'lost_precision': _known(status.precision), 'lost_recall': _known(status.recall),
            'absent_recall': _known(status.absent_recall), 'visible_lost': _known(status.visible_lost)}


def calibration_json(scores: SequenceScores) -> Json | None:
    """Calibration of the score at IoU > .5; None where the tracker gives no score in 0..1."""
    bins = scores.calibration
    if not bins.count.any():
        return None
    return {'expected_calibration_error': _known(bins.error), 'frames': int(bins.count.sum()),
            'bins': [{'score': score, 'hits': hits, 'frames': frames} for score, hits, frames in bins.points()]}


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
