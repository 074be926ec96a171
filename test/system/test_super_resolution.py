"""super_resolution:=crop and :=frame as processes of the graph: the boxes are those of the library."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.data.synthetic import SyntheticSequence
from hsi_models.pipeline import TrackingPipeline
from hsi_models.superresolution.settings import SuperResolution
from hsi_tracking_ros.graph import TRACKER, UPSCALER, GraphOptions, describe
from hsi_tracking_ros.processes import ProcessGroup, free_domain_id, node_environment

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytestmark = pytest.mark.system

FEEDER = Path(__file__).with_name('tracker_feeder.py')
FRAMES, SIZE = 12, (64, 96)


def boxes_of_the_library(choice):
    """What the pipeline says of the feeder's images, pixels of the mosaic."""
    scene = SyntheticSequence(frames=FRAMES, size=SIZE, scene='open')
    pipeline = TrackingPipeline('spectral_dcf', camera=scene.camera, super_resolution=choice)
    pipeline.initialise(Box(*scene.boxes[0]).scaled(scene.camera.mosaic_columns, scene.camera.mosaic_rows))
    states = [pipeline.process(scene.image(i), stamp_ns=i + 1).states[0] for i in range(FRAMES)]
    return [list(state.box) for state in states]


@pytest.mark.parametrize(('mode', 'model'), [('crop', 'cst_eigen'), ('frame', 'back_projection')])
def test_the_graph_gives_the_boxes_of_the_library_in_pixels_of_the_camera(tmp_path, mode, model):
    environment = node_environment(free_domain_id())
    every_frame = {name: {'every_frame': True} for name in (TRACKER, UPSCALER)}
    options = GraphOptions(tracker='spectral_dcf', super_resolution=mode, super_resolver=model)
    specs = describe('tracking', options, every_frame)
    with ProcessGroup(environment, tmp_path) as group:
        for spec in specs:
            if spec.executable in every_frame:
                group.start(spec.name, spec.command)
        done = subprocess.run([sys.executable, str(FEEDER), '--size', *map(str, SIZE), '--frames', str(FRAMES),
                               '--rate', '10', '--profile', 'every_frame'], env=environment, capture_output=True,
                              text=True, timeout=200)
        ended = group.stop()
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [row[0] for row in report['answers']] == report['sent'], group.log_tail('tracker')
    # The sums of a network's float32 come out another way with another number of threads or instruction set.
    np.testing.assert_allclose([row[3][0][2:] for row in report['answers']],
                               boxes_of_the_library(SuperResolution(mode, model)),
                               rtol=0, atol=0.0 if model == 'back_projection' else 0.01)
    assert set(ended.values()) == {0}
    assert set(ended) == {'tracker', *(['super_resolution'] if mode == 'frame' else [])}
    assert not any('Traceback' in (tmp_path / f'{name}.log').read_text() for name in ended)
