"""Dataset -> rosbag2 -> play -> the same boxes, bit for bit, as without ROS: on frames of a real camera."""
from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from hsi_tracking_ros.demo_report import write_targets  # noqa: E402
from hsi_tracking_ros.processes import free_domain_id  # noqa: E402

pytestmark = pytest.mark.system

FRAMES, CELL = 12, 4
HEIGHT, WIDTH = 64, 96      # of the cube
SPEED = (2, 1)              # x, y of the window, cells a frame


def hsi_tracking(repository, *arguments):
    done = subprocess.run([sys.executable, '-m', 'hsi_tracking_ros', *map(str, arguments)], cwd=repository,
                          capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope='module')
def folder(tmp_path_factory, shared_data):
    """A window that moves over a real mosaic: real spectra, real noise, known motion."""
    files = sorted((shared_data / 'real_mosaics').glob('*.tif')) if (shared_data / 'real_mosaics').is_dir() else []
    if not files:
        pytest.skip('needs the real mosaics of the development data')
    mosaic = cv2.imread(str(files[2]), cv2.IMREAD_UNCHANGED)
    home = tmp_path_factory.mktemp('real') / 'street'
    (home / 'HSI').mkdir(parents=True)
    top, left = 120, 200
    boxes = []
    for index in range(FRAMES):
        x, y = left + SPEED[0] * index, top + SPEED[1] * index
        window = mosaic[CELL * y:CELL * (y + HEIGHT), CELL * x:CELL * (x + WIDTH)]
        assert window.shape == (CELL * HEIGHT, CELL * WIDTH)
        cv2.imwrite(str(home / 'HSI' / f'{index + 1:04d}.png'), window)
        boxes.append((52 - SPEED[0] * index, 30 - SPEED[1] * index, 16, 14))
    np.savetxt(home / 'groundtruth_rect.txt', boxes, fmt='%d', delimiter='\t')
    (home / 'wavelengths.json').write_text(json.dumps({'mosaic': [CELL, CELL], 'centre_nm': [], 'bit_depth': 8}))
    return home


@pytest.fixture(scope='module')
def boxes(folder, repository):
    """Boxes in pixels of the cube, by where the frames came from."""
    out = folder.parent
    hsi_tracking(repository, 'track', folder, '--out', out / 'offline.csv')
    lines = (out / 'offline.csv').read_text().splitlines()
    found = {'offline': [[float(value) for value in line.split(',')[:4]] for line in lines]}
    hsi_tracking(repository, 'convert', folder, out / 'bag')
    for name, source in (('folder', folder), ('bag', out / 'bag')):
        hsi_tracking(repository, 'play', source, '--track', '--every-frame', '--record', out / f'{name}_played',
                     '--domain-id', free_domain_id(), '--log-level', 'warn')
        write_targets(out / f'{name}_played', out / f'{name}.jsonl')
        rows = [json.loads(line) for line in (out / f'{name}.jsonl').read_text().splitlines()]
        states = {row['stamp_ns']: row['targets'][0] for row in rows if row['targets']}     # the last one an image
        found[name] = [[value / CELL for value in states[stamp]['box']] if states[stamp]['box'] else [np.nan] * 4
                       for stamp in sorted(states)]
    return found


def test_every_frame_has_an_answer(boxes):
    assert {name: len(rows) for name, rows in boxes.items()} == dict.fromkeys(boxes, FRAMES)


@pytest.mark.parametrize('name', ['folder', 'bag'])
def test_boxes_are_the_same_bit_for_bit(boxes, name):
    np.testing.assert_array_equal(np.array(boxes[name]), np.array(boxes['offline']))


def test_it_is_the_target_that_was_tracked(boxes):
    """The window's own motion: without it, equal boxes could be equally lost."""
    centres = np.array(boxes['bag'])[:, :2] + np.array(boxes['bag'])[:, 2:] / 2
    truth = np.array([(60 - SPEED[0] * i, 37 - SPEED[1] * i) for i in range(FRAMES)])
    assert np.nanmedian(np.hypot(*(centres - truth).T)) < 4


def test_the_recording_of_the_play_is_a_dataset_again(boxes, folder, repository):
    out = folder.parent
    hsi_tracking(repository, 'convert', out / 'bag_played', out / 'again')
    for index in range(FRAMES):
        name = f'HSI/{index + 1:04d}.png'
        np.testing.assert_array_equal(cv2.imread(str(out / 'again' / name), cv2.IMREAD_UNCHANGED),
                                      cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED))
