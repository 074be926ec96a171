"""docs/results.md from boxes on disk: every row, what tells `auto` from it, its parts, first boxes, honesty, speed.

    python -m benchmarks.peers BENCH/test --out BENCH/results/test --rows ...       # and likewise for validation
    python -m benchmarks.results BENCH > docs/results.md
    python -m benchmarks.results BENCH --card hsi_models/weights/auto.json --row auto \\
        --beside hsi_models/weights/box_refiner.safetensors        # into the card, too

BENCH holds `validation` and `test`, as `hsi-tracking simulate benchmark` writes them, and `results/validation`,
`results/test`, a folder a row. Nothing is tracked here: equal boxes give an equal page.
"""
from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path

from hsi_models.checkpoint import sha256_of
from hsi_models.data.simulation.benchmark import VERSION
from hsi_models.evaluation import evaluate
from hsi_models.evaluation.bootstrap import Interval, mean_interval, paired_difference
from hsi_models.evaluation.report import Report
from hsi_models.evaluation.robustness import JITTERS
from hsi_models.evaluation.tables import UNKNOWN, interval, number, pair
from hsi_models.evaluation.truth import find_truth, read_groups

OURS = 'auto'
TITLES = {
    'still': 'first box held still', 'kcf': 'KCF (OpenCV) on false colour', 'mil': 'MIL (OpenCV) on false colour',
    'csrt': 'CSRT (OpenCV) on false colour', 'discriminant': 'discriminant on spectra',
    'ace': 'adaptive cosine estimator', 'nanotrack_v2': 'NanoTrack v2 on false colour',
    'nanotrack_v3': 'NanoTrack v3 on false colour', 'fear_xs': 'FEAR-XS on false colour',
    'fusion': 'untrained fusion on NanoTrack v3',
    'spectral_dcf': '`spectral_dcf`', 'ssf_net_fast': '`ssf_net:fast`',
    'ssf_net_rgb': '`ssf_net:fast`, false colour only', 'bcr_net_fast': '`bcr_net:fast`',
    'bcr_net_rgb': '`bcr_net:fast`, false colour only', 'auto': '**`auto`**',
    'ssf_net_scratch': '`ssf_net:fast` trained from random weights',
    'bcr_net_scratch': '`bcr_net:fast` trained from random weights',
    'auto_scratch': '`auto` trained from random weights', 'auto_without_prior': '`auto` without the spectral prior',
    'auto_without_refinement': '`auto` without refinement of the box',
    'auto_without_redetection': '`auto` without the search by spectrum',
    'auto_told_nothing_separates': '`auto` told that nothing separates',
}
RIVALS = {'ssf_net_fast': ('ssf_net_rgb', 'csrt'), 'bcr_net_fast': ('bcr_net_rgb', 'csrt')}
"""Rows that a network has to be above: its own form without the spectrum, trained alike, and the yardstick."""

GROUPS = ('ordinary', 'camouflage_1', 'camouflage_2', 'camouflage_3', 'camouflage', 'hide', 'pan')


def main() -> None:
    """Read, judge, print."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.results', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path, metavar='BENCH')
    parser.add_argument('--card', type=Path, metavar='FILE', help='card of weights that receives the scores of --row')
    parser.add_argument('--row', default=OURS, help=f'({OURS})')
    parser.add_argument('--beside', type=Path, nargs='*', default=[], metavar='FILE',
                        help='other weights that the row was made with, too')
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    try:
        reports = {split: judge(folder / split, folder / 'results' / split) for split in ('test', 'validation')}
        hashes = weights(folder / 'results' / 'test')
        if arguments.card:
            fill_card(arguments.card, arguments.row, reports, hashes, arguments.beside)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    print(page(reports, hashes), end='')


def judge(sequences: Path, results: Path) -> Report:
    """Every row of a split.

    Raises:
        ValueError: no rows there, or malformed files.
    """
    rows = {path.name: path for path in results.iterdir() if path.is_dir()} if results.is_dir() else {}
    if not rows:
        raise ValueError(f'expected a folder a row in {results}, got none: python -m benchmarks.peers writes them')
    ordered = [*(name for name in TITLES if name in rows), *sorted(rows.keys() - TITLES.keys())]
    groups = read_groups(sequences / 'groups.json', find_truth(sequences))
    return evaluate(sequences, {name: rows[name] for name in ordered}, groups=groups)


def weights(results: Path) -> dict[str, str]:
    """SHA-256 of the weights behind each row that has some."""
    found = {}
    for row in sorted(path for path in results.iterdir() if path.is_dir()):
        notes = (json.loads(path.read_text()) for path in sorted(row.glob('*.json')))
        hashes = {note['weights_sha256'] for note in notes if note.get('weights_sha256')}
        if hashes:
            found[row.name] = ', '.join(sorted(hashes))
    return found


def fill_card(path: Path, row: str, reports: dict[str, Report], hashes: dict[str, str],
              beside: Sequence[Path] = ()) -> None:
    """Write how a row tracks through both splits into the card of its weights.

    Args:
        path: of the card.
        row: its row.
        reports: of both splits.
        hashes: of the weights of each row.
        beside: other weights that the row was made with, after those of the card.

    Raises:
        ValueError: no such row, or it was made with other weights.
    """
    card = json.loads(path.read_text(encoding='utf-8'))
    expected = sha256_of(path.with_suffix('.safetensors'), *beside) if beside else card['sha256']
    if hashes.get(row) != expected:
        raise ValueError(f'expected a row {row!r} made with the weights {expected}, got {hashes.get(row)}')
    for split, report in reports.items():
        one = report.trackers[row]
        found: dict[str, object] = {'all': [round(one.mean.auc, 3), *_rounded(one.auc_interval)]}
        for group, names in _groups(report).items():
            scores = [one.sequences[name].auc for name in names]
            found[group] = [round(one.groups[group].auc, 3), *_rounded(mean_interval(scores))]
        card[split]['success_auc_and_95_percent_interval'] = found
        card[split]['sequences'] = f'benchmark version {VERSION}, {split}: {len(report.truth)}'
    path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')


def _rounded(found: Interval | None) -> list[float]:
    return [] if found is None else [round(found.low, 3), round(found.high, 3)]


def page(reports: dict[str, Report], hashes: dict[str, str]) -> str:
    """The whole page, Markdown."""
    test = reports['test']
    parts = ['# Results', 'Made by `python -m benchmarks.results BENCH` from boxes on disk; how they come to be, and '
             'what the groups are: [benchmark.md](benchmark.md). Success AUC (hot50) / share of frames within 20 '
             'pixels, one run each; where a tracker says lost its best guess counts. Frames per second: one thread '
             'of a machine that did other work besides, an order of magnitude. Forms of the networks whose weights '
             'are not shipped: [results_forms.md](results_forms.md).']
    for split, report in reports.items():
        frames = sum(len(boxes) for boxes in report.truth.values())
        parts += [f'## {split.capitalize()}: {len(report.truth)} sequences, {frames} frames', scores_table(report)]
    if OURS in test.trackers:
        parts += ['## `auto` against each row, on test', 'Difference of AUC, `auto` less the row, with the 95 % '
                  'interval of a paired bootstrap over sequences.', differences_table(test)]
    parts += section('The published networks against their own forms without a spectrum, and CSRT, on test',
                     rivals_table(test))
    parts += section('First box off by up to 12 % in position and size (five seeds), test', robustness_table(test))
    parts += section('By attribute, test', attributes_table(test))
    parts += ['## What a tracker says of itself, test', honesty_table(test),
              '## Weights', table(['row', 'SHA-256'], [[title(name), f'`{value}`'] for name, value in hashes.items()])]
    return '\n\n'.join(parts) + '\n'


def section(heading: str, content: str) -> list[str]:
    """A heading and what is under it; nothing where there is nothing."""
    return [f'## {heading}', content] if content else []


def scores_table(report: Report) -> str:
    """Rows by groups, all sequences and speed."""
    groups = _groups(report)
    return table(['row', *groups, 'all', '95 % of all', 'frames/s'], [
        [title(one.name), *(pair(one.groups[group]) for group in groups), pair(one.mean), interval(one.auc_interval),
         UNKNOWN if one.fps is None else f'{one.fps:.0f}'] for one in report.trackers.values()])


def differences_table(report: Report) -> str:
    """`auto` less every other row."""
    return table(['row', *_groups(report), 'all'],
                 [[title(name), *_differences(report, OURS, name)] for name in report.trackers if name != OURS])


def rivals_table(report: Report) -> str:
    """The published networks less what they have to be above; '' without rows of theirs."""
    rows = [[title(name), title(rival), *_differences(report, name, rival)] for name, rivals in RIVALS.items()
            for rival in rivals if name in report.trackers and rival in report.trackers]
    return table(['row', 'less', *_groups(report), 'all'], rows) if rows else ''


def _groups(report: Report) -> dict[str, list[str]]:
    return {group: list(report.groups[group]) for group in GROUPS if group in report.groups}


def _differences(report: Report, one: str, other: str) -> list[str]:
    """AUC of one row less another's, with its interval: a cell a group, and all."""
    cells = []
    for names in (*_groups(report).values(), list(report.truth)):
        ours, theirs = ([report.trackers[row].sequences[name].auc for name in names] for row in (one, other))
        found = paired_difference(ours, theirs)
        cells.append(f'{found.difference:+.3f} ({interval(found.interval, "+.3f")})')
    return cells


def robustness_table(report: Report) -> str:
    """Mean over the wrong first boxes beside the true one; '' where none was run."""
    rows = []
    for one in report.trackers.values():
        found = [one.robustness[name].auc for name in JITTERS if name in one.robustness]
        if found:
            mean = sum(found) / len(found)
            rows.append([title(one.name), number(one.mean.auc), number(mean), number(min(found)),
                         f'{mean - one.mean.auc:+.3f}'])
    return table(['row', 'true first box', 'mean', 'worst seed', 'difference'], rows) if rows else ''


def attributes_table(report: Report) -> str:
    """AUC of the rows by attribute; '' where sequences have none."""
    names = list(report.attributes)
    return table(['row', *(f'{name} ({len(report.attributes[name])})' for name in names)], [
        [title(one.name), *(number(one.attributes[name].auc) for name in names)]
        for one in report.trackers.values()]) if names else ''


def honesty_table(report: Report) -> str:
    """LOST against the truth, and calibration of the score, of the rows that have them."""
    return table(['row', 'LOST precision', 'LOST recall', 'calibration error (IoU > .5)'], [
        [title(one.name), number(one.mean.status.precision), number(one.mean.status.recall),
         number(one.mean.calibration.error)]
        for one in report.trackers.values() if one.mean.status.frames])


def title(name: str) -> str:
    """What a row is called."""
    return TITLES.get(name, f'`{name}`')


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown; numbers below one without their zero."""
    lines = [re.sub(r'(?<![\d`\w])0\.', '.', '| ' + ' | '.join(line) + ' |') for line in (header, *rows)]
    return '\n'.join([lines[0], '|---' * len(header) + '|', *lines[1:]])


if __name__ == '__main__':
    main()
