from __future__ import annotations

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')

from hsi_tracking_ros.topics import beside  # noqa: E402


@pytest.mark.parametrize(('remappings', 'topic'), [
    ((), '/drone/hyperspectral_info'),
    (('image:=camera/image',), '/drone/camera/hyperspectral_info'),
    (('image:=/camera/front/image',), '/camera/front/hyperspectral_info'),
    (('image:=/image',), '/hyperspectral_info'),
    (('image:=/camera/image', 'hyperspectral_info:=/other/info'), '/other/info'),
])
def test_the_description_lies_beside_the_image_unless_it_is_remapped_itself(graph, remappings, topic):
    arguments = [word for remapping in remappings for word in ('-r', remapping)]
    node = graph.add(rclpy.create_node('reader', namespace='/drone', cli_args=['--ros-args', *arguments]))
    assert node.resolve_topic_name(beside(node, 'hyperspectral_info')) == topic
