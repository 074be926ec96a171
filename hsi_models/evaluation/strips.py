"""Strips of frames for reports: false colour with the boxes of truth and trackers on it."""
from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.data.sequence import Sequence
from hsi_models.evaluation.metrics import is_box
from hsi_models.evaluation.report import Report
from hsi_models.evaluation.results import SequenceResult
from hsi_models.evaluation.svg import Style, document, stroke, text

FRAMES = 5
STRIPS = 12
WIDTH_PX = 250.0
MAX_STORED_PX = 500     # images are stored at most this wide: sharp on a page, small in a file
GAP_PX = 6.0

Image = npt.NDArray[np.uint8]


def report_strips(report: Report, folder: Path, styles: Mapping[str, Style]) -> dict[str, str]:
    """Strips of the sequences that tell most: where trackers differ most, or, with one tracker, where it fails.

    Args:
        report: of the evaluation.
        folder: of the sequences, DIR/<seq> each, in any layout that `open_sequence` knows.
        styles: of the trackers.

    Returns:
        name of the sequence -> SVG, at most 12.

    Raises:
        ValueError: none of the sequences is in the folder, or one cannot be read.
    """
    there = [name for name in report.truth if (folder / name).exists()]
    if not there:
        raise ValueError(f'expected images of the sequences in {folder}/<sequence>, found none of the '
                         f'{len(report.truth)} with ground truth')

    def interest(name: str) -> float:
        aucs = [one.sequences[name].auc for one in report.trackers.values()]
        return max(aucs) - min(aucs) if len(aucs) > 1 else 1 - aucs[0]

    chosen = sorted(sorted(there, key=interest, reverse=True)[:STRIPS])
    return {name: _sequence_strip(folder / name, report.truth[name], {
        tracker: one.results[name] for tracker, one in report.trackers.items()}, styles) for name in chosen}


def strip(images: Mapping[int, Image], truth: npt.NDArray[np.float64], results: Mapping[str, SequenceResult],
          styles: Mapping[str, Style]) -> str:
    """One row of frames with boxes.

    Args:
        images: number of the frame -> false colour, (H, W, 3) uint8 RGB, all of one size.
        truth: boxes x, y, w, h in pixels of the images, (N, 4), nan where there is none.
        results: of each tracker, N answers.
        styles: of each tracker.

    Returns:
        SVG with the images in it.
    """
    parts = []
    scale = height = 0.0
    for place, (index, image) in enumerate(images.items()):
        scale = WIDTH_PX / image.shape[1]
        height = image.shape[0] * scale
        left = place * (WIDTH_PX + GAP_PX)
        inside = [f'<image width="{WIDTH_PX:g}" height="{height:.1f}" href="{_data_uri(image)}"/>']
        missing = [name for name, result in results.items() if not is_box(result.boxes)[index]]
        inside += [_rectangle(result.boxes[index] * scale, stroke(styles[name]))
                   for name, result in results.items() if name not in missing]
        if is_box(truth)[index]:
            inside.append(_rectangle(truth[index] * scale, 'stroke="#fff" stroke-width="1.5" stroke-dasharray="4 3"'))
        inside += [f'<circle cx="{10 + 13 * number}" cy="{height - 10:.1f}" r="5" fill="{styles[name].colour}" '
                   'stroke="#fff"/>' for number, name in enumerate(missing)]
        inside.append(text(6, 16, f'#{index + 1}', extra='fill="#fff" font-weight="bold" paint-order="stroke" '
                                                         'stroke="#000" stroke-width="3"'))
        parts.append(f'<svg x="{left:g}" width="{WIDTH_PX:g}" height="{height:.1f}">{"".join(inside)}</svg>')
    return document(len(images) * (WIDTH_PX + GAP_PX) - GAP_PX, height, parts)


def false_colours(sequence: Sequence, indices: Iterable[int]) -> dict[int, Image]:
    """Frames of a sequence in the false colour of its first one: number -> (H, W, 3) uint8 RGB, pixels of the cube."""
    from hsi_models.colour import FalseColour
    from hsi_models.ingest import to_frame

    chosen = list(indices)
    frames = {index: to_frame(sequence.image(index), sequence.camera) for index in {0, *chosen}}
    colour = FalseColour.fit(frames[0])
    return {index: colour.apply(frames[index]) for index in chosen}


def _sequence_strip(path: Path, truth: npt.NDArray[np.float64], results: Mapping[str, SequenceResult],
                    styles: Mapping[str, Style]) -> str:
    from hsi_models.data.open import open_sequence

    sequence = open_sequence(path)
    count = min(len(sequence), len(truth))
    if not count:
        raise ValueError(f'{path}: expected one or more frames, got none')
    indices = [int(index) for index in np.unique(np.linspace(0, count - 1, FRAMES).round())]
    return strip(false_colours(sequence, indices), truth, results, styles)


def _data_uri(image: Image) -> str:
    width = min(image.shape[1], MAX_STORED_PX)
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    small: Any = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode('.jpg', cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return 'data:image/jpeg;base64,' + base64.b64encode(encoded.tobytes()).decode('ascii')


def _rectangle(box: npt.NDArray[np.float64], line: str) -> str:
    x, y, w, h = box
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="none" {line}/>'
