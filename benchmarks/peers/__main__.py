"""Run rows of the table over a folder of sequences; `hsi-tracking evaluate` reads what it writes.

    python -m benchmarks.peers SEQUENCES --out RESULTS --nanotrack weights.safetensors --opencv env/bin/python
    hsi-tracking evaluate --ground-truth SEQUENCES --results csrt=RESULTS/csrt --results ... --groups groups.json

RESULTS/ROW/SEQUENCE.txt (with --first-box NAME: RESULTS/ROW/NAME/SEQUENCE.txt) holds a box a frame; what is there
already is left alone, so that a run goes on where it was stopped. OpenCV's environment:
python -m venv env && env/bin/pip install opencv-contrib-python-headless
"""
from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.opencv import OpenCvTracker
from benchmarks.peers.rows import ABLATIONS, PEERS, Needs, Row, find_rows, trained
from hsi_models.boxes import Box
from hsi_models.data import sequence as data
from hsi_models.data.open import find_sequences, open_sequence
from hsi_models.evaluation.robustness import JITTERS, PERTURBATIONS, wrong_first_box
from hsi_models.offline import SequenceRun, track_sequence


def main() -> None:
    """Parse, run, write."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.peers', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('sequences', type=Path, help='folder of sequences')
    parser.add_argument('--out', type=Path, required=True, help='folder of results, one folder a row')
    parser.add_argument('--rows', default='', metavar='LIST',
                        help=f'{",".join(row.name for row in (*PEERS, *ABLATIONS))} or names of `hsi-tracking '
                             'models`, separated by commas; default: all whose needs are met, and spectral_dcf')
    parser.add_argument('--nanotrack', type=Path, metavar='FILE', help='weights of NanoTrack v3, safetensors')
    parser.add_argument('--nanotrack-v2', type=Path, metavar='FILE', help='weights of NanoTrack v2, safetensors')
    parser.add_argument('--fear-xs', type=Path, metavar='FILE', help='weights of FEAR-XS, safetensors')
    parser.add_argument('--trained', action='append', default=[], metavar='ROW=FILE',
                        help='a row of its own for weights of `hsi-tracking train`, their card beside them; may be '
                             'repeated')
    parser.add_argument('--opencv', type=Path, metavar='PYTHON', help='interpreter with opencv-contrib')
    parser.add_argument('--first-box', default='', metavar='LIST',
                        help='first boxes that are a little wrong instead of the true ones: '
                             f'{PERTURBATIONS[0]} .. {PERTURBATIONS[-1]}, {JITTERS[0]} .. {JITTERS[-1]}')
    parser.add_argument('--threads', type=int, default=1, metavar='N', help='of PyTorch and OpenCV (1)')
    arguments = parser.parse_args()
    needs = Needs(arguments.nanotrack, arguments.nanotrack_v2, arguments.opencv, arguments.fear_xs)
    rows, first_boxes = ([name for name in listed.split(',') if name]
                         for listed in (arguments.rows, arguments.first_box))
    try:
        more = [trained(name, Path(file)) for name, _, file in (one.partition('=') for one in arguments.trained)]
        run(arguments.sequences, arguments.out, find_rows(rows, needs, more), needs, arguments.threads,
            first_boxes or [''])
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))


def run(sequences: Path, out: Path, rows: Sequence[Row], needs: Needs, threads: int = 1,
        first_boxes: Sequence[str] = ('',)) -> None:
    """Every row on every sequence that has no result yet."""
    import cv2
    import torch
    from tqdm import tqdm

    cv2.setNumThreads(threads)
    torch.set_num_threads(threads)
    paths = find_sequences(sequences)
    missing = {row.name: [(first, path) for first in first_boxes for path in paths
                          if not (out / row.name / first / f'{path.name}.txt').is_file()] for row in rows}
    with tqdm(total=sum(map(len, missing.values())), unit='sequence', file=sys.stderr) as bar:
        for row in rows:
            if not missing[row.name]:
                continue
            tracker = row.create(needs)
            for first, path in missing[row.name]:
                bar.set_description(f'{row.name} {first} {path.name}')
                sequence = open_sequence(path)
                init = _first_box(sequence, first, paths.index(path)) if first else None
                result = track_sequence(sequence, tracker, init=init, always_box=True)
                write(row, result, out / row.name / first / f'{path.name}.txt',
                      getattr(tracker, 'weights_sha256', None))
                bar.update()
            if isinstance(tracker, OpenCvTracker):
                tracker.close()


def _first_box(sequence: data.Sequence, name: str, salt: int) -> Box:
    width, height = sequence.camera.frame_size(sequence.image(0).shape)
    return wrong_first_box(name, Box(*sequence.boxes[0]), width, height, salt)


def write(row: Row, result: SequenceRun, path: Path, weights_sha256: str | None) -> None:
    """Boxes, with score and status where the row has them; frames and speed beside them; complete or not at all."""
    partial = path.with_suffix('.partial')
    result.write(partial)
    if not row.speaks:
        lines = partial.read_text().splitlines()
        partial.write_text(''.join(','.join(line.split(',')[:4]) + '\n' for line in lines))
    note = {'row': row.name, 'frames': len(result.rows), 'fps': round(result.fps, 2),
            'rejected': len(result.rejected), 'weights_sha256': weights_sha256}
    path.with_suffix('.json').write_text(json.dumps(note) + '\n')
    os.replace(partial, path)


if __name__ == '__main__':
    main()
