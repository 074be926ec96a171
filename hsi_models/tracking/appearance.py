"""What a correlation filter sees of a hyperspectral frame: shape, brightness, colour and target probability."""
from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.crops import to_crop
from hsi_models.tracking.features import contrast_normalised, orientation_histograms, pooled
from hsi_models.tracking.probability import ProbabilityConfig, TargetProbability
from hsi_models.tracking.spectra import blurred, unit_spectra
from hsi_models.tracking.views import Pixels, planes

Float = npt.NDArray[np.float32]
_COLOURS = 3


@dataclass(frozen=True)
class AppearanceConfig:
    """Geometry and mixture of the features.

    Args:
        search_factor: side of the search square in units of sqrt(w * h) of the target.
        cells: cells along the side of the feature maps.
        cell_px: pixels of the resampled search square along a cell, even.
        intensity: weight of brightness beside that of orientation histograms, 1.
        colour: weight of the principal components of the normalised spectra.
        probability_floor: weight of the target probability where the spectrum does not separate.
        probability_gain: added to it where it separates fully.
        shape_loss: share of the weight that shape, brightness and colour lose there.
        scale_probability: weight of the target probability in the scale filter, without and with full separation.
        fit: how the target probability is fitted.
    """

    search_factor: float = 4.0
    cells: int = 32
    cell_px: int = 4
    intensity: float = 0.3
    colour: float = 0.3
    probability_floor: float = 0.5
    probability_gain: float = 2.0
    shape_loss: float = 0.7
    scale_probability: tuple[float, float] = (0.05, 0.35)
    fit: ProbabilityConfig = field(default_factory=ProbabilityConfig)

    def __post_init__(self) -> None:
        if self.search_factor <= 1 or self.cells < 8 or self.cell_px < 2 or self.cell_px % 2:
            raise ValueError('expected search_factor > 1, cells >= 8 and an even cell_px >= 2, got '
                             f'{self.search_factor:g}, {self.cells} and {self.cell_px}')

    @property
    def pixels(self) -> int:
        """Side of the resampled search square, pixels."""
        return self.cells * self.cell_px


@dataclass(frozen=True, eq=False)
class View:
    """A search square and what was computed in it.

    Args:
        region: the square, pixels of the frame.
        features: shape (D, cells, cells), for the translation filter.
        scale_maps: shape (E, pixels / 2, pixels / 2), for the scale filter.
        probability: target probability, shape (pixels, pixels), 0..1.
        patch: blurred spectra on the pixel grid of the frame, or averages of it, shape (n, n, C), 1 = full scale.
        patch_region: what `patch` shows, pixels of the frame.
    """

    region: Box
    features: Float
    scale_maps: Float
    probability: Float
    patch: Float
    patch_region: Box

    def spectrum(self, box: Box, inner: float = 0.6) -> Float:
        """Mean spectrum of the inner part of a box of the frame, (C,), 1 = full scale."""
        rows, columns = _slices(to_crop(_shrunk(box, inner), self.patch_region, self.patch.shape[:2]), self.patch)
        mean: Float = self.patch[rows, columns].mean(axis=(0, 1))
        return mean

    def contrast(self, box: Box, inner: float = 0.7) -> float:
        """Mean target probability of the inner part of a box of the frame less that of the ring around the box."""
        size = self.probability.shape
        inside = self.probability[_slices(to_crop(_shrunk(box, inner), self.region, size), self.probability)]
        whole = self.probability[_slices(to_crop(box, self.region, size), self.probability)]
        wide = self.probability[_slices(to_crop(_shrunk(box, 2.0), self.region, size), self.probability)]
        ring = (wide.sum() - whole.sum()) / max(wide.size - whole.size, 1)
        return float(inside.mean() - ring)

    def standing_out(self, target: Box, inner: float = 0.7) -> Float:
        """`contrast` of boxes of the size of a target, one centred on every cell, (cells, cells)."""
        half = pooled(self.probability[None], 2)[0]
        pixel = half.shape[1] / self.region.w
        # Odd sides: an even box of cv2.blur has its centre between pixels.
        sides = [(2 * int(target.w * factor * pixel / 2) + 1, 2 * int(target.h * factor * pixel / 2) + 1)
                 for factor in (inner, 1.0, 2.0)]
        inside, whole, wide = (cv2.blur(half, side, borderType=cv2.BORDER_REPLICATE) for side in sides)
        area, wide_area = (width * height for width, height in sides[1:])
        ring = (wide * wide_area - whole * area) * np.float32(1 / max(wide_area - area, 1))
        out: Float = pooled((inside - ring)[None], len(half) // self.features.shape[1])[0]
        return out


@dataclass(frozen=True, eq=False)
class Appearance:
    """Everything that is estimated on the first frame and used unchanged in all later ones.

    Args:
        config: geometry and mixture.
        probability: the target probability image.
        colours: shape (C, 3), whitened principal directions of the normalised spectra around the target.
        origin: shape (3,), their mean.
    """

    config: AppearanceConfig
    probability: TargetProbability
    colours: Float
    origin: Float

    @classmethod
    def fit(cls, frame: HyperspectralFrame, box: Box, config: AppearanceConfig) -> Appearance:
        """Estimate on the first frame.

        Raises:
            ValueError: the box shows no pixel of the frame, or values are not finite.
        """
        config = replace(config, fit=config.fit.on(frame))
        probability = TargetProbability.fit(frame.data, box, config.fit)
        _, patch = _spectra(frame, _square(box.centre, box, config), config)
        unit = unit_spectra(patch)[0].reshape(-1, frame.bands)
        mean = unit.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(unit - mean, rowvar=False).reshape(frame.bands, frame.bands))
        count = min(_COLOURS, frame.bands)
        strongest = slice(-1, -count - 1, -1)
        colours = vectors[:, strongest] / np.sqrt(values[strongest] + 1e-9)
        return cls(config, probability, colours.astype(np.float32), (mean @ colours).astype(np.float32))

    @property
    def weight(self) -> float:
        """How far the spectrum is trusted, 0..1."""
        return self.probability.separability.weight

    def view(self, frame: HyperspectralFrame, centre: tuple[float, float], target: Box) -> View:
        """Look at the search square around a centre, as wide as the size of a target asks for.

        Raises:
            ValueError: the frame has values there that are not finite.
        """
        config = self.config
        region = _square(centre, target, config)
        pixels, patch = _spectra(frame, region, config)
        unit, norm = unit_spectra(patch)
        side = len(patch)
        maps = np.empty((side, side, 2 + self.colours.shape[1]), np.float32)
        maps[..., 0] = np.sqrt(norm / math.sqrt(frame.bands))     # square root: noise and gradients even out
        maps[..., 1] = self.probability.of_spectra(unit, norm)
        maps[..., 2:] = unit @ self.colours - self.origin
        maps = planes(pixels.crop(maps, region, config.pixels))
        return View(region, *self._features(maps), maps[1], patch, pixels.area)

    def _features(self, maps: Float) -> tuple[Float, Float]:
        """Maps for translation (D, cells, cells) and scale (E, pixels / 2, pixels / 2)."""
        config = self.config
        shape = np.float32(1 - config.shape_loss * self.weight)
        fine = orientation_histograms(maps[0], 2)
        fine_maps = pooled(maps, 2)
        coarse_maps = pooled(fine_maps, config.cell_px // 2)
        brightness = coarse_maps[0] - coarse_maps[0].mean()
        brightness /= coarse_maps[0].std() + np.float32(1e-6)
        features = np.concatenate([
            contrast_normalised(pooled(fine, config.cell_px // 2)) * shape,
            brightness[None] * (config.intensity * shape),
            np.tanh(coarse_maps[2:] / 2) * (config.colour * shape),
            coarse_maps[1:2] * np.float32(config.probability_floor + config.probability_gain * self.weight)])
        window = np.hanning(config.cells + 2)[1:-1].astype(np.float32)
        features *= window[:, None] * window
        low, high = config.scale_probability
        scale_maps = np.concatenate([fine * shape, np.tanh(fine_maps[2:] / 2) * (low * shape),
                                     fine_maps[1:2] * np.float32(low + (high - low) * self.weight)])
        return features.astype(np.float32, copy=False), scale_maps.astype(np.float32, copy=False)


def _square(centre: tuple[float, float], target: Box, config: AppearanceConfig) -> Box:
    side = config.search_factor * math.sqrt(target.area)
    return Box.from_centre(*centre, side, side)


def _spectra(frame: HyperspectralFrame, region: Box, config: AppearanceConfig) -> tuple[Pixels, Float]:
    """The pixels around a region, and their blurred spectra, (n, n, C), 1 = full scale."""
    pixels = Pixels.around(frame, region, config.pixels)
    return pixels, blurred(pixels.values * np.float32(1 / frame.scale), config.fit.blur_px / pixels.step)


def _shrunk(box: Box, factor: float) -> Box:
    return Box.from_centre(*box.centre, box.w * factor, box.h * factor)


def _slices(box: Box, image: Float) -> tuple[slice, slice]:
    """Rows and columns of a box, within the image and at least one pixel each."""
    x1, y1, x2, y2 = box.corners
    top = min(max(round(y1), 0), image.shape[0] - 1)
    left = min(max(round(x1), 0), image.shape[1] - 1)
    return (slice(top, max(top + 1, min(round(y2), image.shape[0]))),
            slice(left, max(left + 1, min(round(x2), image.shape[1]))))
