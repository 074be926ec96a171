"""Training pairs in batches on a device: a template and a search region of one target, seen by a random camera.

Pictures with boxes stay on the device as uint8. For each batch one camera is drawn; each pair has materials, lights and
noise of its own. A share of the targets differs from its surroundings, and from twins put beside it, in spectrum only.
Template and search region may be pictures of the same target at different times; the spectrum of a colour stays the
same within a pair. Nothing in a draw waits for the device.
"""
from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hsi_models.data.simulation.illumination import daylight, planck
from hsi_models.data.simulation.pair_cameras import CameraPool, CameraTensors, on_device
from hsi_models.data.simulation.pair_regions import (
    Region,
    disturb,
    hidden_planes,
    shadow_mask,
    target_ellipse,
    template_span,
)
from hsi_models.data.simulation.snapshot import SnapshotCamera
from hsi_models.data.simulation.upsampling import Materials, draw_materials_batch, linear_from_srgb, load_basis

_SHADOW_LEVEL = (0.15, 0.5)     # light that is left in a shadow, from and to
_BESIDE = 1.5                   # how far from a concealed target its colours come, in units of its size


@dataclass(frozen=True)
class PairConfig:
    """What pairs look like.

    Args:
        template_px, search_px: sides of the square regions.
        context: side of the template region in units of a square target's side, 2 as `tracking.crops.siamese_region`;
            the search region has the same scale.
        search_context: likewise of the search region; 0 for `context` times the ratio of the sides.
        shift: of the target from the middle of the search region, share of half its side.
        zoom: largest change of scale between the two, logarithm.
        turn_rad: largest rotation.
        hidden: share of targets with a spectrum of their own.
        conceal: share of these that have the colours of what is around them: nothing but the spectrum shows them.
        conceal_reach, conceal_sharpness: of the ellipse that has these colours, see `target_ellipse`: the outline, too.
        twin: share of pairs with another object beside the target: a look-alike, where the spectrum tells them apart.
        twin_turn_rad: largest rotation of what is beside or before the target.
        cover: share of pairs with something before a part of the target.
        blur: share of search regions with motion blur.
        contrast: of a hidden difference, relative to brightness, from and to.
        materials: a picture.
        negative: share of pairs whose search region shows another target; their boxes are nan.
        box_error: by how much the box of the template may be off, share of its sides (position, logarithm of size).
        uneven: of a hidden difference over the target's surface, relative standard deviation.
        drift: a second difference in the search region, relative to the hidden one, standard deviation.
        light_change: between template and search region: 0 the same light and exposure, 1 up to unrelated ones.
        shadow: share of regions with a shadow lit by blue sky.
        cameras: different random cameras in all; 0 for a new one each batch.
    """

    template_px: int = 127
    search_px: int = 255
    context: float = 2.0
    search_context: float = 0.0
    shift: float = 0.5
    zoom: float = 0.18
    turn_rad: float = 0.2
    hidden: float = 0.5
    conceal: float = 0.0
    conceal_reach: float = 1.45
    conceal_sharpness: float = 6.0
    twin: float = 0.4
    twin_turn_rad: float = math.pi
    cover: float = 0.2
    blur: float = 0.3
    contrast: tuple[float, float] = (0.05, 0.5)
    materials: int = 8
    negative: float = 0.0
    box_error: float = 0.0
    uneven: float = 0.0
    drift: float = 0.0
    light_change: float = 1.0
    shadow: float = 0.0
    cameras: int = 0

    def __post_init__(self) -> None:
        if self.template_px < 8 or self.search_px < self.template_px:
            raise ValueError('expected template_px >= 8 and search_px >= template_px, got '
                             f'{self.template_px} and {self.search_px}')
        for name in ('hidden', 'conceal', 'twin', 'cover', 'blur', 'negative', 'box_error', 'light_change', 'shadow'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'expected {name} 0..1, got {getattr(self, name):g}')
        if len(self.contrast) != 2 or not 0 < self.contrast[0] <= self.contrast[1]:
            raise ValueError(f'expected contrast from > 0 to at least as much, got {self.contrast}')


@dataclass(frozen=True, eq=False)
class PairBatch:
    """Pairs of one camera, bands in ascending wavelength.

    Args:
        template, search: share of full scale, float32 0..1, (B, C, h, h) and (B, C, H, H).
        boxes: of the target in the search regions, x, y, w, h in pixels, (B, 4); nan where it is not there.
        wavelengths_nm: centres of the bands, (C,), on the CPU.
        template_boxes: of the target in the template regions, as a tracker is told it, (B, 4).
        fwhm_nm: widths of the bands, (C,), on the CPU.
    """

    template: Tensor
    search: Tensor
    boxes: Tensor
    wavelengths_nm: Tensor
    template_boxes: Tensor
    fwhm_nm: Tensor


@dataclass(frozen=True, eq=False)
class _Look:
    """What holds for a batch: materials, spectra of the planes (B, L, P), camera."""

    materials: Materials
    spectra: Tensor
    camera: CameraTensors


class PairSimulator:
    """Draws batches of pairs; equal seeds give equal batches on one kind of device.

    Args:
        pictures: sRGB, uint8, (N, 3, S, S), on the device where the work is to be done.
        boxes: target in each, x, y, w, h in pixels, (N, 4).
        config: see `PairConfig`.
        weights: how often each picture is a template, relative, (N,); None for equally often.
        partners: first and number of the pictures that can be the search picture of each, (N, 2): pictures of one
            target lie side by side. None where each picture is its own partner.
        groups: pictures of equal number may show the same target and make no negative pair, (N,); None where all
            differ.

    Raises:
        ValueError: shapes or types that do not fit.
    """

    def __init__(self, pictures: Tensor, boxes: Tensor, config: PairConfig | None = None, *,
                 weights: Tensor | None = None, partners: Tensor | None = None, groups: Tensor | None = None) -> None:
        if pictures.ndim != 4 or pictures.shape[1] != 3 or pictures.dtype != torch.uint8:
            raise ValueError(f'expected pictures (N, 3, S, S) uint8, got {tuple(pictures.shape)} {pictures.dtype}')
        count, device = len(pictures), pictures.device
        if boxes.shape != (count, 4):
            raise ValueError(f'expected boxes ({count}, 4), one a picture, got {tuple(boxes.shape)}')
        own = torch.arange(count)
        weights = torch.ones(count) if weights is None else weights
        partners = torch.stack([own, torch.ones_like(own)], dim=1) if partners is None else partners
        groups = own if groups is None else groups
        for name, value, shape in (('weights', weights, (count,)), ('partners', partners, (count, 2)),
                                   ('groups', groups, (count,))):
            if value.shape != shape:
                raise ValueError(f'expected {name} of shape {shape}, got {tuple(value.shape)}')
        self.pictures, self.config = pictures, config or PairConfig()
        self.boxes = boxes.to(device, torch.float32)
        share = weights.double().cpu().cumsum(0)
        self._share = (share / share[-1]).float().to(device)
        self._partners, self._groups = partners.to(device), groups.to(device)
        self._basis, self._pool = load_basis().to(device), CameraPool(self.config.cameras, device)
        sun = daylight(5500)
        lights = np.stack([np.ones(len(sun)), daylight(9500) / sun, planck(2900) / sun, daylight(20000) / sun])
        self._lights = on_device(lights / lights.mean(axis=1, keepdims=True), device)

    def with_config(self, config: PairConfig) -> PairSimulator:
        """The same pictures under another configuration; nothing is copied."""
        other = object.__new__(PairSimulator)
        other.__dict__.update(self.__dict__)
        other.config = config
        if config.cameras != self.config.cameras:
            other._pool = CameraPool(config.cameras, self.pictures.device)
        return other

    def bands(self, seed: int) -> int:
        """Number of bands of the batch of a seed."""
        return self._pool.draw(np.random.default_rng(seed)).camera.bands

    def seed_within(self, seed: int, most_bands: int, step: int = 1_000_000_007) -> int:
        """The first of seed, seed + step, ... whose camera has at most so many bands."""
        while self.bands(seed) > most_bands:
            seed += step
        return seed

    def draw(self, batch: int, seed: int, camera: SnapshotCamera | None = None) -> PairBatch:
        """A batch of pairs.

        Args:
            batch: number of pairs B.
            seed: of everything random, >= 0.
            camera: of the batch; None for a random one.
        """
        config, device = self.config, self.pictures.device
        rng, generator = np.random.default_rng(seed), torch.Generator(device).manual_seed(seed)
        tensors = self._pool.draw(rng) if camera is None else CameraTensors.of(camera, rng, device)
        first, second, negative = self._choose(batch, generator)
        pictures, boxes, later = linear_from_srgb(self.pictures[first]), self.boxes[first], self.boxes[second]
        chosen = torch.rand((batch, tensors.hidden.shape[1]), generator=generator, device=device).argsort(dim=1)[:, :3]
        hidden = tensors.hidden.T[chosen].mT
        look = _Look(draw_materials_batch(pictures, generator, config.materials),
                     torch.cat([self._basis.spectra.expand(batch, -1, -1), hidden], dim=2), tensors)
        low, high = (float(np.log(value)) for value in config.contrast)
        contrast = torch.exp(self._uniform(batch, generator, low, high))
        contrast = contrast * (self._uniform(batch, generator) < config.hidden)
        concealed = contrast > 0
        if config.conceal:
            concealed = concealed & (self._uniform(batch, generator) < config.conceal)
        drift = config.drift * contrast * torch.randn(batch, generator=generator, device=device)
        light, light_later = self._light(batch, generator)

        told = self._told(boxes, generator)
        region = Region(told[:, :2] + told[:, 2:] / 2, template_span(told, config.context), torch.zeros_like(contrast))
        view = self._view(region, pictures, boxes, config.template_px, concealed, generator)
        planes, _ = self._planes(look, region, view, boxes, (contrast, 0 * drift), generator)
        template = self._expose(planes, look, light, generator)
        told = region.boxes(told, config.template_px)

        region = self._search_region(later, generator)
        pictures, there = linear_from_srgb(self.pictures[second]), (~negative).float()
        view = self._view(region, pictures, later, config.search_px, concealed & ~negative, generator)
        planes, boxes = self._planes(look, region, view, later, (contrast * there, drift * there), generator)
        planes = disturb(planes, boxes, contrast > 0, (config.twin, config.cover, config.blur), rng, generator,
                         config.twin_turn_rad)
        search = self._expose(planes, look, light_later, generator)
        boxes = boxes.masked_fill(negative[:, None], torch.nan)
        return PairBatch(template, search, boxes, tensors.wavelengths_nm, told, tensors.fwhm_nm)

    def _uniform(self, batch: int, generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(batch, generator=generator, device=self.pictures.device)

    def _choose(self, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures of templates and of search regions, and which pairs are negative, (B,) each."""
        first, other = (torch.searchsorted(self._share, self._uniform(batch, generator), right=True)
                        .clamp(max=len(self.pictures) - 1) for _ in range(2))
        start, count = self._partners[first].unbind(dim=1)
        second = start + torch.minimum((self._uniform(batch, generator) * count).long(), count - 1)
        negative = self._uniform(batch, generator) < self.config.negative
        negative = negative & (self._groups[first] != self._groups[other])
        return first, torch.where(negative, other, second), negative

    def _told(self, boxes: Tensor, generator: torch.Generator) -> Tensor:
        """Boxes as a user draws them: a little off."""
        error = self.config.box_error * (2 * torch.rand((len(boxes), 4), generator=generator, device=boxes.device) - 1)
        size = boxes[:, 2:] * torch.exp(error[:, 2:])
        return torch.cat([boxes[:, :2] + boxes[:, 2:] * (0.5 + error[:, :2]) - size / 2, size], dim=1)

    def _search_region(self, boxes: Tensor, generator: torch.Generator) -> Region:
        """Shifted, zoomed and turned regions around the targets."""
        config, batch = self.config, len(boxes)
        context = config.search_context or config.context * config.search_px / config.template_px
        span = template_span(boxes, context)
        span = span * torch.exp(self._uniform(batch, generator, -config.zoom, config.zoom))
        angle = self._uniform(batch, generator, -config.turn_rad, config.turn_rad)
        away = torch.stack([self._uniform(batch, generator, -1, 1) for _ in range(2)], dim=1)
        return Region(boxes[:, :2] + boxes[:, 2:] / 2 - config.shift * away * span[:, None] / 2, span, angle)

    def _view(self, region: Region, pictures: Tensor, boxes: Tensor, side: int, concealed: Tensor,
              generator: torch.Generator) -> Tensor:
        """Linear RGB of regions, (B, 3, side, side); concealed targets are painted over with what is beside them."""
        view = region.look(pictures, side)
        if self.config.conceal:
            angle = self._uniform(len(boxes), generator, 0, 2 * math.pi)
            away = _BESIDE * torch.sqrt(boxes[:, 2] * boxes[:, 3])
            way = away[:, None] * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
            beside = replace(region, centre=region.centre + way).look(pictures, side)
            cover = target_ellipse(region.boxes(boxes, side), side, self.config.conceal_reach,
                                   self.config.conceal_sharpness)
            view = view.lerp(beside, cover * concealed[:, None, None, None])
        return view.clamp(0, 1)

    def _planes(self, look: _Look, region: Region, view: Tensor, boxes: Tensor, amounts: tuple[Tensor, Tensor],
                generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Coefficient planes of what regions show, (B, P, side, side), and the targets' boxes in them, (B, 4)."""
        inside = region.boxes(boxes, view.shape[-1])
        hidden = hidden_planes(view, inside, *amounts, self.config.uneven, generator)
        return torch.cat([look.materials.planes(view), hidden], dim=1), inside

    def _light(self, batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Light on template and search region relative to sunlight, exposure included, (B, L) each."""
        device = self.pictures.device
        lights = []
        for _ in range(2):
            mix = torch.rand((batch, 3), generator=generator, device=device)
            mix = torch.stack([mix[:, 0], 0.7 * mix[:, 1], 0.4 * mix[:, 2]], dim=1)
            exposure = self._uniform(batch, generator, 0.4, 1.3)[:, None]
            lights.append(exposure * (mix @ self._lights[:3]) / mix.sum(dim=1, keepdim=True))
        change = self.config.light_change * self._uniform(batch, generator)[:, None]
        return lights[0], lights[0].lerp(lights[1], change)

    def _expose(self, planes: Tensor, look: _Look, light: Tensor, generator: torch.Generator) -> Tensor:
        """Light, shadow, camera and noise; share of full scale, (B, C, S, S)."""
        batch = len(planes)
        if self.config.shadow:
            mask = shadow_mask(self.config.shadow, batch, planes.shape[-1], generator)
            level = self._uniform(batch, generator, *_SHADOW_LEVEL)[:, None]
            shade = light.mean(dim=1, keepdim=True) * level * self._lights[3]
            planes = torch.cat([planes * (1 - mask), planes * mask], dim=1)
        matrix = (look.camera.responses[None] * light[:, None]) @ look.spectra
        if self.config.shadow:
            matrix = torch.cat([matrix, (look.camera.responses[None] * shade[:, None]) @ look.spectra], dim=2)
        signal = (matrix @ planes.flatten(2)).reshape(batch, -1, *planes.shape[2:])
        return look.camera.expose(signal, generator)
