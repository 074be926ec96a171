"""`hsi-tracking convert`: a folder into a bag, a bag into a folder."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this verb."""
    parser.add_argument('source', metavar='IN', help='folder of a sequence, synthetic:SCENE, or a bag')
    parser.add_argument('out', type=Path, metavar='OUT', help='bag to make of a folder, folder to make of a bag')
    parser.add_argument('--storage', default='mcap', choices=('mcap', 'sqlite3'), help='format of the bag (mcap)')
    parser.add_argument('--image-topic', default='', metavar='TOPIC', help='which images of the bag (the only ones)')
    parser.add_argument('--frames', type=int, default=0, metavar='N', help='at most (all)')


def run(args: argparse.Namespace) -> int:
    """Convert, say what was made."""
    from tqdm import tqdm

    from hsi_tracking_ros.conversion import bag_to_folder, sequence_to_bag
    from hsi_tracking_ros.processes import terminate_as_interrupt
    from hsi_tracking_ros.sequences import looks_like_bag

    if args.frames < 0:
        raise ValueError(f'expected --frames >= 0, got {args.frames}')

    def progress(total: int) -> Any:
        return tqdm(total=total, desc=args.out.name, unit='frame', file=sys.stderr, leave=False)
    with terminate_as_interrupt():
        if looks_like_bag(args.source):
            frames = bag_to_folder(args.source, args.out, image_topic=args.image_topic, limit=args.frames,
                                   progress=progress)
        elif args.image_topic:
            raise ValueError(f'expected --image-topic with a bag, got the sequence {args.source}')
        else:
            frames = sequence_to_bag(args.source, args.out, storage=args.storage, limit=args.frames, progress=progress)
    print(f'{frames} frames -> {args.out}', file=sys.stderr)
    return 0
