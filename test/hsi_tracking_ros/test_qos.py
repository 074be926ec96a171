from __future__ import annotations

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
from rclpy.parameter import Parameter  # noqa: E402
from rclpy.qos import DurabilityPolicy, QoSCompatibility, ReliabilityPolicy, qos_check_compatible  # noqa: E402
from std_msgs.msg import String  # noqa: E402

from hsi_tracking_ros import qos  # noqa: E402


@pytest.mark.parametrize(('name', 'reliable', 'latched', 'depth'), [
    ('image', False, False, 1), ('info', True, True, 1), ('camera_info', False, False, 5), ('init', True, False, 5),
    ('targets', True, False, 10), ('detections', True, False, 10), ('markers', True, False, 10),
    ('overlay', True, False, 1), ('every_frame', True, False, 1000)])
def test_profiles_are_those_of_the_topics_table(name, reliable, latched, depth):
    profile = qos.profile(name)
    assert (profile.reliability is ReliabilityPolicy.RELIABLE) == reliable
    assert (profile.durability is DurabilityPolicy.TRANSIENT_LOCAL) == latched
    assert profile.depth == depth


@pytest.mark.parametrize('reader', ['image', 'every_frame'])
def test_our_images_reach_both_kinds_of_reader(reader):
    assert qos_check_compatible(qos.profile('image_out'), qos.profile(reader))[0] != QoSCompatibility.ERROR


def test_a_best_effort_image_does_not_reach_a_reliable_reader():
    assert qos_check_compatible(qos.profile('image'), qos.profile('every_frame'))[0] == QoSCompatibility.ERROR


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="expected a QoS profile of image, .*, got 'imgae'"):
        qos.profile('imgae')


def test_profiles_are_fresh():
    qos.profile('image').depth = 7
    assert qos.profile('image').depth == 1


def test_parameters_override_a_profile(graph):
    node = graph.add(rclpy.create_node('tuned', parameter_overrides=[
        Parameter('qos_overrides./image.subscription.reliability', value='reliable'),
        Parameter('qos_overrides./image.subscription.depth', value=3)]))
    subscription = node.create_subscription(String, 'image', print, qos.profile('image'),
                                            qos_overriding_options=qos.overridable())
    assert subscription.qos_profile.reliability is ReliabilityPolicy.RELIABLE
    assert subscription.qos_profile.depth == 3
