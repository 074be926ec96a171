"""Results of trackers, read without trusting them."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hsi_models.evaluation.results import SequenceResult, read_fps, read_result
from hsi_models.tracking.state import TrackStatus


def read(tmp_path: Path, content: str) -> SequenceResult:
    path = tmp_path / 'car.txt'
    path.write_text(content)
    return read_result(path)


def test_rows_as_the_track_verb_writes_them(tmp_path: Path) -> None:
    result = read(tmp_path, '1,2,3,4,1.0,TRACKING\nnan,nan,nan,nan,0.1,LOST\n1,2,3,4,0.3,UNCERTAIN\n5,6,7,8,.2,LOST\n')
    np.testing.assert_array_equal(result.boxes, [[1, 2, 3, 4], [np.nan] * 4, [1, 2, 3, 4], [5, 6, 7, 8]])
    np.testing.assert_array_equal(result.scores, [1, .1, .3, .2])
    assert result.statuses == (TrackStatus.TRACKING, TrackStatus.LOST, TrackStatus.UNCERTAIN, TrackStatus.LOST)
    assert result.problems == ()


@pytest.mark.parametrize('content', ['1 2 3 4\n', '1\t2\t3\t4\t\n', '1,2,3,4,\n', '1.0, 2, 3, 4e0\r\n\r\n'])
def test_boxes_alone(tmp_path: Path, content: str) -> None:
    result = read(tmp_path, content)
    np.testing.assert_array_equal(result.boxes, [[1, 2, 3, 4]])
    assert np.isnan(result.scores).all()
    assert result.statuses == (None,)


@pytest.mark.parametrize('row', ['1,2,3', '1,2,3,x', '1,2,3,4,0.5,AWAY', '1,2,3,4,5,6,7,8', '#', '1,2,3,4,,LOST'])
def test_unreadable_rows_are_misses_and_are_counted(tmp_path: Path, row: str) -> None:
    result = read(tmp_path, f'1,2,3,4\n{row}\n5,6,7,8\n{row}\n1,2,3,4\n')
    np.testing.assert_array_equal(np.isnan(result.boxes).any(axis=1), [False, True, False, True, False])
    assert result.problems == ('2 rows cannot be read, the first in line 2 (count as misses)',)


def test_a_blank_row_keeps_its_place(tmp_path: Path) -> None:
    np.testing.assert_array_equal(np.isnan(read(tmp_path, '1,2,3,4\n\n1,2,3,4\n').boxes[:, 0]), [False, True, False])


@pytest.mark.parametrize(('content', 'message'), [
    ('x,y,w,h\n1,2,3,4\n', r"car.txt, line 1: expected x,y,w,h\[,score\[,status\]\] .*no header.*got 'x,y,w,h'"),
    ('{"boxes": []}', 'line 1: expected'),
])
def test_another_format_is_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, content)


def test_aligned_pads_with_misses_and_cuts(tmp_path: Path) -> None:
    result = read(tmp_path, '1,2,3,4,0.5\n' * 3)
    longer, shorter = result.aligned(5), result.aligned(2)
    np.testing.assert_array_equal(np.isnan(longer.boxes[:, 0]), [False] * 3 + [True] * 2)
    assert len(longer) == len(longer.scores) == len(longer.statuses) == 5
    assert longer.problems == ('2 of 5 rows missing (count as misses)',)
    assert len(shorter) == len(shorter.scores) == len(shorter.statuses) == 2
    assert shorter.problems == ('1 rows more than the 2 frames of the truth (left out)',)
    assert result.aligned(3) is result


def test_an_empty_file_is_all_misses(tmp_path: Path) -> None:
    assert read(tmp_path, '').aligned(3).problems == ('the file is empty', '3 of 3 rows missing (count as misses)')


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match='got 2, 1 and 2'):
        SequenceResult(np.zeros((2, 4)), np.zeros(1), (None, None))


def test_fps_of_a_folder(tmp_path: Path) -> None:
    assert read_fps(tmp_path, ['a', 'b']) is None
    (tmp_path / 'a.json').write_text('{"frames": 100, "fps": 50}')
    assert read_fps(tmp_path, ['a', 'b']) is None
    (tmp_path / 'b.json').write_text('{"frames": 100, "fps": 10}')
    assert read_fps(tmp_path, ['a', 'b']) == pytest.approx(200 / 12)     # all frames over all time
    (tmp_path / 'summary.json').write_text('{"fps": 31.5}')
    assert read_fps(tmp_path, ['a', 'b']) == 31.5


@pytest.mark.parametrize('value', [0, -1, 'fast', None, True, float('nan')])
def test_fps_that_is_none(tmp_path: Path, value: object) -> None:
    (tmp_path / 'summary.json').write_text(json.dumps({'fps': value}))
    with pytest.raises(ValueError, match=r"summary.json: expected 'fps' to be a number > 0"):
        read_fps(tmp_path, ['a'])
