"""`hsi-tracking demo`: the whole graph on a shipped scene; video, boxes, bag and report in one folder."""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from hsi_tracking_ros.cli.device_argument import add_device_argument
from hsi_tracking_ros.cli.network_arguments import add_network_arguments, network_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this verb."""
    parser.add_argument('--headless', action='store_true', help='do not tell how to look on with RViz')
    parser.add_argument('--out', required=True, type=Path, metavar='DIR', help='folder for what it gives')
    parser.add_argument('--sequence', default='synthetic:demo', metavar='S',
                        help='folder, bag or synthetic:SCENE (synthetic:demo)')
    parser.add_argument('--tracker', default='auto', metavar='NAME', help='NAME or NAME:preset, see `models` (auto)')
    add_device_argument(parser)
    add_network_arguments(parser)
    parser.add_argument('--frames', type=int, default=100, metavar='N', help='at most; 0: all (100)')
    parser.add_argument('--rate', type=float, default=0.0, metavar='HZ', help="frames a second (the sequence's own)")
    parser.add_argument('--super-resolution', default='off', choices=('off', 'crop', 'frame'),
                        help='upscale the search region inside the tracker, or whole frames before it (%(default)s)')
    parser.add_argument('--super-resolver', default='', metavar='NAME',
                        help='what upscales, see `models` (back_projection)')
    parser.add_argument('--domain-id', type=int, metavar='ID', help='ROS domain on this machine (a free one)')
    parser.add_argument('--json', action='store_true', help='the report on standard output')


def run(args: argparse.Namespace) -> int:
    """Run, show progress, say where to look."""
    from tqdm import tqdm

    from hsi_tracking_ros.demo import DemoConfig, run_demo
    from hsi_tracking_ros.processes import free_domain_id, terminate_as_interrupt
    from hsi_tracking_ros.share import share_file

    if args.frames < 0 or args.rate < 0:
        raise ValueError(f'expected --frames and --rate >= 0, got {args.frames} and {args.rate:g}')
    domain_id = free_domain_id() if args.domain_id is None else args.domain_id
    config = DemoConfig(args.out, domain_id, args.sequence, args.tracker, args.device, args.frames, args.rate,
                        args.super_resolution, args.super_resolver, network_options(args))
    if not args.headless:
        print(f'to look on: ROS_DOMAIN_ID={domain_id} ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST '
              f'rviz2 -d {share_file("config/tracking.rviz")}', file=sys.stderr)
    with terminate_as_interrupt(), tqdm(total=args.frames or None, desc='starting', unit='frame',
                                        file=sys.stderr) as bar:
        def progress(done: int, total: int) -> None:
            if done > bar.n:
                bar.total = total or bar.total
                bar.set_description('tracking', refresh=False)
                bar.update(done - bar.n)
        report = run_demo(config, progress)
    print(json.dumps(report, indent=2) if args.json else summary(report, args.out))
    return 0


def summary(report: dict[str, Any], out: Path) -> str:
    """A few lines for people."""
    def number(value: float | None, form: str) -> str:
        return '-' if value is None else format(value, form)
    frames, age = report['frames'], report['age_ms']
    return '\n'.join((
        f'{report["tracker"]} on {report["sequence"]}: success AUC {number(report["success_auc"], ".3f")}, '
        f'DP20 {number(report["dp20"], ".3f")}',
        f'frames: {frames["sent"]} sent, {frames["received"]} received, {frames["dropped"]} dropped; age p50 '
        f'{number(age["p50"], ".1f")} ms, p99 {number(age["p99"], ".1f")} ms, max {number(age["max"], ".1f")} ms',
        f'video          {out / "overlay.mp4"}',
        f'contact sheet  {out / "contact_sheet.png"}',
        f'boxes          {out / "targets.jsonl"}',
        f'bag            {out / "bag"}',
        f'report         {out / "report.json"}'))
