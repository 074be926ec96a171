"""Mosaic or cube in, targets and stage times out: the one path of the tracker node and of `hsi-tracking track`."""
from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.calibration import Calibration, require_references
from hsi_models.camera import Camera
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.ingest import to_frame
from hsi_models.registry import create_tracker
from hsi_models.runtime.options import NetworkOptions
from hsi_models.superresolution.settings import SuperResolution
from hsi_models.tracking.point import box_from_point
from hsi_models.tracking.state import Tracker, TrackState

Image = npt.NDArray[Any]


@dataclass(frozen=True)
class StageTimes:
    """Duration of each stage of one frame, ms, by a steady clock."""

    decode: float = 0.0
    """message to array"""
    preprocess: float = 0.0
    """image to frame; what of its cube is looked at is calibrated where it is, and upscaled frames whole"""
    infer: float = 0.0
    """the tracker"""
    postprocess: float = 0.0
    """boxes to source pixels"""
    publish: float = 0.0
    """targets to messages, out"""


@dataclass(frozen=True, eq=False)
class PipelineResult:
    """What one image gave.

    Args:
        states: one a target, boxes in pixels of the source image; empty without a target.
        frame_states: the same in pixels of the frame, as the tracker gave them and as ground truth counts.
        frame: what the tracker was given, calibrated where it was looked at, upscaled where frames are (`crop`
            upscales inside of it).
        stages: decode and publish are left 0 for whoever does these.
        scale: (sx, sy), source pixels a frame pixel: the mosaic's cell, (1, 1) for a camera of cubes; divided by the
            enlargement where frames are upscaled. The one place where pixels are converted.
    """

    states: tuple[TrackState, ...]
    frame_states: tuple[TrackState, ...]
    frame: HyperspectralFrame
    stages: StageTimes
    scale: tuple[float, float]


@dataclass(frozen=True, eq=False)
class _Stored:
    image: Image
    stamp_ns: int
    frame_id: str
    seq: int


@dataclass(frozen=True)
class _Request:
    box: Box | None
    point: tuple[float, float] | None
    stamp_ns: int
    target_id: int


class TrackingPipeline:
    """One camera, one target: keeps recent images, so that a click on an old one can be honoured.

    Args:
        tracker: a tracker, or its name for the registry (`NAME` or `NAME:preset`).
        camera: what is known of the camera; may come later by `set_camera`.
        device: where a tracker made by name computes.
        network: how the network of a tracker made by name is run; None: as the tracker sees fit.
        history: recent images kept for initialisation at an older stamp; 4.2 MB each at 1024 x 2048 uint16.
        calibrate: apply the references of `calibration_file`, else the dark and white levels that the camera states.
        calibration_file: `.npz` with references of each pixel (`Calibration.from_npz`); '': none.
        super_resolution: what is upscaled before it is tracked; None: nothing. Images that come upscaled already say
            so in their camera (`pixel_rows`, `pixel_columns`) and need nothing here.

    Raises:
        ValueError: unknown tracker or super-resolver, history < 1, references that cannot be used, or references of
            each pixel for whole frames that are upscaled before.
        FileNotFoundError: a super-resolver without shipped weights.
    """

    def __init__(self, tracker: str | Tracker = 'auto', *, camera: Camera | None = None, device: str = 'cpu',
                 network: NetworkOptions | None = None, history: int = 30, calibrate: bool = True,
                 calibration_file: str = '', super_resolution: SuperResolution | None = None) -> None:
        if history < 1:
            raise ValueError(f'expected history >= 1 image, got {history}')
        if calibration_file:
            require_references(calibration_file)
            if super_resolution is not None and super_resolution.mode == 'frame':
                raise ValueError(f'expected no references of each pixel where whole frames are upscaled, got '
                                 f'{calibration_file}: they are of the size of the camera\'s own images')
        options = (network or NetworkOptions()).chosen
        self.tracker = create_tracker(tracker, device=device, **options) if isinstance(tracker, str) else tracker
        self._calibrate, self._calibration_file = calibrate, calibration_file
        self._use(super_resolution or SuperResolution(), device)
        self._recent: deque[_Stored] = deque(maxlen=history)
        self._pending: _Request | None = None
        self._target_id: int | None = None
        self._camera = Camera()
        self._calibration: Calibration | None = None
        self.set_camera(camera or Camera())

    @property
    def camera(self) -> Camera:
        """The camera in force."""
        return self._camera

    @property
    def has_target(self) -> bool:
        """True while a target is tracked, LOST included."""
        return self._target_id is not None

    def set_camera(self, camera: Camera) -> bool:
        """Use this description from now on; a change forgets target and images. True if it changed.

        Raises:
            ValueError: levels, or references of each pixel, that cannot be used with it; the old one stays.
        """
        if camera == self._camera:
            return False
        calibration = self._references(camera)
        self.reset()
        self._camera, self._calibration = camera, calibration
        return True

    def reset(self) -> None:
        """Forget target, request and images."""
        self._tracking.reset()
        self._recent.clear()
        self._pending = self._target_id = None

    def process(self, image: Image, *, stamp_ns: int, frame_id: str = '', seq: int = 0) -> PipelineResult:
        """Track into the next image.

        Args:
            image: mosaic (rows * H, columns * W) or cube (H, W, C) as the camera describes it.
            stamp_ns, frame_id, seq: as in HyperspectralFrame.

        Raises:
            ValueError: the image does not fit the camera or the target's first frame, or a waiting request for
                a target cannot be met; the target stays as it was, that request is dropped, and an image that fits the
                camera can be started on.
        """
        stored = _Stored(image, stamp_ns, frame_id, seq)
        start = time.perf_counter()
        frame = self._decode(stored)
        preprocessed = time.perf_counter()
        self._recent.append(stored)
        request = self._pending
        if request is not None and request.stamp_ns <= stamp_ns:
            self._pending = None
            states: tuple[TrackState, ...] = (self._start(frame, request),)
        elif self._target_id is not None:
            states = (replace(self._tracking.update(frame), id=self._target_id),)
        else:
            states = ()
        return self._result(states, frame, start, preprocessed)

    def initialise(self, box: Box | None = None, *, point: tuple[float, float] | None = None,
                   stamp_ns: int | None = None, target_id: int = 0) -> PipelineResult | None:
        """Start on a box or a point of the recent image nearest to a stamp, then catch up to the newest.

        Args:
            box, point: one of them, pixels of the source image.
            stamp_ns: the image it refers to; None or 0: the newest.
            target_id: number the target gets.

        Returns:
            The result for the newest image; None if that image is still to come: the request waits for it.

        Raises:
            ValueError: neither or both of box and point, no such image any more, or nothing there to track: a target
                tracked before goes on. An image since then does not fit: there is no target.
        """
        if (box is None) == (point is None):
            raise ValueError('expected either a box or a point to start on, got ' + ('none' if box is None else 'both'))
        request = _Request(box, point, stamp_ns or 0, target_id)
        if not self._recent or request.stamp_ns > self._recent[-1].stamp_ns:
            self._pending = request
            return None
        images = list(self._recent)
        first = len(images) - 1
        if request.stamp_ns:
            if request.stamp_ns < images[0].stamp_ns:
                raise ValueError(f'expected a stamp within the {len(images)} recent images, {images[0].stamp_ns} .. '
                                 f'{images[-1].stamp_ns} ns, got {request.stamp_ns} ns: that image is gone')
            first = int(np.argmin([abs(stored.stamp_ns - request.stamp_ns) for stored in images]))
        start = time.perf_counter()
        frame = self._decode(images[first])
        preprocessed = time.perf_counter()
        state = self._start(frame, request)
        self._pending = None        # what was asked for before
        try:
            for stored in images[first + 1:]:
                frame = self._decode(stored)
                state = replace(self._tracking.update(frame), id=target_id)
        except ValueError:
            self._tracking.reset()
            self._target_id = None
            raise
        return self._result((state,), frame, start, preprocessed)

    def warm_up(self, height: int, width: int, bands: int) -> float:
        """Run template and search paths once on noise of this shape, leave no trace; returns seconds."""
        start = time.perf_counter()
        noise = np.random.default_rng(0).random((height, width, bands), np.float32)
        # Some wavelengths, so that nobody is told of missing ones.
        frame = HyperspectralFrame(noise, SpectralInfo(tuple(np.linspace(450.0, 900.0, bands))))
        size = max(1.0, width * 0.2), max(1.0, height * 0.2)
        self._tracking.initialise(frame, Box.from_centre(width / 2, height / 2, *size))
        self._tracking.update(frame)
        self.reset()
        return time.perf_counter() - start

    def _use(self, choice: SuperResolution, device: str) -> None:
        """Set up `_tracking`, what is given frames, and `_resolver`, what enlarges images before."""
        self._tracking, self._resolver = self.tracker, None
        if choice.mode == 'crop':
            from hsi_models.superresolution.region_tracker import UpscaledRegionTracker  # needs torch
            self._tracking = UpscaledRegionTracker(self.tracker, choice.create(device))
        elif choice.mode == 'frame':
            self._resolver = choice.create(device)

    def _scale(self) -> tuple[float, float]:
        columns, rows = self._camera.pixel_size
        enlargement = self._resolver.scale if self._resolver is not None else 1
        return columns / enlargement, rows / enlargement

    def _references(self, camera: Camera) -> Calibration | None:
        return Calibration.of(camera, self._calibration_file) if self._calibrate else None

    def _decode(self, stored: _Stored) -> HyperspectralFrame:
        image, camera = stored.image, self._camera
        if self._calibration is None and self._calibration_file:
            self._calibration = self._references(camera)    # of cubes that nobody has described
        if self._resolver is not None:
            from hsi_models.superresolution.images import upscale_image  # needs torch
            image, camera = upscale_image(image, camera, self._resolver)
        return to_frame(image, camera, stamp_ns=stored.stamp_ns, frame_id=stored.frame_id, seq=stored.seq,
                        calibration=self._calibration)

    def _start(self, frame: HyperspectralFrame, request: _Request) -> TrackState:
        sx, sy = self._scale()
        width, height = frame.width * sx, frame.height * sy     # of the source image, whose pixels the request is in
        if request.box is not None:
            request.box.require_inside(width, height, 'image')
            box = request.box.scaled(1 / sx, 1 / sy)
        else:
            x, y = request.point or (0.0, 0.0)
            if not (0 <= x < width and 0 <= y < height):
                raise ValueError(f'expected a point inside the {width:g} x {height:g} image, got ({x:g}, {y:g})')
            box = box_from_point(frame, (x / sx, y / sy))
        before, self._target_id = self._target_id, None
        try:
            state = replace(self._tracking.initialise(frame, box), id=request.target_id)
        except ValueError:      # a tracker that refuses goes on
            self._target_id = before
            raise
        self._target_id = request.target_id
        return state

    def _result(self, states: tuple[TrackState, ...], frame: HyperspectralFrame, start: float,
                preprocessed: float) -> PipelineResult:
        inferred = time.perf_counter()
        scale = self._scale()
        scaled = tuple(state.scaled(*scale) for state in states)
        end = time.perf_counter()
        stages = StageTimes(preprocess=1e3 * (preprocessed - start), infer=1e3 * (inferred - preprocessed),
                            postprocess=1e3 * (end - inferred))
        return PipelineResult(scaled, states, frame, stages, scale)
