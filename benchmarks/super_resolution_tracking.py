"""Does super-resolution help small targets? Accuracy and time of a tracker with and without it, on the same sequences.

    OMP_NUM_THREADS=1 python benchmarks/super_resolution_tracking.py SEQUENCES --shrink 2 --frames 60

`--shrink F` makes a camera with F times coarser pixels of each sequence: the mean of F x F pixels, rounded. What such a
camera would add of noise is not added, and averages have less of it. Time is processor time of one thread, decoding of
files left out. Prints JSON: per sequence the size of the target, then for each row success AUC, DP20 (a centre within
20 pixels of the unshrunk cube) and milliseconds a frame; then means.
"""
from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2
import numpy as np
import numpy.typing as npt
import torch

from hsi_models.boxes import Box
from hsi_models.camera import Camera
from hsi_models.data.open import find_sequences, open_sequence
from hsi_models.data.sequence import Sequence
from hsi_models.evaluation.metrics import PROTOCOLS, centre_errors, overlaps
from hsi_models.ingest import cube_camera, image_bands, to_cube
from hsi_models.pipeline import TrackingPipeline
from hsi_models.superresolution.settings import Mode, SuperResolution

ROWS = 'off,crop:bicubic,crop:back_projection,crop:cst_eigen,frame:cst_eigen'


@dataclass(frozen=True)
class Coarser:
    """A sequence as a camera with `factor` times larger pixels sees it."""

    sequence: Sequence
    factor: int

    def image(self, index: int) -> np.ndarray:
        """Frame `index`, (H // factor, W // factor, C), dtype of the sequence."""
        cube = to_cube(self.sequence.image(index), self.sequence.camera)
        if self.factor == 1:
            return cube
        f = self.factor
        height, width = (side // f for side in cube.shape[:2])
        mean = cube[:f * height, :f * width].reshape(height, f, width, f, -1).mean(axis=(1, 3), dtype=np.float32)
        out: npt.NDArray[Any] = (mean if cube.dtype.kind == 'f' else np.rint(mean)).astype(cube.dtype)
        return out

    @property
    def camera(self) -> Camera:
        """Of these cubes, as if they were its own images."""
        camera = cube_camera(self.sequence.camera, image_bands(self.sequence.image(0), self.sequence.camera))
        return replace(camera, pixel_rows=0, pixel_columns=0)


def run(coarse: Coarser, count: int, row: str, scale: int, tracker: str) -> dict[str, float]:
    """Track `count` frames from the true box of the first one on."""
    mode, _, model = row.partition(':')
    pipeline = TrackingPipeline(tracker, camera=coarse.camera, history=1,
                                super_resolution=SuperResolution(cast(Mode, mode), model or 'cst_eigen', scale))
    truth = coarse.sequence.boxes[:count] / coarse.factor
    pipeline.initialise(Box(*truth[0]))
    boxes, times = [], []
    for index in range(count):
        image = coarse.image(index)
        start = time.process_time()
        state = pipeline.process(image, stamp_ns=coarse.sequence.stamp_ns(index), seq=index).states[0]
        times.append(1e3 * (time.process_time() - start))
        boxes.append(tuple(state.best_guess))
    boxes[0] = tuple(truth[0])
    errors = centre_errors(truth, np.array(boxes)) * coarse.factor
    return {'auc': round(float(PROTOCOLS['hot50'].auc(overlaps(truth, np.array(boxes)))), 4),
            'dp20': round(float((errors[np.isfinite(errors)] < 20).mean()), 4),
            'ms': round(float(np.median(times[1:])), 1)}


def measure(paths: list[Path], args: argparse.Namespace) -> dict[str, Any]:
    """Every row on every sequence whose target is small enough."""
    found: dict[str, dict[str, Any]] = {}
    rows = args.rows.split(',')
    for path in paths:
        sequence = open_sequence(path)
        boxes = sequence.boxes
        count = min(len(sequence), len(boxes), args.frames or len(sequence))
        if count < 2 or not np.isfinite(boxes[0]).all():
            continue
        size = float(np.sqrt(boxes[0, 2] * boxes[0, 3])) / args.shrink
        if not args.smallest <= size <= args.largest:
            continue
        coarse = Coarser(sequence, args.shrink)
        found[sequence.name] = {'target_px': round(size, 1), 'frame': list(coarse.image(0).shape), 'frames': count,
                                **{row: run(coarse, count, row, args.scale, args.tracker) for row in rows}}
        print(sequence.name, json.dumps(found[sequence.name]), file=sys.stderr, flush=True)
    means = {row: {key: round(float(np.mean([entry[row][key] for entry in found.values()])), 4)
                   for key in ('auc', 'dp20', 'ms')} for row in rows} if found else {}
    return {'tracker': args.tracker, 'scale': args.scale, 'shrink': args.shrink, 'means': means, 'sequences': found}


def main() -> int:
    """Measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('sequences', type=Path, nargs='+', help='folders of sequences in any layout that can be opened')
    parser.add_argument('--tracker', default='spectral_dcf')
    parser.add_argument('--rows', default=ROWS, help='off, crop:MODEL, frame:MODEL (%(default)s)')
    parser.add_argument('--scale', type=int, default=2)
    parser.add_argument('--shrink', type=int, default=1, metavar='F', help='make pixels F times coarser first (1)')
    parser.add_argument('--frames', type=int, default=0, help='at most so many of each sequence (all)')
    parser.add_argument('--smallest', type=float, default=12.0, help='sqrt(w h) of the first box, px (%(default)g)')
    parser.add_argument('--largest', type=float, default=24.0, help='likewise (%(default)g)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    paths = [path for folder in args.sequences for path in find_sequences(folder)]
    json.dump(measure(paths, args), sys.stdout, indent=1)
    print()
    return 0


if __name__ == '__main__':
    sys.exit(main())
