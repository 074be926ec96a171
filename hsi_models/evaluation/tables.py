"""An evaluation as aligned text, for a terminal."""
from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from hsi_models.evaluation.bootstrap import Interval
from hsi_models.evaluation.report import Report, TrackerReport
from hsi_models.evaluation.scores import SequenceScores

UNKNOWN = '-'


def format_report(report: Report) -> str:
    """All tables of a report; sequences first, so that what matters most stands at the end."""
    ranking = report.ranking
    names = [tracker.name for tracker in ranking]
    sections = [_section('Sequences: AUC / DP20', ['sequence', 'frames', *names], [
        [name, str(len(boxes)), *(pair(tracker.sequences[name]) for tracker in ranking)]
        for name, boxes in report.truth.items()])]
    for title, members, scores in (
            ('Attributes', report.attributes, [tracker.attributes for tracker in ranking]),
            ('Groups', report.groups, [tracker.groups for tracker in ranking])):
        if members:
            sections.append(_section(f'{title}: AUC / DP20', [title[:-1].lower(), 'sequences', *names], [
                [name, str(len(listed)), *(pair(one[name]) for one in scores)] for name, listed in members.items()]))
    if any(tracker.robustness for tracker in ranking):
        perturbations = list(dict.fromkeys(name for tracker in ranking for name in tracker.robustness))
        sections.append(_section('First box perturbed: AUC / DP20', ['perturbation', *names], [
            [name, *(pair(tracker.robustness[name]) if name in tracker.robustness else UNKNOWN for tracker in ranking)]
            for name in perturbations]))
    if report.comparisons:
        sections.append(_section('Differences of AUC (paired bootstrap over sequences, p not corrected for their '
                                 'number)', ['first', 'second', 'difference', '95 %', 'p'], [
            [one.first, one.second, f'{one.auc.difference:+.3f}', interval(one.auc.interval, '+.3f'),
             UNKNOWN if one.auc.p is None else f'{one.auc.p:.4f}'] for one in report.comparisons]))
    sections.append(_section(_overall_title(report), overall_header(report),
                             [overall_row(report, tracker) for tracker in ranking]))
    return '\n\n'.join(sections)


def overall_header(report: Report) -> list[str]:
    """Columns of the main table."""
    return ['tracker', *(f'AUC {one.name}' for one in report.protocols), f'95 % ({report.protocols[0].name})', 'DP20',
            '95 % (DP20)', 'norm. prec.', 'missed', 'LOST prec.', 'LOST recall', 'ECE', 'fps']


def overall_row(report: Report, tracker: TrackerReport) -> list[str]:
    """One tracker in the main table."""
    mean, status = tracker.mean, tracker.mean.status
    return [tracker.name, *(number(mean.aucs[one.name]) for one in report.protocols), interval(tracker.auc_interval),
            number(mean.dp20), interval(tracker.dp20_interval), number(mean.normalised_precision), str(mean.missed),
            number(status.precision), number(status.recall), number(mean.calibration.error),
            UNKNOWN if tracker.fps is None else f'{tracker.fps:.1f}']


def pair(scores: SequenceScores) -> str:
    """AUC / DP20."""
    return f'{number(scores.auc)} / {number(scores.dp20)}'


def number(value: float) -> str:
    """Three decimals, or a dash for nan."""
    return f'{value:.3f}' if math.isfinite(value) else UNKNOWN


def interval(value: Interval | None, form: str = '.3f') -> str:
    """low..high, or a dash."""
    return UNKNOWN if value is None else f'{value.low:{form}} .. {value.high:{form}}'


def _overall_title(report: Report) -> str:
    frames = sum(len(boxes) for boxes in report.truth.values())
    return (f'Overall: {len(report.truth)} sequences, {frames} frames, one-pass evaluation, mean over sequences\n'
            + '\n'.join(f'  {one.name}: {one.description}' for one in report.protocols))


def _section(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ['  '.join(cell.ljust(width) if index == 0 else cell.rjust(width)
                       for index, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip() for row in cells]
    return '\n'.join([title, lines[0], '-' * max(map(len, lines)), *lines[1:]])
