"""An evaluation as one self-contained page, with its figures beside it as SVG for papers."""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Sized
from html import escape
from pathlib import Path

from hsi_models.evaluation import svg, tables
from hsi_models.evaluation.figures import Figure, report_figures
from hsi_models.evaluation.report import Report, TrackerReport
from hsi_models.evaluation.scores import SequenceScores

CSS = """
body { font: 15px/1.5 Helvetica, Arial, 'Liberation Sans', sans-serif; color: #1a1a1a;
  max-width: 1320px; margin: 32px auto; padding: 0 24px }
h1 { font-size: 26px; margin: 0 0 4px } h2 { font-size: 19px; margin: 40px 0 8px; border-bottom: 1px solid #ddd }
p { margin: 6px 0; max-width: 900px } .note { color: #555; font-size: 13px }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; margin: 10px 0 }
th { border-top: 2px solid #222; border-bottom: 1px solid #222; font-weight: 600 }
th, td { padding: 3px 10px; text-align: right; white-space: nowrap } th:first-child, td:first-child { text-align: left }
table tr:last-child td { border-bottom: 2px solid #222 } td.best { font-weight: 700 }
.figures { display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: flex-start } figure { margin: 0 0 8px }
figcaption { font-size: 13px; color: #333; margin: 0 0 4px } .wide { overflow-x: auto }
.swatch { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin: 0 7px -1px 0 }
.name { white-space: nowrap }
.warnings { background: #fff6e0; border-left: 4px solid #e69f00; padding: 8px 14px; font-size: 13px }
svg { max-width: 100%; height: auto }
"""


def write_html(report: Report, folder: Path, frames: Path | None = None) -> Path:
    """Write index.html, figures/*.svg and report.json; the page needs none of the other files, and no network.

    Args:
        report: what `evaluate` found.
        folder: made where it is missing; files of these names are replaced.
        frames: folder of sequences, DIR/<seq>; adds strips of frames. None: no pictures.

    Returns:
        The page.

    Raises:
        ValueError: `frames` holds none of the sequences, or one that cannot be read.
    """
    figures = report_figures(report)
    strips: dict[str, str] = {}
    if frames is not None:
        from hsi_models.evaluation.strips import report_strips
        strips = report_strips(report, frames, svg.styles(list(report.trackers)))
    (folder / 'figures').mkdir(parents=True, exist_ok=True)
    for name, (_, image) in figures.items():
        (folder / 'figures' / f'{name}.svg').write_text(image, encoding='utf-8')
    for name, image in strips.items():
        (folder / 'figures' / f'strip_{name}.svg').write_text(image, encoding='utf-8')
    (folder / 'report.json').write_text(json.dumps(report.to_json(), indent=1) + '\n', encoding='utf-8')
    page = folder / 'index.html'
    page.write_text(_page(report, figures, strips), encoding='utf-8')
    return page


def _page(report: Report, figures: dict[str, Figure], strips: dict[str, str]) -> str:
    ranking = report.ranking
    first = report.protocols[0].name
    frames = sum(len(boxes) for boxes in report.truth.values())
    body = [f'<h1>Tracking evaluation</h1><p>{len(report.trackers)} trackers, {len(report.truth)} sequences, {frames} '
            f'frames. One-pass evaluation from the first box; every number is the mean over sequences, '
            f'intervals are 95 % bootstrap intervals over sequences. AUC without a name is {first}.</p>']
    if report.warnings:
        items = ''.join(f'<li>{escape(warning)}</li>' for warning in report.warnings)
        body.append(f'<div class="warnings"><b>Warnings</b><ul>{items}</ul></div>')
    body += ['<h2>Overall</h2>', _table(tables.overall_header(report), [
        tables.overall_row(report, one) for one in ranking], _best_rows(report), report)]
    body.append('<p class="note">' + '<br>'.join(
        [f'AUC {one.name}: {one.description}.' for one in report.protocols] + [
            'DP20: fraction of frames with centre error strictly below 20 px. Norm. prec.: area under the normalised '
            'precision curve, 0 to 0.5 of the target\'s size. Missed: frames with truth but without a box.',
            'LOST prec., recall: frames that say LOST against frames in which the target was gone (no valid truth, or '
            'the last box overlaps it by IoU &le; 0.1). ECE: expected calibration error of the score at IoU &gt; 0.5.'])
                + '</p>')
    body.append(_row_of(figures, 'success', 'precision', 'normalised_precision'))
    body.append(_row_of(figures, 'auc_intervals', 'reliability'))
    if report.comparisons:
        body += ['<h2>Differences between trackers</h2><p class="note">AUC of the row minus AUC of the column, 95 % '
                 'interval, two-sided p of the paired bootstrap; not corrected for the number of comparisons. Tinted: '
                 'p &lt; 0.05.</p>', _differences(report)]
    if report.groups:
        body += ['<h2>Groups</h2>', _row_of(figures, 'groups'),
                 _score_table(report, 'group', 'sequences', _counts(report.groups), lambda one: one.groups)]
    if report.attributes:
        body += ['<h2>Attributes</h2>', _row_of(figures, 'attributes'),
                 _score_table(report, 'attribute', 'sequences', _counts(report.attributes), lambda one: one.attributes)]
    if 'first_box' in figures:
        body += ['<h2>Robustness to the first box</h2>', _row_of(figures, 'first_box')]
    if strips:
        legend = ' &ensp; '.join(f'<span class="name">{_swatch(one, report)}{escape(one)}</span>'
                                 for one in report.trackers)
        body.append(f'<h2>Frames</h2><p class="note">White, dashed: ground truth. {legend}. A dot in the '
                    'corner: this tracker gives no box.</p>')
        body += [f'<figure><figcaption>{escape(name)} &ensp; {_auc_list(report, name)}</figcaption>{image}</figure>'
                 for name, image in strips.items()]
    body += ['<h2>Sequences</h2><p class="note">AUC / DP20; the best AUC of a row in bold.</p>',
             _score_table(report, 'sequence', 'frames', _counts(report.truth), lambda one: one.sequences)]
    return (f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Tracking evaluation</title>'
            f'<style>{CSS}</style></head><body>{"".join(body)}</body></html>\n')


def _row_of(figures: dict[str, Figure], *names: str) -> str:
    shown = ''.join(f'<figure><figcaption>{caption}</figcaption>{image}</figure>'
                    for caption, image in (figures[name] for name in names if name in figures))
    return f'<div class="figures">{shown}</div>'


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], best: dict[int, int], report: Report) -> str:
    """A table of trackers; `best`: column -> row in bold."""
    body = ''.join('<tr>' + ''.join(
        f'<td{" class=best" if best.get(column) == index else ""}>'
        f'{_swatch(cell, report) if column == 0 else ""}{escape(cell)}</td>' for column, cell in enumerate(row))
        + '</tr>' for index, row in enumerate(rows))
    return _wrapped(header, body)


def _best_rows(report: Report) -> dict[int, int]:
    """Column of the main table -> its best row, for AUC, DP20 and normalised precision."""
    means = [one.mean for one in report.ranking]
    if len(means) < 2:
        return {}
    columns = {1 + index: [mean.aucs[one.name] for mean in means] for index, one in enumerate(report.protocols)}
    dp20 = len(report.protocols) + 2        # after the interval of the AUC
    columns |= {dp20: [mean.dp20 for mean in means], dp20 + 2: [mean.normalised_precision for mean in means]}
    return {column: values.index(max(values)) for column, values in columns.items()}


def _counts(members: Mapping[str, Sized]) -> dict[str, int]:
    return {name: len(listed) for name, listed in members.items()}


def _score_table(report: Report, kind: str, count_of: str, counts: dict[str, int],
                 scores: Callable[[TrackerReport], dict[str, SequenceScores]]) -> str:
    ranking = report.ranking
    rows = []
    for name, count in counts.items():
        row = [scores(one)[name] for one in ranking]
        best = max(one.auc for one in row)
        cells = ''.join(f'<td{" class=best" if one.auc == best and len(row) > 1 else ""} '
                        f'style="background:rgba(0,114,178,{one.auc * 0.32:.3f})">{tables.pair(one)}</td>'
                        for one in row)
        rows.append(f'<tr><td>{escape(name)}</td><td>{count}</td>{cells}</tr>')
    return _wrapped([kind, count_of, *(one.name for one in ranking)], ''.join(rows))


def _differences(report: Report) -> str:
    ranking = [one.name for one in report.ranking]
    cells = {}
    for one in report.comparisons:
        interval, p = one.auc.interval, one.auc.p
        for row, column, sign in ((one.first, one.second, 1), (one.second, one.first, -1)):
            value = sign * one.auc.difference
            ends = '' if interval is None else ' .. '.join(f'{end:+.3f}' for end in sorted(sign * x for x in interval))
            clear = p is not None and p < 0.05
            tint = f' style="background:{"#d8efe6" if value > 0 else "#fbe3d6"}"' if clear else ''
            cells[row, column] = (f'<td{tint}>{value:+.3f}<br><span class="note">{ends}<br>'
                                  f'{"" if p is None else f"p = {p:.4f}"}</span></td>')
    body = ''.join(f'<tr><td>{_swatch(row, report)}{escape(row)}</td>' + ''.join(
        cells.get((row, column), '<td></td>') for column in ranking) + '</tr>' for row in ranking)
    return _wrapped(['', *ranking], body)


def _wrapped(header: Sequence[str], body: str) -> str:
    head = ''.join(f'<th>{escape(name)}</th>' for name in header)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _swatch(tracker: str, report: Report) -> str:
    style = svg.styles(list(report.trackers))[tracker]
    fill = f'repeating-linear-gradient(90deg,{style.colour} 0 3px,#fff 3px 5px)' if style.dash else style.colour
    return f'<span class="swatch" style="background:{fill}"></span>'


def _auc_list(report: Report, sequence: str) -> str:
    return ', '.join(f'{escape(one.name)} {one.sequences[sequence].auc:.3f}' for one in report.ranking)
