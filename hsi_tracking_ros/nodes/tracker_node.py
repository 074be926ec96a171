"""The tracker: images and requests in, targets out."""
from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger

from hsi_models.boxes import Box
from hsi_models.camera import Camera
from hsi_models.pipeline import PipelineResult, TrackingPipeline
from hsi_models.registry import resolve
from hsi_models.superresolution.images import require_upscaled
from hsi_tracking_ros import qos
from hsi_tracking_ros.awaiting import finished
from hsi_tracking_ros.camera_file import described_camera
from hsi_tracking_ros.diagnostics import Diagnostics, Report
from hsi_tracking_ros.image_codec import is_mosaic
from hsi_tracking_ros.info_gate import InfoGate
from hsi_tracking_ros.input_report import InputReport
from hsi_tracking_ros.lifecycle import ManagedNode
from hsi_tracking_ros.memory import RESERVE, reserve
from hsi_tracking_ros.messages import camera_from_info, request_from_init
from hsi_tracking_ros.msg import HyperspectralInfo, TargetInit
from hsi_tracking_ros.optional import missing_modules
from hsi_tracking_ros.parameters import Value
from hsi_tracking_ros.runner import run_node
from hsi_tracking_ros.srv import SetTarget
from hsi_tracking_ros.target_outputs import TargetOutputs
from hsi_tracking_ros.topics import beside
from hsi_tracking_ros.tracker_parameters import (
    TABLE,
    check_together,
    network_from,
    super_resolution_from,
    thresholds_from,
)
from hsi_tracking_ros.tracker_report import TrackerReport, compute_values
from hsi_tracking_ros.tracking_session import TrackingSession
from hsi_tracking_ros.worker import Worker


class TrackerNode(ManagedNode):
    """The executor stores messages; one worker thread decodes, tracks and publishes (docs/nodes.md).

    Args:
        create_pipeline: makes the pipeline; another one for tests.
        kwargs: for rclpy's LifecycleNode.
    """

    def __init__(self, create_pipeline: Callable[..., TrackingPipeline] = TrackingPipeline, **kwargs: Any) -> None:
        super().__init__('tracker', TABLE, **kwargs)
        self._create_pipeline = create_pipeline
        self._worker: Worker[Image] | None = None
        self._pipeline: TrackingPipeline | None = None
        self._session: TrackingSession | None = None
        self._outputs: TargetOutputs | None = None
        self._input, self._report = InputReport(idle='not active'), TrackerReport()
        self._subscriptions_made: list[Any] = []
        self._jump_handle: Any = None
        self._enabled = True
        self._asked: Future[Any] | None = None      # by ~/init
        self._camera: Camera | None = None          # of camera_file
        self._serial = ''
        self._diagnostics = Diagnostics(self, self._collect, lambda: self._serial)
        # Images and timers go on while these wait for the worker; an answer may be due after a cleanup.
        waiting = ReentrantCallbackGroup()
        self.create_service(SetTarget, '~/set_target', self._on_set_target, callback_group=waiting)
        self.create_service(Trigger, '~/reset', self._on_reset, callback_group=waiting)
        self.create_service(SetBool, '~/enable', self._on_enable)
        for line in missing_modules():
            self.get_logger().info(line)

    @property
    def weights_sha256(self) -> str | None:
        """Of the configured tracker's weights; None where there are none."""
        return getattr(self._pipeline.tracker, 'weights_sha256', None) if self._pipeline is not None else None

    def validate_parameters(self, values: Mapping[str, Any]) -> None:
        """The scores have to be in order, and images be described in one place."""
        check_together(values)

    def parameters_changed(self, changed: dict[str, Value]) -> None:
        """New thresholds hold from the next image on."""
        if self._pipeline is not None:
            self._apply_thresholds(self._pipeline)

    def configure(self) -> None:
        """Load and warm up on the worker thread, where the tracker will run."""
        text = self.parameters['init_box']
        self._init_box = Box.parse(text) if text else None
        self._capacity = self.parameters['queue_depth'] if self.parameters['every_frame'] else 1
        self._worker = Worker(self._track, on_error=self._reject, capacity=self._capacity, name='tracker',
                              slowdown_s=1e-3 * self.parameters['slowdown_ms'])
        self._pipeline = self._worker.call(self._load).result()
        self._report = TrackerReport(self._compute)
        self._outputs = TargetOutputs(self)

    def activate(self) -> None:
        """Subscribe."""
        assert self._worker is not None
        assert self._pipeline is not None
        upscaled = self.parameters['super_resolution'] == 'frame'
        topic = self.resolve_topic_name('super_resolution/image' if upscaled else 'image')
        self._info_topic = 'super_resolution/hyperspectral_info' if upscaled else beside(self, 'hyperspectral_info')
        self._input, self._report = InputReport(topic), TrackerReport(self._compute)
        self._session = TrackingSession(self._pipeline, self._publish, self.get_logger().warning,
                                        init_box=self._init_box, max_gap_s=self.parameters['max_gap_s'])
        self._dropped_before = self._worker.dropped
        # Without a description nobody knows what a pixel of an upscaled image is.
        self._gate = InfoGate(self._worker.put, self._capacity, math.inf if upscaled else 1.0)
        self._camera_info: CameraInfo | None = None
        self._enabled = True
        if self._camera is not None:
            self._describe(self._camera)
            self._gate.open()
        every = 'every_frame' if self.parameters['every_frame'] else 'image'
        lost = SubscriptionEventCallbacks(message_lost=self._input.messages_lost)
        if self._camera is None:
            self._subscribe(HyperspectralInfo, self._info_topic, self._on_info, 'info')
        self._subscribe(CameraInfo, beside(self, 'camera_info'), self._on_camera_info, 'camera_info')
        self._subscribe(TargetInit, '~/init', self._on_init, 'init')
        self._subscribe(Image, topic, self._on_image, every, event_callbacks=lost)
        self._jump_handle = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1)), post_callback=self._on_jump)

    def deactivate(self) -> None:
        """Unsubscribe, forget the target, keep the model."""
        if self._jump_handle is not None:
            self._jump_handle.unregister()
            self._jump_handle = None
        for subscription in self._subscriptions_made:
            self.destroy_subscription(subscription)
        self._subscriptions_made = []
        if self._worker is not None and self._session is not None:
            self._worker.clear()
            self._worker.call(self._session.forget).result(10.0)
        self._session = None
        self._input.idle = 'not active'

    def cleanup(self) -> None:
        """Free the model."""
        if self._worker is not None and not self._worker.stop():
            self.get_logger().error('expected the tracker to finish its image within 10 s, it still runs')
        if self._outputs is not None:
            self._outputs.destroy()
        self._worker = self._pipeline = self._outputs = None
        self._report = TrackerReport()

    # On the executor: store, hand over, answer.

    def _subscribe(self, kind: type[Any], topic: str, callback: Callable[[Any], None], profile: str,
                   **options: Any) -> None:
        self._subscriptions_made.append(self.create_subscription(
            kind, topic, callback, qos.profile(profile), qos_overriding_options=qos.overridable(), **options))

    def _on_image(self, message: Image) -> None:
        self._input.image_received(message)
        upscaled = self.parameters['super_resolution'] == 'frame'
        if self._enabled and not self._gate.put(message) and not self._input.note \
                and (upscaled or is_mosaic(message.encoding)):
            what = 'an upscaled image needs its description' if upscaled else 'a mosaic needs its pattern'
            self._input.note = f'{what}: waiting for {self._info_topic}'
            self.get_logger().info(self._input.note)

    def _on_info(self, message: HyperspectralInfo) -> None:
        try:
            camera = camera_from_info(message)
            if self.parameters['super_resolution'] == 'frame':
                require_upscaled(camera, self.parameters['super_resolution_scale'])
            self._describe(camera).add_done_callback(self._on_described)
        except ValueError as error:
            self._reject(error)

    def _describe(self, camera: Camera) -> Future[Any]:
        self._serial = camera.serial or camera.model
        self._input.note = '' if camera.wavelengths_nm else 'no wavelengths: bands in index order'
        return self._call('set_camera', camera)

    def _on_described(self, future: Future[Any]) -> None:
        """Images wait for as long as what describes them cannot be used; the gate is the executor's."""
        executor = self.executor
        if executor is not None and not future.cancelled() and future.exception() is None:
            executor.create_task(self._gate.open)

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._camera_info = message

    def _on_init(self, message: TargetInit) -> None:
        try:
            request = request_from_init(message)
            if self._asked is not None:
                self._asked.cancel()        # one that still waits for the worker: the newest counts
            self._asked = self._call('initialise', request)
        except ValueError as error:
            self._reject(error)

    async def _on_set_target(self, request: SetTarget.Request, response: SetTarget.Response) -> SetTarget.Response:
        try:
            await finished(self._call('initialise', request_from_init(request.target)), self.executor)
            response.accepted = True
        except Exception as error:      # whatever it is, the caller gets an answer and the node lives on
            response.reason = str(error) or type(error).__name__
        return response

    async def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            await finished(self._call('forget'), self.executor)
            self._report.states = ()
            response.success = True
        except Exception as error:
            response.message = str(error) or type(error).__name__
        return response

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._enabled = request.data
        response.success, response.message = True, 'images are tracked' if request.data else 'images are ignored'
        return response

    def _on_jump(self, jump: TimeJump) -> None:
        self._call('clock_jumped', self.get_clock().now().nanoseconds)

    def _call(self, method: str, *arguments: Any) -> Future[Any]:
        """Run a method of the session on the worker; what it refuses is counted."""
        def done(future: Future[Any]) -> None:
            if not future.cancelled() and (error := future.exception()):
                self._reject(error)
        if self._worker is None or self._session is None:
            raise ValueError('expected the node to be active, it is not')
        future = self._worker.call(getattr(self._session, method), *arguments)
        future.add_done_callback(done)
        return future

    def _collect(self) -> Iterable[Report]:
        yield self._input.collect(self, dropped=self._dropped(), failure=self.failure,
                                  waiting=self._worker.waiting if self._worker else 0)
        yield from self._report.collect()

    def _dropped(self) -> int:
        if self._worker is None or self._session is None:
            return 0
        return self._worker.dropped - self._dropped_before + self._gate.dropped

    # On the worker thread.

    def _apply_thresholds(self, pipeline: TrackingPipeline) -> None:
        if hasattr(pipeline.tracker, 'thresholds'):
            pipeline.tracker.thresholds = thresholds_from(self.parameters)

    def _load(self) -> TrackingPipeline:
        p = self.parameters
        self._camera = described_camera(p)
        pipeline = self._create_pipeline(
            p['tracker'], camera=self._camera, device=p['device'], network=network_from(p), history=p['history'],
            calibrate=p['calibrate'], calibration_file=p['calibration_file'], super_resolution=super_resolution_from(p))
        self._apply_thresholds(pipeline)
        seconds = 0.0
        if p['warm_up_height']:
            seconds = pipeline.warm_up(p['warm_up_height'], p['warm_up_width'], p['warm_up_bands'])
        reserve(p[RESERVE.name])        # the last: what was loaded has taken what it needs
        name = resolve(p['tracker'], p['weights'])
        self._compute = {**compute_values(pipeline.tracker, name, p['device'], seconds),
                         'super-resolution': f'{p["super_resolver"]} x{p["super_resolution_scale"]}'
                         if p['super_resolution'] == 'crop' else p['super_resolution']}
        return pipeline

    def _track(self, message: Image) -> None:
        if self._session is not None:
            self._session.track(message)

    def _publish(self, header: Header, result: PipelineResult) -> None:
        if self._outputs is None or not self.context.ok():
            return
        stages, age_ms = self._outputs.publish(header, result, self._camera_info, dropped=self._dropped(),
                                               ray_length_m=self.parameters['ray_length_m'])
        self._input.bands = result.frame.bands
        self._report.published(result, stages, age_ms)

    def _reject(self, error: BaseException) -> None:
        self._input.reject(error, self)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run_node(TrackerNode, args)


if __name__ == '__main__':
    sys.exit(main())
