"""The parameter `camera_file`: what is known of a camera whose driver publishes images alone."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hsi_models.camera import Camera
from hsi_models.data.cameras import camera_from_json
from hsi_tracking_ros.parameters import Entry

CAMERA_FILE = Entry('camera_file', '', 'JSON that describes the camera (wavelengths.json), taken instead of '
                                       'hyperspectral_info; empty: wait for that topic')


def described_camera(parameters: Mapping[str, Any]) -> Camera | None:
    """The camera that the parameter's file describes; None where none is named.

    Raises:
        ValueError: no such file, or one that describes no camera.
    """
    path = parameters[CAMERA_FILE.name]
    return camera_from_json(path) if path else None
