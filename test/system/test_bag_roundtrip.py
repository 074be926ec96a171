"""Dataset -> rosbag2 -> play -> the same boxes, bit for bit, as without ROS: on frames of a real camera."""
from __future__ import annotations

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from hsi_tracking_ros.demo_report import write_targets  # noqa: E402
from hsi_tracking_ros.processes import free_domain_id  # noqa: E402

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]     # a busy machine takes a minute

FRAMES, CELL = 12, 4        # of real_folder


def hsi_tracking(repository, *arguments):
    done = subprocess.run([sys.executable, '-m', 'hsi_tracking_ros', *map(str, arguments)], cwd=repository,
                          env={**os.environ, 'OMP_NUM_THREADS': '1'},   # sums of float32 in one order
                          capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope='module')
def boxes(real_folder, repository, tmp_path_factory):
    """Boxes in pixels of the cube, by where the frames came from."""
    out = tmp_path_factory.mktemp('boxes')
    hsi_tracking(repository, 'track', real_folder, '--out', out / 'offline.csv')
    lines = (out / 'offline.csv').read_text().splitlines()
    found = {'offline': [[float(value) for value in line.split(',')[:4]] for line in lines]}
    hsi_tracking(repository, 'convert', real_folder, out / 'bag')
    for name, source in (('folder', real_folder), ('bag', out / 'bag')):
        hsi_tracking(repository, 'play', source, '--track', '--every-frame', '--record', out / f'{name}_played',
                     '--domain-id', free_domain_id(), '--log-level', 'warn')
        write_targets(out / f'{name}_played', out / f'{name}.jsonl')
        rows = [json.loads(line) for line in (out / f'{name}.jsonl').read_text().splitlines()]
        states = {row['stamp_ns']: row['targets'][0] for row in rows if row['targets']}     # the last one an image
        found[name] = [[value / CELL for value in states[stamp]['box']] if states[stamp]['box'] else [np.nan] * 4
                       for stamp in sorted(states)]
    return out, found


def test_every_frame_has_an_answer(boxes):
    _, boxes = boxes
    assert {name: len(rows) for name, rows in boxes.items()} == dict.fromkeys(boxes, FRAMES)


@pytest.mark.parametrize('name', ['folder', 'bag'])
def test_boxes_are_the_same_bit_for_bit(boxes, name):
    _, boxes = boxes
    np.testing.assert_array_equal(np.array(boxes[name]), np.array(boxes['offline']))


def test_it_is_the_target_that_was_tracked(boxes, real_folder):
    """The window's own motion: without it, equal boxes could be equally lost."""
    tracked, truth = np.array(boxes[1]['bag']), np.loadtxt(real_folder / 'groundtruth_rect.txt')
    assert len(truth) == FRAMES
    distances = np.hypot(*(tracked[:, :2] + tracked[:, 2:] / 2 - truth[:, :2] - truth[:, 2:] / 2).T)
    assert np.nanmedian(distances) < 4


def test_the_recording_of_the_play_is_a_dataset_again(boxes, real_folder, repository):
    out, _ = boxes
    hsi_tracking(repository, 'convert', out / 'bag_played', out / 'again')
    for index in range(FRAMES):
        name = f'HSI/{index + 1:04d}.png'
        np.testing.assert_array_equal(cv2.imread(str(out / 'again' / name), cv2.IMREAD_UNCHANGED),
                                      cv2.imread(str(real_folder / name), cv2.IMREAD_UNCHANGED))
