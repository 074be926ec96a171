"""What a tracker wrote: one text file a sequence, read without trusting it."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hsi_models.evaluation.metrics import Array, is_box
from hsi_models.evaluation.truth import SEPARATORS, numbers, read_json, text_rows
from hsi_models.tracking.state import TrackStatus

STATUSES = {status.value: status for status in TrackStatus}


@dataclass(frozen=True, eq=False)
class SequenceResult:
    """Answers of one tracker to the frames of one sequence.

    Args:
        boxes: x, y, w, h in pixels, (N, 4); nan where there is no box.
        scores: confidence, (N,); nan where there is none.
        statuses: status a frame; None where there is none.
        problems: what is wrong with it, for people.

    Raises:
        ValueError: the lengths differ.
    """

    boxes: Array
    scores: Array
    statuses: tuple[TrackStatus | None, ...]
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(is_box(self.boxes)) == len(self.scores) == len(self.statuses):
            raise ValueError('expected as many boxes as scores and statuses, got '
                             f'{len(self.boxes)}, {len(self.scores)} and {len(self.statuses)}')

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def of_boxes(cls, boxes: Array) -> SequenceResult:
        """A result that is boxes alone, (N, 4)."""
        return cls(np.asarray(boxes, np.float64), np.full(len(boxes), np.nan), (None,) * len(boxes))

    def aligned(self, frames: int) -> SequenceResult:
        """The result with exactly one row a frame: missing rows are no boxes, extra rows are left out."""
        missing = frames - len(self)
        if missing == 0:
            return self
        if missing < 0:
            problem = f'{-missing} rows more than the {frames} frames of the truth (left out)'
            return SequenceResult(self.boxes[:frames], self.scores[:frames], self.statuses[:frames],
                                  (*self.problems, problem))
        problem = f'{missing} of {frames} rows missing (count as misses)'
        return SequenceResult(np.vstack([self.boxes, np.full((missing, 4), np.nan)]),
                              np.append(self.scores, np.full(missing, np.nan)),
                              self.statuses + (None,) * missing, (*self.problems, problem))


def read_result(path: Path) -> SequenceResult:
    """Result of a tracker: rows `x,y,w,h[,score[,status]]`, separated by comma, space or tab.

    A row that is not finite or has no area is no box (`nan,nan,nan,nan,score,LOST`). A row that cannot be
    read is none either, and is named in `problems`.

    Raises:
        ValueError: the file is no text, or already its first row cannot be read: the file is something else.
    """
    rows = text_rows(path)
    boxes, scores = np.full((len(rows), 4), np.nan), np.full(len(rows), np.nan)
    statuses: list[TrackStatus | None] = [None] * len(rows)
    unreadable = []
    for index, row in enumerate(rows):
        fields = SEPARATORS.split(row) if row else ['nan'] * 4
        values = numbers(' '.join(fields[:5]))
        status = STATUSES.get(fields[5].upper()) if len(fields) > 5 else None
        if values is None or not 4 <= len(fields) <= 6 or (len(fields) == 6 and status is None):
            unreadable.append(index + 1)
            continue
        boxes[index], statuses[index] = values[:4], status
        if len(values) > 4:
            scores[index] = values[4]
    if unreadable and unreadable[0] == 1:
        raise ValueError(f'{path}, line 1: expected x,y,w,h[,score[,status]] (numbers, status one of '
                         f'{", ".join(STATUSES)}; no header), got {rows[0][:60]!r}')
    boxes[~is_box(boxes)] = np.nan
    problems = [] if rows else ['the file is empty']
    if unreadable:
        problems.append(f'{len(unreadable)} rows cannot be read, the first in line {unreadable[0]} (count as misses)')
    return SequenceResult(boxes, scores, tuple(statuses), tuple(problems))


def read_fps(folder: Path, sequences: list[str]) -> float | None:
    """Frames per second as the runner measured them; None where it left no note.

    From RESULTS/summary.json (`{"fps": 31.5}`), or from RESULTS/<seq>.json for every sequence
    (`{"frames": 100, "fps": 31.5}`, as `hsi-tracking track --json` prints): all frames over all time.

    Raises:
        ValueError: the file is malformed.
    """
    summary = folder / 'summary.json'
    if summary.is_file():
        return _positive(summary, 'fps') if 'fps' in _object(summary) else None
    notes = [folder / f'{name}.json' for name in sequences]
    if not notes or not all(note.is_file() for note in notes):
        return None
    frames = [_positive(note, 'frames') for note in notes]
    return sum(frames) / sum(count / _positive(note, 'fps') for count, note in zip(frames, notes, strict=True))


def _object(path: Path) -> dict[str, object]:
    value = read_json(path)
    if not isinstance(value, dict):
        raise ValueError(f'{path}: expected a JSON object, got {type(value).__name__}')
    return value


def _positive(path: Path, key: str) -> float:
    value = _object(path).get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        raise ValueError(f'{path}: expected {key!r} to be a number > 0, got {value!r}')
    return float(value)
