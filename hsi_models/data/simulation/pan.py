"""Pan: a moving window over a still, measured scene; nothing is put into it, everything in it moves."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.camera import Camera
from hsi_models.data.simulation.backdrop import Backdrop
from hsi_models.data.simulation.illumination import illumination_course
from hsi_models.data.simulation.motion import wander
from hsi_models.data.simulation.scene import Scene

Array = npt.NDArray[np.float64]


def window_offsets(scene: tuple[int, int], view: tuple[int, int], box: tuple[float, float, float, float], frames: int,
                   rng: np.random.Generator, speed: float = 0.12) -> npt.NDArray[np.int64]:
    """Top-left corner y, x of a window that keeps a box of the scene in sight, whole pixels, (N, 2).

    Raises:
        ValueError: the window is larger than the scene.
    """
    if view[0] > scene[0] or view[1] > scene[1]:
        raise ValueError(f'expected a window within a scene of {scene[0]} x {scene[1]}, got {view[0]} x {view[1]}')
    x, y, w, h = box
    path = wander(frames, view, max(w, h), rng, speed)[:, :2]
    corner = np.rint(np.array([x + w / 2, y + h / 2]) - path)[:, ::-1]
    out: npt.NDArray[np.int64] = np.clip(corner, 0, np.subtract(scene, view)).astype(np.int64)
    return out


def moving_boxes(box: tuple[float, float, float, float], offsets: npt.NDArray[np.int64], view: tuple[int, int],
                 ) -> Array:
    """A box of the scene in the windows, cut at their edges: (N, 4); nan where less than a tenth is inside."""
    x, y, w, h = box
    x0 = np.clip(x - offsets[:, 1], 0, view[1])
    y0 = np.clip(y - offsets[:, 0], 0, view[0])
    x1 = np.clip(x + w - offsets[:, 1], 0, view[1])
    y1 = np.clip(y + h - offsets[:, 0], 0, view[0])
    boxes = np.column_stack([x0, y0, x1 - x0, y1 - y0])
    boxes[boxes[:, 2] * boxes[:, 3] < 0.1 * w * h] = np.nan
    return boxes


def pan_scene(name: str, backdrop: Backdrop, box: tuple[float, float, float, float], view: tuple[int, int],
              frames: int, seed: int, light: str = 'drift') -> Scene:
    """A window moves over a measured cube.

    Args:
        name: of the scene.
        backdrop: the cube.
        box: of the target in the backdrop, pixels.
        view: (H, W) of the window.
        frames: N.
        seed: of path and light.
        light: kind of `illumination_course`.
    """
    rng = np.random.default_rng([seed, 21])
    offsets = window_offsets(backdrop.size, view, box, frames, rng)
    return Scene(name, backdrop.spectra,
                 lambda i: backdrop.planes[:, :, offsets[i, 0]:offsets[i, 0] + view[0],
                                           offsets[i, 1]:offsets[i, 1] + view[1]],
                 moving_boxes(box, offsets, view), illumination_course(light, frames, rng), ('pan', light))


def pan_mosaic(path: Path, box: tuple[float, float, float, float], view: tuple[int, int], frames: int, seed: int,
               ) -> tuple[Camera, Iterator[npt.NDArray[np.uint16]], Array]:
    """A window moves by whole cells over a real 4 x 4 mosaic; not one value is changed.

    Args:
        path: picture file, one channel.
        box: of the target, pixels of the cube.
        view: (H, W) of the window, pixels of the cube.
        frames: N.
        seed: of the path.

    Returns:
        camera (band centres unknown), images, boxes (N, 4).

    Raises:
        ValueError: not a picture of one channel.
    """
    mosaic = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if mosaic is None or mosaic.ndim != 2:
        raise ValueError(f'{path}: expected a picture of one channel, got '
                         f'{"no picture" if mosaic is None else mosaic.shape}')
    rng = np.random.default_rng([seed, 22])
    offsets = window_offsets((mosaic.shape[0] // 4, mosaic.shape[1] // 4), view, box, frames, rng)
    images = (np.asarray(mosaic[4 * y:4 * (y + view[0]), 4 * x:4 * (x + view[1])], np.uint16) for y, x in offsets)
    camera = Camera(model='real-mosaic-4x4', bit_depth=8 * mosaic.dtype.itemsize, mosaic_rows=4, mosaic_columns=4)
    return camera, images, moving_boxes(box, offsets, view)
