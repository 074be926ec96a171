"""`hsi-tracking benchmark`: what a tracker costs, in rings.

core (no ROS), node (one process), pair (a camera and the tracker, a process each), graph (the demo).
"""
from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from hsi_tracking_ros.cli.device_argument import add_device_argument
from hsi_tracking_ros.cli.network_arguments import add_network_arguments, network_options

RINGS = ('core', 'node', 'pair', 'graph')
SEQUENCE = 'synthetic:demo'


def _rings(text: str) -> tuple[str, ...]:
    rings = tuple(part.strip() for part in text.split(',') if part.strip())
    if not rings or set(rings) - set(RINGS):
        raise argparse.ArgumentTypeError(f'expected some of {",".join(RINGS)}, got {text!r}')
    return rings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this verb."""
    parser.add_argument('--ring', type=_rings, default=('core',), metavar='RINGS',
                        help=f'some of {",".join(RINGS)}; all but core need ROS 2 (core)')
    parser.add_argument('--tracker', action='append', metavar='NAME', help='may be repeated (auto)')
    parser.add_argument('--sequence', default=SEQUENCE, metavar='S',
                        help=f'folder, bag or synthetic:SCENE ({SEQUENCE})')
    parser.add_argument('--frames', type=int, default=100, metavar='N', help='frames of each run (100)')
    add_device_argument(parser)
    add_network_arguments(parser)
    parser.add_argument('--json', action='store_true', help='one object on standard output')


def run(args: argparse.Namespace) -> int:
    """Measure ring by ring and tracker by tracker."""
    from tqdm import tqdm

    from hsi_models.host import host_facts

    if args.frames < 2:
        raise ValueError(f'expected --frames >= 2, got {args.frames}')
    trackers = args.tracker or ['auto']
    jobs = [(ring, tracker) for ring in args.ring for tracker in trackers]
    results: dict[str, list[dict[str, Any]]] = {ring: [] for ring in args.ring}
    for ring, tracker in tqdm(jobs, desc='measuring', unit='run', file=sys.stderr, leave=False):
        results[ring].append(_MEASURE[ring](tracker, args))
    report = {'host': host_facts(), 'sequence': args.sequence, 'device': args.device, 'runtime': args.runtime or None,
              'precision': args.precision or None,
              'weights_sha256': {row['tracker']: row['weights_sha256'] for rows in results.values() for row in rows},
              'rings': results}
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        print(table(report))
    return 0


def table(report: dict[str, Any]) -> str:
    """The report for people."""
    lines = [f'{"ring":<6} {"tracker":<20} {"frames/s":>9} {"p50 ms":>8} {"p99 ms":>8} {"max ms":>8}  notes']
    for ring, rows in report['rings'].items():
        for row in rows:
            times, fps = row.get('age_ms') or row['frame_ms'], row.get('fps')
            notes = f'{row["peak_memory_mb"]:.0f} MB' if 'peak_memory_mb' in row else \
                f'age from the stamp; {row["frames"]["dropped"]} of {row["frames"]["sent"]} dropped'
            lines.append(f'{ring:<6} {row["tracker"]:<20} {fps if fps is not None else float("nan"):>9.1f} '
                         f'{times["p50"]:>8.1f} {times["p99"]:>8.1f} {times["max"]:>8.1f}  {notes}')
    return '\n'.join(lines)


def _source(args: argparse.Namespace) -> str:
    plain = args.sequence == SEQUENCE
    return f'{args.sequence}?frames={args.frames}' if plain else str(args.sequence)


def _core(tracker: str, args: argparse.Namespace) -> dict[str, Any]:
    from hsi_models.profiling import profile_tracker
    from hsi_tracking_ros.sequences import open_any_sequence

    sequence = open_any_sequence(_source(args))
    return profile_tracker(tracker, sequence, device=args.device, network=network_options(args),
                           frames=args.frames).to_json()


def _node(tracker: str, args: argparse.Namespace) -> dict[str, Any]:
    from hsi_tracking_ros import transport
    from hsi_tracking_ros.sequences import open_any_sequence

    transport.prepare()
    from hsi_tracking_ros.node_ring import measure_node

    return measure_node(tracker, open_any_sequence(_source(args)), device=args.device, network=network_options(args),
                        frames=args.frames)


def _pair(tracker: str, args: argparse.Namespace) -> dict[str, Any]:
    from hsi_tracking_ros.pair_ring import measure_pair

    return measure_pair(tracker, _source(args), device=args.device, network=network_options(args), frames=args.frames)


def _graph(tracker: str, args: argparse.Namespace) -> dict[str, Any]:
    from hsi_tracking_ros.demo import DemoConfig, run_demo
    from hsi_tracking_ros.processes import free_domain_id

    with tempfile.TemporaryDirectory() as folder:
        report = run_demo(DemoConfig(Path(folder), free_domain_id(), _source(args), tracker, args.device, args.frames,
                                     network=network_options(args)))
    return {'tracker': tracker, 'frames': report['frames'], 'fps': None, 'age_ms': report['age_ms'],
            'stages_ms': report['stages_ms'], 'frame_rate_hz': report['frame_rate_hz'],
            'success_auc': report['success_auc'], 'weights_sha256': report['weights_sha256']}


_MEASURE = {'core': _core, 'node': _node, 'pair': _pair, 'graph': _graph}
