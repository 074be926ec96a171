"""MUST: eight bands from the visible to the near infrared, as `.npy` or as three JPEGs a frame."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.camera import Camera
from hsi_models.data.folder import FRAME_RATE_HZ, FolderSequence, camera_beside, numbered_files
from hsi_models.data.images_io import read_image
from hsi_models.data.numpy_files import image_dtype, load_npy

BANDS = 8
_PART = re.compile(r'^(.*)_img([123])$', re.IGNORECASE)
_PARTS = (1, 2, 3)
_JPEG = ('.jpg', '.jpeg')


class MustSequence(FolderSequence):
    """Cubes (H, W, 8), uint8, without wavelengths (see `hsi_models.data.sequence.Sequence`).

    Either `NUMBER.npy`, or `NUMBER_img1.jpg`, `_img2`, `_img3` with bands 0:3, 3:6 and 5:8 (blue, green, red channel
    in this order). `groundtruth.txt` lies beside them or in the parallel tree `FalseColor`.

    Args:
        folder: of the files.
        camera: overrides the folder's `wavelengths.json`.
        one_based: the ground truth counts pixels from 1.
        frame_rate_hz: nominal.

    Raises:
        ValueError: no frames, a part of a frame missing, or a malformed file.
    """

    def __init__(self, folder: str | Path, *, camera: Camera | None = None, one_based: bool = False,
                 frame_rate_hz: float = FRAME_RATE_HZ) -> None:
        folder = Path(folder)
        parts = jpeg_parts(folder)
        self._frames_files: list[list[Path]] = parts or [[path] for path in numbered_files(folder, ('.npy',))]
        if not self._frames_files:
            raise ValueError(f'{folder}: expected NUMBER.npy, or NUMBER_img1.jpg, _img2 and _img3, found none')
        camera = camera or camera_beside(folder) or Camera(model='MUST', bit_depth=8)
        parallel = [Path(re.sub('HSIJPG|HSIData', 'FalseColor', str(folder.absolute())))]
        super().__init__(folder, len(self._frames_files), camera, one_based=one_based, frame_rate_hz=frame_rate_hz,
                         truth_folders=parallel)

    def _read(self, index: int) -> npt.NDArray[Any]:
        files = self._frames_files[index]
        if len(files) == 1:
            cube = image_dtype(load_npy(files[0]), files[0])
            if cube.ndim != 3 or cube.shape[2] != BANDS:
                raise ValueError(f'{files[0]}: expected a cube (H, W, {BANDS}), got {cube.shape}')
            return cube
        images = [read_image(path) for path in files]
        for path, image in zip(files, images, strict=True):
            if image.ndim != 3 or image.shape[2] != 3 or image.shape != images[0].shape:
                raise ValueError(f'{path}: expected three images (H, W, 3) of one size, got {image.shape} beside '
                                 f'{images[0].shape}')
        first, second, third = (image[..., ::-1] for image in images)     # red first -> the order of bands
        return np.concatenate([first, second, third[..., 1:]], axis=2)     # band 5 is in two images


def jpeg_parts(folder: Path) -> list[list[Path]]:
    """The three JPEGs of each frame, in order of frames; empty where the folder has none of that kind.

    Raises:
        ValueError: a frame lacks one of the three.
    """
    found: dict[str, dict[int, Path]] = {}
    for path in folder.iterdir():
        match = _PART.match(path.stem)
        if match and path.suffix.lower() in _JPEG and not path.name.startswith('.'):
            found.setdefault(match.group(1), {})[int(match.group(2))] = path
    for stem, parts in sorted(found.items()):
        if len(parts) != len(_PARTS):
            raise ValueError(f'{folder}: expected three images of frame {stem} (_img1, _img2, _img3), '
                             f'got {", ".join(sorted(path.name for path in parts.values()))}')

    def number(stem: str) -> tuple[int, str]:
        digits = re.findall(r'\d+', stem)
        return int(digits[-1]) if digits else 0, stem
    return [[found[stem][part] for part in _PARTS] for stem in sorted(found, key=number)]
