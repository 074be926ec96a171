"""The figures of a report: which curves, dots and bars, of what."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy.typing as npt

from hsi_models.evaluation.metrics import DP_PX, NORMALISED_THRESHOLDS, PRECISION_THRESHOLDS_PX
from hsi_models.evaluation.report import Report, TrackerReport
from hsi_models.evaluation.scores import SequenceScores
from hsi_models.evaluation.svg import Row, Series, bar_chart, dot_plot, line_plot, styles
from hsi_models.evaluation.truth import Groups


class Figure(NamedTuple):
    """A picture and what stands above it."""

    caption: str
    image: str
    """SVG"""


def report_figures(report: Report) -> dict[str, Figure]:
    """Name -> figure; those without data are absent."""
    axis = f'AUC ({report.protocols[0].name})'
    style = styles(list(report.trackers))
    figures = _curves(report) | {'auc_intervals': Figure('AUC with 95 % interval over sequences', dot_plot(
        [Row(one.name, style[one.name], one.mean.auc, *(one.auc_interval or (math.nan, math.nan)))
         for one in report.ranking], axis))}
    calibrated = [one for one in report.ranking if one.mean.calibration.count.any()]
    if calibrated:
        lines = []
        for one in calibrated:
            score, hits, _ = zip(*one.mean.calibration.points(), strict=True)
            lines.append(Series(f'{one.mean.calibration.error:.3f}  {one.name}', style[one.name], score, hits))
        figures['reliability'] = Figure('Calibration of the score; legend: expected calibration error', line_plot(
            lines, 'score', 'fraction of frames with IoU > 0.5', x_max=1.0, diagonal=True, markers=True))

    def bars(members: Groups, scores: Callable[[TrackerReport], dict[str, SequenceScores]]) -> str:
        return bar_chart([(f'{group} ({len(names)})', [
            Row(one.name, style[one.name], scores(one)[group].auc) for one in report.ranking])
            for group, names in members.items()], axis)

    if report.groups:
        figures['groups'] = Figure('AUC by group', bars(report.groups, lambda one: one.groups))
    if report.attributes:
        figures['attributes'] = Figure('AUC by attribute', bars(report.attributes, lambda one: one.attributes))
    perturbed = [one for one in report.ranking if one.robustness]
    if perturbed:
        rows = [('true first box', [Row(one.name, style[one.name], one.mean.auc) for one in perturbed])]
        rows += [(name, [Row(one.name, style[one.name], one.robustness[name].auc) for one in perturbed
                         if name in one.robustness])
                 for name in dict.fromkeys(name for one in perturbed for name in one.robustness)]
        figures['first_box'] = Figure('AUC by perturbation of the first box', bar_chart(rows, axis))
    return figures


def _curves(report: Report) -> dict[str, Figure]:
    style = styles(list(report.trackers))
    first = report.protocols[0]

    def plot(x: Sequence[float], x_label: str, curve: Callable[[SequenceScores], npt.ArrayLike],
             value: Callable[[SequenceScores], float], mark: float | None = None) -> str:
        ranking = sorted(report.ranking, key=lambda one: -value(one.mean))
        lines = [Series(f'{value(one.mean):.3f}  {one.name}', style[one.name], x, curve(one.mean)) for one in ranking]
        return line_plot(lines, x_label, 'fraction of frames', x_max=float(x[-1]), mark=mark)

    return {
        'success': Figure(f'Success ({first.name}); legend: AUC', plot(
            first.thresholds, 'IoU threshold', lambda one: one.success[first.name], lambda one: one.auc)),
        'precision': Figure('Precision; legend: DP20', plot(
            PRECISION_THRESHOLDS_PX.tolist(), 'centre error threshold (px)', lambda one: one.precision,
            lambda one: one.dp20, mark=DP_PX)),
        'normalised_precision': Figure('Normalised precision; legend: area', plot(
            NORMALISED_THRESHOLDS.tolist(), 'centre error threshold (sizes of the target)',
            lambda one: one.normalised_precision_curve, lambda one: one.normalised_precision)),
    }
