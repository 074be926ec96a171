"""Super-resolvers judged on cubes whose fine version is known: shrink, enlarge, compare."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from hsi_models.superresolution.degradation import camera_noise, degrade
from hsi_models.superresolution.metrics import CubeQuality, compare_cubes, mean_quality
from hsi_models.superresolution.super_resolver import SuperResolver

FloatCube = npt.NDArray[np.float32]
NOMINAL_RANGE_NM = {'abu': (366.0, 2496.0), 'moffett': (366.0, 2496.0), 'paris': (426.0, 2395.0)}
"""Cubes that state no wavelengths: AVIRIS and Hyperion, in even steps (absorption bands removed somewhere)."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One super-resolver on one cube."""

    model: str
    cube: str
    quality: CubeQuality
    low: FloatCube
    reference: FloatCube
    estimate: FloatCube


def crop_to_multiple(cube: FloatCube, multiple: int) -> FloatCube:
    """The top-left part of (H, W, C) whose sides `multiple` divides.

    Raises:
        ValueError: nothing is left.
    """
    height, width = (side // multiple * multiple for side in cube.shape[:2])
    if not height or not width:
        raise ValueError(f'expected a cube of at least {multiple} x {multiple} pixels, got shape {cube.shape}')
    return cube[:height, :width]


def shrink(cube: FloatCube, scale: int) -> FloatCube:
    """Antialiased bicubic: (s H, s W, C) -> (H, W, C)."""
    low = degrade(torch.from_numpy(np.ascontiguousarray(cube.transpose(2, 0, 1))), scale)
    return np.ascontiguousarray(low.permute(1, 2, 0).numpy())


def nominal_wavelengths(name: str, bands: int) -> npt.NDArray[np.float64]:
    """Wavelengths of a cube that carries none, nm, (C,).

    Raises:
        ValueError: a cube of an unknown sensor.
    """
    for prefix, (low, high) in NOMINAL_RANGE_NM.items():
        if name.startswith(prefix):
            return np.linspace(low, high, bands)
    raise ValueError(f'expected wavelength_nm in the file of {name!r}, got none, and its sensor is not known')


def through_camera(cube: FloatCube, wavelengths_nm: npt.NDArray[np.float64], responses: npt.NDArray[np.float64],
                   grid_nm: npt.NDArray[np.float64]) -> FloatCube:
    """What a camera with these filters sees of a cube, noise apart.

    Args:
        cube: (H, W, B).
        wavelengths_nm: of its bands, (B,), any order.
        responses: (C, L) on `grid_nm` (L,).

    Returns:
        (H, W, C), divided by its maximum.
    """
    order = np.argsort(wavelengths_nm, kind='stable')
    unit = np.eye(len(order))
    onto_grid = np.stack([np.interp(grid_nm, wavelengths_nm[order], unit[i]) for i in range(len(order))], axis=1)
    weights = responses @ onto_grid
    weights /= weights.sum(1, keepdims=True)
    seen = cube[..., order] @ weights.T.astype(np.float32)
    return np.asarray(seen / seen.max(), np.float32)


def evaluate_super_resolvers(resolvers: Mapping[str, SuperResolver], cubes: Mapping[str, FloatCube], *,
                             noise_seed: int | None = None) -> Iterator[Trial]:
    """Try every super-resolver on every cube.

    Args:
        resolvers: name -> super-resolver, all of one scale.
        cubes: name -> fine cube (H, W, C) float32, 0..1; cropped to sides that 8 or the scale divides.
        noise_seed: where given, low-resolution cubes carry the noise of a snapshot camera (full well of 8000
            electrons, 10 read-noise electrons, 10 bits), drawn from this seed; references stay clean.

    Yields:
        One trial after the other, cube by cube.
    """
    for name, cube in cubes.items():
        for model, resolver in resolvers.items():
            reference = crop_to_multiple(cube, resolver.scale if resolver.scale == 3 else 8)
            low = shrink(reference, resolver.scale)
            if noise_seed is not None:
                noisy = camera_noise(np.random.default_rng(noise_seed), torch.from_numpy(low), (8e3, 8e3))
                low = noisy.numpy()
            estimate = resolver.upscale(low)
            yield Trial(model, name, compare_cubes(reference, estimate, resolver.scale), low, reference, estimate)


def summarise(trials: Iterable[Trial]) -> dict[str, dict[str, dict[str, float]]]:
    """{model: {'mean': measures, cube: measures, ...}}."""
    by_model: dict[str, dict[str, CubeQuality]] = {}
    for trial in trials:
        by_model.setdefault(trial.model, {})[trial.cube] = trial.quality
    return {model: {'mean': mean_quality(list(cubes.values())).as_dict(),
                    **{name: quality.as_dict() for name, quality in cubes.items()}}
            for model, cubes in by_model.items()}
