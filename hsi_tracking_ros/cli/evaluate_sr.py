"""`hsi-tracking evaluate-sr`: super-resolvers judged on cubes whose fine version is known."""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from hsi_tracking_ros.cli.device_argument import add_device_argument

COLUMNS = ('mpsnr_db', 'mssim', 'sam_deg', 'cc', 'rmse', 'ergas')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument('cubes', type=Path, metavar='DIR', help='folder of *.npz, key cube, (H, W, C)')
    parser.add_argument('--split', default='test', choices=('test', 'validation', 'training', 'all'),
                        help='which cubes of the agreed split (%(default)s)')
    parser.add_argument('--scale', type=int, default=2, metavar='S', help='2, 4 or 8 (%(default)s)')
    parser.add_argument('--models', default='bicubic,back_projection,cst_eigen', metavar='LIST',
                        help='names, or NAME=WEIGHTS for weights of your own (%(default)s)')
    parser.add_argument('--camera', choices=('vis', 'nir'),
                        help='look at the cubes through a snapshot camera first: 16 or 25 bands and its noise')
    parser.add_argument('--responses', type=Path, metavar='DIR',
                        help='measured responses of these cameras (default: DIR/../sensor_responses)')
    add_device_argument(parser)
    parser.add_argument('--plots', type=Path, metavar='DIR', help='write error maps and spectra, one picture a cube')
    parser.add_argument('--json', action='store_true', help='print {model: {mean: .., cube: ..}} instead of a table')


def run(args: argparse.Namespace) -> int:
    """Evaluate, print, and draw if asked for."""
    from hsi_models.superresolution.data import load_cubes, load_wavelengths
    from hsi_models.superresolution.evaluation import evaluate_super_resolvers, summarise, through_camera
    from hsi_models.superresolution.factory import create_super_resolver

    resolvers = {}
    for entry in args.models.split(','):
        name, _, weights = entry.partition('=')
        resolvers[entry] = create_super_resolver(name, args.scale, args.device, weights=weights or None)
    cubes = load_cubes(args.cubes, args.split)
    if args.camera:
        from hsi_models.data.simulation.cameras import measured_camera
        from hsi_models.data.simulation.illumination import GRID_NM
        camera = measured_camera(args.camera, args.responses or args.cubes.parent / 'sensor_responses')
        wavelengths = load_wavelengths(args.cubes, cubes)
        cubes = {name: through_camera(cube, wavelengths[name], camera.responses, GRID_NM)
                 for name, cube in cubes.items()}
    trials = []
    for trial in evaluate_super_resolvers(resolvers, cubes, noise_seed=0 if args.camera else None):
        print(f'{trial.cube} {trial.model}: {trial.quality.mpsnr_db:.3f} dB', file=sys.stderr)
        trials.append(trial)
    summary = summarise(trials)
    if args.plots:
        from hsi_models.superresolution.figures import draw_trials
        for path in draw_trials(trials, args.plots):
            print(f'wrote {path}', file=sys.stderr)
    print(json.dumps(summary, indent=1) if args.json else _table(summary))
    return 0


def _table(summary: dict[str, dict[str, dict[str, float]]]) -> str:
    lines = [f'{"model":<28} {"cube":<20} ' + ' '.join(f'{column:>9}' for column in COLUMNS)]
    for model, cubes in summary.items():
        for name, values in cubes.items():
            lines.append(f'{model[-28:]:<28} {name:<20} ' + ' '.join(f'{values[column]:9.4f}' for column in COLUMNS))
    return '\n'.join(lines)
