"""What every source of frames offers: folders, bags and simulated scenes alike."""
from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from hsi_models.camera import Camera


@runtime_checkable
class Sequence(Protocol):
    """Images in order of time, as a camera would publish them, and what is known of them.

    Boxes are in pixels of the cube (for a mosaic: one pixel a cell of the pattern), 0-based, continuous,
    as the field's ground truth is.
    """

    @property
    def name(self) -> str:
        """Short name, usable as a file name."""
        ...

    @property
    def camera(self) -> Camera:
        """The camera that made the images."""
        ...

    @property
    def frame_rate_hz(self) -> float:
        """Nominal frame rate."""
        ...

    @property
    def boxes(self) -> npt.NDArray[np.float64]:
        """x, y, w, h a frame, (N, 4), nan where there is no valid truth; (0, 4) without ground truth,
        fewer rows than frames where only the first boxes are given."""
        ...

    @property
    def attributes(self) -> tuple[str, ...]:
        """Challenge attributes or groups; may be empty."""
        ...

    def __len__(self) -> int:
        """Number of frames."""
        ...

    def image(self, index: int) -> npt.NDArray[Any]:
        """Frame `index` as the camera gives it: a mosaic (rows*H, columns*W) or a cube (H, W, C) in the
        camera's band order; uint8, uint16 or float32.

        Raises:
            IndexError: no such frame.
            ValueError: the file is malformed; says which, what was expected and what was got.
        """
        ...

    def stamp_ns(self, index: int) -> int:
        """Time of exposure of frame `index`, ns; recorded, or index / frame rate from 1 s on."""
        ...
