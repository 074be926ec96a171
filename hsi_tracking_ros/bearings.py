"""Pixels to directions by a CameraInfo, and the rays and labels that RViz shows."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from geometry_msgs.msg import Point
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from hsi_models.overlay import STATUS_COLOURS
from hsi_models.tracking.state import TrackState

_COEFFICIENTS = {'equidistant': (0, 4), **dict.fromkeys(
    ('', 'plumb_bob', 'rational_polynomial', 'thin_prism_fisheye'), (0, 4, 5, 8, 12, 14))}
"""Models of distortion, and how many numbers each may have."""


def viewing_rays(camera: CameraInfo, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Unit vectors from the camera through points of its image.

    Args:
        camera: of the image; region of interest and binning are taken into account.
        points: (N, 2) as x, y in pixels, pixel i covering [i, i + 1).

    Returns:
        (N, 3) in the optical frame (REP 103): x right, y down, z forward.

    Raises:
        ValueError: an uncalibrated camera (K[0] is 0), an unknown distortion model, or numbers of it that cannot be
            used.
    """
    matrix, distortion = np.asarray(camera.k, np.float64).reshape(3, 3), np.asarray(camera.d, np.float64)
    if not (matrix[0, 0] > 0 and matrix[1, 1] > 0 and np.isfinite(matrix).all()):
        raise ValueError('expected a calibrated camera (finite K with focal lengths > 0), got '
                         f'{np.array2string(matrix.ravel(), precision=4)}')
    model = camera.distortion_model
    if model not in _COEFFICIENTS:
        raise ValueError(f'expected distortion model {", ".join(filter(None, _COEFFICIENTS))}, got {model!r}')
    counts = _COEFFICIENTS[model]
    if len(distortion) not in counts or not np.isfinite(distortion).all():
        raise ValueError(f'expected {", ".join(map(str, counts))} finite numbers of the distortion model {model!r}, '
                         f'got {np.isfinite(distortion).sum()} of {len(distortion)}')
    binning = np.array([camera.binning_x or 1, camera.binning_y or 1], np.float64)
    offset = np.array([camera.roi.x_offset, camera.roi.y_offset], np.float64)
    # OpenCV's pixel i is centred on i, ours on i + 0.5.
    pixels = np.asarray(points, np.float64).reshape(-1, 1, 2) * binning + offset - 0.5
    undistorted = cv2.fisheye.undistortPoints if model == 'equidistant' else cv2.undistortPoints
    plane = undistorted(pixels, matrix, distortion if distortion.size else np.zeros(4))
    rays = np.concatenate([plane.reshape(-1, 2), np.ones((len(pixels), 1))], axis=1)
    unit: npt.NDArray[np.float64] = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    if not np.isfinite(unit).all():
        raise ValueError(f'expected a distortion that can be undone in the image, got nan with {distortion.tolist()}')
    return unit


def markers_message(states: Iterable[TrackState], header: Header, camera: CameraInfo,
                    length_m: float = 10.0) -> MarkerArray:
    """A ray and a label for each target that has a box; what was shown before is removed.

    Args:
        states: boxes in pixels of the image the header names.
        header: taken over as it is; its frame is the camera's optical frame.
        camera: of that image.
        length_m: of the rays, m: a bearing has no distance.

    Raises:
        ValueError: as `viewing_rays`.
    """
    array = MarkerArray(markers=[Marker(header=header, action=Marker.DELETEALL)])
    for state in states:
        if state.box is None:
            continue
        x, y, z = (float(value) for value in viewing_rays(camera, [state.box.centre])[0] * length_m)
        red, green, blue = (channel / 255 for channel in STATUS_COLOURS[state.status])
        common: dict[str, Any] = {'header': header, 'id': state.id, 'action': Marker.ADD,
                                  'color': ColorRGBA(r=red, g=green, b=blue, a=1.0)}
        ray = Marker(ns='ray', type=Marker.ARROW, points=[Point(), Point(x=x, y=y, z=z)], **common)
        ray.scale.x, ray.scale.y = 0.005 * length_m, 0.015 * length_m      # shaft and head diameter, m
        label = Marker(ns='label', type=Marker.TEXT_VIEW_FACING, **common,
                       text=f'{state.id} {state.status.value} {state.score:.2f}')
        label.pose.position.x, label.pose.position.y, label.pose.position.z = x, y, z
        label.scale.z = 0.05 * length_m                                     # height of a letter, m
        array.markers += [ray, label]
    return array
