"""spectral_dcf against CSRT: accuracy and speed on the same sequences, measured in one run on one core.

CSRT (Lukezic et al., CVPR 2017) sees the false colour that a person would see; spectral_dcf sees the cube. Time is
processor time of the tracker alone; CSRT's includes neither reading nor making the false colour. CSRT lives in
opencv-contrib-python, which cannot be installed beside the plain OpenCV of this project, so that the command wants an
environment of its own:

    python -m venv csrt && csrt/bin/pip install opencv-contrib-python-headless numpy scipy
    PYTHONPATH=. csrt/bin/python benchmarks/dcf_against_csrt.py SEQUENCES --only ordinary

Prints JSON: for each tracker the mean success AUC, DP20 and frames per second, and those of each sequence. Without
CSRT its part is null and `note` says why.
"""
from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2
import numpy as np

from hsi_models.boxes import Box
from hsi_models.colour import FalseColour
from hsi_models.data.open import find_sequences, open_sequence
from hsi_models.evaluation.metrics import PROTOCOLS, centre_errors, overlaps
from hsi_models.frame import HyperspectralFrame
from hsi_models.ingest import to_frame
from hsi_models.registry import create_tracker

Boxes = np.ndarray
Run = Callable[[list[HyperspectralFrame], Box], tuple[Boxes, float]]


def run_dcf(frames: list[HyperspectralFrame], start: Box) -> tuple[Boxes, float]:
    """Boxes (N, 4), the best guess where it is lost, and processor seconds of frames 1 ... N - 1."""
    tracker = create_tracker('spectral_dcf')
    tracker.initialise(frames[0], start)
    begin = time.process_time()
    boxes = [tuple(start), *(tuple(tracker.update(frame).best_guess) for frame in frames[1:])]
    return np.array(boxes), time.process_time() - begin


def run_csrt(frames: list[HyperspectralFrame], start: Box) -> tuple[Boxes, float]:
    """The same with CSRT on false colour; where it reports failure its last box is held."""
    colour = FalseColour.fit(frames[0])
    images = [np.ascontiguousarray(colour.apply(frame)[..., ::-1]) for frame in frames]
    tracker = cv2.TrackerCSRT_create()      # type: ignore[attr-defined]     # opencv-contrib's
    tracker.init(images[0], tuple(round(value) for value in start))
    begin = time.process_time()
    boxes = [tuple(start)]
    for image in images[1:]:
        found, box = tracker.update(image)
        boxes.append(tuple(box) if found and box[2] > 0 and box[3] > 0 else boxes[-1])
    return np.array(boxes, float), time.process_time() - begin


def score(truth: Boxes, boxes: Boxes, seconds: float) -> dict[str, float]:
    """Success AUC, DP20 and frames per second of one sequence."""
    errors = centre_errors(truth, boxes)
    return {'auc': PROTOCOLS['hot50'].auc(overlaps(truth, boxes)),
            'dp20': float((errors[~np.isnan(errors)] < 20).mean()),
            'fps': (len(boxes) - 1) / max(seconds, 1e-9)}


def measure(paths: list[Path], trackers: dict[str, Run], limit: int) -> dict[str, Any]:
    """Every tracker on every sequence that has ground truth."""
    rows: dict[str, dict[str, dict[str, float]]] = {name: {} for name in trackers}
    for path in paths:
        sequence = open_sequence(path)
        count = min(len(sequence), len(sequence.boxes), limit or len(sequence))
        if count < 2 or not np.isfinite(sequence.boxes[0]).all():
            continue
        frames = [to_frame(sequence.image(i), sequence.camera, stamp_ns=sequence.stamp_ns(i)) for i in range(count)]
        for name, run in trackers.items():
            rows[name][sequence.name] = score(sequence.boxes[:count], *run(frames, Box(*sequence.boxes[0])))
            print(sequence.name, name, rows[name][sequence.name], file=sys.stderr)
    means = {name: {key: float(np.mean([row[key] for row in scores.values()])) for key in ('auc', 'dp20', 'fps')}
             for name, scores in rows.items() if scores}
    return {name: {**mean, 'sequences': rows[name]} for name, mean in means.items()}


def main() -> None:
    """Measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('sequences', type=Path, help='folder of sequences in any layout that can be opened')
    parser.add_argument('--only', default='', help='names of sequences or how they begin (ordinary), comma separated')
    parser.add_argument('--frames', type=int, default=0, help='at most so many frames of each; 0: all')
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    trackers: dict[str, Run] = {'spectral_dcf': run_dcf}
    note = 'processor time on one core'
    if hasattr(cv2, 'TrackerCSRT_create'):
        trackers['csrt_false_colour'] = run_csrt
    else:
        note = 'no CSRT: this OpenCV has no contrib modules; see the head of this file'
    wanted = tuple(name for name in arguments.only.split(',') if name)
    paths = [path for path in find_sequences(arguments.sequences) if not wanted or path.name.startswith(wanted)]
    if not paths:
        parser.error(f'expected sequences in {arguments.sequences}, got none')
    result: dict[str, Any] = {'note': note, 'opencv': cv2.__version__, 'spectral_dcf': None,
                              'csrt_false_colour': None, **measure(paths, trackers, arguments.frames)}
    if result['csrt_false_colour']:
        result['speed_ratio'] = result['spectral_dcf']['fps'] / result['csrt_false_colour']['fps']
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == '__main__':
    main()
