"""`hsi-tracking evaluate`: results of trackers against ground truth."""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

EPILOG = """\
ground truth: DIR/<seq>/groundtruth_rect.txt, rows x y w h (comma, space or tab); also
DIR/<seq>/HSI/groundtruth_rect.txt, DIR/<seq>/groundtruth.txt and, for boxes without images, DIR/<seq>_gt.txt.
Attributes: DIR/attributes.json (sequence -> list) and DIR/<seq>/attributes.txt.
results: DIR/<seq>.txt, rows x,y,w,h[,score[,status]]; DIR/summary.json may hold {"fps": N}; sub-folders shift_left ..
scale_120 may hold results from perturbed first boxes. Missing rows and rows that are not finite are misses; frames
without valid truth are left out."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument('--ground-truth', type=Path, required=True, metavar='DIR', help='folder of ground truth')
    parser.add_argument('--results', action='append', required=True, metavar='NAME=DIR',
                        help='a tracker and its folder of results; may be given several times')
    parser.add_argument('--groups', type=Path, metavar='FILE', help='JSON: group -> list of sequences')
    parser.add_argument('--protocol', default='hot50,otb21', metavar='LIST',
                        help='success protocols, the first is "auc" (default: %(default)s)')
    parser.add_argument('--json', action='store_true', help='print JSON instead of tables')
    parser.add_argument('--html', type=Path, metavar='DIR',
                        help='write a report: index.html, its figures as SVG, report.json')
    parser.add_argument('--frames', type=Path, metavar='DIR',
                        help='folder of sequences, DIR/<seq>; adds strips of frames to the report')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='of the bootstrap (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Evaluate, print, and write the report if asked for."""
    if args.frames and not args.html:
        raise ValueError('--frames adds pictures to the report of --html DIR: give both, or neither')
    results = _results(args.results)

    from hsi_models.evaluation import evaluate
    from hsi_models.evaluation.tables import format_report
    from hsi_models.evaluation.truth import find_truth, read_groups

    groups = read_groups(args.groups, find_truth(args.ground_truth)) if args.groups else None
    report = evaluate(args.ground_truth, results, groups=groups, protocols=args.protocol.split(','), seed=args.seed)
    for warning in report.warnings:
        print(f'warning: {warning}', file=sys.stderr)
    if args.html:
        from hsi_models.evaluation.html import write_html
        page = write_html(report, args.html, args.frames)
        print(f'report: {page}', file=sys.stderr)
    print(json.dumps(report.to_json()) if args.json else format_report(report))
    return 0


def _results(pairs: list[str]) -> dict[str, Path]:
    """NAME=DIR of the command line, each name once."""
    results: dict[str, Path] = {}
    for pair in pairs:
        name, separator, folder = pair.partition('=')
        if not separator or not name.strip() or not folder:
            raise ValueError(f'expected --results NAME=DIR, got {pair!r}')
        if name in results:
            raise ValueError(f'expected each tracker once, got --results {name}=... twice')
        results[name] = Path(folder)
    return results
