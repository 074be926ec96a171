from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from builtin_interfaces.msg import Time  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from hsi_models.boxes import Box  # noqa: E402
from hsi_models.camera import Camera  # noqa: E402
from hsi_models.tracking.state import TrackState, TrackStatus  # noqa: E402
from hsi_tracking_ros import messages  # noqa: E402
from hsi_tracking_ros.msg import HyperspectralInfo, TargetInit, TrackedTarget  # noqa: E402

NAN = math.nan
HEADER = Header(stamp=Time(sec=12, nanosec=345_678_901), frame_id='camera')
BOX = Box(1 / 3, 2 / 7, 10.1, 20.2)


def state(box=BOX, status=TrackStatus.TRACKING, **changes):
    return TrackState(box=box, best_guess=BOX, score=0.5, status=status, spectrum=np.array([0.25, 0.5], np.float32),
                      **changes)


@pytest.mark.parametrize('camera', [
    Camera(),
    Camera(model='XIMEA', serial='42', wavelengths_nm=(482.0, NAN, 470.5, 465.0), fwhm_nm=(10.0,) * 4, nominal=True,
           quantity='raw', bit_depth=10, saturation=1023.0, mosaic_rows=2, mosaic_columns=2,
           dark_levels=(12.0,) * 4, white_levels=(900.0, 901.0, 902.5, 903.0), exposure_s=0.008, gain_db=1.5,
           calibration_file='a.npz', calibration_sha256='ab' * 32),
    Camera(wavelengths_nm=(400.0, 500.0), quantity='reflectance'),
    Camera(quantity='radiance', bit_depth=16),
    Camera(pixel_rows=2.0, pixel_columns=2.5, upscaling=2),
])
def test_a_camera_survives_the_round_trip(camera):
    back = messages.camera_from_info(messages.info_from_camera(camera, HEADER))
    assert back == camera


def test_a_message_of_an_older_bag_may_lack_a_field():
    now = messages.info_from_camera(Camera(serial='42', bit_depth=10))
    fields = {name: getattr(now, name) for name in now.get_fields_and_field_types() 
              if name not in ('pixel_rows', 'pixel_columns', 'upscaling')}
    assert messages.camera_from_info(SimpleNamespace(**fields)) == Camera(serial='42', bit_depth=10)


def test_the_quantities_are_those_of_the_message():
    values = {q: messages.info_from_camera(Camera(quantity=q)).quantity for q in ('raw', 'radiance', 'reflectance')}
    assert values == {'raw': HyperspectralInfo.QUANTITY_RAW, 'radiance': HyperspectralInfo.QUANTITY_RADIANCE,
                      'reflectance': HyperspectralInfo.QUANTITY_REFLECTANCE}


@pytest.mark.parametrize(('info', 'says'), [
    (HyperspectralInfo(quantity=3), r'expected quantity 0\.\.2, got 3'),
    (HyperspectralInfo(mosaic_rows=4), 'mosaic_rows and mosaic_columns'),
    (HyperspectralInfo(wavelengths_nm=[1.0, 2.0], fwhm_nm=[1.0]), 'per-band lists of one length'),
    (HyperspectralInfo(mosaic_rows=4, mosaic_columns=4, wavelengths_nm=[500.0] * 15), 'expected 16 wavelengths_nm'),
])
def test_a_description_that_contradicts_itself_is_refused(info, says):
    with pytest.raises(ValueError, match=says):
        messages.camera_from_info(info)


def test_a_target_is_exact_to_the_last_bit():
    out = messages.target_message(state(id=3, age=7, frames_since_seen=2, box_std=(1.0, 2.0, 3.0, 4.0),
                                        velocity=(0.1, -0.2), spectral_angle_rad=0.25), HEADER)
    assert (out.x, out.y, out.width, out.height) == tuple(BOX)
    assert messages.target_box(out) == BOX
    assert out.has_box
    assert out.header is HEADER
    assert (out.id, out.age, out.frames_since_seen) == (3, 7, 2)
    assert (out.velocity_x, out.velocity_y) == (0.1, -0.2)
    assert out.box_std.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert list(out.spectrum) == [0.25, 0.5]
    assert (out.score, out.spectral_angle_rad) == (0.5, 0.25)


def test_a_lost_target_has_no_box_not_even_a_stale_one():
    out = messages.target_message(state(None, TrackStatus.LOST), HEADER)
    assert not out.has_box
    assert (out.x, out.y, out.width, out.height) == (0.0, 0.0, 0.0, 0.0)
    assert messages.target_box(out) is None
    assert math.isnan(out.spectral_angle_rad)


@pytest.mark.parametrize('status', TrackStatus)
def test_each_status_has_its_number(status):
    out = messages.target_message(state(None if status is TrackStatus.LOST else BOX, status), HEADER)
    assert out.status == getattr(TrackedTarget, f'STATUS_{status.value}')
    assert messages.target_status(out) is status


def test_an_unknown_status_is_refused():
    with pytest.raises(ValueError, match=r'expected status 0\.\.3, got 9'):
        messages.target_status(TrackedTarget(status=9))


def test_the_array_is_in_order_of_id_and_empty_without_targets():
    out = messages.targets_message([state(id=5), state(id=1)], HEADER, frames_dropped=4, pipeline_latency_ms=1.5)
    assert [target.id for target in out.targets] == [1, 5]
    assert (out.frames_dropped, out.pipeline_latency_ms, out.header) == (4, 1.5, HEADER)
    assert not messages.targets_message([], HEADER).targets


@pytest.mark.parametrize('target', [BOX, (3.25, 4.75)])
def test_a_request_survives_the_round_trip(target):
    request = messages.request_from_init(messages.init_message(target, HEADER, id=9))
    assert (request.box or request.point) == target
    assert (request.box is None) != (request.point is None)
    assert (request.stamp_ns, request.id) == (12_345_678_901, 9)


@pytest.mark.parametrize(('init', 'says'), [
    (TargetInit(kind=7), r'expected kind 0 \(box\) or 1 \(point\), got 7'),
    (TargetInit(), 'w > 0 and h > 0'),
    (TargetInit(width=1.0, height=math.inf), 'finite box'),
    (TargetInit(kind=1, x=NAN), 'expected a finite point, got x = nan'),
])
def test_a_request_that_means_nothing_is_refused(init, says):
    with pytest.raises(ValueError, match=says):
        messages.request_from_init(init)


@pytest.mark.parametrize('nanoseconds', [0, 1, 999_999_999, 1_000_000_000, 1_795_234_847_553_184_752])
def test_stamps_are_exact(nanoseconds):
    assert messages.stamp_ns(messages.stamp_message(nanoseconds)) == nanoseconds
    assert messages.stamp_ns(messages.header_message(nanoseconds, 'x').stamp) == nanoseconds


def test_detections_name_the_box_by_its_centre_and_leave_out_lost_targets():
    def record(**fields):       # stands for vision_msgs.msg, of which no wheel exists
        return SimpleNamespace(**fields)
    module = SimpleNamespace(
        Detection2DArray=lambda header: record(header=header, detections=[]),
        Detection2D=lambda header, id: record(header=header, id=id, results=[], bbox=record(
            center=record(position=record(x=0.0, y=0.0), theta=0.0), size_x=0.0, size_y=0.0)),
        ObjectHypothesisWithPose=lambda: record(hypothesis=record(class_id='', score=0.0)))
    out = messages.detections_message(module, [state(id=2), state(None, TrackStatus.LOST, id=3)], HEADER)
    assert [detection.id for detection in out.detections] == ['2']
    found = out.detections[0]
    assert (found.bbox.center.position.x, found.bbox.center.position.y) == BOX.centre
    assert (found.bbox.size_x, found.bbox.size_y) == (BOX.w, BOX.h)
    assert (found.results[0].hypothesis.class_id, found.results[0].hypothesis.score) == ('target', 0.5)
    assert found.header is out.header is HEADER


def test_detections_with_the_real_vision_msgs():
    vision_msgs = pytest.importorskip('vision_msgs.msg', reason='vision_msgs has no wheel: it comes with an '
                                                                'installed ROS 2')
    out = messages.detections_message(vision_msgs, [state(id=2)], HEADER)
    assert out.detections[0].bbox.size_x == BOX.w
