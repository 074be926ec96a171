"""A snapshot mosaic camera: filters, cross-talk, vignetting, noise, exposure, quantisation, mosaic.

Order of effects as light meets them: lens (vignetting, stray light), filter mosaic (each photosite looks past its
neighbour by a fraction of a cell), silicon (cross-talk, shot noise, response of the photosite), electronics (read
noise, saturation, quantisation). Values are dark-subtracted, as HOTC's are.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from hsi_models.camera import Camera
from hsi_models.data.simulation.illumination import GRID_NM, daylight
from hsi_models.frame import Quantity

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SnapshotCamera:
    """What a camera does to light; photosites in mosaic order, row by row.

    Args:
        name: model.
        responses: of each photosite to light on `GRID_NM`, quantum efficiency included, (C, L), largest 1.
        mosaic: rows and columns of the pattern; (0, 0) for a camera that gives cubes.
        full_well_electrons: at saturation; sets the shot noise.
        read_noise_electrons: standard deviation.
        response_spread: standard deviation of the photosites' gain (fixed pattern).
        cross_talk: share of a photosite's signal that comes from its four neighbours.
        vignetting: loss of light in the corners, 0..1.
        stray_light: share of the picture's mean that lens and sensor spread over all of it.
        bit_depth: of the converter.
        parallax: whether photosites of a cell see neighbouring points, as they do; False for beam splitters.
    """

    name: str
    responses: Array
    mosaic: tuple[int, int]
    full_well_electrons: float = 10000.0
    read_noise_electrons: float = 13.0
    response_spread: float = 0.01
    cross_talk: float = 0.03
    vignetting: float = 0.15
    stray_light: float = 0.03
    bit_depth: int = 10
    parallax: bool = True

    def __post_init__(self) -> None:
        cells = self.mosaic[0] * self.mosaic[1]
        if self.responses.ndim != 2 or self.responses.shape[1] != len(GRID_NM):
            raise ValueError(f'expected responses of shape (C, {len(GRID_NM)}), got {self.responses.shape}')
        if cells and cells != len(self.responses):
            raise ValueError(f'expected {cells} responses for a {self.mosaic[0]} x {self.mosaic[1]} mosaic, '
                             f'got {len(self.responses)}')

    @property
    def bands(self) -> int:
        """Number of photosites of a cell, C."""
        return len(self.responses)

    @property
    def full_scale(self) -> int:
        """Largest digital number."""
        return int(2 ** self.bit_depth - 1)

    def effective_responses(self) -> Array:
        """Responses with the cross-talk of neighbours, (C, L)."""
        rows, columns = self.mosaic
        if not rows or not self.cross_talk:
            return self.responses
        grid = self.responses.reshape(rows, columns, -1)
        around = sum(np.roll(grid, step, axis) for axis in (0, 1) for step in (-1, 1)) / 4
        mixed: Array = (1 - self.cross_talk) * grid + self.cross_talk * around
        return mixed.reshape(self.bands, -1)

    def white_levels(self, exposure: float = 1.0) -> Array:
        """Digital number of reflectance 1 under sunlight of 5500 K without vignetting, (C,)."""
        white = self.effective_responses() @ daylight(5500)
        levels: Array = exposure * self.full_scale * white / white.max()
        return levels

    def matrix(self, spectra: Array, light: Array | None = None, exposure: float = 1.0) -> Array:
        """From coefficients of `spectra` (L, P) to digital numbers: (C, P).

        Args:
            spectra: what the coefficients of a scene stand for, on `GRID_NM`.
            light: relative to sunlight, (L,); None for sunlight.
            exposure: 1 takes a white surface just to saturation in the most sensitive band.
        """
        responses = self.effective_responses() * daylight(5500)
        gain = exposure * self.full_scale / responses.sum(axis=1).max()
        out: Array = gain * (responses * (1 if light is None else light)) @ spectra
        return out

    def description(self, exposure: float = 1.0) -> Camera:
        """Metadata for `wavelengths.json`: centre and width of each filter's strongest lobe, white levels."""
        lobes = [_main_lobe(row) for row in self.responses]
        centres, widths = (np.array(values) for values in zip(*lobes, strict=True))
        return Camera(model=self.name, wavelengths_nm=tuple(centres.round(2)), fwhm_nm=tuple(widths.round(2)),
                      quantity=Quantity.RAW, bit_depth=self.bit_depth, mosaic_rows=self.mosaic[0],
                      mosaic_columns=self.mosaic[1], dark_levels=(0.0,) * self.bands,
                      white_levels=tuple(self.white_levels(exposure).round(2)))

    def fixed_pattern(self, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Gain of each photosite, vignetting included: (C, H, W) for cubes of `size` (H, W)."""
        height, width = size
        y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing='ij')
        lens = 1 - self.vignetting * (y ** 2 + x ** 2) / 2
        return lens * (1 + self.response_spread * torch.randn((self.bands, height, width), generator=generator))

    def focus(self, bands: Tensor) -> Tensor:
        """Stray light, and each band sampled where its photosite lies in the cell: (B, C, H, W), cubic."""
        bands = (1 - self.stray_light) * bands + self.stray_light * bands.mean(dim=(2, 3), keepdim=True)
        rows, columns = self.mosaic
        if not rows or not self.parallax:
            return bands
        index = torch.arange(self.bands)
        dy = (torch.div(index, columns, rounding_mode='floor') + 0.5) / rows - 0.5
        dx = (index % columns + 0.5) / columns - 0.5
        kernel = _cubic_taps(dy)[:, :, None] * _cubic_taps(dx)[:, None, :]
        padded = F.pad(bands, (2, 2, 2, 2), mode='replicate')
        return F.conv2d(padded, kernel[:, None].to(bands), groups=self.bands)

    def digitise(self, signal: Tensor, generator: torch.Generator | None) -> Tensor:
        """Shot and read noise, saturation, quantisation: digital numbers, any shape, float32 -> float32 whole numbers.

        Args:
            signal: expected digital numbers.
            generator: of the noise, on the signal's device; None for a camera without noise.
        """
        if generator is not None:
            per_electron = self.full_scale / self.full_well_electrons
            variance = (per_electron * signal).clamp(min=0) + (per_electron * self.read_noise_electrons) ** 2
            noise = torch.randn(signal.shape, generator=generator, device=signal.device)
            signal = signal + variance.sqrt() * noise
        return signal.round().clamp(0, self.full_scale)

    def with_noise(self, factor: float) -> SnapshotCamera:
        """The camera with fewer electrons a digital number: noise `factor` times as strong."""
        return replace(self, full_well_electrons=self.full_well_electrons / factor ** 2,
                       read_noise_electrons=self.read_noise_electrons / factor)


def _main_lobe(response: Array) -> tuple[float, float]:
    """Centroid and full width at half maximum of the lobe around the maximum, nm."""
    fine = np.arange(GRID_NM[0], GRID_NM[-1] + 0.5)
    values = np.interp(fine, GRID_NM, response)
    below = np.flatnonzero(values < 0.5 * values.max())
    peak = int(values.argmax())
    first = int(below[below < peak].max(initial=-1)) + 1
    last = int(below[below > peak].min(initial=len(fine)))
    lobe = slice(first, last)
    return float(np.average(fine[lobe], weights=values[lobe])), float(last - first)


def _cubic_taps(shift: Tensor) -> Tensor:
    """Weights of five samples around the middle for a value `shift` pixels on (Keys, a = -1/2): (N,) -> (N, 5)."""
    distance = (torch.arange(-2, 3)[None] - shift[:, None]).abs()
    near = 1.5 * distance ** 3 - 2.5 * distance ** 2 + 1
    far = -0.5 * distance ** 3 + 2.5 * distance ** 2 - 4 * distance + 2
    return torch.where(distance <= 1, near, torch.where(distance < 2, far, torch.zeros(())))
