"""A driver that publishes images alone, and a tracker with a file that describes the camera: the same boxes."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from hsi_models.boxes import Box  # noqa: E402
from hsi_models.data.cameras import camera_to_json  # noqa: E402
from hsi_models.data.open import open_sequence  # noqa: E402
from hsi_models.data.synthetic import SyntheticSequence  # noqa: E402
from hsi_models.pipeline import TrackingPipeline  # noqa: E402
from hsi_tracking_ros.graph import TRACKER, GraphOptions, describe  # noqa: E402
from hsi_tracking_ros.processes import ProcessGroup, free_domain_id, node_environment  # noqa: E402

pytestmark = pytest.mark.system

FEEDER = Path(__file__).with_name('tracker_feeder.py')
FRAMES = 12


def run(folder, *feeding, **options):
    """Boxes of the tracker process, pixels of the mosaic, and its diagnostics."""
    environment = node_environment(free_domain_id())
    specs = describe('tracking', GraphOptions(tracker='spectral_dcf', **options), {TRACKER: {'every_frame': True}})
    with ProcessGroup(environment, folder) as group:
        group.start('tracker', next(spec for spec in specs if spec.executable == TRACKER).command)
        done = subprocess.run([sys.executable, str(FEEDER), '--frames', str(FRAMES), '--rate', '10', '--profile',
                               'every_frame', *feeding], env=environment, capture_output=True, text=True, timeout=200)
        ended = group.stop()
    assert done.returncode == 0, done.stderr + group.log_tail('tracker')
    assert ended == {'tracker': 0}
    report = json.loads(done.stdout)
    assert [row[0] for row in report['answers']] == report['sent'], group.log_tail('tracker')
    assert report['diagnostics']['Input']['rejected'] == '0'
    return [row[3][0][2:] for row in report['answers']]


def test_boxes_are_those_of_a_driver_that_describes_its_camera(tmp_path):
    file = tmp_path / 'camera.json'
    file.write_text(camera_to_json(SyntheticSequence(frames=1, size=(64, 96), scene='open').camera))
    scene = ('--size', '64', '96')
    silent = run(tmp_path / 'silent', *scene, '--no-info', camera_file=str(file))
    assert silent == run(tmp_path / 'described', *scene)


def test_a_real_mosaic_is_calibrated_pixel_by_pixel_inside_the_tracker(tmp_path, real_folder):
    sequence = open_sequence(str(real_folder))
    white = np.random.default_rng(0).uniform(180, 250, sequence.image(0).shape).astype(np.float32)
    references = tmp_path / 'references.npz'
    np.savez(references, dark=np.full_like(white, 2), white=white)
    boxes = run(tmp_path / 'logs', '--sequence', str(real_folder), '--no-info',
                camera_file=str(real_folder / 'wavelengths.json'), calibration_file=str(references))
    pipeline = TrackingPipeline('spectral_dcf', camera=sequence.camera, calibration_file=str(references))
    pipeline.initialise(Box(*sequence.boxes[0]).scaled(*sequence.camera.pixel_size))
    expected = [list(pipeline.process(sequence.image(i), stamp_ns=i + 1).states[0].box) for i in range(FRAMES)]
    np.testing.assert_array_equal(boxes, expected)
    centres = np.array(boxes)[:, :2] + np.array(boxes)[:, 2:] / 2
    truth = 4 * (sequence.boxes[:, :2] + sequence.boxes[:, 2:] / 2)
    assert np.median(np.hypot(*(centres - truth).T)) < 16, 'pixels of the mosaic'
