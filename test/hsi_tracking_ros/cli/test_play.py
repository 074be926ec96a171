"""`play`: which processes it starts with which parameters; what contradicts itself is refused."""
from __future__ import annotations

from pathlib import Path

import pytest

from hsi_tracking_ros.cli.main import main

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
from hsi_tracking_ros import playback  # noqa: E402
from hsi_tracking_ros.graph import GraphOptions  # noqa: E402
from hsi_tracking_ros.playback import PlaybackConfig  # noqa: E402
from hsi_tracking_ros.processes import ProcessGroup, free_domain_id  # noqa: E402


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


def test_a_box_of_ones_own_goes_before_what_the_source_knows():
    specs = by_name(PlaybackConfig(GraphOptions(source='ball', init_box='5,6,7,8'), track=True))
    assert specs['tracker'].parameters['init_box'] == '5,6,7,8'
    assert specs['player'].parameters['send_init'] is False


@pytest.mark.parametrize(('arguments', 'message'), [
    (['ball', '--camera-file', 'camera.json'], 'expected --track with --camera-file and --calibration-file'),
    (['ball', '--init', '1,2,3,4'], 'expected --track with --init'),
    (['ball', '--track', '--init', '1,2'], 'expected a box as X,Y,W,H'),
    (['ball', '--every-frame'], 'expected --track with --every-frame and --report'),
    (['ball', '--report', 'x.json'], 'expected --track with --every-frame and --report'),
    (['ball', '--record', '{tmp}'], 'expected a new folder for the bag')])
def test_contradictions_are_refused(tmp_path, capsys, arguments, message):
    assert main(['play', *(argument.format(tmp=tmp_path) for argument in arguments)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(('arguments', 'message'), [
    (['{tmp}/nowhere'], 'no such file or folder'),
    (['synthetic:demo', '--track', '--tracker', 'magic'], "got 'magic'"),
    (['synthetic:demo', '--track', '--report', '{tmp}'], 'expected a file to write, got the folder'),
    (['synthetic:demo', '--track', '--report', '{tmp}/file/x.json'], 'expected a folder to write x.json in'),
    (['synthetic:demo', '--domain-id', '233'], 'expected a ROS domain 0..232, got 233')])
def test_what_cannot_work_starts_nothing(tmp_path, capsys, arguments, message):
    (tmp_path / 'file').touch()
    words = [argument.format(tmp=tmp_path) for argument in arguments]
    assert main(['play', *words, '--logs', str(tmp_path / 'logs')]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'logs').exists()


def test_the_environment_s_domain_is_checked(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '5000')
    for words in (['play', 'synthetic:demo'], ['record', '--out', str(tmp_path / 'bag')]):
        assert main(words) == 2
        assert 'expected ROS_DOMAIN_ID 0..232, got 5000' in capsys.readouterr().err
    assert not (tmp_path / 'bag').exists()


class Ended:
    """A group whose player ends just after it was seen running."""

    def __init__(self):
        self.asked = 0

    def ended(self):
        self.asked += 1
        return {'player': 0} if self.asked > 1 else {}

    check = ProcessGroup.check

    def log_tail(self, name):
        return ''

    def start(self, *args, **kwargs):
        pass

    def stop(self, *names):
        return {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_a_player_that_ends_between_two_looks_has_not_failed(monkeypatch):
    monkeypatch.setattr(playback, 'ProcessGroup', lambda *_: Ended())
    assert playback.play(PlaybackConfig(GraphOptions(source='synthetic:demo'))) == 0


def test_a_tracker_that_cannot_be_configured_ends_it(tmp_path, capsys):
    assert main(['play', 'synthetic:demo?frames=4&size=64x96', '--track', '--weights', str(tmp_path / 'none'),
                 '--domain-id', str(free_domain_id()), '--logs', str(tmp_path / 'logs')]) == 2
    assert 'tracker could not configure' in capsys.readouterr().err
