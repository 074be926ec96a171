"""The tracker as a process of its own, fed by another one: nothing lost, nothing late, a clean end."""
from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hsi_tracking_ros.processes import PATIENCE_S, free_domain_id, node_environment

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytestmark = pytest.mark.system

FEEDER = Path(__file__).with_name('tracker_feeder.py')
TRACKER = 'hsi_tracking_ros.nodes.tracker_node'
SMALL = ('--size', '64', '128')


@pytest.fixture
def environment():
    return node_environment(free_domain_id(), OMP_NUM_THREADS='1')      # sums of float32 in one order


@pytest.fixture
def start(environment, tmp_path):
    """Start a node with parameters; it is ended afterwards, and its log is `process.log`."""
    started = []

    def run(module=TRACKER, **parameters):
        arguments = [f'{name}:={value}' for name, value in parameters.items()]
        log = tmp_path / f'{len(started)}.log'
        with log.open('w') as out:
            process = subprocess.Popen([sys.executable, '-m', module, '--ros-args',
                                        *(word for argument in arguments for word in ('-p', argument))],
                                       env=environment, stdout=out, stderr=subprocess.STDOUT)
        process.log = log
        started.append(process)
        return process
    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def feed(environment, *arguments):
    out = subprocess.run([sys.executable, str(FEEDER), *arguments], env=environment, check=True, timeout=200,
                         capture_output=True, text=True)
    return json.loads(out.stdout)


def end(process, number=signal.SIGINT):
    process.send_signal(number)
    return process.wait(60)


def wait_for(condition, timeout_s=90.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f'waited {timeout_s} s in vain'
        time.sleep(0.05)


def test_two_processes_lose_no_frame_at_25_hz(environment, start):
    tracker = start(every_frame=True)
    report = feed(environment, '--profile', 'every_frame', '--frames', '50')
    assert [row[0] for row in report['answers']] == report['sent']
    assert report['answers'][-1][2] == 0
    assert all(targets and targets[0][0] == 3 for *_, targets in report['answers'])
    assert report['diagnostics']['Input']['lost by middleware'] == '0'
    assert end(tracker) == 0, tracker.log.read_text()


def test_the_age_stays_bounded_while_the_tracker_is_slow(environment, start):
    # reliable, so that what is dropped is dropped by the tracker, also where the machine is busy
    start(slowdown_ms=150.0, **{'qos_overrides./image.subscription.reliability': 'reliable'})
    report = feed(environment, *SMALL, '--frames', '75', '--profile', 'image_out')
    ages = np.array([row[1] for row in report['answers']])
    arrivals_ms = np.array([row[0] for row in report['answers']]) * 1e-6 + ages
    dropped = report['answers'][-1][2]
    assert report['answers'][-1][0] == report['sent'][-1], 'the last image counts'
    assert dropped > 30
    assert len(ages) + dropped <= 75
    # one image in hand and one waiting: twice the time of one image on this machine; a queue would have grown to
    # 75 * (150 - 40) ms = 8 s and more
    assert ages.max() < 2 * np.diff(arrivals_ms).max() + 1000
    assert np.median(ages[len(ages) // 2:]) < 2 * np.median(ages[:len(ages) // 2]) + 500
    assert int(report['diagnostics']['Input']['dropped busy']) == dropped


def test_with_every_frame_results_do_not_depend_on_speed(environment, start):
    runs = []
    for slowdown_ms in (0.0, 60.0):
        tracker = start(every_frame=True, slowdown_ms=slowdown_ms)
        report = feed(environment, *SMALL, '--profile', 'every_frame', '--frames', '12')
        assert end(tracker) == 0
        runs.append([row[3] for row in report['answers']])
    assert len(runs[0]) == 12
    assert runs[0] == runs[1]


def test_bad_images_are_counted_and_the_good_ones_answered(environment, start):
    tracker = start(every_frame=True)
    report = feed(environment, *SMALL, '--profile', 'every_frame', '--frames', '24', '--bad', '--rate', '20')
    assert [row[0] for row in report['answers']] == report['sent']
    found = report['diagnostics']['Input']
    assert found['rejected'] == '24'
    assert 'expected' in found['last reason']
    assert end(tracker) == 0
    log = tracker.log.read_text()
    assert 'got \'bgr8\'' in log
    assert 'Traceback' not in log
    assert log.count("got 'bgr8'") <= 4, 'a reason is logged when it is a new one'


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('module', [TRACKER, 'hsi_tracking_ros.nodes.calibration_node',
                                    'hsi_tracking_ros.nodes.super_resolution_node'])
def test_a_signal_ends_a_node_cleanly(start, number, module):
    process = start(module)
    wait_for(lambda: ': active' in process.log.read_text())
    began = time.monotonic()
    assert end(process, number) == 0, process.log.read_text()
    assert time.monotonic() - began < PATIENCE_S[0][1], 'whoever starts nodes would have lost patience'
    assert 'Traceback' not in process.log.read_text()


def test_a_signal_while_it_starts_ends_it_as_well(start):
    process = start()
    wait_for(lambda: '[INFO]' in process.log.read_text())
    assert end(process) == 0, process.log.read_text()
    assert 'Traceback' not in process.log.read_text()


@pytest.mark.parametrize(('parameters', 'says'), [
    ({'treshold': 1.0}, "got 'treshold'"),
    ({'history': 0}, "parameter 'history': expected an integer 1..1000, got 0"),
    ({'device': 3}, "parameter 'device': expected a string, got 3"),
])
def test_refused_parameters_end_the_process_with_one_line(start, parameters, says):
    process = start(**parameters)
    assert process.wait(90) == 2
    log = process.log.read_text()
    assert says in log
    assert 'Traceback' not in log
