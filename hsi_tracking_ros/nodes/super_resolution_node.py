"""Mosaics or cubes in, upscaled cubes out, for tracking, viewing and recording; idle while nobody subscribes."""
from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.camera import Camera
from hsi_models.registry import create_super_resolver
from hsi_models.superresolution.images import upscale_image
from hsi_models.superresolution.settings import SCALES
from hsi_models.superresolution.super_resolver import Tiling
from hsi_tracking_ros.camera_file import CAMERA_FILE
from hsi_tracking_ros.cube_node import EVERY_FRAME, CubeNode
from hsi_tracking_ros.parameters import Entry
from hsi_tracking_ros.runner import run_node

TABLE = (
    CAMERA_FILE,
    Entry('model', 'cst_eigen', 'name of the super-resolver, NAME or NAME:preset (hsi-tracking models)'),
    Entry('scale', 2, 'enlargement of both sides; a network has weights for some only', choices=SCALES),
    Entry('weights', '', 'file of weights of your own, its card beside it; empty: the shipped ones'),
    Entry('device', 'cpu', 'where networks compute: cpu, cuda or cuda:N'),
    Entry('tile', Tiling.size, 'side of a tile, a multiple of 16: what is needed beside the result follows it', 'px',
          low=16, high=4096),
    Entry('tile_margin', Tiling.margin, 'overlap of tiles on each side, a multiple of 16', 'px', low=0, high=1024),
    EVERY_FRAME,
)


class SuperResolutionNode(CubeNode):
    """image, hyperspectral_info -> ~/image, ~/hyperspectral_info (docs/nodes.md)."""

    grace_s = 1.0       # some drivers of cubes state nothing, and no more than the pattern of a mosaic is needed here

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('super_resolution', TABLE, **kwargs)
        self._resolver: Any = None

    def validate_parameters(self, values: Mapping[str, Any]) -> None:
        """A tile has to fit the windows of attention."""
        Tiling(values['tile'], values['tile_margin'])

    def load(self) -> None:
        """Load the model and run it once."""
        p = self.parameters
        self._resolver = create_super_resolver(
            p['model'], scale=p['scale'], device=p['device'], weights=p['weights'] or None,
            tiling=Tiling(p['tile'], p['tile_margin']))
        self._resolver.upscale(np.zeros((16, 16, 16), np.float32))

    def unload(self) -> None:
        """Free the model."""
        self._resolver = None

    def convert(self, image: npt.NDArray[Any], source: Camera) -> tuple[npt.NDArray[Any], Camera]:
        """Upscale one image."""
        return upscale_image(image, source, self._resolver)

    def facts(self) -> dict[str, object]:
        """For the diagnostics."""
        resolver, p = self._resolver, self.parameters
        return {'model': resolver.name if resolver else 'not configured', 'scale': p['scale'], 'device': p['device'],
                'weights sha256': getattr(resolver, 'weights_sha256', None) or 'none'}


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run_node(SuperResolutionNode, args)


if __name__ == '__main__':
    sys.exit(main())
