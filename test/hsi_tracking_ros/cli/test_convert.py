"""`convert` there and back, by the command line."""
from __future__ import annotations

import io

import pytest

from hsi_tracking_ros.cli.main import main

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('rosbags', reason='needs rosbags: the extra `ros`')

SCENE = 'synthetic:demo?frames=4&size=64x96'


def test_there_and_back(tmp_path, capsys):
    assert main(['convert', SCENE, str(tmp_path / 'bag'), '--storage', 'sqlite3']) == 0
    assert main(['convert', str(tmp_path / 'bag'), str(tmp_path / 'folder'), '--frames', '3']) == 0
    assert sorted(path.name for path in (tmp_path / 'folder' / 'HSI').iterdir()) == ['0001.png', '0002.png', '0003.png']
    assert len((tmp_path / 'folder' / 'groundtruth_rect.txt').read_text().splitlines()) == 3
    assert main(['convert', str(tmp_path / 'folder'), str(tmp_path / 'again')]) == 0
    assert f'3 frames -> {tmp_path / "again"}' in capsys.readouterr().err


def folder_with(tmp_path, truth):
    """A folder of four images with this file of boxes alone."""
    assert main(['convert', SCENE, str(tmp_path / 'scene')]) == 0
    assert main(['convert', str(tmp_path / 'scene'), str(tmp_path / 'given')]) == 0
    boxes = (tmp_path / 'given' / 'groundtruth_rect.txt').read_text().splitlines()
    (tmp_path / 'given' / 'groundtruth_rect.txt').unlink()
    if truth:
        (tmp_path / 'given' / 'init_rect.txt').write_text(boxes[0])
    return tmp_path / 'given'


@pytest.mark.parametrize('truth', [False, True])
def test_without_truth_there_and_back(tmp_path, truth):
    folder = folder_with(tmp_path, truth)
    assert main(['convert', str(folder), str(tmp_path / 'bag')]) == 0
    assert main(['convert', str(tmp_path / 'bag'), str(tmp_path / 'back')]) == 0
    assert sorted(path.name for path in (tmp_path / 'back').iterdir()) == [
        'HSI', *(['init_rect.txt'] if truth else []), 'wavelengths.json']
    init = [] if truth else ['--init', '20,30,8,6']
    assert main(['track', str(tmp_path / 'back'), '--tracker', 'spectral_dcf', *init, '--out',
                 str(tmp_path / 'boxes.txt')]) == 0


@pytest.mark.parametrize('error', [KeyboardInterrupt, OSError])
@pytest.mark.parametrize('source', ['folder', 'bag'])
@pytest.mark.parametrize('empty', [False, True])
def test_what_ends_early_leaves_nothing(tmp_path, monkeypatch, error, source, empty):
    assert main(['convert', SCENE, str(tmp_path / 'bag')]) == 0
    out = tmp_path / 'place' / 'out'
    (out if empty and source == 'bag' else out.parent).mkdir(parents=True)

    class Bar(io.StringIO):
        def update(self, _):
            raise error('enough')
    monkeypatch.setattr('tqdm.tqdm', lambda **_: Bar())
    assert main(['convert', str(tmp_path / 'bag') if source == 'bag' else SCENE, str(out)]) in (2, 130)
    assert not out.exists() or not list(out.iterdir())
    assert list(out.parent.iterdir()) in ([], [out])


def test_into_an_empty_folder(tmp_path):
    assert main(['convert', SCENE, str(tmp_path / 'bag')]) == 0
    (tmp_path / 'out').mkdir()
    assert main(['convert', str(tmp_path / 'bag'), str(tmp_path / 'out')]) == 0
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == [
        'HSI', 'groundtruth_rect.txt', 'wavelengths.json']


@pytest.mark.parametrize(('arguments', 'message'), [
    ([SCENE, '{tmp}/out', '--frames', '-1'], 'expected --frames >= 0, got -1'),
    (['{tmp}/nowhere', '{tmp}/out'], 'no such file or folder'),
    (['{tmp}/empty', '{tmp}/out'], 'expected numbered frames'),
    ([SCENE, '{tmp}/empty'], 'expected a new folder for the bag'),
    ([SCENE, '{tmp}/out', '--image-topic', '/x'], 'expected --image-topic with a bag'),
    (['{tmp}/bag', '{tmp}/full'], 'expected a new or empty folder'),
    (['{tmp}/bag', '{tmp}/out', '--image-topic', '/x'], 'expected image topic /x')])
def test_bad_input_is_one_line(tmp_path, capsys, arguments, message):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'file').write_text('x')
    main(['convert', SCENE, str(tmp_path / 'bag'), '--frames', '1'])
    capsys.readouterr()
    assert main(['convert', *(argument.format(tmp=tmp_path) for argument in arguments)]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert message in error[-1]
