"""Ground truth with all its quirks, groups and attributes."""
from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from hsi_models.evaluation.truth import check_groups, find_truth, read_attributes, read_groups, read_truth


@pytest.mark.parametrize('content', [
    '1\t2\t3\t4\t\n5\t6\t7\t8\t\n', '1,2,3,4\n5,6,7,8', '1 2 3 4\r\n5 6 7 8\r\n\r\n',
    '1.0, 2.0, 3.0, 4.0,\n5e0,6,7,8\n',
    '\ufeff1;2;3;4\n  5 6\t7,8  \n\n\n'])
def test_separators_and_numbers_of_every_origin(tmp_path: Path, content: str) -> None:
    path = tmp_path / 'groundtruth_rect.txt'
    path.write_text(content, encoding='utf-8')
    np.testing.assert_array_equal(read_truth(path), [[1, 2, 3, 4], [5, 6, 7, 8]])


@pytest.mark.parametrize('row', ['nan nan nan nan', '0 0 0 0', '3 4 -1 5', '', 'NaN,NaN,NaN,NaN', 'inf 1 2 3'])
def test_rows_without_valid_truth(tmp_path: Path, row: str) -> None:
    path = tmp_path / 'gt.txt'
    path.write_text(f'1 2 3 4\n{row}\n5 6 7 8\n')
    np.testing.assert_array_equal(np.isnan(read_truth(path)).all(axis=1), [False, True, False])


@pytest.mark.parametrize(('content', 'message'), [
    (b'1 2 3 4\n1 2 3\n', r"line 2: expected four numbers x y w h, got '1 2 3'"),
    (b'x,y,w,h\n1,2,3,4\n', r"line 1: expected four numbers x y w h, got 'x,y,w,h'"),
    (b'1 2 3 4 5 6 7 8\n', 'line 1: expected four numbers'),
    (b'1,,2,3\n', 'line 1: expected four numbers'),
    (b'', 'expected at least one valid box'),
    (b'0 0 0 0\n0 0 0 0\n', 'expected at least one valid box .* got none in 2 rows'),
    (b'\x89PNG\r\n\x1a\n\xff\xfe', 'expected text in UTF-8'),
])
def test_malformed_truth(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / 'groundtruth_rect.txt'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_truth(path)
    assert 'groundtruth_rect.txt' in str(error.value)


def test_layouts_that_are_found(tmp_path: Path) -> None:
    for name in ('b/groundtruth_rect.txt', 'c/HSI/groundtruth_rect.txt', 'd/groundtruth.txt', 'a_gt.txt',
                 'x/other.txt'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('1 2 3 4\n')
    assert list(find_truth(tmp_path)) == ['a', 'b', 'c', 'd']


def test_no_truth_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'<sequence>/groundtruth_rect.txt .* found no such file'):
        find_truth(tmp_path)
    with pytest.raises(ValueError, match='no such folder'):
        find_truth(tmp_path / 'absent')


@pytest.mark.parametrize(('content', 'message'), [
    ('{"g": ["a", "z"]}', "group 'g' names 1 sequences that have no ground truth: z"),
    ('{"g": "a"}', "expected group 'g' to be a list"),
    ('{"g": []}', "expected group 'g' to be a list of one or more"),
    ('{"g": [1]}', "expected group 'g' to be a list"),
    ('{"g": ["a", "a"]}', "group 'g' names a sequence twice: a"),
    ('["a"]', 'expected an object group -> list of sequences, got list'),
    ('{"g": ', 'expected JSON, got a syntax error'),
    ('[' * 100_000, 'expected JSON, got a syntax error'),
])
def test_malformed_groups(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / 'groups.json'
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        read_groups(path, ['a', 'b'])
    assert 'groups.json' in str(error.value)


@pytest.mark.parametrize('indent', [None, 1])
def test_groups_from_a_file_however_it_is_laid_out(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / 'groups.json'
    path.write_text('\ufeff' + json.dumps({'g': ['a', 'b'], 'h': ['b']}, indent=indent), encoding='utf-8')
    assert read_groups(path, ['a', 'b']) == {'g': ('a', 'b'), 'h': ('b',)}


def test_groups_keep_their_order() -> None:
    assert check_groups({'z': ['b'], 'a': ['b', 'a']}, ['a', 'b']) == {'z': ('b',), 'a': ('b', 'a')}


def test_attributes_from_both_places(tmp_path: Path) -> None:
    (tmp_path / 'attributes.json').write_text(json.dumps({'a': ['occlusion'], 'b': ['blur'], 'elsewhere': ['x']}))
    (tmp_path / 'b').mkdir()
    (tmp_path / 'b' / 'attributes.txt').write_text('occlusion, blur\nscale\n')
    assert read_attributes(tmp_path, ['a', 'b']) == {'blur': ('b',), 'occlusion': ('a', 'b'), 'scale': ('b',)}
    assert read_attributes(tmp_path / 'b', ['a']) == {}
    (tmp_path / 'attributes.json').write_text('{"a": "occlusion"}')
    with pytest.raises(ValueError, match=r'attributes.json: expected an object sequence -> list of attributes'):
        read_attributes(tmp_path, ['a'])


def test_a_file_without_bounds_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / 'groundtruth_rect.txt'
    path.touch()
    os.truncate(path, 2 << 30)
    with pytest.raises(ValueError, match='groundtruth_rect.txt: expected a text file of at most 128 MiB, got 2048 MiB'):
        read_truth(path)
