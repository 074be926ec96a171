"""A tracker that is slower than its camera."""
from __future__ import annotations

import threading

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from std_srvs.srv import SetBool  # noqa: E402

from hsi_tracking_ros.messages import header_message  # noqa: E402


@pytest.fixture
def busy(bright_spot):
    """A tracker that is busy until `busy.done` is set."""
    class Busy(bright_spot):
        done = threading.Event()

        def update(self, frame):
            assert self.done.wait(60)
            return super().update(frame)
    yield Busy
    Busy.done.set()


def flood(rig, count=20):
    for number in range(1, count + 1):
        rig.images.publish(rig.message())
        rig.graph.spin_until(lambda n=number: rig.node._input.received == n)


def test_a_busy_tracker_answers_the_latest_image_and_counts_what_it_dropped(graph, make_rig, busy):
    rig = make_rig(tracker=busy, init_box='6,6,10,10', warm_up_height=0)
    flood(rig)
    last = rig.stamp
    busy.done.set()
    graph.spin_until(lambda: rig.targets and rig.targets[-1].header == header_message(last, 'camera'))
    dropped = rig.targets[-1].frames_dropped
    assert dropped >= 18, 'all but the one in hand and the newest'
    assert len(rig.targets) + dropped == rig.node._input.received


def test_with_every_frame_a_busy_tracker_answers_all_in_order(graph, make_rig, busy):
    rig = make_rig(tracker=busy, init_box='6,6,10,10', every_frame=True, warm_up_height=0)
    flood(rig)
    busy.done.set()
    graph.spin_until(lambda: len(rig.targets) == 20)
    stamps = [out.header.stamp.sec * 10 ** 9 + out.header.stamp.nanosec for out in rig.targets]
    assert stamps == sorted(stamps)
    assert rig.targets[-1].frames_dropped == 0


def test_the_executor_is_free_while_the_tracker_works(graph, make_rig, busy):
    rig = make_rig(tracker=busy, init_box='6,6,10,10', warm_up_height=0)
    rig.images.publish(rig.message())
    graph.spin_until(lambda: rig.node._input.received)
    assert graph.call(SetBool, 'tracker/enable', SetBool.Request(data=True)).success
    assert not rig.targets
    busy.done.set()
    graph.spin_until(lambda: rig.targets)
