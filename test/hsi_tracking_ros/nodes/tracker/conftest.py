"""A tracker node and its surroundings: a camera of 2 x 2 mosaics, a plain tracker, a reader of the targets."""
from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.camera import Camera
from hsi_models.pipeline import TrackingPipeline
from hsi_models.tracking.state import TrackState, TrackStatus

CAMERA = Camera(model='test', serial='7', wavelengths_nm=(500.0, 400.0, 600.0, 700.0), mosaic_rows=2, mosaic_columns=2)


class BrightSpot:
    """The tracker of these tests: the target is the brightest pixel, and lost in the dark."""

    def initialise(self, frame, box):
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
    """A tracker node and its surroundings.

    Args:
        graph: executes them.
        info: false: nobody describes the camera.
        tracker: makes what tracks.
        parameters: of the node.
    """

    def __init__(self, graph: Any, *, info: bool = True, tracker: Callable[[], Any] = BrightSpot,
                 **parameters: Any) -> None:
        from rclpy.parameter import Parameter
        from sensor_msgs.msg import Image

        from hsi_tracking_ros import qos
        from hsi_tracking_ros.msg import HyperspectralInfo, TargetInit, TrackedTargetArray
        from hsi_tracking_ros.nodes.tracker_node import TrackerNode
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
            self.describe()
            graph.spin_until(lambda: self.node._gate.is_open)

    def wait_until_active(self) -> None:
        """Until the node answers images, and this rig hears its answers."""
        self.graph.spin_until(lambda: self.node.is_active and self.images.get_subscription_count()
                              and self.inits.get_subscription_count()
                              and self.node.count_subscribers('tracker/targets'))
        self.graph.spin(0.1)

    def describe(self) -> None:
        """Publish what the camera is."""
        from hsi_tracking_ros.messages import info_from_camera
        self.infos.publish(info_from_camera(CAMERA))

    def message(self, x: int = 5, y: int = 5, value: int = 1000) -> Any:
        """An image 40 ms later than the one before, dark but for one cell."""
        from hsi_tracking_ros.image_codec import to_message
        from hsi_tracking_ros.messages import header_message
        self.stamp += 40_000_000
        pixels = np.zeros((80, 120), np.uint16)
        pixels[2 * y:2 * y + 2, 2 * x:2 * x + 2] = value
        return to_message(pixels, header_message(self.stamp, 'camera'))

    def send(self, message: Any = None, **spot: int) -> Any:
        """Publish an image and wait for the answer."""
        message = message or self.message(**spot)
        count = len(self.targets)
        self.images.publish(message)
        self.graph.spin_until(lambda: len(self.targets) > count)
        return self.targets[-1]

    def refuse(self, message: Any) -> str:
        """Publish an image that must not be answered; returns the reason."""
        count, rejected = len(self.targets), self.node._input.rejected
        self.images.publish(message)
        self.graph.spin_until(lambda: self.node._input.rejected > rejected)
        assert len(self.targets) == count
        return self.node._input.last_reason

    def diagnostics(self) -> Any:
        """The statuses of the node, published now, and not when seconds without an image are a fault."""
        from diagnostic_msgs.msg import DiagnosticArray

        from hsi_tracking_ros import qos
        arrays = self.graph.collect(DiagnosticArray, '/diagnostics', qos.profile('diagnostics'))
        self.node._diagnostics.publish()
        self.graph.spin_until(lambda: arrays)
        return arrays[-1].status

    def set_target(self, box: Any, stamp: int = 0, id: int = 0) -> Any:
        """Ask for a target; returns the answer of the service."""
        from hsi_tracking_ros.messages import header_message, init_message
        from hsi_tracking_ros.srv import SetTarget
        request = SetTarget.Request(target=init_message(box, header_message(stamp, 'camera'), id=id))
        return self.graph.call(SetTarget, 'tracker/set_target', request)


@pytest.fixture
def bright_spot() -> type[BrightSpot]:
    """The tracker of a rig where a test names none."""
    return BrightSpot


@pytest.fixture
def make_rig(graph: Any) -> Callable[..., Rig]:
    """Makes a Rig on the graph of this test."""
    return partial(Rig, graph)
