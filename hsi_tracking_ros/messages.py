"""Messages <-> what `hsi_models` speaks: cameras, track states, requests for a target, times."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from hsi_models.boxes import Box
from hsi_models.camera import Camera
from hsi_models.frame import Quantity
from hsi_models.tracking.state import TrackState, TrackStatus
from hsi_tracking_ros.msg import HyperspectralInfo, TargetInit, TrackedTarget, TrackedTargetArray

_QUANTITIES = {Quantity.RAW: HyperspectralInfo.QUANTITY_RAW,
               Quantity.RADIANCE: HyperspectralInfo.QUANTITY_RADIANCE,
               Quantity.REFLECTANCE: HyperspectralInfo.QUANTITY_REFLECTANCE}
_STATUSES = {TrackStatus.INITIALISING: TrackedTarget.STATUS_INITIALISING,
             TrackStatus.TRACKING: TrackedTarget.STATUS_TRACKING,
             TrackStatus.UNCERTAIN: TrackedTarget.STATUS_UNCERTAIN,
             TrackStatus.LOST: TrackedTarget.STATUS_LOST}
_CAMERA_FIELDS = {      # of the message: of Camera, where both hold the same kind of value
    'camera_model': 'model', 'serial': 'serial', 'wavelengths_nominal': 'nominal', 'saturation': 'saturation',
    'bit_depth': 'bit_depth', 'mosaic_rows': 'mosaic_rows', 'mosaic_columns': 'mosaic_columns',
    'pixel_rows': 'pixel_rows', 'pixel_columns': 'pixel_columns', 'upscaling': 'upscaling',
    'exposure_s': 'exposure_s', 'gain_db': 'gain_db', 'calibration_file': 'calibration_file',
    'calibration_sha256': 'calibration_sha256'}
_BAND_FIELDS = ('wavelengths_nm', 'fwhm_nm', 'dark_levels', 'white_levels')


@dataclass(frozen=True)
class TargetRequest:
    """What a TargetInit asks for.

    Args:
        box, point: one of them, the other None; pixels of the source image.
        stamp_ns: the image it refers to; 0: the newest.
        id: number the target gets.
    """

    box: Box | None
    point: tuple[float, float] | None
    stamp_ns: int
    id: int


def stamp_ns(stamp: Time) -> int:
    """Nanoseconds of a stamp."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def stamp_message(nanoseconds: int) -> Time:
    """Stamp of these nanoseconds."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return Time(sec=seconds, nanosec=rest)


def header_message(nanoseconds: int, frame_id: str) -> Header:
    """Header of this time and coordinate frame."""
    return Header(stamp=stamp_message(nanoseconds), frame_id=frame_id)


def camera_from_info(message: HyperspectralInfo) -> Camera:
    """Camera that the message describes.

    Raises:
        ValueError: an unknown quantity, or whatever Camera refuses (lengths that do not agree, ...).
    """
    quantities = {value: key for key, value in _QUANTITIES.items()}
    if message.quantity not in quantities:
        raise ValueError(f'expected quantity 0..{len(quantities) - 1}, got {message.quantity}')
    # a bag of an older version lacks what its message did not have
    fields: dict[str, Any] = {field: getattr(message, name) for name, field in _CAMERA_FIELDS.items()
                              if hasattr(message, name)}
    bands: dict[str, Any] = {name: tuple(getattr(message, name)) for name in _BAND_FIELDS}
    return Camera(quantity=quantities[message.quantity], **fields, **bands)


def info_from_camera(camera: Camera, header: Header | None = None) -> HyperspectralInfo:
    """Message that describes the camera."""
    message = HyperspectralInfo(header=header or Header(), quantity=_QUANTITIES[camera.quantity])
    for name, field in _CAMERA_FIELDS.items():
        if value := getattr(camera, field):     # 0 and '' are what a new message has
            setattr(message, name, value)
    for name in _BAND_FIELDS:
        setattr(message, name, [float(value) for value in getattr(camera, name)])
    return message


def target_message(state: TrackState, header: Header) -> TrackedTarget:
    """Message of one state, its boxes in pixels of the image the header names.

    The header is taken over as it is. A lost target has no box: zeros, never a stale one.
    """
    message = TrackedTarget(header=header, id=state.id, status=_STATUSES[state.status], has_box=state.box is not None)
    if state.box is not None:
        message.x, message.y, message.width, message.height = state.box
    message.box_std = np.array(state.box_std, np.float64)
    message.score = float(state.score)
    message.spectral_angle_rad = float(state.spectral_angle_rad)
    message.spectrum = np.asarray(state.spectrum, np.float32).tolist()
    message.velocity_x, message.velocity_y = (float(v) for v in state.velocity)
    message.age, message.frames_since_seen = state.age, state.frames_since_seen
    return message


def targets_message(states: Iterable[TrackState], header: Header, *, frames_dropped: int = 0,
                    pipeline_latency_ms: float = float('nan')) -> TrackedTargetArray:
    """Message of all targets of one image, ascending id."""
    targets = [target_message(state, header) for state in sorted(states, key=lambda state: state.id)]
    return TrackedTargetArray(header=header, targets=targets, frames_dropped=frames_dropped,
                              pipeline_latency_ms=pipeline_latency_ms)


def target_box(message: TrackedTarget) -> Box | None:
    """Box of a target; None where it has none."""
    return Box(message.x, message.y, message.width, message.height) if message.has_box else None


def target_status(message: TrackedTarget) -> TrackStatus:
    """Status of a target.

    Raises:
        ValueError: a number the message does not define.
    """
    for status, value in _STATUSES.items():
        if value == message.status:
            return status
    raise ValueError(f'expected status 0..{len(_STATUSES) - 1}, got {message.status}')


def request_from_init(message: TargetInit) -> TargetRequest:
    """What the message asks for.

    Raises:
        ValueError: an unknown kind, a box without area, or values that are not finite.
    """
    if message.kind == TargetInit.KIND_BOX:
        box: Box | None = Box(message.x, message.y, message.width, message.height)
        point = None
    elif message.kind == TargetInit.KIND_POINT:
        if not np.isfinite([message.x, message.y]).all():
            raise ValueError(f'expected a finite point, got x = {message.x}, y = {message.y}')
        box, point = None, (message.x, message.y)
    else:
        raise ValueError(f'expected kind 0 (box) or 1 (point), got {message.kind}')
    return TargetRequest(box, point, stamp_ns(message.header.stamp), message.id)


def init_message(target: Box | tuple[float, float], header: Header | None = None, *, id: int = 0) -> TargetInit:
    """Message that asks to track a box, or what is at a point (x, y), in the image the header names."""
    message = TargetInit(header=header or Header(), id=id)
    if isinstance(target, Box):
        message.kind = TargetInit.KIND_BOX
        message.x, message.y, message.width, message.height = target
    else:
        message.kind = TargetInit.KIND_POINT
        message.x, message.y = (float(value) for value in target)
    return message


def detections_message(vision_msgs: ModuleType, states: Sequence[TrackState], header: Header) -> Any:
    """vision_msgs/Detection2DArray of the targets that have a box.

    Args:
        vision_msgs: the module `vision_msgs.msg` (`optional_module('vision_msgs.msg')`).
        states: boxes in pixels of the image the header names.
        header: taken over as it is.
    """
    array = vision_msgs.Detection2DArray(header=header)
    for state in states:
        if state.box is None:
            continue
        detection = vision_msgs.Detection2D(header=header, id=str(state.id))
        centre = detection.bbox.center
        centre.position.x, centre.position.y = state.box.centre
        detection.bbox.size_x, detection.bbox.size_y = state.box.w, state.box.h
        hypothesis = vision_msgs.ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = 'target', float(state.score)
        detection.results = [hypothesis]
        array.detections.append(detection)
    return array
