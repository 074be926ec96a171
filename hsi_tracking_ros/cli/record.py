"""`hsi-tracking record`: topics into a bag, where `ros2 bag record` is not installed."""
from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this verb."""
    parser.add_argument('topics', nargs='*', metavar='TOPIC[:TYPE]',
                        help='what to record (all but ROS\'s own and overlays)')
    parser.add_argument('--out', required=True, type=Path, metavar='BAG', help='folder to make')
    parser.add_argument('--storage', default='mcap', choices=('mcap', 'sqlite3'), help='format of the bag (mcap)')
    parser.add_argument('--reliable', action='store_true', help='images as reliable: an every-frame evaluation')
    parser.add_argument('--images', type=int, default=0, metavar='N', help='end after N images (on Ctrl-C)')
    parser.add_argument('--namespace', default='', help='to which relative topics belong')
    parser.add_argument('--json', action='store_true', help='messages a topic on standard output')


def run(args: argparse.Namespace) -> int:
    """Record until Ctrl-C, say what was recorded."""
    from hsi_tracking_ros.bags import BagWriter
    from hsi_tracking_ros.checks import require_domain
    from hsi_tracking_ros.graph import absolute
    from hsi_tracking_ros.recorder import Recorder
    from hsi_tracking_ros.runner import run_node

    require_domain()
    writer = BagWriter(args.out, args.storage)
    recorders: list[Recorder] = []

    def create() -> Recorder:
        recorders.append(Recorder(writer, args.topics, reliable=args.reliable, limit=args.images))
        return recorders[0]
    namespace = ['-r', f'__ns:={absolute(args.namespace)}'] if args.namespace else []
    status = run_node(create, ['--ros-args', *namespace])
    if not recorders:       # nothing was recorded, and the next try is to find the place free
        writer.close()
        shutil.rmtree(args.out)
        return status
    report = {'bag': str(args.out), 'messages': writer.counts, 'lost': recorders[0].lost}
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        print(f'{sum(writer.counts.values())} messages of {len(writer.counts)} topics -> {args.out}', file=sys.stderr)
    return status
