"""What is behind the target: pictures and measured cubes as coefficient planes, and differences no colour shows."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hsi_models.colour import band_weights
from hsi_models.data.cubes import load_cube
from hsi_models.data.simulation.illumination import GRID_NM, daylight
from hsi_models.data.simulation.materials import hidden_difference
from hsi_models.data.simulation.snapshot import SnapshotCamera
from hsi_models.data.simulation.upsampling import brightness, draw_materials, load_basis, resize

Array = npt.NDArray[np.float64]

CUBE_COMPONENTS = 12
AVIRIS_NM = (366.0, 9.552)       # first band and step


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A still scene.

    Args:
        planes: coefficients, (1, P, H, W).
        spectra: what they stand for, on `GRID_NM`, (L, P).
        brightness: mean reflectance, the unit of hidden differences, (1, 1, H, W).
    """

    planes: Tensor
    spectra: Array
    brightness: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """(H, W), pixels."""
        return int(self.planes.shape[2]), int(self.planes.shape[3])


def picture_backdrop(rgb: Tensor, size: tuple[int, int], generator: torch.Generator, strength: float = 1.0,
                     materials: int = 24) -> Backdrop:
    """A colour picture whose colours each get a spectrum.

    Args:
        rgb: linear RGB, (1, 3, h, w) on CPU; the largest part of the right shape is taken.
        size: (H, W) wanted.
        generator: of the materials.
        strength, materials: see `draw_materials`.
    """
    height, width = rgb.shape[2:]
    scale = min(height / size[0], width / size[1])
    h, w = round(size[0] * scale), round(size[1] * scale)
    y, x = (height - h) // 2, (width - w) // 2
    picture = resize(rgb[:, :, y:y + h, x:x + w], size).clamp(0, 1)
    planes = draw_materials(picture, generator, materials, strength).planes(picture)
    return Backdrop(planes, load_basis().spectra.numpy().astype(np.float64), brightness(picture))


def read_cube(path: Path) -> npt.NDArray[np.float32]:
    """A measured cube as reflectance on `GRID_NM`: (H, W, L).

    Cubes that state no scale are radiances: they are divided by the mean spectrum of their brightest hundredth, which
    takes off sun and atmosphere. AVIRIS cubes without wavelengths are taken to have lost no band below 1000 nm.

    Raises:
        ValueError: the file holds no cube, or it says nothing of its wavelengths.
    """
    loaded = load_cube(path)
    nm = np.asarray(loaded.wavelengths_nm)
    if loaded.nominal and 'hyperion' not in path.stem:
        nm = AVIRIS_NM[0] + AVIRIS_NM[1] * np.arange(len(nm))
    if not len(nm):
        raise ValueError(f'{path}: expected a cube with wavelengths, stated or nominal, got none')
    use = (nm >= 390) & (nm <= 1015)
    cube, nm = np.clip(loaded.data[..., use].astype(np.float32), 0, None), nm[use]
    if loaded.scale:
        cube *= np.float32(loaded.scale)
    else:
        flat = cube.reshape(-1, cube.shape[2])
        light = flat.mean(axis=1)
        cube *= (0.6 / np.maximum(flat[light >= np.quantile(light, 0.99)].mean(axis=0), 1e-6)).astype(np.float32)
    index = np.interp(GRID_NM, nm, np.arange(len(nm)))
    low = np.clip(np.floor(index).astype(int), 0, len(nm) - 2)
    share = (index - low).astype(np.float32)
    resampled = cube[..., low] * (1 - share) + cube[..., low + 1] * share
    return np.asarray(np.clip(resampled, 0, 1.5), np.float32)


def cube_backdrop(path: Path, zoom: float, crop: tuple[int, int] | None = None, start: tuple[int, int] = (0, 0),
                  ) -> Backdrop:
    """A measured cube, enlarged.

    Args:
        path: see `hsi_models.data.cubes.load_cube`.
        zoom: pixels of the result a pixel of the cube.
        crop: (H, W) of the result; None for all of it.
        start: y, x of the crop in the result.
    """
    cube = read_cube(path)
    height, width, bands = cube.shape
    flat = cube.reshape(-1, bands).astype(np.float64)
    mean = flat.mean(axis=0)
    _, _, components = np.linalg.svd(flat[::max(1, len(flat) // 4000)] - mean, full_matrices=False)
    spectra = np.concatenate([mean[None], components[:CUBE_COMPONENTS]]).T
    coefficients = np.column_stack([np.ones(len(flat)), (flat - mean) @ components[:CUBE_COMPONENTS].T])
    size = round(height * zoom), round(width * zoom)
    planes = np.stack([cv2.resize(plane, size[::-1], interpolation=cv2.INTER_CUBIC) for plane in
                       coefficients.astype(np.float32).reshape(height, width, -1).transpose(2, 0, 1)])
    if crop is not None:
        planes = planes[:, start[0]:start[0] + crop[0], start[1]:start[1] + crop[1]]
    level = np.einsum('p,phw->hw', spectra.mean(axis=0).astype(np.float32), planes).clip(0.01)
    return Backdrop(torch.from_numpy(np.ascontiguousarray(planes))[None], spectra,
                    torch.from_numpy(level.astype(np.float32))[None, None])


def hidden_spectra(camera: SnapshotCamera, count: int, rng: np.random.Generator) -> Array:
    """Differences that the camera's false colours do not show, neither of raw values nor of reflectance: (L, count).

    They lie where the camera sees; largest value 1.
    """
    description = camera.description()
    order = description.band_order(camera.bands)
    weights = band_weights(description.spectral_info(camera.bands), len(order)).T
    responses = (camera.effective_responses() * daylight(5500))[order]
    white = responses.sum(axis=1, keepdims=True)
    seen = np.concatenate([weights @ responses, weights @ (responses / white)])
    sensitive = responses.max(axis=0)
    inside = sensitive > 0.04 * sensitive.max()
    out = np.zeros((len(GRID_NM), count))
    for index in range(count):
        out[inside, index] = hidden_difference(GRID_NM[inside], seen[:, inside], rng, 14.0)
    return out


def low_pass(planes: Tensor, radius: int) -> Tensor:
    """Local mean over (2 radius + 1) squared pixels, (1, P, H, W) on CPU -> the same shape."""
    side = 2 * radius + 1
    means = [cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE) for plane in planes[0].numpy()]
    return torch.from_numpy(np.stack(means))[None]
