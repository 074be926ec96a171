"""What is published besides the targets."""
from __future__ import annotations

import math

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from diagnostic_msgs.msg import DiagnosticStatus  # noqa: E402
from sensor_msgs.msg import CameraInfo, PointCloud2  # noqa: E402
from std_msgs.msg import Float64  # noqa: E402
from visualization_msgs.msg import MarkerArray  # noqa: E402

from hsi_tracking_ros import qos  # noqa: E402


def test_rays_and_stage_times_come_for_those_who_look(graph, make_rig):
    rig = make_rig(init_box='6,6,10,10', ray_length_m=2.0)
    rays = graph.collect(MarkerArray, 'tracker/markers')
    infer = graph.collect(Float64, 'tracker/debug/infer_ms', qos.profile('debug'))
    age = graph.collect(Float64, 'tracker/debug/age_ms', qos.profile('debug'))
    cameras = graph.peer.create_publisher(CameraInfo, 'camera_info', qos.profile('camera_info'))
    graph.spin_until(cameras.get_subscription_count)
    graph.spin(0.2)
    rig.send(x=29, y=19)
    assert not rays, 'no direction without a calibrated camera'
    cameras.publish(CameraInfo(k=[100.0, 0, 58.5, 0, 100.0, 38.5, 0, 0, 1.0]))
    graph.spin_until(lambda: rig.node._camera_info is not None)
    rig.send(x=29, y=19)
    graph.spin_until(lambda: rays and infer and age)
    tip = rays[-1].markers[1].points[1]
    assert math.isclose(tip.z, 2.0)
    assert rays[-1].markers[0].header.frame_id == 'camera'
    assert infer[-1].data > 0
    assert age[-1].data > 0


def test_detections_come_where_vision_msgs_is_installed(graph, make_rig):
    vision_msgs = pytest.importorskip('vision_msgs.msg', reason='vision_msgs has no wheel: it comes with an '
                                                                'installed ROS 2')
    rig = make_rig(init_box='6,6,10,10')
    arrays = graph.collect(vision_msgs.Detection2DArray, 'tracker/detections')
    graph.spin_until(lambda: rig.node.count_subscribers('/tracker/detections'))
    graph.spin(0.1)
    message = rig.message(x=10, y=7)
    rig.send(message)
    graph.spin_until(lambda: arrays)
    found = arrays[-1].detections[0]
    assert arrays[-1].header == found.header == message.header
    assert (found.bbox.center.position.x, found.bbox.center.position.y, found.bbox.size_x) == (21, 15, 10)
    rig.send(value=0)
    graph.spin_until(lambda: len(arrays) == 2)
    assert not arrays[-1].detections, 'LOST'


def test_the_target_cloud_comes_where_sensor_msgs_py_is_installed(graph, make_rig):
    point_cloud2 = pytest.importorskip('sensor_msgs_py.point_cloud2', reason='sensor_msgs_py has no wheel: it comes '
                                                                             'with an installed ROS 2')
    rig = make_rig(init_box='6,6,10,10')
    clouds = graph.collect(PointCloud2, 'tracker/target_cloud')
    cameras = graph.peer.create_publisher(CameraInfo, 'camera_info', qos.profile('camera_info'))
    graph.spin_until(cameras.get_subscription_count)
    graph.spin(0.2)
    cameras.publish(CameraInfo(k=[100.0, 0, 58.5, 0, 100.0, 38.5, 0, 0, 1.0]))
    graph.spin_until(lambda: rig.node._camera_info is not None)
    rig.send()
    graph.spin_until(lambda: clouds)
    points = point_cloud2.read_points(clouds[-1])
    assert points.dtype.names == ('x', 'y', 'z', 'rgb', 'spectral_angle')
    assert len(points) == 25                    # pixels of the cube, as the spectral angle is theirs
    assert np.isclose(np.nanmin(points['spectral_angle']), 0, atol=1e-3)


def test_the_four_statuses_have_the_keys_that_people_look_for(make_rig):
    rig = make_rig(init_box='6,6,10,10')
    for _ in range(5):
        rig.send()
    statuses = {status.name: status for status in rig.diagnostics()}
    assert list(statuses) == [f'tracker: {name}' for name in ('Input', 'Latency', 'Target', 'Compute')]
    assert all(status.hardware_id == '7' for status in statuses.values())
    assert all(status.level == DiagnosticStatus.OK for status in statuses.values())
    values = {name: {value.key: value.value for value in status.values} for name, status in statuses.items()}
    found = values['tracker: Input']
    assert (found['topic'], found['publishers'], found['offered QoS']) == ('/image', '1', 'reliable volatile')
    assert (found['received'], found['dropped busy'], found['rejected']) == ('5', '0', '0')
    assert (found['encoding'], found['bands'], found['lost by middleware']) == ('mono16', '4', '0')
    assert float(values['tracker: Latency']['age p99 [ms]']) > 0
    assert float(values['tracker: Latency']['infer p50 [ms]']) >= 0
    assert (values['tracker: Target']['status'], values['tracker: Target']['score']) == ('TRACKING', '0.75')
    assert {'device', 'runtime', 'precision', 'weights sha256', 'warm-up [s]',
            'memory [MB]'} <= set(values['tracker: Compute'])
