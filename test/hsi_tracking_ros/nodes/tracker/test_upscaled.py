"""Targets in frames that are upscaled."""
from __future__ import annotations

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image  # noqa: E402

from hsi_models.camera import Camera  # noqa: E402
from hsi_models.pipeline import TrackingPipeline  # noqa: E402
from hsi_tracking_ros import qos  # noqa: E402
from hsi_tracking_ros.image_codec import to_message  # noqa: E402
from hsi_tracking_ros.messages import header_message, info_from_camera  # noqa: E402
from hsi_tracking_ros.msg import HyperspectralInfo, TrackedTargetArray  # noqa: E402
from hsi_tracking_ros.nodes.tracker_node import TrackerNode  # noqa: E402


class Upscaler:
    """A tracker node that is fed as by a super-resolver: cubes of 4 bands, each pixel half a cell of 2 x 2."""

    def __init__(self, graph, tracker, **parameters):
        self.graph = graph
        peer = graph.peer
        self.images = peer.create_publisher(Image, 'super_resolution/image', qos.profile('image_out'))
        self.infos = peer.create_publisher(HyperspectralInfo, 'super_resolution/hyperspectral_info',
                                           qos.profile('info'))
        self.cameras = peer.create_publisher(CameraInfo, 'camera_info', qos.profile('camera_info'))
        self.targets = graph.collect(TrackedTargetArray, 'tracker/targets', qos.profile('targets'))
        self.node = graph.add(TrackerNode(
            lambda name, *, device, **options: TrackingPipeline(tracker(), **options), parameter_overrides=[
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


def test_the_search_region_is_upscaled_inside_and_boxes_stay_in_source_pixels(make_rig):
    rig = make_rig(super_resolution='crop', super_resolver='bicubic', init_box='6,6,10,10')
    target = rig.send(x=10, y=7).targets[0]
    assert (target.x + 5, target.y + 5) == pytest.approx((21, 15), abs=1.01)
    assert (target.width, target.height) == (10, 10)
    values = {name: values for name, _, _, values in rig.node._collect()}
    assert values['Compute']['super-resolution'] == 'bicubic x2'


def test_upscaled_images_wait_for_their_description_and_are_tracked_in_pixels_of_the_camera(graph, bright_spot):
    rig = Upscaler(graph, bright_spot)
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
    assert (target.x + 5, target.y + 5) == pytest.approx((50.5 * 1.5, 30.5))
    assert (target.width, target.height) == pytest.approx((10, 10))


@pytest.mark.parametrize(('pixel', 'upscaling'), [(0.25, 4), (0.0, 0)])
def test_a_description_of_another_enlargement_is_refused(graph, bright_spot, pixel, upscaling):
    rig = Upscaler(graph, bright_spot)
    rig.describe(pixel_rows=pixel, pixel_columns=pixel, upscaling=upscaling)
    graph.spin_until(lambda: rig.node._input.rejected)
    assert 'expected hyperspectral_info of cubes upscaled by 2' in rig.node._input.last_reason
    rig.send(1)
    graph.spin_until(lambda: rig.node._input.received == 1)
    graph.spin(0.2)
    assert not rig.targets
