"""TrackedTarget -> TrackState: what a reader of `~/targets` knows of a target."""
from __future__ import annotations

import numpy as np

from hsi_models.boxes import Box
from hsi_models.tracking.state import TrackState, TrackStatus
from hsi_tracking_ros.messages import target_box, target_status
from hsi_tracking_ros.msg import TrackedTarget

NOWHERE = Box(0.0, 0.0, 1.0, 1.0)   # a lost target's message carries no guess


def state_from_target(message: TrackedTarget) -> TrackState:
    """State that a message carries; its best guess is the box, or nothing meaningful where the target is lost.

    Raises:
        ValueError: an unknown status, a score outside 0..1, or a box exactly when the target is lost.
    """
    box, status = target_box(message), target_status(message)
    if box is None and status is TrackStatus.INITIALISING:
        raise ValueError('expected a box of a target that is being initialised, got none')
    x, y, width, height = (float(value) for value in message.box_std)
    return TrackState(
        box=box, best_guess=box or NOWHERE, score=float(message.score), status=status,
        spectrum=np.asarray(message.spectrum, np.float32), spectral_angle_rad=float(message.spectral_angle_rad),
        box_std=(x, y, width, height), velocity=(message.velocity_x, message.velocity_y),
        id=message.id, age=message.age, frames_since_seen=message.frames_since_seen)
