"""A scene is coefficients of spectra over time and true boxes; rendering it through a camera gives the images."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hsi_models.camera import Camera
from hsi_models.data.cameras import camera_to_json
from hsi_models.data.simulation.snapshot import SnapshotCamera
from hsi_models.mosaic import cube_to_mosaic

Array = npt.NDArray[np.float64]
PNG_OPTIONS = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)     # noise: twice as fast, as small


@dataclass(frozen=True, eq=False)
class Scene:
    """What happens before a camera.

    Args:
        name: usable as a folder's name.
        spectra: what the coefficients stand for, on `illumination.GRID_NM`, (L, P).
        planes: coefficients of frame i, tensor (1, P, H, W).
        boxes: true x, y, w, h a frame, pixels, nan where the target cannot be seen, (N, 4).
        light: relative to sunlight, a frame and wavelength, (N, L).
        attributes: groups and challenges.
    """

    name: str
    spectra: Array
    planes: Callable[[int], Tensor]
    boxes: Array
    light: Array
    attributes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.boxes)


def expose(scene: Scene, camera: SnapshotCamera, brightest: float = 0.8) -> float:
    """Exposure at which the 99.5th percentile of frame 0 reaches a share of full scale."""
    bands = _light_on_sensor(scene, camera, 0, 1.0)
    level = float(torch.quantile(bands.amax(dim=1).flatten(), 0.995))
    return brightest * camera.full_scale / max(level, 1.0)


def render(scene: Scene, camera: SnapshotCamera, seed: int, exposure: float,
           frames: int | None = None) -> Iterator[npt.NDArray[np.uint16]]:
    """Images of a scene in order: mosaics (rows * H, columns * W) or cubes (H, W, C), uint16.

    Args:
        scene: what is seen.
        camera: through what.
        seed: of fixed pattern and noise.
        exposure: see `SnapshotCamera.matrix`.
        frames: stop after so many.
    """
    generator = torch.Generator().manual_seed(seed)
    pattern: Tensor | None = None
    for index in range(len(scene) if frames is None else min(frames, len(scene))):
        bands = _light_on_sensor(scene, camera, index, exposure)
        if pattern is None:
            pattern = camera.fixed_pattern((bands.shape[2], bands.shape[3]), generator)
        cube = camera.digitise(bands * pattern, generator)[0].permute(1, 2, 0).numpy().astype(np.uint16)
        yield cube_to_mosaic(cube, *camera.mosaic) if camera.mosaic != (0, 0) else cube


def _light_on_sensor(scene: Scene, camera: SnapshotCamera, index: int, exposure: float) -> Tensor:
    matrix = torch.as_tensor(camera.matrix(scene.spectra, scene.light[index], exposure), dtype=torch.float32)
    planes = scene.planes(index)
    flat = matrix @ planes.flatten(2)
    return camera.focus(flat.reshape(1, -1, *planes.shape[2:])).clamp(min=0)


def write_sequence(folder: Path, camera: Camera, images: Iterator[npt.NDArray[Any]], boxes: Array,
                   attributes: tuple[str, ...] = ()) -> None:
    """Write a HOTC-like sequence: `HSI/0001.png` ..., `groundtruth_rect.txt`, `wavelengths.json`, `attributes.txt`.

    Args:
        folder: is made; files of the same names are replaced.
        camera: a mosaic camera with wavelengths.
        images: uint16 mosaics in order.
        boxes: x, y, w, h a frame in pixels of the cube, 0-based, (N, 4); nan where the target cannot be seen.
        attributes: one a line.

    Raises:
        ValueError: the camera has no mosaic, or there are not as many images as boxes.
    """
    if not camera.is_mosaic:
        raise ValueError('expected a mosaic camera for a sequence of PNG files, got one that gives cubes')
    (folder / 'HSI').mkdir(parents=True, exist_ok=True)
    count = 0
    for image in images:
        count += 1
        cv2.imwrite(str(folder / 'HSI' / f'{count:04d}.png'), image, PNG_OPTIONS)
    if count != len(boxes):
        raise ValueError(f'expected {len(boxes)} images, one a box, got {count}')
    rows = (','.join('nan' if math.isnan(value) else f'{value:.2f}' for value in row) for row in boxes)
    (folder / 'groundtruth_rect.txt').write_text('\n'.join(rows) + '\n')
    (folder / 'attributes.txt').write_text('\n'.join(attributes) + '\n')
    (folder / 'wavelengths.json').write_text(camera_to_json(camera))
