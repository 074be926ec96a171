"""The target's pixels as a point cloud on the unit sphere around the camera: direction, colour, spectral angle."""
from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import CameraInfo, PointField
from std_msgs.msg import Header

from hsi_models.boxes import Box
from hsi_models.colour import FalseColour
from hsi_models.pipeline import PipelineResult
from hsi_models.spectral import spectral_angle
from hsi_tracking_ros.bearings import viewing_rays

FIELDS = ('x', 'y', 'z', 'rgb', 'spectral_angle')
MAX_POINTS = 20_000


def cloud_message(point_cloud2: ModuleType, result: PipelineResult, header: Header, camera: CameraInfo,
                  colour: FalseColour) -> Any:
    """sensor_msgs/PointCloud2 of the pixels inside the boxes, at most 20000 of each.

    Args:
        point_cloud2: the module `sensor_msgs_py.point_cloud2`.
        result: of the image the header names.
        header: taken over as it is.
        camera: of that image.
        colour: fitted on an earlier frame of the same camera, so that colours stay.

    Returns:
        Fields, all float32: x, y, z of the unit viewing ray, rgb (packed as RViz expects), spectral_angle (rad,
        between the pixel's spectrum and the target's mean; nan where not measured).

    Raises:
        ValueError: as `viewing_rays`.
    """
    clouds = [_points(result, state.box, state.spectrum, camera, colour) for state in result.states if state.box]
    values = np.concatenate([np.empty((0, len(FIELDS)), np.float32), *clouds])
    fields = [PointField(name=name, offset=4 * index, datatype=PointField.FLOAT32, count=1)
              for index, name in enumerate(FIELDS)]
    return point_cloud2.create_cloud(header, fields, values)


def _points(result: PipelineResult, box: Box, spectrum: npt.NDArray[np.float32], camera: CameraInfo,
            colour: FalseColour) -> npt.NDArray[np.float32]:
    frame, (sx, sy) = result.frame, result.scale
    inside = box.scaled(1 / sx, 1 / sy).clipped(frame.width, frame.height)
    if inside is None:
        return np.empty((0, len(FIELDS)), np.float32)
    left, top = (math.floor(value) for value in inside.corners[:2])
    right, bottom = (math.ceil(value) for value in inside.corners[2:])
    step = math.ceil(math.sqrt((right - left) * (bottom - top) / MAX_POINTS))
    pixels = frame.part(slice(top, bottom, step), slice(left, right, step))
    rows, columns = (axis.ravel() for axis in np.mgrid[top:bottom:step, left:right:step])
    rays = viewing_rays(camera, np.stack([(columns + 0.5) * sx, (rows + 0.5) * sy], axis=1))
    rgb = colour.apply(pixels).reshape(-1, 3).astype(np.uint32)
    angle = np.full(len(rows), np.nan, np.float32)
    if len(spectrum) == frame.bands:
        angle = spectral_angle(pixels.reshape(-1, frame.bands), spectrum)
    packed = (rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]).view(np.float32)
    return np.column_stack([rays.astype(np.float32), packed, angle])
