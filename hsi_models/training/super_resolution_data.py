"""Training pairs for super-resolution: patches of real cubes and of colour images turned hyperspectral.

Every batch follows from (seed, step) alone, so that a resumed training sees what an uninterrupted one would.
"""
from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hsi_models.superresolution.degradation import apply_separable, camera_noise, degrade

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PairConfig:
    """How training pairs are drawn.

    Args:
        scale: enlargement.
        patch: side of the low-resolution patch, pixels.
        batch: pairs a step.
        bands: band counts drawn from.
        image_share: probability that a batch comes from colour images instead of cubes.
        mixture_share: probability that a patch is the mixture of two.
        noise_share: probability that a batch is degraded by noise (shot and read noise, 10 bit), as a snapshot
            camera does.
        blur_share: probability that a batch is blurred before it is shrunk, up to `blur_px` (deviation, pixels of
            high resolution, a unit of scale).
        images: number of colour images to load.
    """

    scale: int = 2
    patch: int = 24
    batch: int = 8
    bands: tuple[int, ...] = (8, 16, 25, 32, 48)
    image_share: float = 0.5
    mixture_share: float = 0.2
    noise_share: float = 0.15
    blur_share: float = 0.1
    blur_px: float = 0.3
    images: int = 1500


def load_images(folder: Path, count: int, smallest: int) -> list[npt.NDArray[np.uint8]]:
    """Colour stills, halved to remove traces of compression: (H, W, 3) uint8 RGB, sides >= `smallest`.

    Raises:
        ValueError: no index of images in the folder.
    """
    index = folder / 'index.jsonl'
    if not index.is_file():
        raise ValueError(f'expected index.jsonl in {folder}, found none')
    files: dict[str, dict[str, str]] = {}
    with index.open(encoding='utf-8') as lines:
        for line in lines:
            record = json.loads(line)
            colour = not record['src'].startswith(('hituav', 'thermal', 'svanstrom_ir'))
            if record['kind'] == 'still' and colour and min(record['wh']) >= 2 * smallest:
                files.setdefault(record['img'], {'shard': record['shard'], 'file': record['file']})
    chosen = sorted(files.values(), key=lambda entry: (entry['shard'], entry['file']))
    chosen = chosen[::max(len(chosen) // max(count, 1), 1)][:count]
    images: list[npt.NDArray[np.uint8]] = []
    for shard in sorted({entry['shard'] for entry in chosen}):
        with zipfile.ZipFile(folder / shard) as archive:
            for entry in chosen:
                if entry['shard'] == shard:
                    data = np.frombuffer(archive.read(entry['file']), np.uint8)
                    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
                    if decoded is None:
                        raise ValueError(f'expected an image in {folder / shard}, {entry["file"]} does not decode')
                    image = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
                    small = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
                    images.append(small.astype(np.uint8))
    return images


def band_responses(rng: np.random.Generator, bands: int, channels: int) -> FloatArray:
    """Random camera: Gaussian responses over a random range of `channels` samples, (bands, channels), rows sum 1."""
    span = rng.uniform(0.3, 1.0)
    start = rng.uniform(0, 1 - span)
    centres = np.sort(rng.uniform(start, start + span, bands))
    width = span / bands * rng.uniform(0.1, 2.0) + 0.3 / channels
    distance = (np.linspace(0, 1, channels)[None, :] - centres[:, None]) / width
    response = np.exp(-0.5 * np.minimum(distance ** 2, 60)) + 1e-12
    return np.asarray(response / response.sum(1, keepdims=True), np.float32)


class PairSampler:
    """Draws batches of (low, high) resolution: `sampler(step)`.

    Args:
        config: how pairs are drawn.
        cubes: (H, W, C) float32 each, 0..1.
        images: (H, W, 3) uint8 RGB each; may be empty.
        seed: of all batches.
    """

    def __init__(self, config: PairConfig, cubes: list[FloatArray], images: list[npt.NDArray[np.uint8]],
                 seed: int) -> None:
        self.config, self.seed = config, seed
        side = config.patch * config.scale
        self.images = [image for image in images if min(image.shape[:2]) >= side]
        self.cubes = [cube for cube in cubes if min(cube.shape[:2]) >= side]
        if not self.cubes:
            raise ValueError(f'expected cubes of at least {side} x {side} pixels, got none; use a smaller patch')
        area = np.array([cube.shape[0] * cube.shape[1] for cube in self.cubes], np.float64)
        self.weights = np.sqrt(area) / np.sqrt(area).sum()

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Batch of step `step`: low (B, C, p, p) and high (B, C, s p, s p), float32, about 0..1."""
        config = self.config
        rng = np.random.default_rng((self.seed, step))
        bands = int(rng.choice(config.bands))
        from_images = bool(self.images) and rng.random() < config.image_share
        draw = self._image_patch if from_images else self._cube_patch
        patches = []
        for _ in range(config.batch):
            patch = draw(rng, bands)
            if rng.random() < config.mixture_share:
                share = np.float32(rng.uniform(0.2, 0.8))
                patch = share * patch + (1 - share) * draw(rng, bands)
            patches.append(_turn(rng, patch))
        high = torch.from_numpy(np.stack(patches))
        return self._degrade(rng, high), high

    def _crop(self, rng: np.random.Generator, image: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        side = self.config.patch * self.config.scale
        y, x = (int(rng.integers(0, length - side + 1)) for length in image.shape[:2])
        return image[y:y + side, x:x + side]

    def _cube_patch(self, rng: np.random.Generator, bands: int) -> FloatArray:
        cube = self.cubes[int(rng.choice(len(self.cubes), p=self.weights))]
        patch = self._crop(rng, cube).astype(np.float32)
        if rng.random() < 0.5:
            chosen = np.sort(rng.choice(cube.shape[2], bands, replace=bands > cube.shape[2]))
            patch = patch[..., chosen]
        else:
            patch = patch @ band_responses(rng, bands, cube.shape[2]).T
        return np.ascontiguousarray(patch.transpose(2, 0, 1)) * np.float32(rng.uniform(0.5, 1.5))

    def _image_patch(self, rng: np.random.Generator, bands: int) -> FloatArray:
        """Bands as smooth mixtures of the colours under a tone curve that varies along the spectrum."""
        colour = self._crop(rng, self.images[int(rng.integers(len(self.images)))]).astype(np.float32) / 255
        linear = colour ** 2.2
        position = np.linspace(0, 1, bands)
        centres = np.array([0.7, 0.4, 0.1]) + rng.normal(0, 0.1, 3)
        mixture = np.exp(-0.5 * ((position[:, None] - centres) / rng.uniform(0.1, 0.4)) ** 2) + 1e-3
        mixture = mixture / mixture.sum(1, keepdims=True)
        wave = sum(rng.normal(0, 0.3) * np.cos(np.pi * k * position + rng.uniform(0, 6.28)) for k in (1, 2, 3))
        gamma = np.exp(wave).astype(np.float32)
        cube = np.power(np.maximum(linear @ mixture.T.astype(np.float32), 1e-4), gamma)
        noise = rng.normal(0, 1, cube.shape) * 10 ** rng.uniform(-4, -2.3)
        return np.ascontiguousarray((cube + noise).transpose(2, 0, 1), dtype=np.float32)

    def _degrade(self, rng: np.random.Generator, high: Tensor) -> Tensor:
        config = self.config
        blurred = high
        if rng.random() < config.blur_share:
            kernel = _blur_matrix(high.shape[-1], rng.uniform(0.05, config.blur_px) * config.scale)
            blurred = apply_separable(kernel, kernel, high)
        low = degrade(blurred, config.scale)
        if rng.random() < config.noise_share:
            low = camera_noise(rng, low)
        return low


def _turn(rng: np.random.Generator, patch: FloatArray) -> FloatArray:
    patch = np.rot90(patch, int(rng.integers(4)), (1, 2))
    return np.ascontiguousarray(patch[:, :, ::-1] if rng.random() < 0.5 else patch)


def _blur_matrix(size: int, deviation: float) -> npt.NDArray[np.float64]:
    position = np.arange(size)
    weights = np.exp(-0.5 * ((position[:, None] - position) / deviation) ** 2)
    return np.asarray(weights / weights.sum(1, keepdims=True), np.float64)
