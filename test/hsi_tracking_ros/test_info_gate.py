from __future__ import annotations

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
from sensor_msgs.msg import Image  # noqa: E402

from hsi_tracking_ros.info_gate import InfoGate  # noqa: E402


def make(capacity=2):
    clock, passed = [0.0], []
    return InfoGate(lambda message: passed.append(message.height), capacity, 1.0, lambda: clock[0]), clock, passed


def test_a_mosaic_waits_for_its_description_for_good():
    gate, clock, passed = make()
    for height in (1, 2, 3):
        clock[0] += 10.0
        assert not gate.put(Image(height=height, encoding='mono16'))
    gate.open()
    assert gate.put(Image(height=4, encoding='mono16'))
    assert passed == [2, 3, 4]
    assert gate.dropped == 1


def test_a_cube_waits_for_a_moment_only():
    gate, clock, passed = make()
    assert not gate.put(Image(height=1, encoding='16UC31'))
    clock[0] = 1.1
    assert gate.put(Image(height=2, encoding='16UC31'))
    assert passed == [1, 2]
