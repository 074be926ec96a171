"""`hsi-tracking simulate`: hyperspectral sequences made from colour videos, measured cubes and code; needs no ROS."""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from hsi_models.data.simulation.benchmark import Made
    from hsi_models.data.simulation.recipes import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this verb."""
    verbs = parser.add_subparsers(dest='simulate', required=True, metavar='WHAT')

    benchmark = verbs.add_parser('benchmark', help='the sequences of the benchmark, groups.json and their hashes')
    benchmark.add_argument('--data', required=True, type=Path, metavar='DIR',
                           help='holds videos, hsi_cubes, real_mosaics, sensor_responses, hotc2020_gt_boxes')
    benchmark.add_argument('--split', required=True, choices=('validation', 'test'))
    benchmark.add_argument('--draw', type=int, default=0, metavar='N',
                           help='other sequences from the sources of validation, to choose by; not of the benchmark')
    benchmark.add_argument('--out', required=True, type=Path, metavar='DIR', help='one folder a sequence, HOTC layout')
    benchmark.add_argument('--only', default='', metavar='TEXT', help='only sequences whose name holds this text')
    benchmark.add_argument('--jobs', type=int, default=1, metavar='N', help='processes (1)')
    benchmark.add_argument('--manifest', type=Path, metavar='FILE',
                           help='put names, groups, frames and hashes of this split into a JSON file')
    benchmark.add_argument('--json', action='store_true', help='what was made on standard output')

    training = verbs.add_parser('training', help='sequences to train with, of no source that the benchmark judges with')
    training.add_argument('--data', required=True, type=Path, metavar='DIR',
                          help='holds images, hsi_cubes, sensor_responses, hotc2020_gt_boxes')
    training.add_argument('--out', required=True, type=Path, metavar='DIR', help='one folder a sequence, HOTC layout')
    training.add_argument('--count', type=int, metavar='N', help='sequences (as many as shipped weights have seen)')
    training.add_argument('--only', default='', metavar='TEXT', help='only sequences whose name holds this text')
    training.add_argument('--jobs', type=int, default=1, metavar='N', help='processes (1)')
    training.add_argument('--json', action='store_true', help='what was made on standard output')

    scene = verbs.add_parser('scene', help='one sequence: a colour video turned hyperspectral, or the synthetic scene')
    scene.add_argument('--video', type=Path, metavar='DIR',
                       help='frames 0001.jpg ... and groundtruth_rect.txt; without it the synthetic scene')
    scene.add_argument('--out', required=True, type=Path, metavar='DIR', help='new or empty folder, HOTC layout')
    scene.add_argument('--camera', default='vis', choices=('vis', 'nir'), help='4 x 4 or 5 x 5 mosaic (vis)')
    scene.add_argument('--responses', type=Path, metavar='DIR',
                       help='measured filter responses (*.mat) for --video; nominal Gaussian filters without it')
    scene.add_argument('--light', default='drift', metavar='KIND',
                       help='steady, drift, cloud, shadow, lamp or flicker, for --video (drift)')
    scene.add_argument('--frames', type=int, default=100, metavar='N', help='of the synthetic scene (100)')
    scene.add_argument('--seed', type=int, default=0, metavar='N', help='of everything random (0)')
    scene.add_argument('--json', action='store_true', help='what was made on standard output')


def run(args: argparse.Namespace) -> int:
    """Generate and report."""
    return {'benchmark': _benchmark, 'training': _training, 'scene': _scene}[args.simulate](args)


def _benchmark(args: argparse.Namespace) -> int:
    from hsi_models.data.simulation.benchmark import (
        VERSION,
        differences,
        manifest,
        this_platform,
        update_manifest,
    )
    from hsi_models.data.simulation.recipes import benchmark_recipes

    if args.draw and args.manifest is not None:
        raise ValueError(f'expected --manifest for the benchmark itself, got --draw {args.draw}')
    made = _make_all(benchmark_recipes(args.split, args.draw), args)
    different = [] if args.draw else differences(args.split, made)
    report = {'version': VERSION, 'frozen': manifest()['frozen'], 'split': args.split, 'draw': args.draw,
              'sequences': len(made), 'frames': sum(sequence.frames for sequence in made),
              'different_from_manifest': different, 'groups': str(args.out / 'groups.json'), 'out': str(args.out)}
    if args.manifest is not None:
        update_manifest(args.manifest, args.split, made)
    if different:
        print(f'hsi-tracking simulate: {len(different)} sequences differ from the manifest of version {VERSION}: '
              f'{", ".join(different[:3])} ...', file=sys.stderr)
        if manifest().get('platform') != this_platform():
            print(f'hsi-tracking simulate: it was made on {manifest().get("platform")}, this is {this_platform()}; '
                  'another processor or library rounds a few values another way', file=sys.stderr)
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        print(f'{report["sequences"]} sequences, {report["frames"]} frames -> {args.out}')
    return 0


def _training(args: argparse.Namespace) -> int:
    from hsi_models.data.simulation.training_recipes import COUNT, training_recipes

    made = _make_all(training_recipes(COUNT if args.count is None else args.count), args)
    report = {'sequences': len(made), 'frames': sum(sequence.frames for sequence in made),
              'groups': str(args.out / 'groups.json'), 'out': str(args.out)}
    print(json.dumps(report, indent=2) if args.json else
          f'{report["sequences"]} sequences, {report["frames"]} frames -> {args.out}')
    return 0


def _make_all(recipes: tuple[Recipe, ...], args: argparse.Namespace) -> list[Made]:
    """The sequences whose name holds `args.only`, in `args.out` with their groups."""
    from hsi_models.data.simulation.benchmark import write_groups

    if args.jobs < 1:
        raise ValueError(f'expected --jobs >= 1, got {args.jobs}')
    chosen = [recipe for recipe in recipes if args.only in recipe.name]
    if not chosen:
        raise ValueError(f'expected sequences whose name holds {args.only!r}, got none')
    args.out.mkdir(parents=True, exist_ok=True)
    made = _make_each(chosen, args.data, args.out, args.jobs)
    write_groups(made, args.out / 'groups.json')
    return made


def _make_each(recipes: list[Recipe], data: Path, out: Path, jobs: int) -> list[Made]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from tqdm import tqdm

    work = [(recipe, data, out) for recipe in recipes]
    with tqdm(total=len(work), unit='sequence', file=sys.stderr) as bar:
        made = []
        if jobs == 1:
            results = map(_make, work)
            for sequence in results:
                made.append(sequence)
                bar.update()
            return made
        with ProcessPoolExecutor(jobs, get_context('spawn')) as pool:
            for sequence in pool.map(_make, work):
                made.append(sequence)
                bar.update()
    return made


def _make(work: tuple[Recipe, Path, Path]) -> Made:
    import cv2
    import torch

    from hsi_models.data.simulation.benchmark import make_sequence

    # One thread: sums in another order would change the last bit, and with it the hash.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    return make_sequence(*work)


def _scene(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from hsi_models.data.folder import require_empty
    from hsi_models.data.simulation.scene import write_sequence

    require_empty(args.out)
    if args.video is None:
        from hsi_models.data.synthetic import SyntheticSequence

        sequence = SyntheticSequence(seed=args.seed, frames=args.frames,
                                     camera={'vis': 'vis16', 'nir': 'nir25'}[args.camera])
        camera, boxes, attributes = sequence.camera, sequence.boxes, sequence.attributes
        images: Iterator[npt.NDArray[Any]] = (sequence.image(index) for index in range(len(sequence)))
    else:
        from hsi_models.data.simulation.cameras import measured_camera, nominal_camera
        from hsi_models.data.simulation.ordinary import ordinary_scene
        from hsi_models.data.simulation.scene import expose, render
        from hsi_models.data.simulation.videos import VideoFolder

        simulated = (measured_camera(args.camera, args.responses) if args.responses is not None
                     else nominal_camera(args.camera))
        scene = ordinary_scene(VideoFolder(args.video), args.seed, args.light)
        exposure = expose(scene, simulated)
        camera, boxes, attributes = simulated.description(exposure), scene.boxes, scene.attributes
        images = render(scene, simulated, args.seed, exposure)
    write_sequence(args.out, camera, iter(tqdm(images, total=len(boxes), unit='frame', file=sys.stderr)), boxes,
                   attributes)
    report = {'out': str(args.out), 'frames': len(boxes), 'camera': camera.model, 'seed': args.seed}
    print(json.dumps(report, indent=2) if args.json else f'{len(boxes)} frames -> {args.out}')
    return 0
