from __future__ import annotations

import gc
import math
import os
import re
import threading
import time

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, PointCloud2  # noqa: E402
from std_msgs.msg import Float64  # noqa: E402
from std_srvs.srv import SetBool, Trigger  # noqa: E402
from visualization_msgs.msg import MarkerArray  # noqa: E402

from hsi_models.boxes import Box  # noqa: E402
from hsi_models.camera import Camera  # noqa: E402
from hsi_models.pipeline import TrackingPipeline  # noqa: E402
from hsi_models.tracking.confidence import StatusThresholds  # noqa: E402
from hsi_models.tracking.state import TrackState, TrackStatus  # noqa: E402
from hsi_tracking_ros import qos  # noqa: E402
from hsi_tracking_ros.image_codec import to_message  # noqa: E402
from hsi_tracking_ros.messages import header_message, info_from_camera, init_message, stamp_message  # noqa: E402
from hsi_tracking_ros.msg import HyperspectralInfo, TargetInit, TrackedTarget, TrackedTargetArray  # noqa: E402
from hsi_tracking_ros.nodes.tracker_node import TrackerNode  # noqa: E402
from hsi_tracking_ros.srv import SetTarget  # noqa: E402

CAMERA = Camera(model='test', serial='7', wavelengths_nm=(500.0, 400.0, 600.0, 700.0), mosaic_rows=2, mosaic_columns=2)
SIZE = 10.0         # of the target, pixels of the mosaic


class BrightSpot:
    """The tracker of these tests: the target is the brightest pixel, and lost in the dark."""

    def initialise(self, frame, box):
        if box.clipped(frame.width, frame.height) is None:
            raise ValueError(f'expected a box inside the frame, got {box}')
        self._size = box.w, box.h
        return self.update(frame)

    def update(self, frame):
        total = frame.data.sum(axis=2, dtype=np.int64)
        y, x = np.unravel_index(total.argmax(), total.shape)
        box = Box.from_centre(x + 0.5, y + 0.5, *self._size)
        lost = total.max() == 0
        return TrackState(box=None if lost else box, best_guess=box, score=0.0 if lost else 0.75,
                          status=TrackStatus.LOST if lost else TrackStatus.TRACKING,
                          spectrum=frame.data[y, x].astype(np.float32))

    def reset(self):
        self._size = (1.0, 1.0)


class Rig:
    """A tracker node and its surroundings."""

    def __init__(self, graph, *, info=True, tracker=BrightSpot, **parameters):
        self.graph, self.stamp = graph, time.time_ns()
        peer = graph.peer
        self.images = peer.create_publisher(Image, 'image', qos.profile('image_out'))
        self.infos = peer.create_publisher(HyperspectralInfo, 'hyperspectral_info', qos.profile('info'))
        self.inits = peer.create_publisher(TargetInit, 'tracker/init', qos.profile('init'))
        every_answer = qos.profile('targets')
        every_answer.depth = 100
        self.targets = graph.collect(TrackedTargetArray, 'tracker/targets', every_answer)
        self.node = graph.add(TrackerNode(
            lambda name, *, device, **options: TrackingPipeline(tracker(), **options),
            parameter_overrides=[Parameter(name, value=value) for name, value in
                                 {'warm_up_height': 32, 'warm_up_width': 32, **parameters}.items()]))
        if self.node.parameters['autostart']:
            self.wait_until_active()
        if info:
            self.infos.publish(info_from_camera(CAMERA))
            graph.spin_until(lambda: self.node._gate.is_open)

    def wait_until_active(self):
        self.graph.spin_until(lambda: self.node.is_active and self.images.get_subscription_count()
                              and self.inits.get_subscription_count()
                              and self.node.count_subscribers('tracker/targets'))
        self.graph.spin(0.1)

    def message(self, x=5, y=5, value=1000):
        self.stamp += 40_000_000
        pixels = np.zeros((80, 120), np.uint16)
        pixels[2 * y:2 * y + 2, 2 * x:2 * x + 2] = value
        return to_message(pixels, header_message(self.stamp, 'camera'))

    def send(self, message=None, **spot):
        """Publish an image and wait for the answer."""
        message = message or self.message(**spot)
        count = len(self.targets)
        self.images.publish(message)
        self.graph.spin_until(lambda: len(self.targets) > count)
        return self.targets[-1]

    def refuse(self, message):
        """Publish an image that must not be answered."""
        count, rejected = len(self.targets), self.node._input.rejected
        self.images.publish(message)
        self.graph.spin_until(lambda: self.node._input.rejected > rejected)
        assert len(self.targets) == count
        return self.node._input.last_reason

    def set_target(self, box, stamp=0, id=0):
        request = SetTarget.Request(target=init_message(box, header_message(stamp, 'camera'), id=id))
        return self.graph.call(SetTarget, 'tracker/set_target', request)


BOX = Box(6, 6, SIZE, SIZE)


def test_without_a_target_an_empty_array_comes_for_each_image(graph):
    rig = Rig(graph)
    message, before = rig.message(), time.time_ns()
    out = rig.send(message)
    assert not out.targets
    ages = [(now - rig.stamp) * 1e-6 for now in (before, time.time_ns())]
    assert ages[0] < out.pipeline_latency_ms < ages[1]


@pytest.mark.parametrize('way', ['service', 'topic', 'parameter'])
def test_a_target_is_tracked_in_pixels_of_the_mosaic_with_the_header_of_the_image(graph, way):
    rig = Rig(graph, **({'init_box': '6,6,10,10'} if way == 'parameter' else {}))
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


def test_a_request_refers_to_the_image_of_its_stamp_and_is_answered_at_once(graph):
    rig = Rig(graph)
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
    (Box(1000, 1000, 5, 5), 'expected a box inside the frame'), ((-500.0, 3.0), 'point')])
def test_a_request_that_cannot_be_met_says_why(graph, box, says):
    rig = Rig(graph)
    rig.send()
    answer = rig.set_target(box)
    assert not answer.accepted
    assert says in answer.reason
    assert not rig.send().targets


def test_a_request_without_area_says_why(graph):
    rig = Rig(graph)
    answer = rig.graph.call(SetTarget, 'tracker/set_target', SetTarget.Request())
    assert 'w > 0 and h > 0' in answer.reason


def test_a_lost_target_says_lost_and_has_no_box(graph):
    rig = Rig(graph, init_box='6,6,10,10')
    assert rig.send().targets[0].has_box
    target, = rig.send(value=0).targets
    assert (target.status, target.has_box, target.x, target.width) == (TrackedTarget.STATUS_LOST, False, 0.0, 0.0)


def test_reset_forgets_and_enable_pauses(graph):
    rig = Rig(graph, init_box='6,6,10,10')
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
def test_a_bad_image_is_counted_with_its_reason_and_the_node_lives_on(graph, changes, says):
    rig = Rig(graph, init_box='6,6,10,10')
    rig.send()
    reason = rig.refuse(spoiled(rig.message(), **changes))
    assert re.search(says, reason), reason
    assert rig.send().targets
    _, level, message, values = next(iter(rig.node._collect()))
    assert (level, message) == (DiagnosticStatus.WARN, f'rejected: {reason}')
    assert (values['rejected'], values['last reason']) == (1, reason)


def diagnostics_of(rig):
    arrays = rig.graph.collect(DiagnosticArray, '/diagnostics', qos.profile('diagnostics'))
    rig.node._diagnostics.publish()     # now, and not when seconds without an image are a fault
    rig.graph.spin_until(lambda: arrays)
    return arrays[-1].status


def test_a_big_endian_image_is_read(graph):
    rig = Rig(graph, init_box='6,6,10,10')
    rig.send()
    message = rig.message(x=20)
    message.data = np.frombuffer(message.data, np.uint16).astype('>u2').tobytes()
    target, = rig.send(spoiled(message, is_bigendian=1)).targets
    assert target.x == 41 - SIZE / 2


def test_a_bad_description_of_the_camera_is_refused_and_the_old_one_stays(graph):
    rig = Rig(graph, init_box='6,6,10,10')
    rig.send()
    rig.infos.publish(HyperspectralInfo(mosaic_rows=3))
    graph.spin_until(lambda: rig.node._input.rejected)
    assert 'mosaic_rows' in rig.node._input.last_reason
    assert rig.send().targets


def test_images_wait_for_the_description_that_comes_later(graph):
    rig = Rig(graph, info=False, every_frame=True, init_box='6,6,10,10')
    for x in range(5):
        rig.images.publish(rig.message(x=5 + x))
    graph.spin_until(lambda: rig.node._input.received == 5)
    assert not rig.targets
    assert 'waiting for /hyperspectral_info' in rig.node._input.note
    rig.infos.publish(info_from_camera(CAMERA))
    graph.spin_until(lambda: len(rig.targets) == 5)
    assert [out.targets[0].x for out in rig.targets] == [2 * x + 1 - SIZE / 2 for x in range(5, 10)]


@pytest.fixture
def busy():
    """A tracker that is busy until `busy.done` is set."""
    class Busy(BrightSpot):
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


def test_a_busy_tracker_answers_the_latest_image_and_counts_what_it_dropped(graph, busy):
    rig = Rig(graph, tracker=busy, init_box='6,6,10,10', warm_up_height=0)
    flood(rig)
    last = rig.stamp
    busy.done.set()
    graph.spin_until(lambda: rig.targets and rig.targets[-1].header == header_message(last, 'camera'))
    dropped = rig.targets[-1].frames_dropped
    assert dropped >= 18, 'all but the one in hand and the newest'
    assert len(rig.targets) + dropped == rig.node._input.received


def test_with_every_frame_a_busy_tracker_answers_all_in_order(graph, busy):
    rig = Rig(graph, tracker=busy, init_box='6,6,10,10', every_frame=True, warm_up_height=0)
    flood(rig)
    busy.done.set()
    graph.spin_until(lambda: len(rig.targets) == 20)
    stamps = [out.header.stamp.sec * 10 ** 9 + out.header.stamp.nanosec for out in rig.targets]
    assert stamps == sorted(stamps)
    assert rig.targets[-1].frames_dropped == 0


def test_the_executor_is_free_while_the_tracker_works(graph, busy):
    rig = Rig(graph, tracker=busy, init_box='6,6,10,10', warm_up_height=0)
    rig.images.publish(rig.message())
    graph.spin_until(lambda: rig.node._input.received)
    assert graph.call(SetBool, 'tracker/enable', SetBool.Request(data=True)).success
    assert not rig.targets
    busy.done.set()
    graph.spin_until(lambda: rig.targets)


def test_rays_and_stage_times_come_for_those_who_look(graph):
    rig = Rig(graph, init_box='6,6,10,10', ray_length_m=2.0)
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


def test_detections_come_where_vision_msgs_is_installed(graph):
    vision_msgs = pytest.importorskip('vision_msgs.msg', reason='vision_msgs has no wheel: it comes with an '
                                                                'installed ROS 2')
    rig = Rig(graph, init_box='6,6,10,10')
    arrays = graph.collect(vision_msgs.Detection2DArray, 'tracker/detections')
    graph.spin_until(lambda: rig.node.count_subscribers('/tracker/detections'))
    graph.spin(0.1)
    message = rig.message(x=10, y=7)
    rig.send(message)
    graph.spin_until(lambda: arrays)
    found = arrays[-1].detections[0]
    assert arrays[-1].header == found.header == message.header
    assert (found.bbox.center.position.x, found.bbox.center.position.y, found.bbox.size_x) == (21.0, 15.0, SIZE)
    rig.send(value=0)
    graph.spin_until(lambda: len(arrays) == 2)
    assert not arrays[-1].detections, 'LOST'


def test_the_target_cloud_comes_where_sensor_msgs_py_is_installed(graph):
    point_cloud2 = pytest.importorskip('sensor_msgs_py.point_cloud2', reason='sensor_msgs_py has no wheel: it comes '
                                                                             'with an installed ROS 2')
    rig = Rig(graph, init_box='6,6,10,10')
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


def test_the_four_statuses_have_the_keys_that_people_look_for(graph):
    rig = Rig(graph, init_box='6,6,10,10')
    for _ in range(5):
        rig.send()
    statuses = {status.name: status for status in diagnostics_of(rig)}
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


def test_a_parameter_that_may_change_at_run_time_does_and_the_others_do_not(graph):
    rig = Rig(graph)
    assert rig.node.set_parameters([Parameter('ray_length_m', value=3.0)])[0].successful
    assert not rig.node.set_parameters([Parameter('tracker', value='spectral_dcf')])[0].successful


def test_thresholds_reach_the_tracker_at_start_and_at_run_time(graph):
    class Listening(BrightSpot):
        thresholds = None
    rig = Rig(graph, tracker=Listening, **{'status.lost_frames': 9})
    tracker = rig.node._pipeline.tracker
    assert tracker.thresholds == StatusThresholds(lost_frames=9)
    assert rig.node.set_parameters([Parameter('status.tracking_score', value=0.9)])[0].successful
    assert tracker.thresholds == StatusThresholds(lost_frames=9, tracking_score=0.9)
    refused = rig.node.set_parameters([Parameter('status.lost_score', value=0.5)])[0]
    assert 'expected 0 <= lost_score <= uncertain_score' in refused.reason
    assert tracker.thresholds.lost_score == StatusThresholds.lost_score


def test_thresholds_that_contradict_each_other_are_refused_at_start(graph):
    with pytest.raises(ValueError, match='lost_score <= uncertain_score'):
        TrackerNode(parameter_overrides=[Parameter('status.lost_score', value=0.9)])


@pytest.mark.parametrize('parameters', [{'init_box': '1,2,3'}, {'init_box': '1,2,3,0'}])
def test_a_bad_box_ends_unconfigured(graph, parameters):
    rig = Rig(graph, info=False, autostart=False, **parameters)
    rig.node.trigger_configure()
    assert rig.node._state_machine.current_state[1] == 'unconfigured'
    assert rig.node._worker is None


def test_an_unknown_tracker_ends_unconfigured(graph):
    node = graph.add(TrackerNode(parameter_overrides=[Parameter('tracker', value='nonsense'),
                                                      Parameter('autostart', value=False)]))
    node.trigger_configure()
    assert node._state_machine.current_state[1] == 'unconfigured'


def test_simulated_time_gives_the_age_and_its_return_forgets_the_target(graph):
    clock = graph.peer.create_publisher(Clock, '/clock', qos.profile('clock'))
    rig = Rig(graph, use_sim_time=True, init_box='6,6,10,10')
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


def test_requests_to_a_node_that_is_not_active_say_so(graph):
    rig = Rig(graph, info=False, autostart=False)
    rig.node.trigger_configure()
    assert 'to be active' in rig.set_target(BOX).reason
    answer = graph.call(Trigger, 'tracker/reset', Trigger.Request())
    assert not answer.success
    assert 'to be active' in answer.message


def test_the_topics_beside_the_image_follow_its_remapping(graph):
    node = graph.add(TrackerNode(lambda *args, **options: TrackingPipeline(BrightSpot()), cli_args=[
        '--ros-args', '-r', 'image:=/drone/camera/image']))
    graph.spin_until(lambda: node.is_active)
    assert node.count_subscribers('/drone/camera/hyperspectral_info') == 1
    assert node.count_subscribers('/drone/camera/camera_info') == 1


def test_the_search_region_is_upscaled_inside_and_boxes_stay_in_source_pixels(graph):
    rig = Rig(graph, super_resolution='crop', super_resolver='bicubic', init_box='6,6,10,10')
    target = rig.send(x=10, y=7).targets[0]
    assert (target.x + SIZE / 2, target.y + SIZE / 2) == pytest.approx((21, 15), abs=1.01)
    assert (target.width, target.height) == (SIZE, SIZE)
    values = {name: values for name, _, _, values in rig.node._collect()}
    assert values['Compute']['super-resolution'] == 'bicubic x2'


class Upscaler:
    """A tracker node that is fed as by a super-resolver: cubes of 4 bands, each pixel half a cell of 2 x 2."""

    def __init__(self, graph, **parameters):
        self.graph = graph
        peer = graph.peer
        self.images = peer.create_publisher(Image, 'super_resolution/image', qos.profile('image_out'))
        self.infos = peer.create_publisher(HyperspectralInfo, 'super_resolution/hyperspectral_info',
                                           qos.profile('info'))
        self.cameras = peer.create_publisher(CameraInfo, 'camera_info', qos.profile('camera_info'))
        self.targets = graph.collect(TrackedTargetArray, 'tracker/targets', qos.profile('targets'))
        self.node = graph.add(TrackerNode(
            lambda name, *, device, **options: TrackingPipeline(BrightSpot(), **options), parameter_overrides=[
                Parameter(name, value=value) for name, value in {
                    'super_resolution': 'frame', 'init_box': '6,6,10,10', 'warm_up_height': 0, **parameters}.items()]))
        graph.spin_until(lambda: self.node.is_active and self.images.get_subscription_count()
                         and self.cameras.get_subscription_count())
        graph.spin(0.1)

    def send(self, stamp):
        pixels = np.zeros((80, 120, 4), np.uint16)
        pixels[30, 50] = 1000
        self.images.publish(to_message(pixels, header_message(stamp, 'camera')))

    def describe(self, **pixel):
        self.infos.publish(info_from_camera(Camera(wavelengths_nm=(400.0, 500.0, 600.0, 700.0), **pixel)))


def test_upscaled_images_wait_for_their_description_and_are_tracked_in_pixels_of_the_camera(graph):
    rig = Upscaler(graph)
    rig.send(1)
    graph.spin_until(lambda: rig.node._input.note)
    assert 'waiting for super_resolution/hyperspectral_info' in rig.node._input.note
    graph.spin(1.2)
    rig.send(2)
    graph.spin_until(lambda: rig.node._input.received == 2)
    graph.spin(0.2)
    assert not rig.targets
    rig.describe(pixel_rows=1.0, pixel_columns=1.5, upscaling=2)
    graph.spin_until(lambda: rig.targets)
    target = rig.targets[-1].targets[0]
    assert rig.targets[-1].header == header_message(2, 'camera')
    assert (target.x + SIZE / 2, target.y + SIZE / 2) == pytest.approx((50.5 * 1.5, 30.5))
    assert (target.width, target.height) == pytest.approx((SIZE, SIZE))


@pytest.mark.parametrize(('pixel', 'upscaling'), [(0.25, 4), (0.0, 0)])
def test_a_description_of_another_enlargement_is_refused(graph, pixel, upscaling):
    rig = Upscaler(graph)
    rig.describe(pixel_rows=pixel, pixel_columns=pixel, upscaling=upscaling)
    graph.spin_until(lambda: rig.node._input.rejected)
    assert 'expected hyperspectral_info of cubes upscaled by 2' in rig.node._input.last_reason
    rig.send(1)
    graph.spin_until(lambda: rig.node._input.received == 1)
    graph.spin(0.2)
    assert not rig.targets


def resident_kb():
    gc.collect()
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') // 1024


def test_twenty_cycles_leave_memory_threads_and_descriptors_flat(graph):
    rig = Rig(graph, info=False, autostart=False, init_box='6,6,10,10')
    rig.infos.publish(info_from_camera(CAMERA))

    def cycle():
        for step in ('configure', 'activate'):
            getattr(rig.node, f'trigger_{step}')()
        assert rig.node.is_active
        rig.wait_until_active()
        assert rig.send().targets
        for step in ('deactivate', 'cleanup'):
            getattr(rig.node, f'trigger_{step}')()

    def figures():
        return threading.active_count(), len(os.listdir('/proc/self/fd'))

    for _ in range(3):
        cycle()
    before, memory = figures(), resident_kb()
    for _ in range(20):
        cycle()
    assert figures() == before
    assert resident_kb() - memory < 4096
