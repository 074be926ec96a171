from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
import cv2  # noqa: E402
from sensor_msgs.msg import CameraInfo, PointCloud2, RegionOfInterest  # noqa: E402
from std_msgs.msg import Header  # noqa: E402
from visualization_msgs.msg import Marker  # noqa: E402

from hsi_models.boxes import Box  # noqa: E402
from hsi_models.colour import FalseColour  # noqa: E402
from hsi_models.frame import HyperspectralFrame  # noqa: E402
from hsi_models.pipeline import PipelineResult, StageTimes  # noqa: E402
from hsi_models.tracking.state import TrackState, TrackStatus  # noqa: E402
from hsi_tracking_ros.bearings import markers_message, viewing_rays  # noqa: E402
from hsi_tracking_ros.target_cloud import FIELDS, cloud_message  # noqa: E402

F, CX, CY = 800.0, 319.5, 239.5
HEADER = Header(frame_id='camera_optical')


def camera(model='plumb_bob', d=(), **changes):
    return CameraInfo(height=480, width=640, distortion_model=model, d=list(d),
                      k=[F, 0.0, CX, 0.0, F, CY, 0.0, 0.0, 1.0], **changes)


def state(box, status=TrackStatus.TRACKING, spectrum=()):
    return TrackState(box=box, best_guess=box or Box(0, 0, 1, 1), score=0.5, status=status, id=4,
                      spectrum=np.asarray(spectrum, np.float32))


def test_the_principal_point_looks_straight_ahead_and_x_is_right_y_down():
    # OpenCV's pixel 319.5 is 320 where pixel i covers [i, i + 1)
    rays = viewing_rays(camera(), [(320, 240), (320 + F, 240), (320, 240 + F)])
    np.testing.assert_allclose(rays, [(0, 0, 1), (math.sqrt(.5), 0, math.sqrt(.5)), (0, math.sqrt(.5), math.sqrt(.5))],
                               atol=1e-12)


@pytest.mark.parametrize(('model', 'd'), [
    ('plumb_bob', (-0.2, 0.05, 1e-3, -1e-3, 0.0)), ('rational_polynomial', (-0.2, 0.05, 1e-3, -1e-3, 0, 0.1, 0, 0)),
    ('equidistant', (0.05, -0.01, 0.002, 0.0)),
])
def test_distortion_is_undone(model, d):
    rays = np.array([(0.1, 0.2, 1.0), (-0.15, 0.05, 1.0)])
    project = cv2.fisheye.projectPoints if model == 'equidistant' else cv2.projectPoints
    matrix = np.array([[F, 0, CX], [0, F, CY], [0, 0, 1]])
    pixels = project(rays[:, None], np.zeros(3), np.zeros(3), matrix, np.array(d, float))[0].reshape(-1, 2) + 0.5
    expected = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    np.testing.assert_allclose(viewing_rays(camera(model, d), pixels), expected, atol=1e-5)


def test_region_of_interest_and_binning_lead_to_the_same_ray():
    whole = viewing_rays(camera(), [(200, 100)])
    part = camera(binning_x=2, binning_y=2, roi=RegionOfInterest(x_offset=100, y_offset=40))
    np.testing.assert_allclose(viewing_rays(part, [(50, 30)]), whole, atol=1e-12)


@pytest.mark.parametrize(('info', 'says'), [
    (CameraInfo(), 'expected a calibrated camera'), (camera('bent'), "got 'bent'"),
    (CameraInfo(k=[F, 0, math.nan, 0, F, CY, 0, 0, 1.0]), 'expected a calibrated camera'),
    (camera('plumb_bob', [0.1] * 3), 'expected 0, 4, 5, 8, 12, 14 finite numbers .*, got 3 of 3'),
    (camera('equidistant', [0.1] * 5), 'expected 0, 4 finite numbers .*, got 5 of 5'),
    (camera('plumb_bob', [math.nan] * 5), 'got 0 of 5'),
    (camera('rational_polynomial', [1e9] * 8), 'a distortion that can be undone')])
def test_a_camera_without_calibration_gives_no_bearing(info, says):
    with pytest.raises(ValueError, match=says):
        viewing_rays(info, [(1, 1)])


def test_markers_show_a_ray_through_the_centre_and_a_label():
    clear, ray, label = markers_message([state(Box(310, 230, 20, 20))], HEADER, camera(), 5.0).markers
    assert clear.action == Marker.DELETEALL
    assert all(marker.header == HEADER for marker in (clear, ray, label))
    tip = ray.points[1]
    np.testing.assert_allclose((tip.x, tip.y, tip.z), (0, 0, 5), atol=1e-9)
    assert label.text == '4 TRACKING 0.50'
    assert ray.id == label.id == 4


def test_a_lost_target_has_no_ray():
    markers = markers_message([state(None, TrackStatus.LOST)], HEADER, camera()).markers
    assert [marker.action for marker in markers] == [Marker.DELETEALL]


def test_the_cloud_holds_one_ray_a_pixel_with_colour_and_angle():
    data = np.full((60, 80, 3), 0.1, np.float32)
    data[10:14, 20:25] = (0.5, 0.3, 0.1)
    data[10, 20] = (0.1, 0.3, 0.5)
    frame = HyperspectralFrame(data)
    box = Box(80, 40, 20, 16)        # pixels of a 4 x 4 mosaic
    states = (state(box, spectrum=(0.5, 0.3, 0.1)), state(None, TrackStatus.LOST))
    result = PipelineResult(states, states, frame, StageTimes(), (4.0, 4.0))
    module = SimpleNamespace(create_cloud=lambda header, fields, points: (header, fields, points))
    header, fields, points = cloud_message(module, result, HEADER, camera(), FalseColour.fit(frame))
    assert header is HEADER
    assert tuple(field.name for field in fields) == FIELDS
    assert [field.offset for field in fields] == [0, 4, 8, 12, 16]
    assert points.shape == (20, 5)
    assert points.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(points[:, :3], axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(points[0, :3], viewing_rays(camera(), [(82, 42)])[0], atol=1e-6)
    assert points[0, 4] > 0.5
    np.testing.assert_allclose(points[1:, 4], 0, atol=1e-3)
    red, blue = (points[1, 3:4].view(np.uint32)[0] >> shift & 255 for shift in (16, 0))
    assert red != blue


def test_the_cloud_with_the_real_sensor_msgs_py():
    point_cloud2 = pytest.importorskip('sensor_msgs_py.point_cloud2', reason='sensor_msgs_py has no wheel: it comes '
                                                                             'with an installed ROS 2')
    frame = HyperspectralFrame(np.ones((60, 80, 3), np.float32))
    states = (state(Box(8, 8, 4, 4)),)
    result = PipelineResult(states, states, frame, StageTimes(), (1.0, 1.0))
    cloud = cloud_message(point_cloud2, result, HEADER, camera(), FalseColour.fit(frame))
    assert isinstance(cloud, PointCloud2)
    assert cloud.width == 16
