"""`hsi-tracking super-resolve IN --scale 2 --model cst_eigen --out OUT`: enlarge a cube, or the images of a bag."""
from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from hsi_tracking_ros.cli.device_argument import add_device_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument('input', type=Path, metavar='IN', help='.npz file with key cube, (H, W, C), or a bag')
    parser.add_argument('--scale', type=int, default=2, metavar='S', help='enlargement, 2, 3, 4 or 8 (%(default)s)')
    parser.add_argument('--model', default='cst_eigen', metavar='NAME',
                        help='cst_eigen, cst:fast, cst:paper, back_projection or bicubic (%(default)s)')
    parser.add_argument('--weights', type=Path, metavar='FILE', help='weights of your own instead of the shipped ones')
    add_device_argument(parser)
    parser.add_argument('--out', type=Path, required=True, metavar='OUT',
                        help='.npz that receives cube, (S H, S W, C), same dtype and scale, scalars and lists being '
                             'carried over; or the bag to make')
    parser.add_argument('--storage', default='mcap', choices=('mcap', 'sqlite3'), help='format of the bag (mcap)')
    parser.add_argument('--image-topic', default='', metavar='TOPIC', help='which images of the bag (the only ones)')
    parser.add_argument('--frames', type=int, default=0, metavar='N', help='images of the bag at most (all)')
    parser.add_argument('--json', action='store_true', help='print what was made, milliseconds and weights as JSON')


def run(args: argparse.Namespace) -> int:
    """Enlarge the cube of a file or the images of a bag."""
    from hsi_models.superresolution.factory import create_super_resolver
    from hsi_tracking_ros.processes import terminate_as_interrupt
    from hsi_tracking_ros.sequences import looks_like_bag

    if args.frames < 0:
        raise ValueError(f'expected --frames >= 0, got {args.frames}')
    if not args.input.exists():
        raise FileNotFoundError(f'expected a .npz file or a bag, got {args.input}: no such file or folder')
    is_bag = looks_like_bag(args.input)
    if is_bag and args.out.suffix == '.npz':
        raise ValueError(f'expected --out to be a folder, the bag to make of {args.input}, got {args.out}')
    if not is_bag and args.out.suffix != '.npz':
        raise ValueError(f'expected --out to end in .npz, got {args.out}')
    if not is_bag and (args.image_topic or args.frames):
        raise ValueError(f'expected --image-topic and --frames with a bag, got {args.input}')
    resolver = create_super_resolver(args.model, args.scale, args.device, weights=args.weights)
    with terminate_as_interrupt():
        report = _bag(args, resolver) if is_bag else _file(args, resolver)
    if args.json:
        print(json.dumps({**report, 'model': resolver.name, 'weights_sha256': resolver.weights_sha256}))
    return 0


def _file(args: argparse.Namespace, resolver: Any) -> dict[str, Any]:
    import numpy as np

    from hsi_models.data.numpy_files import load_npz
    from hsi_tracking_ros.outputs import made_whole, require_writable

    require_writable(args.out)
    entries = load_npz(args.input)
    if 'cube' not in entries:
        raise ValueError(f'{args.input}: expected the key cube, got {", ".join(entries) or "no arrays"}')
    started = time.perf_counter()
    cube = resolver.upscale(entries.pop('cube'))
    milliseconds = 1e3 * (time.perf_counter() - started)
    taken = 'file', 'allow_pickle'      # arguments of savez, no names of entries
    kept = {key: value for key, value in entries.items() if value.ndim < 2 and key not in taken}
    with made_whole(args.out) as partial:
        np.savez_compressed(partial, cube=cube, **kept)     # type: ignore[arg-type]
    return {'shape': list(cube.shape), 'dtype': cube.dtype.name, 'ms': round(milliseconds, 2)}


def _bag(args: argparse.Namespace, resolver: Any) -> dict[str, Any]:
    from tqdm import tqdm

    from hsi_tracking_ros.bag_upscaling import upscale_bag

    started = time.perf_counter()
    frames = upscale_bag(
        args.input, args.out, resolver, storage=args.storage, image_topic=args.image_topic, limit=args.frames,
        progress=lambda total: tqdm(total=total, desc=args.out.name, unit='frame', file=sys.stderr, leave=False))
    print(f'{frames} frames -> {args.out}', file=sys.stderr)
    return {'frames': frames, 'ms': round(1e3 * (time.perf_counter() - started) / max(frames, 1), 2)}
