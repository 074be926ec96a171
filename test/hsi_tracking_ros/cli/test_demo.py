"""`demo` without its graph: outputs from recorded parts, the folder it may use, what it says at the end."""
from __future__ import annotations

import json
import math

import cv2
import numpy as np
import pytest

from hsi_tracking_ros.cli.demo import summary
from hsi_tracking_ros.cli.main import main

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue  # noqa: E402
from rclpy.serialization import serialize_message  # noqa: E402

from hsi_models.boxes import Box  # noqa: E402
from hsi_models.tracking.state import TrackState, TrackStatus  # noqa: E402
from hsi_tracking_ros.bags import BagWriter  # noqa: E402
from hsi_tracking_ros.demo import DemoConfig, _make_room  # noqa: E402
from hsi_tracking_ros.demo_report import write_contact_sheet, write_targets, write_video  # noqa: E402
from hsi_tracking_ros.demo_watcher import Watcher  # noqa: E402
from hsi_tracking_ros.messages import header_message, targets_message  # noqa: E402


def pictures(slots):
    """JPEGs of one grey each, at these places of a 25 Hz recording."""
    return [(10 ** 9 + slot * 40_000_000,
             cv2.imencode('.jpg', np.full((96, 160, 3), 8 * slot, np.uint8))[1].tobytes()) for slot in slots]


def frames_of(path):
    capture = cv2.VideoCapture(str(path))
    assert capture.isOpened()
    levels = []
    while True:
        good, image = capture.read()
        if not good:
            return levels, capture.get(cv2.CAP_PROP_FPS)
        levels.append(round(float(image.mean()) / 8))


def test_video_runs_as_the_recording_did(tmp_path):
    given = pictures([0, 1, 2, 5, 6])
    assert write_video([*given[::-1], given[0]], tmp_path / 'v.mp4', 25.0) == 7
    levels, rate = frames_of(tmp_path / 'v.mp4')
    assert rate == pytest.approx(25.0)
    assert levels == [0, 1, 2, 2, 2, 5, 6]


@pytest.mark.parametrize('count', [1, 4, 30])
def test_contact_sheet_of_any_number_of_pictures(tmp_path, count):
    write_contact_sheet(pictures(range(count)), tmp_path / 'sheet.png')
    sheet = cv2.imread(str(tmp_path / 'sheet.png'))
    assert sheet.shape[1] == min(count, 3) * 646 + 6


def test_no_pictures_no_video(tmp_path):
    with pytest.raises(ValueError, match='expected at least one picture for a video, got none'):
        write_video([], tmp_path / 'v.mp4', 25.0)


def test_targets_as_lines_of_json(tmp_path):
    box = Box(1.5, 2.5, 30.0, 40.0)
    found = TrackState(box, box, 0.75, TrackStatus.TRACKING, np.ones(4, np.float32), spectral_angle_rad=0.1, id=3)
    lost = TrackState(None, box, 0.0, TrackStatus.LOST, np.zeros(0, np.float32))
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/drone1/tracker/targets', 'hsi_tracking_ros/msg/TrackedTargetArray')
        for stamp, states in ((1, [found]), (2, [lost]), (3, [])):
            message = targets_message(states, header_message(stamp, 'camera'), frames_dropped=stamp)
            writer.write('/drone1/tracker/targets', bytes(serialize_message(message)), stamp)
    assert write_targets(tmp_path / 'bag', tmp_path / 'targets.jsonl') == 3
    rows = [json.loads(line) for line in (tmp_path / 'targets.jsonl').read_text().splitlines()]
    assert [row['stamp_ns'] for row in rows] == [1, 2, 3]
    assert rows[0]['targets'][0] == {'id': 3, 'status': 'TRACKING', 'box': [1.5, 2.5, 30.0, 40.0], 'score': 0.75,
                                     'spectral_angle_rad': pytest.approx(0.1), 'age': 0, 'frames_since_seen': 0}
    assert rows[1]['targets'][0]['box'] is None
    assert rows[2] == {'stamp_ns': 3, 'frame_id': 'camera', 'targets': [], 'frames_dropped': 3,
                       'pipeline_latency_ms': None}


def test_only_its_own_outputs_are_replaced(tmp_path):
    _make_room(tmp_path)
    for name in ('mine.txt', 'report.json', 'overlay.mp4'):
        (tmp_path / name).write_text('x')
    (tmp_path / 'bag').mkdir()
    _make_room(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['logs', 'mine.txt']
    with pytest.raises(ValueError, match='expected a folder for the outputs, got the file'):
        _make_room(tmp_path / 'mine.txt')


@pytest.mark.parametrize('name', ['bag', 'logs'])
def test_a_folder_of_the_same_name_that_no_demo_wrote_is_left_alone(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / 'precious').write_text('x')
    with pytest.raises(ValueError, match=f'expected a new folder or one of an earlier demo, got .* with {name} of'):
        _make_room(tmp_path)
    assert (tmp_path / name / 'precious').is_file()


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--tracker', 'crystal_ball'], "got 'crystal_ball'"), (['--sequence', '/nowhere'], 'no such file or folder'),
    (['--super-resolver', 'magic'], "got 'magic'"), (['--sequence', 'synthetic:odd'], 'odd'),
    (['--domain-id', '300'], 'expected a ROS domain 0..232, got 300'),
    (['--domain-id', '-1'], 'expected a ROS domain 0..232, got -1')])
def test_bad_arguments_remove_nothing_and_start_nothing(tmp_path, capsys, arguments, message):
    _make_room(tmp_path)
    (tmp_path / 'report.json').write_text('x')
    assert main(['demo', '--headless', '--out', str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert (tmp_path / 'report.json').is_file()
    assert [path.name for path in (tmp_path / 'logs').iterdir()] == ['.hsi_tracking_demo']


@pytest.mark.parametrize(('sequence', 'source'), [
    ('synthetic:demo', 'synthetic:demo?frames=40'), ('synthetic:open?seed=2', 'synthetic:open?seed=2&frames=40'),
    ('synthetic:demo?frames=9', 'synthetic:demo?frames=9'), ('/data/ball', '/data/ball')])
def test_a_synthetic_scene_is_as_long_as_is_asked_for(tmp_path, sequence, source):
    assert DemoConfig(tmp_path, 1, sequence, frames=40).source == source


@pytest.mark.parametrize(('nodes', 'received', 'dropped'), [
    ({'tracker': (9, 2)}, 9, 2), ({'super_resolution': (9, 5), 'tracker': (4, 1)}, 9, 6)])
def test_frames_are_counted_from_the_first_node_that_they_come_to(nodes, received, dropped):
    watcher = Watcher()
    watcher.statuses = {f'{node}: Input': {'values': {'received': str(counts[0]), 'dropped busy': str(counts[1])}}
                        for node, counts in nodes.items()} | {'player: Playback': {'values': {'sent': '9'}}}
    assert watcher.frames() == {'sent': 9, 'received': received, 'dropped': dropped}


def test_times_are_the_last_known_ones_however_long_pictures_are_drawn_after_them():
    watcher = Watcher()
    for value in ('unknown', '4.25', 'unknown'):
        watcher._on_diagnostics(DiagnosticArray(status=[DiagnosticStatus(name='tracker: Latency', values=[
            KeyValue(key='infer p50 [ms]', value=value)])]))
    assert watcher.summary()['stages_ms']['infer'] == 4.25
    assert watcher.summary()['stages_ms']['decode'] is None


def test_summary_says_where_to_look(tmp_path):
    report = {'tracker': 'spectral_dcf', 'sequence': 'demo', 'success_auc': 0.61, 'dp20': None,
              'frames': {'sent': 9, 'received': 9, 'dropped': 1}, 'age_ms': {'p50': 20.0, 'p99': 40.0, 'max': math.pi}}
    text = summary(report, tmp_path)
    assert 'success AUC 0.610, DP20 -' in text
    for name in ('overlay.mp4', 'contact_sheet.png', 'targets.jsonl', 'bag', 'report.json'):
        assert str(tmp_path / name) in text


def test_bad_arguments_are_refused(tmp_path, capsys):
    assert main(['demo', '--headless', '--out', str(tmp_path / 'x'), '--frames', '-1']) == 2
    assert 'expected --frames and --rate >= 0, got -1' in capsys.readouterr().err
