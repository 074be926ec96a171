"""`hsi-tracking track`: one sequence or bag through a tracker, boxes out; needs no ROS."""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hsi_models.boxes import Box
from hsi_models.superresolution.settings import MODES, SuperResolution
from hsi_tracking_ros.cli.device_argument import add_device_argument
from hsi_tracking_ros.cli.network_arguments import add_network_arguments, network_options

if TYPE_CHECKING:       # torch may be loaded there
    from hsi_models.offline import SequenceRun

EXIT_INTERRUPTED = 130      # 128 + the signal's number, as shells count
SHOWN = 5                   # reasons of rejected frames


def _box(text: str) -> Box:
    try:
        return Box.parse(text)
    except ValueError as error:     # argparse would swallow its text
        raise argparse.ArgumentTypeError(str(error)) from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this verb."""
    parser.add_argument('sequence', metavar='SEQUENCE',
                        help='folder in HOTC or MUST layout, .npy/.npz frames, or a bag')
    parser.add_argument('--tracker', default='auto', metavar='NAME', help='NAME or NAME:preset, see `models` (auto)')
    parser.add_argument('--init', type=_box, metavar='X,Y,W,H',
                        help='initial box in pixels of the cube (the first ground-truth box)')
    add_device_argument(parser)
    add_network_arguments(parser)
    parser.add_argument('--super-resolution', default='off', choices=MODES,
                        help='upscale the search region inside the tracker, or whole frames before it (%(default)s)')
    parser.add_argument('--super-resolver', default=SuperResolution.model, metavar='NAME',
                        help='what upscales, see `models` (%(default)s)')
    parser.add_argument('--scale', type=int, default=SuperResolution.scale, metavar='S',
                        help='enlargement of both sides (%(default)s)')
    parser.add_argument('--camera-file', type=Path, metavar='JSON',
                        help='describes the camera of a bag that does not (wavelengths.json)')
    parser.add_argument('--calibration-file', default='', metavar='NPZ',
                        help="dark, white, defective as images (the levels of the sequence's camera)")
    parser.add_argument('--always-box', action='store_true', help='write the best guess where the target is LOST')
    parser.add_argument('--out', required=True, type=Path, metavar='FILE', help='rows x,y,w,h,score,status')
    parser.add_argument('--json', action='store_true', help='frames, fps, weights_sha256 on standard output')


def run(args: argparse.Namespace) -> int:
    """Track, write the rows, report; an interrupt ends it with the rows so far."""
    from tqdm import tqdm

    from hsi_models.offline import SequenceRun, track_sequence
    from hsi_models.registry import create_tracker
    from hsi_tracking_ros.outputs import require_writable
    from hsi_tracking_ros.processes import terminate_as_interrupt
    from hsi_tracking_ros.sequences import open_any_sequence

    require_writable(args.out)
    sequence = open_any_sequence(args.sequence, args.camera_file)
    tracker = create_tracker(args.tracker, device=args.device, **network_options(args).chosen)
    result, status = SequenceRun(), 0
    try:
        with terminate_as_interrupt():
            track_sequence(
                sequence, tracker, init=args.init, always_box=args.always_box, device=args.device,
                calibration_file=args.calibration_file,
                super_resolution=SuperResolution(args.super_resolution, args.super_resolver, args.scale), run=result,
                progress=lambda frames: iter(tqdm(frames, desc=sequence.name, unit='frame', file=sys.stderr,
                                                  mininterval=0.5, leave=False)))
    except KeyboardInterrupt:
        if not result.rows:
            raise
        status = EXIT_INTERRUPTED
        _say(f'interrupted after {len(result.rows)} of {len(sequence)} frames: their rows are written')
    result.write(args.out)
    _tell_rejected(result)
    report = {'sequence': sequence.name, 'tracker': args.tracker, 'super_resolution': args.super_resolution,
              'frames': len(result.rows),
              'rejected': len(result.rejected), 'fps': round(result.fps, 2),
              'weights_sha256': getattr(tracker, 'weights_sha256', None), 'out': str(args.out)}
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        print(f'{report["frames"]} frames at {result.fps:.1f} frames/s -> {args.out}')
    return status


def _tell_rejected(result: SequenceRun) -> None:
    for index, reason in list(result.rejected.items())[:SHOWN]:
        _say(f'frame {index} left out: {reason}')
    if result.rejected:
        _say(f'{len(result.rejected)} of {len(result.rows)} frames were rejected')


def _say(text: str) -> None:
    print(f'hsi-tracking track: {text}', file=sys.stderr)
