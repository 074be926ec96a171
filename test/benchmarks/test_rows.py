"""Rows as one file: packed and unpacked, nothing else is taken in."""
from __future__ import annotations

import io
import re
import tarfile

import pytest

from benchmarks.rows import pack, shortened, unpack


def write(folder, **texts):
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / f'{name}.txt').write_text(text)
        (folder / f'{name}.json').write_text('{"fps": 1.5}')


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob('*') if path.is_file()}


@pytest.fixture
def results(tmp_path):
    write(tmp_path / 'results' / 'test' / 'auto',
          car='1.23456789,2,3,4,0.98765432,TRACKING\nnan,nan,nan,nan,0.1,LOST\n')
    write(tmp_path / 'results' / 'test' / 'auto' / 'jitter_1', car='1,2,3,4\n')
    write(tmp_path / 'results' / 'validation' / 'still', boat='5,6,7,8\n')
    (tmp_path / 'results' / 'test' / 'auto' / 'notes.md').write_text('not a row')
    return tmp_path / 'results'


def test_rows_come_back_with_six_decimals(tmp_path, results):
    assert pack(results, tmp_path / 'rows.tar.xz') == 6
    assert unpack(tmp_path / 'rows.tar.xz', tmp_path / 'back') == 6
    assert files(tmp_path / 'back') == {
        'test/auto/car.txt': '1.234568,2.0,3.0,4.0,0.987654,TRACKING\nnan,nan,nan,nan,0.1,LOST\n',
        'test/auto/jitter_1/car.txt': '1.0,2.0,3.0,4.0\n', 'validation/still/boat.txt': '5.0,6.0,7.0,8.0\n',
        'test/auto/car.json': '{"fps": 1.5}', 'test/auto/jitter_1/car.json': '{"fps": 1.5}',
        'validation/still/boat.json': '{"fps": 1.5}'}


def test_the_same_rows_are_the_same_bytes(tmp_path, results):
    for name in ('one', 'two'):
        pack(results, tmp_path / name)
    assert (tmp_path / 'one').read_bytes() == (tmp_path / 'two').read_bytes()


def test_a_row_that_is_there_stays_as_it_is(tmp_path, results):
    pack(results, tmp_path / 'rows.tar.xz')
    write(tmp_path / 'back' / 'test' / 'auto', car='9,9,9,9\n')
    assert unpack(tmp_path / 'rows.tar.xz', tmp_path / 'back') == 4
    assert (tmp_path / 'back' / 'test' / 'auto' / 'car.txt').read_text() == '9,9,9,9\n'


@pytest.mark.parametrize('name', ['../car.txt', '/test/auto/car.txt', 'test/auto/../../car.txt', 'test/auto/car.sh'])
def test_nothing_but_rows_is_unpacked(tmp_path, name):
    with tarfile.open(tmp_path / 'rows.tar.xz', 'w:xz') as archive:
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(ValueError, match=re.escape(f'got {name!r} of 0 bytes')):
        unpack(tmp_path / 'rows.tar.xz', tmp_path / 'back')
    assert not (tmp_path / 'back').exists()


def test_a_folder_without_rows_is_refused(tmp_path):
    with pytest.raises(ValueError, match='expected rows in .*, got none'):
        pack(tmp_path, tmp_path / 'rows.tar.xz')


def test_rows_are_idempotent():
    assert shortened(shortened('1.0000005,2,3,4.9999999\n')) == shortened('1.0000005,2,3,4.9999999\n')
