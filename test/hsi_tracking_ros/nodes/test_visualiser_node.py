"""The visualiser: the right picture for the right image, and no work while nobody looks."""
from __future__ import annotations

import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import CompressedImage, Image  # noqa: E402

from hsi_models.boxes import Box  # noqa: E402
from hsi_models.camera import Camera  # noqa: E402
from hsi_models.overlay import PANEL_HEIGHT, STATUS_COLOURS, upscale_factor  # noqa: E402
from hsi_models.tracking.state import TrackState, TrackStatus  # noqa: E402
from hsi_tracking_ros import qos  # noqa: E402
from hsi_tracking_ros.image_codec import to_message  # noqa: E402
from hsi_tracking_ros.messages import header_message, info_from_camera, stamp_ns, targets_message  # noqa: E402
from hsi_tracking_ros.msg import HyperspectralInfo, TrackedTargetArray  # noqa: E402
from hsi_tracking_ros.nodes.visualiser_node import VisualiserNode  # noqa: E402

CAMERA = Camera(wavelengths_nm=(500.0, 450.0, 550.0, 600.0), mosaic_rows=2, mosaic_columns=2)
WIDTH, HEIGHT = 120, 60      # of the cube


def target(status=TrackStatus.TRACKING, box=Box(80, 40, 40, 20)):   # noqa: B008 (frozen)
    return TrackState(None if status is TrackStatus.LOST else box, box, 0.9, status, np.zeros(0, np.float32))


class Rig:
    def __init__(self, graph, **parameters):
        peer = graph.peer
        self.graph = graph
        self.images = peer.create_publisher(Image, 'image', qos.profile('every_frame'))
        self.infos = peer.create_publisher(HyperspectralInfo, 'hyperspectral_info', qos.profile('info'))
        self.targets = peer.create_publisher(TrackedTargetArray, 'targets', qos.profile('targets'))
        self.truth = peer.create_publisher(TrackedTargetArray, 'ground_truth', qos.profile('truth'))
        self.node = graph.add(VisualiserNode(
            parameter_overrides=[Parameter(name, value=value) for name, value in parameters.items()]))
        self.infos.publish(info_from_camera(CAMERA))
        graph.spin_until(lambda: self.node._camera == CAMERA)

    def watch(self, kind=Image, topic='visualiser/overlay'):
        pictures = self.graph.collect(kind, topic, qos.profile('overlay'))
        self.graph.spin_until(lambda: self.node._inputs and self.images.get_subscription_count()
                              and self.targets.get_subscription_count() and self.truth.get_subscription_count())
        self.graph.spin(0.2)
        return pictures

    def image(self, stamp):
        mosaic = np.random.default_rng(stamp).integers(0, 1000, (2 * HEIGHT, 2 * WIDTH), np.uint16)
        return to_message(mosaic, header_message(stamp, 'camera'))

    def wait_until_waiting(self, topic, stamp):
        """Until a message has come and waits for its partners."""
        self.graph.spin_until(lambda: stamp in self.node._pairing._buffers[topic])

    def send(self, stamp, states, truth=None):
        header = header_message(stamp, 'camera')
        if truth is not None:
            self.truth.publish(targets_message(truth, header))
            self.wait_until_waiting('truth', stamp)
        self.images.publish(self.image(stamp))
        self.targets.publish(targets_message(states, header, frames_dropped=3, pipeline_latency_ms=12.0))


def pixels(message):
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)


def near(image, colour, tolerance=40):
    return (np.abs(image.astype(int) - colour) <= tolerance).all(axis=2)


def test_draws_the_box_of_the_mosaic_on_the_cube(graph):
    rig = Rig(graph)
    pictures = rig.watch()
    rig.send(7, [target()])
    graph.spin_until(lambda: pictures)
    picture, factor = pixels(pictures[0]), upscale_factor(WIDTH)
    assert pictures[0].encoding == 'rgb8'
    assert (stamp_ns(pictures[0].header.stamp), pictures[0].header.frame_id) == (7, 'camera')
    assert picture.shape == (HEIGHT * factor + PANEL_HEIGHT, WIDTH * factor, 3)
    # 80..120 of the mosaic is 40..60 of the cube: the left edge of the frame is just left of it.
    columns = slice(40 * factor - 8, 40 * factor)
    rows = slice(21 * factor, 29 * factor)
    assert near(picture[rows, columns], STATUS_COLOURS[TrackStatus.TRACKING]).any(axis=1).all()


def test_nobody_looks_nothing_is_done(graph):
    rig = Rig(graph)
    graph.spin(0.4)
    assert rig.images.get_subscription_count() == 0
    pictures = rig.watch()
    rig.send(1, [target()])
    graph.spin_until(lambda: pictures)
    graph.peer.destroy_subscription(next(s for s in graph.peer.subscriptions if 'overlay' in s.topic_name))
    graph.spin_until(lambda: rig.images.get_subscription_count() == 0)
    (_, _, message, values), = rig.node._reports()
    assert message == 'nobody looks'
    assert values['drawn'] == 1


def test_targets_are_paired_with_their_own_image(graph):
    rig = Rig(graph, queue_depth=10)
    pictures = rig.watch()
    for stamp in (10, 20, 30):
        rig.images.publish(rig.image(stamp))
        rig.wait_until_waiting('image', stamp)      # its reader keeps one
    assert not pictures, 'no picture before the targets are known'
    for stamp in (20, 10):
        rig.targets.publish(targets_message([target()], header_message(stamp, 'camera')))
        graph.spin_until(lambda s=stamp: stamp_ns(pictures[-1].header.stamp) == s if pictures else False)
    assert [stamp_ns(picture.header.stamp) for picture in pictures] == [20, 10]


def test_a_camera_that_changes_its_bands_is_shown_further(graph):
    rig = Rig(graph)
    pictures = rig.watch()
    rig.node._camera = Camera()     # nobody describes it
    for stamp, bands in enumerate((4, 8), start=1):
        cube = np.random.default_rng(stamp).integers(0, 1000, (HEIGHT, WIDTH, bands), np.uint16)
        rig.images.publish(to_message(cube, header_message(stamp, 'camera')))
        rig.wait_until_waiting('image', stamp)
        rig.targets.publish(targets_message([target()], header_message(stamp, 'camera')))
        graph.spin_until(lambda n=stamp: len(pictures) == n)


def test_compressed_pictures_are_jpeg(graph):
    rig = Rig(graph)
    pictures = rig.watch(CompressedImage, 'visualiser/overlay/compressed')
    rig.send(5, [target(TrackStatus.LOST)], truth=[target()])
    graph.spin_until(lambda: pictures)
    image = cv2.imdecode(np.frombuffer(pictures[0].data, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape[1] == WIDTH * upscale_factor(WIDTH)
    assert pictures[0].format == 'rgb8; jpeg compressed bgr8'


def test_truth_is_drawn_where_it_is_known(graph):
    rig = Rig(graph, spectrum=False)
    pictures = rig.watch()
    rig.send(1, [])
    graph.spin_until(lambda: len(pictures) == 1)
    rig.send(2, [], truth=[target()])
    graph.spin_until(lambda: len(pictures) == 2)
    factor = upscale_factor(WIDTH)
    edge = slice(40 * factor - 4, 40 * factor + 4)
    without, truth = (near(pixels(p)[20 * factor:30 * factor, edge], (245, 245, 245)).sum() for p in pictures)
    assert truth > without + 20


def test_a_target_it_cannot_read_does_not_hide_the_others(graph):
    rig = Rig(graph, spectrum=False)
    pictures = rig.watch()
    header = header_message(1, 'camera')
    message = targets_message([target(), target()], header)
    message.targets[0].status = 99
    rig.images.publish(rig.image(1))
    rig.targets.publish(message)
    graph.spin_until(lambda: pictures)
    factor = upscale_factor(WIDTH)
    edge = slice(40 * factor - 4, 40 * factor + 4)
    assert near(pixels(pictures[0])[20 * factor:30 * factor, edge], STATUS_COLOURS[TrackStatus.TRACKING]).sum() > 20
    assert rig.node._reports()[0][3]['rejected'] == 1


def test_images_it_cannot_read_are_counted_and_it_goes_on(graph):
    rig = Rig(graph)
    pictures = rig.watch()
    bad = rig.image(1)
    bad.encoding = 'yuv422'
    rig.images.publish(bad)
    rig.targets.publish(targets_message([], bad.header))
    graph.spin_until(lambda: rig.node._rejected)
    (_, level, message, values), = rig.node._reports()
    assert level == b'\x01'
    assert "got 'yuv422'" in message
    assert values['rejected'] == 1
    rig.send(2, [target()])
    graph.spin_until(lambda: pictures)
