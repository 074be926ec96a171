"""Where trackers fail, as a picture of scenes made by code, which may be shown.

    python -m benchmarks.failures --out docs/images/failures.jpg

Every tracker follows the target of every scene; of the scene where it does worst, five frames are drawn: before it
loses the target for longest, three of that time, and the end. White, dashed: the truth. Coloured: the tracker.
"""
from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.data.sequence import Sequence
from hsi_models.drawing import INK, WHITE, Image, draw_box, draw_text
from hsi_models.evaluation.metrics import PROTOCOLS, overlaps
from hsi_models.evaluation.strips import false_colours
from hsi_models.offline import ResultRow, track_sequence
from hsi_models.overlay import STATUS_COLOURS, contact_sheet
from hsi_tracking_ros.sequences import open_synthetic

TRACKERS = 'auto,ssf_net:fast,bcr_net:fast'
SCENES = tuple(f'synthetic:demo?seed={seed}&frames=100&camera={camera}'
               for seed, camera in ((1, 'vis16'), (2, 'nir25'), (3, 'rednir15')))
TILE_PX, TITLE_PX = 400, 26
SEEN = 0.1      # overlap below which the target is not what is tracked


@dataclass(frozen=True, eq=False)
class Run:
    """One tracker on one scene: success AUC, and the overlap of each frame, nan where the target is hidden."""

    scene: str
    sequence: Sequence
    rows: list[ResultRow]
    overlap: npt.NDArray[np.float64]
    auc: float

    @classmethod
    def of(cls, tracker: str, scene: str) -> Run:
        """Track a scene."""
        sequence = open_synthetic(scene)
        rows = track_sequence(sequence, tracker, always_box=True).rows
        boxes = np.array([tuple(row.box) if row.box else (np.nan,) * 4 for row in rows])
        overlap = overlaps(np.asarray(sequence.boxes)[:len(rows)], boxes)
        return cls(scene, sequence, rows, overlap, float(PROTOCOLS['hot50'].auc(overlap)))

    def moments(self) -> list[int]:
        """Frames to show."""
        first, last = longest_run(self.overlap < SEEN)
        end = len(self.rows) - 1
        if first == last:       # never missed: where the box fits worst
            return sorted({0, *np.argsort(np.nan_to_num(self.overlap, nan=1.0))[:3].tolist(), end})
        return sorted({max(first - 5, 0), first, (first + last) // 2, last - 1, end})


def longest_run(missed: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """First and one past the last index of the longest run of true values; (0, 0) for none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missed, [False]]).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    if not len(starts):
        return 0, 0
    longest = int((stops - starts).argmax())
    return int(starts[longest]), int(stops[longest])


def draw(tracker: str, run: Run) -> Image:
    """A row of frames under a line that says what they are."""
    moments = run.moments()
    images, rows = false_colours(run.sequence, moments), [run.rows[index] for index in moments]
    for (index, image), row in zip(images.items(), rows, strict=True):
        truth = run.sequence.boxes[index]
        if np.isfinite(truth).all():
            draw_box(image, Box(*truth), WHITE, dashed=True)
        if row.box is not None:
            draw_box(image, row.box, STATUS_COLOURS[row.status])
    labels = [f'#{index + 1}  {row.status.value}' for index, row in zip(moments, rows, strict=True)]
    strip = contact_sheet(list(images.values()), labels, columns=len(moments), tile_width=TILE_PX)
    title = np.full((TITLE_PX, strip.shape[1], 3), INK, np.uint8)
    draw_text(title, f'{tracker}: {run.scene}, success AUC {run.auc:.2f}', 8, 20, size=12)
    return np.vstack([title, strip])


def picture(trackers: list[str], scenes: tuple[str, ...] = SCENES) -> Image:
    """The worst scene of each tracker, one below the other."""
    rows = []
    for tracker in trackers:
        runs = [Run.of(tracker, scene) for scene in scenes]
        print(tracker, *(f'{run.auc:.3f}' for run in runs), flush=True)
        rows.append(draw(tracker, min(runs, key=lambda run: run.auc)))
    width = max(row.shape[1] for row in rows)
    return np.vstack([cv2.copyMakeBorder(row, 0, 0, 0, width - row.shape[1], cv2.BORDER_CONSTANT, value=INK)
                      for row in rows])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, help='.jpg or .png')
    parser.add_argument('--trackers', default=TRACKERS, help='separated by commas (%(default)s)')
    args = parser.parse_args()
    image = picture(args.trackers.split(','))
    if not cv2.imwrite(str(args.out), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80]):
        raise SystemExit(f'expected a file that can be written, got {args.out}')


if __name__ == '__main__':
    main()
