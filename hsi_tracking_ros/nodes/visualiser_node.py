"""Draws false colour, boxes, status and the target's spectrum; only while somebody looks."""
from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from hsi_models.calibration import Calibration
from hsi_models.camera import Camera
from hsi_models.colour import FalseColour
from hsi_models.frame import HyperspectralFrame
from hsi_models.ingest import to_frame
from hsi_models.overlay import draw_overlay, measure_spectra
from hsi_models.tracking.state import TrackState
from hsi_tracking_ros import diagnostics, qos
from hsi_tracking_ros.camera_file import CAMERA_FILE, described_camera
from hsi_tracking_ros.diagnostics import Diagnostics, Report, Window, brief, latency_values
from hsi_tracking_ros.image_codec import to_array, to_message
from hsi_tracking_ros.memory import RESERVE, reserve
from hsi_tracking_ros.messages import camera_from_info, stamp_ns
from hsi_tracking_ros.msg import HyperspectralInfo, TrackedTargetArray
from hsi_tracking_ros.pairing import StampPairing
from hsi_tracking_ros.parameters import Entry, Parameters
from hsi_tracking_ros.runner import LOOKS_ON, run_node
from hsi_tracking_ros.stamps import StampMonitor
from hsi_tracking_ros.target_states import state_from_target
from hsi_tracking_ros.topics import beside
from hsi_tracking_ros.worker import Worker

TABLE = (
    CAMERA_FILE,
    Entry('title', '', 'upper left of the picture'),
    Entry('truth', True, 'draw ground truth where it is published', runtime=True),
    Entry('spectrum', True, 'plot the target\'s spectrum', runtime=True),
    Entry('jpeg_quality', 90, 'of ~/overlay/compressed', low=1, high=100, runtime=True),
    Entry('image_buffer', 8, 'images that may wait for their targets', 'frames', low=1, high=1000),
    Entry('queue_depth', 1, 'pictures that may wait to be drawn; 1: the newest only', 'frames', low=1, high=1000),
    RESERVE,
)


class VisualiserNode(Node):
    """Pairs targets with their image by stamp; one worker thread draws, the executor only stores messages."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('visualiser', **kwargs)
        self.parameters = Parameters(self, TABLE)
        given = described_camera(self.parameters)
        self._camera = given or Camera()
        # Of the plotted spectra; the picture needs none.
        self._levels = None if given is None else Calibration.from_camera(given)
        self._colour: FalseColour | None = None
        self._monitor = StampMonitor()
        self._pairing = StampPairing({'image': int(self.parameters['image_buffer']), 'targets': 200}, {'truth': 200})
        self._drawing_ms, self._pictures = Window(), Window()
        self._rejected, self._last_error = 0, ''
        self._worker: Worker[dict[str, Any]] = Worker(
            self._draw, on_error=self._reject, capacity=int(self.parameters['queue_depth']), name='visualiser')
        overridable = qos.overridable()
        self._overlay = self.create_publisher(Image, '~/overlay', qos.profile('overlay'),
                                              qos_overriding_options=overridable)
        self._compressed = self.create_publisher(CompressedImage, '~/overlay/compressed', qos.profile('overlay'),
                                                 qos_overriding_options=overridable)
        if given is None:
            self.create_subscription(HyperspectralInfo, beside(self, 'hyperspectral_info'), self._on_info,
                                     qos.profile('info'), qos_overriding_options=overridable)
        self._inputs: list[Any] = []
        self._reserved = False
        self._diagnostics = Diagnostics(self, self._reports)
        self.create_timer(0.1, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def destroy_node(self) -> None:
        """Stop drawing, then destroy the node."""
        if hasattr(self, '_worker'):
            self._worker.stop()
        super().destroy_node()

    @property
    def is_watched(self) -> bool:
        """True while somebody subscribes to a picture."""
        return bool(self._overlay.get_subscription_count() or self._compressed.get_subscription_count())

    def _look(self) -> None:
        """Subscribe while watched: an image of megabytes that nobody sees is not even received."""
        if self.is_watched and not self._inputs:
            self._reserved = self._reserved or reserve(int(self.parameters[RESERVE.name]))
            self._monitor.forget()
            self._inputs = [self.create_subscription(kind, topic, callback, qos.profile(profile),
                                                     qos_overriding_options=qos.overridable())
                            for kind, topic, callback, profile in (
                                (Image, 'image', self._on_image, 'image'),
                                (TrackedTargetArray, 'targets', self._on_targets, 'targets'),
                                (TrackedTargetArray, 'ground_truth', self._on_truth, 'truth'))]
        elif self._inputs and not self.is_watched:
            for subscription in self._inputs:
                self.destroy_subscription(subscription)
            self._inputs = []
            self._pairing.clear()

    def _on_info(self, message: HyperspectralInfo) -> None:
        try:
            camera = camera_from_info(message)
            self._camera, self._levels = camera, Calibration.from_camera(camera)
        except ValueError as error:
            self._reject(error)
        self._colour = None

    def _on_image(self, message: Image) -> None:
        stamp = stamp_ns(message.header.stamp)
        if self._monitor.look(stamp) and stamp:
            self._pairing.clear()
            self._colour = None
        if self.count_publishers(self.resolve_topic_name('targets')):
            self._hand_over(self._pairing.put('image', stamp, message))
        else:
            self._hand_over({'image': message, 'targets': None, 'truth': None})

    def _on_targets(self, message: TrackedTargetArray) -> None:
        self._hand_over(self._pairing.put('targets', stamp_ns(message.header.stamp), message))

    def _on_truth(self, message: TrackedTargetArray) -> None:
        self._pairing.put('truth', stamp_ns(message.header.stamp), message)

    def _hand_over(self, match: dict[str, Any] | None) -> None:
        if match is not None:
            self._worker.put(match)

    # On the worker thread

    def _reject(self, error: Exception) -> None:
        self._rejected += 1
        self._last_error = str(error) or type(error).__name__
        if self._rejected == 1:
            self.get_logger().error(f'cannot draw: {brief(self._last_error)} (counted from now on)')

    def _draw(self, match: dict[str, Any]) -> None:
        start = time.perf_counter()
        image: Image = match['image']
        stamp = stamp_ns(image.header.stamp)
        frame = to_frame(to_array(image), self._camera, stamp_ns=stamp, frame_id=image.header.frame_id)
        cell = self._camera.pixel_size
        picture = self._compose(frame, match['targets'], match['truth'] if self.parameters['truth'] else None, cell)
        if self._overlay.get_subscription_count():
            self._overlay.publish(to_message(picture, image.header, 'rgb8'))
        if self._compressed.get_subscription_count():
            message = CompressedImage(header=image.header, format='rgb8; jpeg compressed bgr8')
            message.data = encode_jpeg(picture, int(self.parameters['jpeg_quality']))
            self._compressed.publish(message)
        self._pictures.add()
        self._drawing_ms.add(1e3 * (time.perf_counter() - start))

    def _readable(self, message: TrackedTargetArray | None, cell: tuple[float, float]) -> list[TrackState]:
        """States in pixels of the cube; a target that cannot be read is counted, the others are drawn."""
        states = []
        for target in message.targets if message else []:
            try:
                states.append(state_from_target(target).scaled(1 / cell[0], 1 / cell[1]))
            except ValueError as error:
                self._reject(error)
        return states

    def _compose(self, frame: HyperspectralFrame, targets: TrackedTargetArray | None, truth: TrackedTargetArray | None,
                 cell: tuple[float, float]) -> npt.NDArray[np.uint8]:
        """One picture; boxes come in pixels of the source image and are drawn on the cube."""
        colour = self._colour
        if colour is None or len(colour.matrix) != frame.bands:
            colour = self._colour = FalseColour.fit(frame)
        states, true = (self._readable(message, cell) for message in (targets, truth))
        box = states[0].box if states else None
        plotted = box if self.parameters['spectrum'] else None
        spectra = None if plotted is None else measure_spectra(frame, plotted, self._levels)
        return draw_overlay(colour.apply(frame), states, truth=true[0].box if true else None, spectra=spectra,
                            title=str(self.parameters['title']), footer=footer(frame.stamp_ns, targets))

    def _reports(self) -> list[Report]:
        error = self._last_error
        return [('Drawing', diagnostics.WARN if error else diagnostics.OK,
                 error or ('drawing' if self._inputs else 'nobody looks'), {
                     'watched': bool(self._inputs), 'rate [Hz]': self._pictures.rate_hz(),
                     'drawn': self._worker.processed, 'dropped busy': self._worker.dropped,
                     'without partner': self._pairing.unmatched, 'rejected': self._rejected,
                     **latency_values({'drawing': self._drawing_ms})})]


def footer(stamp: int, targets: TrackedTargetArray | None) -> str:
    """Last line of the picture: time, frame of the track, age, drops."""
    parts = [f't {stamp // 1_000_000_000 % 100_000}.{stamp % 1_000_000_000 // 1_000_000:03d} s']
    if targets is not None:
        if targets.targets:
            parts.append(f'frame {targets.targets[0].age}')
        if math.isfinite(targets.pipeline_latency_ms):
            parts.append(f'age {targets.pipeline_latency_ms:.0f} ms')
        parts.append(f'dropped {targets.frames_dropped}')
    return '   '.join(parts)


def encode_jpeg(picture: npt.NDArray[np.uint8], quality: int) -> bytes:
    """JPEG of an rgb picture (H, W, 3) uint8."""
    done, data = cv2.imencode('.jpg', cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f'expected a picture that JPEG can hold, got {picture.shape}')
    return data.tobytes()


def main(args: Sequence[str] | None = None) -> int:
    """Run the node."""
    cv2.setNumThreads(1)    # the tracker needs the other cores
    return run_node(VisualiserNode, args, niceness=LOOKS_ON)


if __name__ == '__main__':
    sys.exit(main())
