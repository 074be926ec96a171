"""`convert` there and back, by the command line."""
from __future__ import annotations

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


@pytest.mark.parametrize(('arguments', 'message'), [
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
