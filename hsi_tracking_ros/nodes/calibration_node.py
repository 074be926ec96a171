"""Raw images in, calibrated cubes out, for those who want the cube as a topic; idle while nobody subscribes."""
from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from hsi_models.calibration import Calibration, require_references
from hsi_models.camera import Camera
from hsi_models.frame import Quantity
from hsi_models.ingest import cube_camera, image_bands, to_frame
from hsi_tracking_ros.camera_file import CAMERA_FILE
from hsi_tracking_ros.cube_node import EVERY_FRAME, CubeNode
from hsi_tracking_ros.image_codec import scaled_uint16
from hsi_tracking_ros.parameters import Entry
from hsi_tracking_ros.runner import run_node

TABLE = (
    CAMERA_FILE,
    Entry('calibration_file', '', '.npz with dark, white, defective as images; empty: the levels that the description '
                                  'of the camera states'),
    Entry('encoding', '32FC', '32FC: reflectance as it is; 16UC: reflectance times `scale`', choices=('32FC', '16UC')),
    Entry('scale', 10_000.0, '16UC: value that stands for reflectance 1', low=1.0, high=65_535.0),
    EVERY_FRAME,
)


class CalibrationNode(CubeNode):
    """image, hyperspectral_info -> ~/image, ~/hyperspectral_info (docs/nodes.md)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('calibration', TABLE, **kwargs)

    def load(self) -> None:
        """The references are read with the description of the camera; here it is only asked if they are there."""
        if self.parameters['calibration_file']:
            require_references(self.parameters['calibration_file'])

    def prepare(self, camera: Camera) -> tuple[Camera, Calibration | None]:
        """The camera and its references, from the file or from the levels it states."""
        return camera, Calibration.of(camera, self.parameters['calibration_file'])

    def convert(self, image: npt.NDArray[Any],
                source: tuple[Camera, Calibration | None]) -> tuple[npt.NDArray[Any], Camera]:
        """Calibrate one image; its camera has sorted bands, no mosaic, and nothing left to calibrate."""
        camera, calibration = source
        frame = to_frame(image, camera, calibration=calibration)
        # Only reflectance has a scale of its own; digital numbers fit 16 bits as they are.
        scale = self.parameters['scale'] if frame.info.quantity is Quantity.REFLECTANCE else 1.0
        as_integers = self.parameters['encoding'] == '16UC'
        described = replace(
            cube_camera(camera, image_bands(image, camera)), quantity=frame.info.quantity,
            saturation=frame.info.saturation, bit_depth=0, dark_levels=(),
            white_levels=(scale,) * frame.bands if as_integers and scale != 1.0 else (),
            calibration_file=Path(self.parameters['calibration_file']).name,
            calibration_sha256=calibration.sha256 if calibration else '')
        cube = scaled_uint16(frame.data, scale) if as_integers and frame.data.dtype.kind == 'f' else frame.data
        return cube, described

    def facts(self) -> dict[str, object]:
        """For the diagnostics."""
        return {'encoding': self.parameters['encoding']}


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run_node(CalibrationNode, args)


if __name__ == '__main__':
    sys.exit(main())
