"""`hsi-tracking super-resolve IN.npz --scale 2 --model cst_eigen --out OUT.npz`: enlarge a cube."""
from __future__ import annotations

import argparse
import json
import time
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument('input', type=Path, metavar='IN.npz', help='file with key cube, (H, W, C)')
    parser.add_argument('--scale', type=int, default=2, metavar='S', help='enlargement, 2, 3, 4 or 8 (%(default)s)')
    parser.add_argument('--model', default='cst_eigen', metavar='NAME',
                        help='cst_eigen, cst:fast, cst:paper, back_projection or bicubic (%(default)s)')
    parser.add_argument('--weights', type=Path, metavar='FILE', help='weights of your own instead of the shipped ones')
    parser.add_argument('--device', default='cpu', help='cpu or cuda[:N] (%(default)s)')
    parser.add_argument('--out', type=Path, required=True, metavar='OUT.npz',
                        help='receives cube, (S H, S W, C), same dtype and scale; scalars and lists are carried over')
    parser.add_argument('--json', action='store_true', help='print shape, milliseconds and weights as JSON')


def run(args: argparse.Namespace) -> int:
    """Enlarge the cube of a file."""
    import numpy as np

    from hsi_models.checkpoint import load_card
    from hsi_models.data.numpy_files import load_npz
    from hsi_models.superresolution.factory import UNLEARNT, create_super_resolver, shipped_weights

    if args.out.suffix != '.npz':
        raise ValueError(f'expected --out to end in .npz, got {args.out}')
    resolver = create_super_resolver(args.model, args.scale, args.device, weights=args.weights)
    entries = load_npz(args.input)
    if 'cube' not in entries:
        raise ValueError(f'{args.input}: expected the key cube, got {", ".join(entries) or "no arrays"}')
    started = time.perf_counter()
    cube = resolver.upscale(entries.pop('cube'))
    milliseconds = 1e3 * (time.perf_counter() - started)
    kept = {key: value for key, value in entries.items() if value.ndim < 2}
    partial = args.out.with_suffix('.partial.npz')
    np.savez_compressed(partial, cube=cube, **kept)
    partial.replace(args.out)
    if args.json:
        name = 'cst:fast' if args.model == 'cst' else args.model
        sha256 = None if name in UNLEARNT else load_card(args.weights or shipped_weights(name, args.scale)).sha256
        print(json.dumps({'shape': list(cube.shape), 'dtype': cube.dtype.name, 'ms': round(milliseconds, 2),
                          'model': name, 'weights_sha256': sha256}))
    return 0

