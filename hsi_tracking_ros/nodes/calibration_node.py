"""Raw images in, calibrated cubes out, for those who want the cube as a topic; idle while nobody subscribes."""
from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from sensor_msgs.msg import Image

from hsi_models.calibration import Calibration
from hsi_models.camera import Camera
from hsi_models.frame import HyperspectralFrame, Quantity
from hsi_models.ingest import to_frame, wavelength_warning
from hsi_tracking_ros import qos
from hsi_tracking_ros.diagnostics import OK, Diagnostics, Report
from hsi_tracking_ros.image_codec import scaled_uint16, to_array, to_message
from hsi_tracking_ros.input_report import InputReport
from hsi_tracking_ros.lifecycle import ManagedNode
from hsi_tracking_ros.messages import camera_from_info, info_from_camera
from hsi_tracking_ros.msg import HyperspectralInfo
from hsi_tracking_ros.parameters import Entry
from hsi_tracking_ros.runner import run_node
from hsi_tracking_ros.topics import beside
from hsi_tracking_ros.worker import Worker

TABLE = (
    Entry('calibration_file', '', '.npz with dark, white, defective as images; empty: the levels of '
                                  'hyperspectral_info'),
    Entry('encoding', '32FC', '32FC: reflectance as it is; 16UC: reflectance times `scale`', choices=('32FC', '16UC')),
    Entry('scale', 10_000.0, '16UC: value that stands for reflectance 1', low=1.0, high=65_535.0),
    Entry('every_frame', False, 'reliable, first in first out: for evaluation, results do not depend on speed'),
)


class CalibrationNode(ManagedNode):
    """image, hyperspectral_info -> ~/image, ~/hyperspectral_info (docs/nodes.md)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('calibration', TABLE, **kwargs)
        self._worker: Worker[Image] | None = None
        self._publishers_made: list[Any] = []
        self._info_subscription: Any = None
        self._image_subscription: Any = None
        self._input = InputReport(idle='not active')
        self._diagnostics = Diagnostics(self, self._collect)

    def configure(self) -> None:
        """Create publishers and the worker thread."""
        path = Path(self.parameters['calibration_file'])
        if self.parameters['calibration_file'] and not path.is_file():
            raise ValueError(f'expected a .npz file as calibration_file, got {path}')
        capacity = qos.EVERY_FRAME_DEPTH if self.parameters['every_frame'] else 1
        self._worker = Worker(self._convert, on_error=self._reject, capacity=capacity, name='calibration')
        self._info = self.create_publisher(HyperspectralInfo, '~/hyperspectral_info', qos.profile('info'),
                                           qos_overriding_options=qos.overridable())
        self._image = self.create_publisher(
            Image, '~/image', qos.profile('every_frame' if self.parameters['every_frame'] else 'image_out'),
            event_callbacks=PublisherEventCallbacks(matched=lambda _: self._look_for_readers()),
            qos_overriding_options=qos.overridable())
        self._publishers_made = [self._info, self._image]

    def activate(self) -> None:
        """Subscribe to the camera's description; to its images while someone reads ours."""
        self._input = InputReport(self.resolve_topic_name('image'), idle='nobody subscribes')
        self._source: tuple[Camera, Calibration | None] | None = None
        self._described: Camera | None = None
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
        if self._worker is not None:
            self._worker.clear()
        self._input.idle = 'not active'

    def cleanup(self) -> None:
        """End the worker thread, destroy the publishers."""
        if self._worker is not None:
            self._worker.stop()
        self._worker = None
        for publisher in self._publishers_made:
            self.destroy_publisher(publisher)
        self._publishers_made = []

    # On the executor.

    def _look_for_readers(self) -> None:
        if self._info_subscription is None:
            return
        wanted = self._image.get_subscription_count() > 0 and self._source is not None
        if wanted and self._image_subscription is None:
            profile = 'every_frame' if self.parameters['every_frame'] else 'image'
            self._image_subscription = self.create_subscription(
                Image, 'image', self._on_image, qos.profile(profile), qos_overriding_options=qos.overridable(),
                event_callbacks=SubscriptionEventCallbacks(message_lost=self._input.messages_lost))
        elif not wanted and self._image_subscription is not None:
            self.destroy_subscription(self._image_subscription)
            self._image_subscription = None
        if self._source is None:
            self._input.idle = f'waiting for {beside(self, "hyperspectral_info")}'
        else:
            self._input.idle = '' if wanted else 'nobody subscribes'

    def _on_info(self, message: HyperspectralInfo) -> None:
        try:
            camera = camera_from_info(message)
            source = camera, self._load(camera)
        except ValueError as error:
            self._reject(error)
            return
        if warning := wavelength_warning(camera):
            if warning != self._input.note:
                self.get_logger().warning(warning)
            self._input.note = warning
        self._source = source
        self._look_for_readers()

    def _on_image(self, message: Image) -> None:
        self._input.image_received(message)
        if self._worker is not None:
            self._worker.put(message)

    def _load(self, camera: Camera) -> Calibration | None:
        path = self.parameters['calibration_file']
        return Calibration.from_npz(path, camera) if path else Calibration.from_camera(camera)

    def _collect(self) -> Iterable[Report]:
        busy = self._worker
        yield self._input.collect(self, dropped=busy.dropped if busy else 0, waiting=busy.waiting if busy else 0)
        yield 'Output', OK, f'{busy.processed if busy else 0} cubes', {
            'cubes': busy.processed if busy else 0, 'encoding': self.parameters['encoding'],
            'subscribers': self._image.get_subscription_count() if self._publishers_made else 0}

    # On the worker thread.

    def _convert(self, message: Image) -> None:
        if self._source is None or not self.context.ok():
            return
        camera, calibration = self._source
        frame = to_frame(to_array(message), camera, calibration=calibration)
        self._input.bands = frame.bands
        # Only reflectance has a scale of its own; digital numbers fit 16 bits as they are.
        scale = self.parameters['scale'] if frame.info.quantity is Quantity.REFLECTANCE else 1.0
        as_integers = self.parameters['encoding'] == '16UC'
        if camera is not self._described:
            self._described = camera
            self._info.publish(info_from_camera(self._describe(camera, calibration, frame,
                                                               scale if as_integers else 1.0), message.header))
        cube = scaled_uint16(frame.data, scale) if as_integers and frame.data.dtype.kind == 'f' else frame.data
        self._image.publish(to_message(cube, message.header))

    def _describe(self, camera: Camera, calibration: Calibration | None, frame: HyperspectralFrame,
                  scale: float) -> Camera:
        """The camera as a reader of our cubes has to see it: sorted bands, no mosaic, nothing left to calibrate."""
        info = frame.info
        return replace(
            camera, wavelengths_nm=info.wavelengths_nm, fwhm_nm=info.fwhm_nm, quantity=info.quantity,
            saturation=info.saturation, bit_depth=0, mosaic_rows=0, mosaic_columns=0, dark_levels=(),
            white_levels=(scale,) * frame.bands if scale != 1.0 else (),
            calibration_file=Path(self.parameters['calibration_file']).name,
            calibration_sha256=calibration.sha256 if calibration else '')

    def _reject(self, error: BaseException) -> None:
        if self._input.reject(str(error) or type(error).__name__) and self.context.ok():
            self.get_logger().error(f'rejected: {error}')


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run_node(CalibrationNode, args)


if __name__ == '__main__':
    sys.exit(main())
