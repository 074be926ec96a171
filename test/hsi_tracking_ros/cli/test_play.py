"""`play`: which processes it starts with which parameters; what contradicts itself is refused."""
from __future__ import annotations

from pathlib import Path

import pytest

from hsi_tracking_ros.cli.main import main

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
from hsi_tracking_ros.graph import GraphOptions  # noqa: E402
from hsi_tracking_ros.playback import PlaybackConfig  # noqa: E402


def by_name(config):
    return {spec.name: spec for spec in config.specs}


def test_alone_the_player_asks_nobody():
    specs = by_name(PlaybackConfig(GraphOptions(source='ball'), {'rate': 2.0}))
    assert set(specs) == {'player'}
    assert specs['player'].parameters == {
        'publish_clock': False, 'source': 'ball', 'exit_when_done': True, 'wait_for_readers': '',
        'every_frame': False, 'send_init': False, 'rate': 2.0}


def test_with_a_tracker_every_frame():
    config = PlaybackConfig(GraphOptions(source='ball', tracker='spectral_dcf'), track=True, every_frame=True,
                            record=Path('bag'), report=Path('report.json'))
    specs = by_name(config)
    assert set(specs) == {'player', 'tracker', 'visualiser', 'evaluator'}
    assert specs['tracker'].parameters['every_frame'] is True
    assert specs['player'].parameters['rate'] == 0.0
    assert specs['player'].parameters['wait_for_readers'] == 'image=2 ground_truth=2 init=2 targets=2'
    assert specs['evaluator'].parameters['report_file'] == str(Path('report.json').absolute())


@pytest.mark.parametrize(('arguments', 'message'), [
    (['ball', '--camera-file', 'camera.json'], 'expected --track with --camera-file and --calibration-file'),
    (['ball', '--every-frame'], 'expected --track with --every-frame and --report'),
    (['ball', '--report', 'x.json'], 'expected --track with --every-frame and --report'),
    (['ball', '--record', '{tmp}'], 'expected a new folder for the bag')])
def test_contradictions_are_refused(tmp_path, capsys, arguments, message):
    assert main(['play', *(argument.format(tmp=tmp_path) for argument in arguments)]) == 2
    assert message in capsys.readouterr().err


def test_a_bad_source_ends_it_with_the_nodes_own_words(tmp_path):
    assert main(['play', str(tmp_path / 'nowhere'), '--domain-id', '99', '--logs', str(tmp_path / 'logs')]) == 2
    assert 'no such file or folder' in (tmp_path / 'logs' / 'player.log').read_text()
