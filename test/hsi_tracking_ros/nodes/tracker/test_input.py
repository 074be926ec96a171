"""Images and descriptions of cameras, good and bad."""
from __future__ import annotations

import re

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from diagnostic_msgs.msg import DiagnosticStatus  # noqa: E402

from hsi_models.pipeline import TrackingPipeline  # noqa: E402
from hsi_tracking_ros.msg import HyperspectralInfo  # noqa: E402
from hsi_tracking_ros.nodes.tracker_node import TrackerNode  # noqa: E402


def spoiled(message, **changes):
    for name, value in changes.items():
        setattr(message, name, value)
    return message


@pytest.mark.parametrize(('changes', 'says'), [
    ({'encoding': 'bgr8'}, "expected encoding mono8, .*, got 'bgr8'"),
    ({'step': 10}, 'expected step >= 240'),
    ({'data': b'123'}, r'expected 19200 bytes of data .*, got 3'),
    ({'height': 4_000_000}, 'expected height and width'),
    ({'encoding': '16UC5', 'width': 24}, 'expected a mosaic'),
])
def test_a_bad_image_is_counted_with_its_reason_and_the_node_lives_on(make_rig, changes, says):
    rig = make_rig(init_box='6,6,10,10')
    rig.send()
    reason = rig.refuse(spoiled(rig.message(), **changes))
    assert re.search(says, reason), reason
    assert rig.send().targets
    _, level, message, values = next(iter(rig.node._collect()))
    assert (level, message) == (DiagnosticStatus.WARN, f'rejected: {reason}')
    assert (values['rejected'], values['last reason']) == (1, reason)


def test_a_header_of_any_length_is_told_in_brief(make_rig):
    rig = make_rig()
    rig.refuse(spoiled(rig.message(), encoding='x' * 1_000_000))
    texts = [text for status in rig.diagnostics() for text in (status.message, *(one.value for one in status.values))]
    assert sum('got \'xxx' in text for text in texts) == 2, 'the message and the last reason'
    assert max(map(len, texts)) < 1100


def test_a_big_endian_image_is_read(make_rig):
    rig = make_rig(init_box='6,6,10,10')
    rig.send()
    message = rig.message(x=20)
    message.data = np.frombuffer(message.data, np.uint16).astype('>u2').tobytes()
    target, = rig.send(spoiled(message, is_bigendian=1)).targets
    assert target.x == 41 - 5


def test_a_bad_description_of_the_camera_is_refused_and_the_old_one_stays(graph, make_rig):
    rig = make_rig(init_box='6,6,10,10')
    rig.send()
    rig.infos.publish(HyperspectralInfo(mosaic_rows=3))
    graph.spin_until(lambda: rig.node._input.rejected)
    assert 'mosaic_rows' in rig.node._input.last_reason
    assert rig.send().targets


def test_images_wait_for_the_description_that_comes_later(graph, make_rig):
    rig = make_rig(info=False, every_frame=True, init_box='6,6,10,10')
    for x in range(5):
        rig.images.publish(rig.message(x=5 + x))
    graph.spin_until(lambda: rig.node._input.received == 5)
    assert not rig.targets
    assert 'waiting for /hyperspectral_info' in rig.node._input.note
    rig.describe()
    graph.spin_until(lambda: len(rig.targets) == 5)
    assert [out.targets[0].x for out in rig.targets] == [2 * x + 1 - 5 for x in range(5, 10)]


def test_the_topics_beside_the_image_follow_its_remapping(graph, bright_spot):
    node = graph.add(TrackerNode(lambda *args, **options: TrackingPipeline(bright_spot()), cli_args=[
        '--ros-args', '-r', 'image:=/drone/camera/image']))
    graph.spin_until(lambda: node.is_active)
    assert node.count_subscribers('/drone/camera/hyperspectral_info') == 1
    assert node.count_subscribers('/drone/camera/camera_info') == 1
