"""From a request to a target, and back."""
from __future__ import annotations

import math
import threading
import time

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from rosgraph_msgs.msg import Clock  # noqa: E402
from std_srvs.srv import SetBool, Trigger  # noqa: E402

from hsi_models.boxes import Box  # noqa: E402
from hsi_tracking_ros import qos  # noqa: E402
from hsi_tracking_ros.messages import init_message, stamp_message  # noqa: E402
from hsi_tracking_ros.msg import TrackedTarget  # noqa: E402
from hsi_tracking_ros.srv import SetTarget  # noqa: E402

SIZE = 10.0         # of the target, pixels of the mosaic
BOX = Box(6, 6, SIZE, SIZE)


def test_without_a_target_an_empty_array_comes_for_each_image(make_rig):
    rig = make_rig()
    message, before = rig.message(), time.time_ns()
    out = rig.send(message)
    assert not out.targets
    ages = [(now - rig.stamp) * 1e-6 for now in (before, time.time_ns())]
    assert ages[0] < out.pipeline_latency_ms < ages[1]


@pytest.mark.parametrize('way', ['service', 'topic', 'parameter'])
def test_a_target_is_tracked_in_pixels_of_the_mosaic_with_the_header_of_the_image(graph, make_rig, way):
    rig = make_rig(**({'init_box': '6,6,10,10'} if way == 'parameter' else {}))
    if way == 'service':
        rig.send()
        assert rig.set_target(BOX).accepted
    elif way == 'topic':
        rig.inits.publish(init_message(BOX))
        rig.graph.spin_until(lambda: rig.node._session._asked is not None)
    message = rig.message(x=10, y=7)
    out = rig.send(message)
    assert out.header == message.header
    target, = out.targets
    assert target.header == message.header
    assert (target.x, target.y, target.width, target.height) == (16.0, 10.0, SIZE, SIZE)
    assert (target.status, target.has_box) == (TrackedTarget.STATUS_TRACKING, True)
    assert len(target.spectrum) == 4


def test_a_request_refers_to_the_image_of_its_stamp_and_is_answered_at_once(graph, make_rig):
    rig = make_rig()
    stamps = []
    for x in (5, 6, 7):
        rig.send(x=x)
        stamps.append(rig.stamp)
    count = len(rig.targets)
    assert rig.set_target(BOX, stamps[0], id=9).accepted
    rig.graph.spin_until(lambda: len(rig.targets) > count)
    target, = rig.targets[-1].targets
    assert target.id == 9
    assert target.x == 7 * 2 + 1 - SIZE / 2


@pytest.mark.parametrize(('box', 'says'), [
    (Box(1000, 1000, 5, 5), 'expected a box inside the 120 x 80 image'),
    ((-500.0, 3.0), 'a point inside the 120 x 80 image')])
def test_a_request_that_cannot_be_met_says_why(make_rig, box, says):
    rig = make_rig()
    rig.send()
    answer = rig.set_target(box)
    assert not answer.accepted
    assert says in answer.reason
    assert not rig.send().targets


def test_a_request_without_area_says_why(graph, make_rig):
    rig = make_rig()
    answer = rig.graph.call(SetTarget, 'tracker/set_target', SetTarget.Request())
    assert 'w > 0 and h > 0' in answer.reason


def test_requests_to_a_node_that_is_not_active_say_so(graph, make_rig):
    rig = make_rig(info=False, autostart=False)
    rig.node.trigger_configure()
    assert 'to be active' in rig.set_target(BOX).reason
    answer = graph.call(Trigger, 'tracker/reset', Trigger.Request())
    assert not answer.success
    assert 'to be active' in answer.message


@pytest.fixture
def waiting(bright_spot):
    """A tracker that begins with a target when it is told to, and what it was asked for."""
    class Waiting(bright_spot):
        begun, go_on, asked = threading.Event(), threading.Event(), []

        def initialise(self, frame, box):
            if frame.width == 60:       # not the noise that warms up
                self.asked.append(box.w)
                self.begun.set()
                assert self.go_on.wait(20)
            return super().initialise(frame, box)

    return Waiting


def test_while_a_request_is_worked_on_the_node_takes_images_and_answers(graph, make_rig, waiting):
    rig = make_rig(tracker=waiting)
    rig.send()
    client = graph.peer.create_client(SetTarget, 'tracker/set_target')
    graph.spin_until(client.service_is_ready)
    answer = client.call_async(SetTarget.Request(target=init_message(BOX)))
    graph.spin_until(waiting.begun.is_set)
    received = rig.node._input.received
    rig.images.publish(rig.message())
    graph.spin_until(lambda: rig.node._input.received > received)
    assert graph.call(SetBool, 'tracker/enable', SetBool.Request(data=True)).success
    assert not answer.done()
    waiting.go_on.set()
    graph.spin_until(answer.done)
    assert answer.result().accepted


def test_of_requests_by_topic_that_wait_the_newest_counts(graph, make_rig, waiting):
    rig = make_rig(tracker=waiting)
    rig.send()
    rig.inits.publish(init_message(BOX))
    graph.spin_until(waiting.begun.is_set)
    for width in (12, 14, 16):
        before = rig.node._asked
        rig.inits.publish(init_message(Box(6, 6, width, 10)))
        graph.spin_until(lambda before=before: rig.node._asked is not before)
    waiting.go_on.set()
    graph.spin_until(rig.node._asked.done)
    assert waiting.asked == [BOX.w / 2, 8.0]
    assert rig.node._input.rejected == 0


def test_an_answer_has_the_header_of_the_image_that_it_is_of(graph, make_rig, bright_spot):
    class Picky(bright_spot):
        def initialise(self, frame, box):
            self.shape = frame.shape
            return super().initialise(frame, box)

        def update(self, frame):
            if frame.shape != self.shape:
                raise ValueError('expected the shape of the first frame')
            return super().update(frame)

    rig = make_rig(tracker=Picky, init_box='6,6,10,10')
    rig.send()
    other = rig.message()
    other.height, other.data = other.height // 2, other.data[:len(other.data) // 2]
    assert 'the shape of the first' in rig.refuse(other)
    count = len(rig.targets)
    assert rig.set_target(BOX).accepted
    graph.spin_until(lambda: len(rig.targets) > count)
    assert rig.targets[-1].header == other.header


def test_a_lost_target_says_lost_and_has_no_box(make_rig):
    rig = make_rig(init_box='6,6,10,10')
    assert rig.send().targets[0].has_box
    target, = rig.send(value=0).targets
    assert (target.status, target.has_box, target.x, target.width) == (TrackedTarget.STATUS_LOST, False, 0.0, 0.0)


def test_reset_forgets_and_enable_pauses(graph, make_rig):
    rig = make_rig(init_box='6,6,10,10')
    assert rig.send().targets
    assert graph.call(Trigger, 'tracker/reset', Trigger.Request()).success
    assert not rig.send().targets
    assert graph.call(SetBool, 'tracker/enable', SetBool.Request(data=False)).success
    count, received = len(rig.targets), rig.node._input.received
    rig.images.publish(rig.message())
    graph.spin_until(lambda: rig.node._input.received > received)
    graph.spin(0.2)
    assert len(rig.targets) == count
    graph.call(SetBool, 'tracker/enable', SetBool.Request(data=True))
    rig.send()


def test_simulated_time_gives_the_age_and_its_return_forgets_the_target(graph, make_rig):
    clock = graph.peer.create_publisher(Clock, '/clock', qos.profile('clock'))
    rig = make_rig(use_sim_time=True, init_box='6,6,10,10')
    graph.spin_until(clock.get_subscription_count)

    def set_clock(nanoseconds):
        clock.publish(Clock(clock=stamp_message(nanoseconds)))
        graph.spin_until(lambda: rig.node.get_clock().now().nanoseconds == nanoseconds)

    set_clock(rig.stamp + 50_000_000)
    out = rig.send()                            # stamped 40 ms later than `rig.stamp` was
    assert math.isclose(out.pipeline_latency_ms, 10.0, abs_tol=1e-3)
    assert out.targets
    set_clock(rig.stamp - 10_000_000_000)
    assert rig.send().targets == []
    assert rig.node._session.resets == 1
