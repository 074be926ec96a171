"""The README's first command: real processes, the contract's outputs, and nothing left behind."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from hsi_tracking_ros.bags import BagReader  # noqa: E402

pytestmark = pytest.mark.system

FRAMES = 40
COMMAND = [sys.executable, '-m', 'hsi_tracking_ros', 'demo', '--headless']


def node_processes(out):
    """Processes that belong to a demo with this output folder, by the text of their command or log."""
    found = []
    for process in Path('/proc').glob('[0-9]*'):
        try:
            command = (process / 'cmdline').read_bytes().decode(errors='replace')
            files = {os.readlink(fd) for fd in (process / 'fd').iterdir() if fd.name in '12'}
        except OSError:
            continue
        if any(file.startswith(str(out)) for file in files):
            found.append(command.replace('\0', ' '))
    return found


@pytest.fixture(scope='module')
def demo(tmp_path_factory, repository):
    out = tmp_path_factory.mktemp('demo')
    done = subprocess.run([*COMMAND, '--out', str(out), '--frames', str(FRAMES), '--rate', '10',
                           '--sequence', 'synthetic:demo?size=128x192'],
                          cwd=repository, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return out, done, json.loads((out / 'report.json').read_text())


def test_folder_holds_the_contract(demo):
    out, done, report = demo
    assert {path.name for path in out.iterdir()} == {
        'overlay.mp4', 'contact_sheet.png', 'targets.jsonl', 'bag', 'report.json', 'logs'}
    assert {'success_auc', 'dp20', 'frames', 'age_ms', 'stages_ms', 'diagnostics', 'tracker', 'weights_sha256',
            'host'} <= set(report)
    assert {'sent', 'received', 'dropped'} <= set(report['frames'])
    assert set(report['age_ms']) == {'p50', 'p99', 'max'}
    assert 'report         ' in done.stdout


def test_every_frame_is_accounted_for(demo):
    _, _, report = demo
    frames = report['frames']
    assert frames['sent'] == FRAMES
    assert frames['received'] <= frames['sent']
    assert frames['answered'] <= frames['received']
    assert frames['received'] - frames['dropped'] - frames['answered'] in (-1, 0, 1)
    assert 0 < report['age_ms']['p50'] <= report['age_ms']['p99'] <= report['age_ms']['max']
    assert report['stages_ms']['infer'] > 0


def test_the_target_is_tracked(demo):
    _, _, report = demo
    assert 0 < report['success_auc'] <= 1
    assert 0 <= report['dp20'] <= 1


def test_every_node_reported(demo):
    _, _, report = demo
    names = {name.partition(':')[0] for name in report['diagnostics']}
    assert {'tracker', 'visualiser', 'evaluator', 'player'} <= names


def test_video_and_contact_sheet_open(demo):
    out, _, report = demo
    capture = cv2.VideoCapture(str(out / 'overlay.mp4'))
    good, image = capture.read()
    assert good
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10.0)
    assert image.shape[1] >= 960
    assert cv2.imread(str(out / 'contact_sheet.png')).shape[1] > 1000


def test_bag_and_lines_agree(demo):
    out, _, report = demo
    rows = [json.loads(line) for line in (out / 'targets.jsonl').read_text().splitlines()]
    stamps = [row['stamp_ns'] for row in rows]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) == report['frames']['answered']
    with BagReader(out / 'bag') as reader:
        counts = {name: topic.count for name, topic in reader.topics.items()}
        assert all(type_.startswith(('sensor_msgs', 'hsi_tracking_ros', 'diagnostic_msgs'))
                   for type_ in (topic.type for topic in reader.topics.values()))
    assert counts['/tracker/targets'] == len(rows)
    assert counts['/ground_truth'] == FRAMES
    assert counts['/tracker/init'] == counts['/hyperspectral_info'] == 1
    assert counts['/image'] >= 0.8 * FRAMES
    assert any(row['targets'] and row['targets'][0]['box'] for row in rows)


def test_nothing_is_left_running(demo):
    assert node_processes(demo[0]) == []


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_process(tmp_path, repository, number):
    demo = subprocess.Popen([*COMMAND, '--out', str(tmp_path), '--frames', '1000', '--sequence',
                             'synthetic:demo?size=64x96'], cwd=repository, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL,
                            # a shell starts background jobs, and so perhaps this test, with SIGINT ignored
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        end = time.monotonic() + 120
        while len(node_processes(tmp_path)) < 5:
            assert time.monotonic() < end
            time.sleep(0.2)
        demo.send_signal(number)
        assert demo.wait(timeout=90) == 130
        assert node_processes(tmp_path) == []
    finally:
        demo.kill()


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--sequence', '/nowhere'], 'no such file or folder'),
    (['--tracker', 'crystal_ball'], "got 'crystal_ball'")])
def test_what_cannot_be_run_is_said_in_one_line(tmp_path, repository, arguments, message):
    done = subprocess.run([*COMMAND, '--out', str(tmp_path), *arguments], cwd=repository, capture_output=True,
                          text=True, timeout=200)
    assert done.returncode == 2
    assert message in done.stderr
    assert node_processes(tmp_path) == []
