from __future__ import annotations

import json

import pytest

from hsi_tracking_ros.cli.main import main

SCENE = 'synthetic:demo?frames=6&size=96x192'


def test_track_writes_rows_and_reports(tmp_path, capsys):
    out = tmp_path / 'results' / 'demo.txt'
    assert main(['track', SCENE, '--tracker', 'spectral_dcf', '--out', str(out), '--json']) == 0
    report = json.loads(capsys.readouterr().out)
    assert report['frames'] == 6
    assert report['fps'] > 0
    assert report['weights_sha256'] is None
    rows = [line.split(',') for line in out.read_text().splitlines()]
    assert [len(row) for row in rows] == [6] * 6
    assert {row[5] for row in rows} <= {'TRACKING', 'UNCERTAIN', 'LOST'}


def test_init_box_comes_back_as_the_first_row(tmp_path):
    out = tmp_path / 'demo.txt'
    assert main(['track', SCENE, '--init', '40,50,16.5,12.25', '--out', str(out)]) == 0
    assert out.read_text().startswith('40.0,50.0,16.5,12.25,')


@pytest.mark.parametrize('mode', ['crop', 'frame'])
def test_upscaling_leaves_boxes_in_pixels_of_the_cube(tmp_path, capsys, mode):
    out = tmp_path / 'demo.txt'
    assert main(['track', SCENE, '--tracker', 'spectral_dcf', '--super-resolution', mode, '--super-resolver', 'bicubic',
                 '--out', str(out), '--json']) == 0
    assert json.loads(capsys.readouterr().out)['super_resolution'] == mode
    rows, plain = ([[float(value) for value in line.split(',')[:4]] for line in text.splitlines()]
                   for text in (out.read_text(), _plain(tmp_path)))
    assert rows[0] == plain[0]
    assert rows[5] == pytest.approx(plain[5], abs=2.0)


def _plain(tmp_path):
    assert main(['track', SCENE, '--tracker', 'spectral_dcf', '--out', str(tmp_path / 'plain.txt')]) == 0
    return (tmp_path / 'plain.txt').read_text()


@pytest.mark.parametrize(('arguments', 'expected'), [
    (['nowhere'], 'nowhere'),
    ([SCENE, '--tracker', 'magic'], "got 'magic'"),
    ([SCENE, '--init', '1,2,3'], 'X,Y,W,H'),
    ([SCENE, '--init', '900,900,5,5'], '900'),
    (['synthetic:unheard_of'], 'unheard_of'),
])
def test_bad_arguments_are_one_line(tmp_path, capsys, arguments, expected):
    assert main(['track', *arguments, '--out', str(tmp_path / 'x.txt')]) == 2
    assert expected in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / 'x.txt').exists()
