"""What the nodes that make cubes have in common: nobody reads for nothing, bad images are counted, cycles work."""
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from sensor_msgs.msg import Image  # noqa: E402

from hsi_models.camera import Camera  # noqa: E402
from hsi_tracking_ros import qos  # noqa: E402
from hsi_tracking_ros.image_codec import to_message  # noqa: E402
from hsi_tracking_ros.nodes.calibration_node import CalibrationNode  # noqa: E402
from hsi_tracking_ros.nodes.super_resolution_node import SuperResolutionNode  # noqa: E402

CAMERA = Camera(model='test', serial='7', wavelengths_nm=(500.0, 400.0, 600.0, float('nan')), mosaic_rows=2,
                mosaic_columns=2, bit_depth=10, dark_levels=(10.0,) * 4, white_levels=(510.0, 410.0, 610.0, 710.0))
MOSAIC = np.random.default_rng(0).integers(0, 1023, (16, 24)).astype(np.uint16)
NODES = {'calibration': (CalibrationNode, {}), 'super_resolution': (SuperResolutionNode, {'model': 'back_projection'})}


@pytest.fixture(params=NODES)
def make_rig(request, cube_rig):
    """Makes one of the nodes and its surroundings."""
    create, parameters = NODES[request.param]
    return lambda **options: cube_rig(create, CAMERA, MOSAIC, **parameters, **options)


def test_without_a_reader_no_image_is_even_received(graph, make_rig):
    rig = make_rig(read=False)
    graph.spin(0.3)
    assert rig.images.get_subscription_count() == 0
    assert rig.node._input.idle == 'nobody subscribes'
    reader = graph.peer.create_subscription(Image, f'{rig.node.get_name()}/image', rig.cubes.append,
                                            qos.profile('image'))
    rig.wait_until_read()
    rig.send()
    graph.peer.destroy_subscription(reader)
    graph.spin_until(lambda: rig.images.get_subscription_count() == 0)


@pytest.mark.parametrize(('changes', 'says'), [
    ({'data': b'123'}, 'bytes of data'), ({'encoding': 'bgr8'}, "got 'bgr8'"),
    ({'height': 0}, 'expected height and width')])
def test_a_bad_image_is_counted_and_the_node_lives_on(graph, make_rig, changes, says):
    rig = make_rig()
    bad = to_message(MOSAIC)
    for name, value in changes.items():
        setattr(bad, name, value)
    rig.images.publish(bad)
    graph.spin_until(lambda: rig.node._input.rejected == 1)
    assert says in rig.node._input.last_reason
    rig.send()
    assert [report[0] for report in rig.node._collect()] == ['Input', 'Output']


def test_cycles_begin_and_end_the_work(graph, make_rig):
    rig = make_rig()
    rig.send()
    for _ in range(3):
        rig.node.trigger_deactivate()
        graph.spin_until(lambda: rig.images.get_subscription_count() == 0)
        rig.node.trigger_cleanup()
        rig.node.trigger_configure()
        rig.node.trigger_activate()
        rig.wait_until_read()
        rig.send()
