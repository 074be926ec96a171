"""`hsi-tracking evaluate`: the form that scripts of others rest on."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hsi_tracking_ros.cli.main import main

TRUTH = np.array([[10 + i, 20, 12, 8] for i in range(6)], float)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """truth/{car,walk}, good/ (perfect) and bad/ (a third of the way off, walk missing)."""
    for name in ('car', 'walk'):
        (tmp_path / 'truth' / name).mkdir(parents=True)
        np.savetxt(tmp_path / 'truth' / name / 'groundtruth_rect.txt', TRUTH, fmt='%g', delimiter='\t')
    for tracker, shift, names in (('good', 0, ('car', 'walk')), ('bad', 4, ('car',))):
        (tmp_path / tracker).mkdir()
        for name in names:
            np.savetxt(tmp_path / tracker / f'{name}.txt', TRUTH + [shift, 0, 0, 0], fmt='%g', delimiter=',')
    (tmp_path / 'groups.json').write_text('{"driven": ["car"]}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


BOTH = ['evaluate', '--ground-truth', 'truth', '--results', 'good=good', '--results', 'bad=bad']


def test_json_contract(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BOTH, '--groups', 'groups.json', '--json']) == 0
    captured = capsys.readouterr()
    trackers = json.loads(captured.out)['trackers']
    assert list(trackers) == ['good', 'bad']
    assert trackers['good']['auc'] == 1
    assert trackers['good']['dp20'] == 1
    assert trackers['good']['sequences']['car']['auc'] == 1
    assert trackers['bad']['auc'] == pytest.approx(0.25)       # IoU .5 on one of two sequences
    assert trackers['bad']['groups'] == {'driven': trackers['bad']['sequences']['car']}
    assert trackers['good']['auc_otb21'] == pytest.approx(20 / 21)
    assert captured.err.splitlines()[1:] == [
        'warning: bad: 1 of 2 sequences have no results and count as missed: walk']


def test_table_and_html(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BOTH, '--protocol', 'otb21', '--html', 'out']) == 0
    assert 'AUC otb21' in capsys.readouterr().out
    assert (world / 'out' / 'index.html').is_file()


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--results', 'good'], "expected --results NAME=DIR, got 'good'"),
    (['--results', '=good'], "expected --results NAME=DIR, got '=good'"),
    (['--results', 'good=good'], 'expected each tracker once, got --results good=... twice'),
    (['--results', 'x=absent'], 'x: expected a folder of results, got absent (no such folder)'),
    (['--groups', 'absent.json'], 'No such file or directory: absent.json'),
    (['--groups', 'bad/car.txt'], 'bad/car.txt: expected JSON, got a syntax error'),
    (['--protocol', 'vot'], "expected one or more protocols of hot50, otb21, each once, got 'vot'"),
    (['--frames', 'truth'], '--frames adds pictures to the report of --html DIR'),
    (['--ground-truth', 'good'], 'expected good/<sequence>/groundtruth_rect.txt'),
    (['--html', 'groups.json'], 'groups.json'),
])
def test_one_line_an_error(world: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main([*BOTH, *arguments]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith('hsi-tracking evaluate: ')
    assert message in last
