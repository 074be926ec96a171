"""What the tracker node's worker thread does: image messages and requests to results, by way of the pipeline."""
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from hsi_models.boxes import Box
from hsi_models.camera import Camera
from hsi_models.ingest import wavelength_warning
from hsi_models.pipeline import PipelineResult, TrackingPipeline
from hsi_tracking_ros.image_codec import to_array
from hsi_tracking_ros.messages import TargetRequest, header_message, stamp_ns
from hsi_tracking_ros.stamps import StampMonitor


class TrackingSession:
    """One activation of the tracker: everything here runs on the worker thread.

    Args:
        pipeline: tracks; taken without target and images.
        publish: gets the header of the newest image and the result for it.
        warn: told once what a user has to know.
        init_box: target in the first image, and again in that image when a loop brings it back; None: none.
        max_gap_s: see StampMonitor.
    """

    def __init__(self, pipeline: TrackingPipeline, publish: Callable[[Header, PipelineResult], None],
                 warn: Callable[[str], object], *, init_box: Box | None = None, max_gap_s: float = 0.0) -> None:
        self._pipeline, self._publish, self._warn = pipeline, publish, warn
        self._monitor = StampMonitor(max_gap_s)
        self._init_box = init_box
        self._init_stamp: int | None = None         # of the image init_box was meant for
        self._asked: TargetRequest | None = None    # not honoured yet
        self._header: Header | None = None
        self._fresh = True                          # the next image begins a recording
        self._warned = ''
        self._seq = 0
        self.resets = 0

    def track(self, message: Image) -> None:
        """Track into one image and publish.

        Raises:
            ValueError: the image or what was asked of it is not acceptable; the session goes on.
        """
        start = time.perf_counter()
        image = to_array(message)
        stamp = stamp_ns(message.header.stamp)
        if reason := self._monitor.look(stamp):
            self._restart(reason)
        fresh, self._fresh = self._fresh, False
        if fresh and self._init_box is not None and (self._init_stamp is None or stamp <= self._init_stamp):
            self._init_stamp = stamp
            self._ask(TargetRequest(self._init_box, None, 0, 0))
        decode_ms = 1e3 * (time.perf_counter() - start)
        self._seq += 1
        if self._asked is not None and self._asked.stamp_ns <= stamp:
            self._asked = None                                  # honoured by this image, or never
        result = self._pipeline.process(image, stamp_ns=stamp, frame_id=message.header.frame_id, seq=self._seq)
        self._header = message.header
        self._publish(message.header, replace(result, stages=replace(result.stages, decode=decode_ms)))

    def initialise(self, request: TargetRequest) -> None:
        """Start on a target and publish, if its image is there already.

        Raises:
            ValueError: there is nothing to track, or the image is gone.
        """
        result = self._ask(request)
        if result is not None:
            self._asked = None
            self._publish(header_message(result.frame.stamp_ns, result.frame.frame_id), result)

    def set_camera(self, camera: Camera) -> None:
        """Use this description from now on.

        Raises:
            ValueError: levels that cannot be used.
        """
        had_target, asked = self._pipeline.has_target, self._asked
        if self._pipeline.set_camera(camera):
            self._header = None
            if had_target:
                self._warn('the camera changed: the target is forgotten')
            if asked is not None:
                self._ask(asked)
        warning = wavelength_warning(camera)
        if warning and warning != self._warned:
            self._warned = warning
            self._warn(warning)

    def forget(self) -> None:
        """Forget target, request and images."""
        self._pipeline.reset()
        self._header = self._asked = None

    def clock_jumped(self, now_ns: int) -> None:
        """The node's clock went back: start anew, unless the images have done so already."""
        if self._header is not None and stamp_ns(self._header.stamp) > now_ns:
            self._monitor.forget()
            self._restart(f'the clock was set back to {now_ns} ns')

    def _restart(self, reason: str) -> None:
        """What came before no longer holds, but for a request that came before the first image of its loop."""
        self._warn(f'{reason}; the target is forgotten' if self._pipeline.has_target else reason)
        asked = self._asked
        self.forget()
        self.resets += 1
        self._fresh = True
        if asked is not None:
            self._ask(asked)

    def _ask(self, request: TargetRequest) -> PipelineResult | None:
        self._asked = request
        return self._pipeline.initialise(request.box, point=request.point, stamp_ns=request.stamp_ns,
                                         target_id=request.id)
