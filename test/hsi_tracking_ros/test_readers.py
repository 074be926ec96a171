"""Who reads what, and the text by which a player is told: as the nodes themselves subscribe."""
from __future__ import annotations

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from hsi_models.camera import Camera  # noqa: E402
from hsi_models.data.cameras import camera_to_json  # noqa: E402
from hsi_tracking_ros.bags import BagWriter  # noqa: E402
from hsi_tracking_ros.demo import RECORDED  # noqa: E402
from hsi_tracking_ros.graph import EVALUATOR, TRACKER, UPSCALER, VISUALISER  # noqa: E402
from hsi_tracking_ros.nodes.evaluator_node import EvaluatorNode  # noqa: E402
from hsi_tracking_ros.nodes.super_resolution_node import SuperResolutionNode  # noqa: E402
from hsi_tracking_ros.nodes.tracker_node import TrackerNode  # noqa: E402
from hsi_tracking_ros.nodes.visualiser_node import VisualiserNode  # noqa: E402
from hsi_tracking_ros.readers import RECORDER, WATCHER, parse_readers, readers_of, readers_text  # noqa: E402
from hsi_tracking_ros.recorder import Recorder  # noqa: E402


@pytest.mark.parametrize(('names', 'text'), [
    ((), ''),
    ((TRACKER, EVALUATOR), 'image=1 ground_truth=1 init=1 targets=1'),
    ((RECORDER,), 'image=1 ground_truth=1 init=1 targets=1'),
    ((TRACKER, EVALUATOR, RECORDER), 'image=2 ground_truth=2 init=2 targets=2'),
    ((TRACKER, UPSCALER, EVALUATOR), 'image=1 ground_truth=1 init=1 targets=1'),
    ((TRACKER, VISUALISER, EVALUATOR, RECORDER, WATCHER), 'image=3 ground_truth=3 init=2 targets=4')])
def test_readers_of_a_graph(names, text):
    assert readers_of(*names) == text
    assert readers_text(parse_readers(text)) == text


@pytest.mark.parametrize('text', [
    'image', 'image=', 'image=-1', 'image=one', 'overlay=1', 'image:2', 'image=2,targets=1'])
def test_what_names_no_topic_and_number_is_refused(text):
    with pytest.raises(ValueError, match=r'expected TOPIC=NUMBER of image, ground_truth, init, targets, .* got '):
        parse_readers(text)


def node_of(name, folder):
    if name == RECORDER:
        return Recorder(BagWriter(folder / 'bag'), RECORDED)
    camera = folder / 'camera.json'
    camera.write_text(camera_to_json(Camera(mosaic_rows=2, mosaic_columns=2)))
    create, parameters = {
        TRACKER: (TrackerNode, {'tracker': 'spectral_dcf', 'warm_up_height': 0}),
        UPSCALER: (SuperResolutionNode, {'model': 'bicubic'}),
        EVALUATOR: (EvaluatorNode, {}), VISUALISER: (VisualiserNode, {})}[name]
    return create(cli_args=['--ros-args', '-r', 'targets:=tracker/targets'], parameter_overrides=[
        Parameter(key, value=value) for key, value in {'camera_file': str(camera), **parameters}.items()])


@pytest.mark.parametrize('name', [TRACKER, UPSCALER, EVALUATOR, VISUALISER, RECORDER])
def test_each_node_reads_what_is_said_of_it(graph, tmp_path, name):
    for cubes_or_pictures in ('super_resolution/image', 'visualiser/overlay'):
        graph.collect(Image, cubes_or_pictures)
    node = graph.add(node_of(name, tmp_path))
    topics = {'image': '/image', 'ground_truth': '/ground_truth', 'init': '/tracker/init',
              'targets': '/tracker/targets'}
    wanted = {topic: 0 for topic in topics} | parse_readers(readers_of(name))
    graph.spin_until(lambda: {topic: node.count_subscribers(full) for topic, full in topics.items()} == wanted)
