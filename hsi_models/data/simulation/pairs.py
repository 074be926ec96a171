"""Training pairs in batches on a device: a template and a search region of one target, seen by a random camera.

Pictures with boxes stay on the device as uint8. For each batch one camera is drawn; each pair has materials, lights and
noise of its own. A share of the targets differs from its surroundings, and from twins put beside it, in spectrum only.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hsi_models.data.simulation.backdrop import hidden_spectra
from hsi_models.data.simulation.cameras import random_camera
from hsi_models.data.simulation.compose import blob, motion_blur, over, place
from hsi_models.data.simulation.illumination import daylight, planck
from hsi_models.data.simulation.snapshot import SnapshotCamera
from hsi_models.data.simulation.upsampling import (
    brightness,
    draw_materials_batch,
    linear_from_srgb,
    load_basis,
)

Crop = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class PairConfig:
    """What pairs look like.

    Args:
        template_px, search_px: sides of the square regions.
        context: side of the template region in units of the target; the search region shows as much at its scale.
        shift: of the target from the middle of the search region, share of half its side.
        zoom: largest change of scale between the two, logarithm.
        turn_rad: largest rotation.
        hidden: share of targets with a spectrum of their own.
        twin: share of pairs with a look-alike in the search region.
        cover: share of pairs with something before a part of the target.
        blur: share of search regions with motion blur.
        contrast: of a hidden difference, relative to brightness, from and to.
        materials: a picture.
    """

    template_px: int = 127
    search_px: int = 255
    context: float = 2.0
    shift: float = 0.5
    zoom: float = 0.18
    turn_rad: float = 0.2
    hidden: float = 0.5
    twin: float = 0.4
    cover: float = 0.2
    blur: float = 0.3
    contrast: tuple[float, float] = (0.05, 0.5)
    materials: int = 8

    def __post_init__(self) -> None:
        if self.template_px < 8 or self.search_px < self.template_px:
            raise ValueError('expected template_px >= 8 and search_px >= template_px, got '
                             f'{self.template_px} and {self.search_px}')
        for name in ('hidden', 'twin', 'cover', 'blur'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'expected {name} 0..1, got {getattr(self, name):g}')


@dataclass(frozen=True, eq=False)
class PairBatch:
    """Pairs of one camera, bands in ascending wavelength.

    Args:
        template, search: share of full scale, float32 0..1, (B, C, h, h) and (B, C, H, H).
        boxes: of the target in the search regions, x, y, w, h in pixels, (B, 4).
        wavelengths_nm: centres of the bands, (C,).
    """

    template: Tensor
    search: Tensor
    boxes: Tensor
    wavelengths_nm: Tensor


class PairSimulator:
    """Draws batches of pairs; equal seeds give equal batches on one kind of device.

    Args:
        pictures: sRGB, uint8, (N, 3, S, S), on the device where the work is to be done.
        boxes: target in each, x, y, w, h in pixels, (N, 4).
        config: see `PairConfig`.

    Raises:
        ValueError: shapes or types that do not fit.
    """

    def __init__(self, pictures: Tensor, boxes: Tensor, config: PairConfig | None = None) -> None:
        if pictures.ndim != 4 or pictures.shape[1] != 3 or pictures.dtype != torch.uint8:
            raise ValueError(f'expected pictures (N, 3, S, S) uint8, got {tuple(pictures.shape)} {pictures.dtype}')
        if boxes.shape != (len(pictures), 4):
            raise ValueError(f'expected boxes ({len(pictures)}, 4), one a picture, got {tuple(boxes.shape)}')
        self.pictures, self.config = pictures, config or PairConfig()
        self.boxes = boxes.to(pictures.device, torch.float32)

    def draw(self, batch: int, seed: int, camera: SnapshotCamera | None = None) -> PairBatch:
        """A batch of pairs, each of one picture seen twice.

        Args:
            batch: number of pairs B.
            seed: of everything random.
            camera: of the batch; None for a random one.
        """
        config, device = self.config, self.pictures.device
        rng, generator = np.random.default_rng(seed), torch.Generator(device).manual_seed(seed)
        camera = random_camera(rng) if camera is None else camera
        chosen = torch.randint(len(self.pictures), (batch,), generator=generator, device=device)
        pictures, boxes = linear_from_srgb(self.pictures[chosen]), self.boxes[chosen]
        materials = draw_materials_batch(pictures, generator, config.materials)
        hidden = torch.as_tensor(hidden_spectra(camera, 2, rng), dtype=torch.float32, device=device)
        spectra = torch.cat([load_basis().to(device).spectra, hidden], dim=1)
        low, high = (float(np.log(value)) for value in config.contrast)
        contrast = torch.exp(low + (high - low) * self._uniform(batch, generator))
        contrast = contrast * (self._uniform(batch, generator) < config.hidden)
        regions = []
        for side, free in ((config.template_px, False), (config.search_px, True)):
            view, box = self._crop(pictures, boxes, side, free, generator)
            planes = self._with_target(materials.planes(view), view, box, contrast)
            if free:
                planes = self._disturb(planes, box, generator)
            regions.append((self._expose(planes, spectra, camera, generator), box))
        order = camera.description().band_order(camera.bands)
        index = torch.as_tensor(order.copy(), device=device)
        centres = torch.as_tensor(np.asarray(camera.description().wavelengths_nm)[order], dtype=torch.float32)
        return PairBatch(regions[0][0][:, index], regions[1][0][:, index], regions[1][1], centres)

    def _uniform(self, batch: int, generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(batch, generator=generator, device=self.pictures.device)

    def _crop(self, pictures: Tensor, boxes: Tensor, side: int, free: bool, generator: torch.Generator) -> Crop:
        """Square regions around the targets, and the boxes in them; `free` ones are shifted, zoomed and turned."""
        config, batch = self.config, len(boxes)
        span = config.context * torch.sqrt(boxes[:, 2] * boxes[:, 3]) * side / config.template_px
        centre = boxes[:, :2] + boxes[:, 2:] / 2
        angle = torch.zeros_like(span)
        if free:
            span = span * torch.exp(self._uniform(batch, generator, -config.zoom, config.zoom))
            angle = self._uniform(batch, generator, -config.turn_rad, config.turn_rad)
            away = torch.stack([self._uniform(batch, generator, -1, 1) for _ in range(2)], dim=1)
            centre = centre - config.shift * away * span[:, None] / 2
        cos, sin = torch.cos(angle) * span, torch.sin(angle) * span
        size = torch.tensor([pictures.shape[3], pictures.shape[2]], device=pictures.device)
        theta = torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1) / size[:, None]
        offset = (2 * centre / size - 1)[:, :, None]
        grid = F.affine_grid(torch.cat([theta, offset], dim=2), [batch, 3, side, side], align_corners=False)
        view = F.grid_sample(pictures, grid, padding_mode='border', align_corners=False)
        # Corners of the box in the region: the inverse of the map above.
        relative = boxes[:, :2] + boxes[:, 2:] / 2 - centre
        x = (torch.cos(angle) * relative[:, 0] + torch.sin(angle) * relative[:, 1]) / span
        y = (torch.cos(angle) * relative[:, 1] - torch.sin(angle) * relative[:, 0]) / span
        w = (boxes[:, 2] * torch.cos(angle).abs() + boxes[:, 3] * torch.sin(angle).abs()) / span
        h = (boxes[:, 3] * torch.cos(angle).abs() + boxes[:, 2] * torch.sin(angle).abs()) / span
        return view.clamp(0, 1), side * torch.stack([x + 0.5 - w / 2, y + 0.5 - h / 2, w, h], dim=1)

    def _with_target(self, planes: Tensor, view: Tensor, box: Tensor, contrast: Tensor) -> Tensor:
        """Two more planes: the target's hidden difference within its ellipse, and that of look-alikes, none yet."""
        side = planes.shape[-1]
        axis = torch.arange(side, device=planes.device) + 0.5
        u = (axis[None, None, :] - (box[:, 0] + box[:, 2] / 2)[:, None, None]) / (box[:, 2] / 2)[:, None, None]
        v = (axis[None, :, None] - (box[:, 1] + box[:, 3] / 2)[:, None, None]) / (box[:, 3] / 2)[:, None, None]
        inside = torch.sigmoid(8 * (0.95 - torch.sqrt(u ** 2 + v ** 2)))[:, None]
        own = inside * brightness(view) * contrast[:, None, None, None]
        return torch.cat([planes, own, torch.zeros_like(own)], dim=1)

    def _disturb(self, planes: Tensor, box: Tensor, generator: torch.Generator) -> Tensor:
        """Look-alikes beside the target, things before it, and motion blur, each in a share of the pairs."""
        config, batch, side = self.config, len(planes), planes.shape[-1]
        size = torch.sqrt(box[:, 2] * box[:, 3])
        cut = 64
        theta = torch.zeros((batch, 2, 3), device=planes.device)
        theta[:, 0, 0], theta[:, 1, 1] = box[:, 2] / side, box[:, 3] / side
        theta[:, :, 2] = 2 * (box[:, :2] + box[:, 2:] / 2) / side - 1
        grid = F.affine_grid(theta, [batch, 1, cut, cut], align_corners=False)
        outline = blob(cut, generator, batch)
        target = F.grid_sample(planes, grid, padding_mode='border', align_corners=False)
        target = torch.cat([target[:, :-2], torch.zeros_like(target[:, :1]), target[:, -2:-1]], dim=1)
        for share, sprite, reach in ((config.twin, target, 1.6), (config.cover, target.roll(1, 0), 0.5)):
            angle = self._uniform(batch, generator, 0, 6.28)
            centre = box[:, :2] + box[:, 2:] / 2 + reach * size[:, None] * torch.stack(
                [torch.cos(angle), torch.sin(angle)], dim=1)
            some = torch.nonzero(self._uniform(batch, generator) < share).flatten()
            if len(some):
                layer = torch.cat([sprite * outline, outline], dim=1)[some]
                layer = place(layer, centre[some], size[some] / cut, angle[some], (side, side))
                planes[some] = over(planes[some], layer)
        some = torch.nonzero(self._uniform(batch, generator) < config.blur).flatten()
        way = 0.12 * size[:, None] * torch.randn((batch, 2), generator=generator, device=planes.device)
        if len(some):
            planes[some] = motion_blur(planes[some], way[some])
        return planes

    def _expose(self, planes: Tensor, spectra: Tensor, camera: SnapshotCamera, generator: torch.Generator) -> Tensor:
        """Light, camera and noise; share of full scale."""
        batch, device = len(planes), planes.device
        lights = torch.as_tensor(np.stack([np.ones(61), daylight(9500) / daylight(5500),
                                           planck(2900) / daylight(5500)]), dtype=torch.float32, device=device)
        mix = torch.rand((batch, 3), generator=generator, device=device) * torch.tensor([1.0, 0.7, 0.4], device=device)
        light = mix @ (lights / lights.mean(dim=1, keepdim=True)) / mix.sum(dim=1, keepdim=True)
        exposure = self._uniform(batch, generator, 0.4, 1.3)[:, None, None]
        unit = torch.as_tensor(camera.matrix(np.eye(61)), dtype=torch.float32, device=device)
        matrix = exposure * (unit[None] * light[:, None]) @ spectra
        bands = (matrix @ planes.flatten(2)).reshape(batch, -1, *planes.shape[2:])
        return camera.digitise(camera.focus(bands).clamp(min=0), generator) / camera.full_scale
