"""Ordinary scenes: a real annotated colour video, each of its materials given a spectrum for the whole clip."""
from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hsi_models.data.simulation.illumination import illumination_course
from hsi_models.data.simulation.scene import Scene
from hsi_models.data.simulation.upsampling import draw_materials, linear_from_srgb, load_basis

Array = npt.NDArray[np.float64]
CACHED_FRAMES = 4


class VideoFolder:
    """Frames `0001.jpg` ... and `groundtruth_rect.txt` (x, y, w, h; 0-based; nan where not visible).

    Args:
        folder: of the video.
        longest: frames are shrunk, boxes with them, until no side is longer, pixels.

    Raises:
        ValueError: no frames, or not one box a frame.
    """

    def __init__(self, folder: Path, longest: int = 256) -> None:
        self.name = folder.name
        self.paths = sorted(folder.glob('[0-9]*.jpg'))
        truth = folder / 'groundtruth_rect.txt'
        if not self.paths or not truth.is_file():
            raise ValueError(f'expected frames 0001.jpg ... and groundtruth_rect.txt in {folder}, '
                             f'got {len(self.paths)} frames' + ('' if truth.is_file() else ' and no ground truth'))
        self.boxes: Array = np.loadtxt(truth, delimiter=',', ndmin=2)
        if self.boxes.shape != (len(self.paths), 4):
            raise ValueError(f'{truth}: expected {len(self.paths)} rows of 4 numbers, got {self.boxes.shape}')
        height, width = self._read(0).shape[:2]
        scale = min(1.0, longest / max(height, width))
        self.size = round(height * scale), round(width * scale)
        self.boxes *= np.array([self.size[1] / width, self.size[0] / height] * 2)
        self._cache: OrderedDict[int, Tensor] = OrderedDict()

    def __len__(self) -> int:
        return len(self.paths)

    def _read(self, index: int) -> npt.NDArray[np.uint8]:
        picture = cv2.imread(str(self.paths[index]), cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError(f'{self.paths[index]}: expected a picture, got a file that cannot be decoded')
        return np.asarray(picture[..., ::-1], np.uint8)

    def rgb(self, index: int) -> Tensor:
        """Linear RGB of a frame, (1, 3, H, W), 0..1."""
        if index not in self._cache:
            picture = self._read(index)
            if picture.shape[:2] != self.size:
                picture = np.asarray(cv2.resize(picture, self.size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
            pixels = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
            self._cache[index] = linear_from_srgb(pixels)
            if len(self._cache) > CACHED_FRAMES:
                self._cache.popitem(last=False)
        return self._cache[index]


def ordinary_scene(folder: Path, seed: int, light: str = 'drift', strength: float = 1.5, materials: int = 24,
                   light_strength: float = 1.0) -> Scene:
    """A colour video turned hyperspectral.

    Args:
        folder: see `VideoFolder`.
        seed: of materials and light.
        light: kind of `illumination_course`.
        strength: of the residual spectra, 1 as measured ones.
        materials: how many colours of the first frame get a spectrum of their own.
        light_strength: see `illumination_course`.
    """
    video = VideoFolder(folder)
    generator = torch.Generator().manual_seed(seed)
    palette = draw_materials(video.rgb(0), generator, materials, strength)
    course = illumination_course(light, len(video), np.random.default_rng([seed, 1]), strength=light_strength)
    return Scene(video.name, load_basis().spectra.numpy().astype(np.float64), lambda index: palette.planes(
        video.rgb(index)), video.boxes, course, ('ordinary', light))
