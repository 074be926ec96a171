"""Base of the nodes that turn a camera's images into cubes on a topic of their own; idle while nobody subscribes."""
from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy.typing as npt
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from sensor_msgs.msg import Image

from hsi_models.camera import Camera
from hsi_models.ingest import wavelength_warning
from hsi_tracking_ros import qos
from hsi_tracking_ros.camera_file import described_camera
from hsi_tracking_ros.diagnostics import OK, Diagnostics, Report, Window, latency_values
from hsi_tracking_ros.image_codec import is_mosaic, to_array, to_message
from hsi_tracking_ros.info_gate import InfoGate
from hsi_tracking_ros.input_report import InputReport
from hsi_tracking_ros.lifecycle import ManagedNode
from hsi_tracking_ros.messages import camera_from_info, info_from_camera
from hsi_tracking_ros.msg import HyperspectralInfo
from hsi_tracking_ros.parameters import Entry
from hsi_tracking_ros.topics import beside
from hsi_tracking_ros.worker import Worker

EVERY_FRAME = Entry('every_frame', False,
                    'reliable, first in first out: for evaluation, results do not depend on speed')


class CubeNode(ManagedNode):
    """image, hyperspectral_info -> ~/image, ~/hyperspectral_info (docs/nodes.md).

    `camera_file` and `every_frame` are in the table of each.

    A subclass overrides `load`, `prepare` and `convert`, which run on the worker thread but for `prepare`.
    """

    grace_s = float('inf')
    """how long cubes without a description wait for one; a mosaic always does"""

    def __init__(self, name: str, table: Sequence[Entry], **kwargs: Any) -> None:
        super().__init__(name, table, **kwargs)
        self._worker: Worker[Image] | None = None
        self._publishers_made: list[Any] = []
        self._info_subscription: Any = None
        self._image_subscription: Any = None
        self._camera: Camera | None = None      # of camera_file
        self._source: Any = None
        self._undescribed: Any = None           # what is prepared for cubes that nobody describes
        self._working = False
        self._input = InputReport(idle='not active')
        self._conversion = Window()
        self._diagnostics = Diagnostics(self, self._collect)

    def load(self) -> None:
        """Load what `convert` needs; called by `configure`."""

    def unload(self) -> None:
        """Free it; called by `cleanup`, perhaps without `load`."""

    def prepare(self, camera: Camera) -> Any:
        """What `convert` is given of a camera; raises ValueError where the description cannot be used."""
        return camera

    def convert(self, image: npt.NDArray[Any], source: Any) -> tuple[npt.NDArray[Any], Camera]:
        """An image as `to_array` gives it and what `prepare` made of its camera -> (cube, the camera of the cube)."""
        raise NotImplementedError

    def configure(self) -> None:
        """Load on the worker thread, create publishers."""
        every = self.parameters['every_frame']
        self._worker = Worker(self._convert, on_error=self._reject, capacity=qos.EVERY_FRAME_DEPTH if every else 1,
                              name=self.get_name())
        self._camera = described_camera(self.parameters)
        self._source = None if self._camera is None else self.prepare(self._camera)
        self._worker.call(self.load).result()
        self._info = self.create_publisher(HyperspectralInfo, '~/hyperspectral_info', qos.profile('info'),
                                           qos_overriding_options=qos.overridable())
        self._image = self.create_publisher(
            Image, '~/image', qos.profile('every_frame' if every else 'image_out'),
            event_callbacks=PublisherEventCallbacks(matched=lambda _: self._look_for_readers()),
            qos_overriding_options=qos.overridable())
        self._publishers_made = [self._info, self._image]

    def activate(self) -> None:
        """Subscribe to the camera's description; to its images while someone reads ours."""
        assert self._worker is not None
        self._input = InputReport(self.resolve_topic_name('image'), idle='nobody subscribes')
        self._described = self._undescribed = None
        self._dropped_before = self._worker.dropped
        self._gate = InfoGate(self._worker.put, qos.EVERY_FRAME_DEPTH if self.parameters['every_frame'] else 1,
                              self.grace_s)
        self._working = True
        if self._camera is not None:
            self._take(self._camera, self._source)
            return
        self._source = None
        self._info_subscription = self.create_subscription(
            HyperspectralInfo, beside(self, 'hyperspectral_info'), self._on_info, qos.profile('info'),
            qos_overriding_options=qos.overridable())
        self._look_for_readers()

    def deactivate(self) -> None:
        """Unsubscribe."""
        for subscription in (self._info_subscription, self._image_subscription):
            if subscription is not None:
                self.destroy_subscription(subscription)
        self._info_subscription = self._image_subscription = None
        self._working = False
        if self._worker is not None:
            self._worker.clear()
        self._input.idle = 'not active'

    def cleanup(self) -> None:
        """End the worker thread, destroy the publishers."""
        if self._worker is not None and not self._worker.stop():
            self.get_logger().error('expected to finish the image in hand within 10 s, it is still worked on')
        self._worker = self._source = None
        self.unload()
        for publisher in self._publishers_made:
            self.destroy_publisher(publisher)
        self._publishers_made = []

    # On the executor.

    def _look_for_readers(self) -> None:
        if not self._working:
            return
        waiting = self._source is None and self.grace_s == float('inf')
        wanted = self._image.get_subscription_count() > 0 and not waiting
        if wanted and self._image_subscription is None:
            profile = 'every_frame' if self.parameters['every_frame'] else 'image'
            self._image_subscription = self.create_subscription(
                Image, 'image', self._on_image, qos.profile(profile), qos_overriding_options=qos.overridable(),
                event_callbacks=SubscriptionEventCallbacks(message_lost=self._input.messages_lost))
        elif not wanted and self._image_subscription is not None:
            self.destroy_subscription(self._image_subscription)
            self._image_subscription = None
        self._input.idle = f'waiting for {beside(self, "hyperspectral_info")}' if waiting else \
            '' if wanted else 'nobody subscribes'

    def _on_info(self, message: HyperspectralInfo) -> None:
        try:
            camera = camera_from_info(message)
            self._take(camera, self.prepare(camera))
        except ValueError as error:
            self._reject(error)

    def _take(self, camera: Camera, source: Any) -> None:
        """Convert with this description from now on."""
        warning = wavelength_warning(camera) or ''
        if warning and warning != self._input.note:
            self.get_logger().warning(warning)
        self._input.note = warning
        self._source = source
        self._gate.open()
        self._look_for_readers()

    def _on_image(self, message: Image) -> None:
        self._input.image_received(message)
        if not self._gate.put(message) and is_mosaic(message.encoding) and not self._input.note:
            self._input.note = f'a mosaic needs its pattern: waiting for {beside(self, "hyperspectral_info")}'
            self.get_logger().info(self._input.note)

    def _collect(self) -> Iterable[Report]:
        busy = self._worker
        dropped = busy.dropped - self._dropped_before + self._gate.dropped if busy and self._working else 0
        yield self._input.collect(self, dropped=dropped, waiting=busy.waiting if busy else 0, failure=self.failure)
        yield 'Output', OK, f'{busy.processed if busy else 0} cubes', {
            'cubes': busy.processed if busy else 0,
            'subscribers': self._image.get_subscription_count() if self._publishers_made else 0,
            **latency_values({'conversion': self._conversion}), **self.facts()}

    def facts(self) -> dict[str, object]:
        """More values of the status Output."""
        return {}

    # On the worker thread.

    def _convert(self, message: Image) -> None:
        if not self.context.ok():
            return
        source = self._source
        if source is None:      # nobody describes these cubes
            source = self._undescribed = self._undescribed or self.prepare(Camera())
        start = time.perf_counter()
        cube, camera = self.convert(to_array(message), source)
        self._conversion.add(1e3 * (time.perf_counter() - start))
        self._input.bands = cube.shape[2]
        if source is not self._described:
            self._described = source
            self._info.publish(info_from_camera(camera, message.header))
        self._image.publish(to_message(cube, message.header))

    def _reject(self, error: BaseException) -> None:
        self._input.reject(error, self)
