"""Parts of a training pair as batched tensor operations: square regions, hidden differences, disturbances, shadows."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hsi_models.data.simulation.compose import blob, over, smooth_noise
from hsi_models.data.simulation.pair_cameras import on_device
from hsi_models.data.simulation.upsampling import brightness

_SPRITE_PX = 64


@dataclass(frozen=True, eq=False)
class Region:
    """Square regions of pictures, one each.

    Args:
        centre: x and y, pixels of the picture, (B, 2).
        span: side, pixels of the picture, (B,).
        angle_rad: rotation, (B,).
    """

    centre: Tensor
    span: Tensor
    angle_rad: Tensor

    def look(self, pictures: Tensor, side: int, padding: str = 'border') -> Tensor:
        """What they show: (B, P, S, S) -> (B, P, side, side); `padding`: of `grid_sample`."""
        batch, channels, height, width = pictures.shape
        cos, sin = torch.cos(self.angle_rad) * self.span, torch.sin(self.angle_rad) * self.span
        theta = torch.stack([torch.stack([cos / width, -sin / width, 2 * self.centre[:, 0] / width - 1], dim=1),
                             torch.stack([sin / height, cos / height, 2 * self.centre[:, 1] / height - 1], dim=1)], 1)
        grid = F.affine_grid(theta, [batch, channels, side, side], align_corners=False)
        return F.grid_sample(pictures, grid, padding_mode=padding, align_corners=False)

    def boxes(self, boxes: Tensor, side: int) -> Tensor:
        """Boxes x, y, w, h of the pictures (B, 4) in pixels of the regions: around the turned boxes."""
        cos, sin = torch.cos(self.angle_rad), torch.sin(self.angle_rad)
        dx, dy = (boxes[:, :2] + boxes[:, 2:] / 2 - self.centre).unbind(dim=1)
        x, y = (cos * dx + sin * dy) / self.span, (cos * dy - sin * dx) / self.span
        w = (boxes[:, 2] * cos.abs() + boxes[:, 3] * sin.abs()) / self.span
        h = (boxes[:, 3] * cos.abs() + boxes[:, 2] * sin.abs()) / self.span
        return side * torch.stack([x + 0.5 - w / 2, y + 0.5 - h / 2, w, h], dim=1)


def template_span(boxes: Tensor, context: float) -> Tensor:
    """Side of the template region: `context` / 2 times that of `tracking.crops.siamese_region`.

    Args:
        boxes: x, y, w, h, (B, 4).
        context: side for a square target, in units of its side.
    """
    width, height = boxes[:, 2], boxes[:, 3]
    margin = (width + height) / 2
    return context / 2 * torch.sqrt((width + margin) * (height + margin))


def target_ellipse(boxes: Tensor, side: int, reach: float = 0.95, sharpness: float = 8.0) -> Tensor:
    """How far each pixel belongs to an ellipse: (B, 4) in pixels -> (B, 1, side, side), 0..1.

    Args:
        boxes: around the targets.
        side: of the regions, pixels.
        reach: axes of the ellipse in units of the box's sides.
        sharpness: of its edge.
    """
    axis = torch.arange(side, device=boxes.device) + 0.5
    half = (boxes[:, 2:] / 2).clamp(min=0.5)
    u = (axis[None, None, :] - (boxes[:, 0] + boxes[:, 2] / 2)[:, None, None]) / half[:, 0, None, None]
    v = (axis[None, :, None] - (boxes[:, 1] + boxes[:, 3] / 2)[:, None, None]) / half[:, 1, None, None]
    return torch.sigmoid(sharpness * (reach - torch.sqrt(u ** 2 + v ** 2)))[:, None]


def hidden_planes(view: Tensor, boxes: Tensor, contrast: Tensor, drift: Tensor, uneven: float,
                  generator: torch.Generator) -> Tensor:
    """Planes of the target's hidden difference, of look-alikes' (none yet), and of what it drifts towards.

    Args:
        view: linear RGB, (B, 3, S, S).
        boxes: of the target in it, pixels, (B, 4).
        contrast: of the difference relative to brightness, (B,).
        drift: of the second difference, likewise.
        uneven: standard deviation of the contrast over the target's surface, relative.
        generator: of the unevenness.

    Returns:
        (B, 3, S, S).
    """
    amount = target_ellipse(boxes, view.shape[-1]) * brightness(view)
    if uneven:
        noise = smooth_noise((len(view), 1, *view.shape[2:]), 12, generator)
        amount = amount * (1 + uneven * noise).clamp(0, 2)
    return torch.cat([amount * contrast[:, None, None, None], torch.zeros_like(amount),
                      amount * drift[:, None, None, None]], dim=1)


def disturb(planes: Tensor, boxes: Tensor, hidden: Tensor, shares: tuple[float, float, float],
            rng: np.random.Generator, generator: torch.Generator, turn_rad: float = math.pi) -> Tensor:
    """Something beside the target, something before it, and motion blur, each in a share of the regions.

    Args:
        planes: (B, P, S, S), the last three from `hidden_planes`; changed in place.
        boxes: of the targets, pixels, (B, 4).
        hidden: the target has a spectrum of its own, (B,): what is beside it looks like it. Else it is the target of
            another pair, as nothing would tell it from its own.
        shares: of objects beside, objects before, blur.
        rng: chooses the pairs, on the host, so that their number is known without waiting for the device.
        generator: of the rest.
        turn_rad: largest rotation of such objects.
    """
    batch, side, device = len(planes), planes.shape[-1], planes.device
    size, middle = torch.sqrt(boxes[:, 2] * boxes[:, 3]), boxes[:, :2] + boxes[:, 2:] / 2
    theta = torch.zeros((batch, 2, 3), device=device)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = boxes[:, 2] / side, boxes[:, 3] / side, 2 * middle / side - 1
    grid = F.affine_grid(theta, [batch, 1, _SPRITE_PX, _SPRITE_PX], align_corners=False)
    target = F.grid_sample(planes, grid, padding_mode='border', align_corners=False)
    none = torch.zeros_like(target[:, :1])
    alike = torch.cat([target[:, :-3], none, target[:, -3:-2], none], dim=1)      # its difference as another's
    stranger = alike.roll(1, 0)
    beside = torch.where(hidden[:, None, None, None], alike, stranger)
    outline = blob(_SPRITE_PX, generator, batch)
    for share, sprite, reach in zip(shares, (beside, stranger), (1.6, 0.5), strict=False):
        angle = 6.2832 * torch.rand(batch, generator=generator, device=device)
        turn = angle if turn_rad >= math.pi else turn_rad * (angle / math.pi - 1)
        way = reach * size[:, None] * torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
        chosen = np.flatnonzero(rng.random(batch) < share)
        if len(chosen):
            some = on_device(chosen, device, torch.int64)
            layer = torch.cat([sprite * outline, outline], dim=1)[some]
            planes[some] = over(planes[some], _place(layer, (middle + way)[some], size[some], turn[some], side))
    way = 0.12 * size[:, None] * torch.randn((batch, 2), generator=generator, device=device)
    chosen = np.flatnonzero(rng.random(batch) < shares[2])
    if len(chosen):
        some = on_device(chosen, device, torch.int64)
        planes[some] = _blur(planes[some], way[some])
    return planes


def _place(sprite: Tensor, centre: Tensor, size: Tensor, angle_rad: Tensor, side: int) -> Tensor:
    """Sprites of a size, turned, in empty regions: `compose.place` without waiting for the device."""
    scale, middle = size / sprite.shape[-1], sprite.shape[-1] / 2
    dx, dy = (side / 2 - centre).unbind(dim=1)
    cos, sin = torch.cos(angle_rad) / scale, torch.sin(angle_rad) / scale
    looked_from = torch.stack([middle + cos * dx + sin * dy, middle + cos * dy - sin * dx], dim=1)
    return Region(looked_from, side / scale, -angle_rad).look(sprite, side, 'zeros')


def _blur(planes: Tensor, way: Tensor, taps: int = 5) -> Tensor:
    """Motion along a straight way, pixels, (B, 2): `compose.motion_blur` without waiting for the device."""
    side = planes.shape[-1]
    total, span, angle = torch.zeros_like(planes), torch.full_like(way[:, 0], side), torch.zeros_like(way[:, 0])
    for step in np.linspace(-0.5, 0.5, taps):
        total = total + Region(side / 2 + float(step) * way, span, angle).look(planes, side)
    return total / taps


def shadow_mask(share: float, batch: int, side: int, generator: torch.Generator) -> Tensor:
    """Half planes with a soft edge in a share of the regions, (B, 1, side, side), 0..1: 1 in the shadow."""
    device = generator.device
    angle, offset, softness, chosen = torch.rand((4, batch, 1, 1), generator=generator, device=device)
    axis = (torch.arange(side, device=device) + 0.5) / side - 0.5
    across = torch.cos(6.2832 * angle) * axis[None, None, :] + torch.sin(6.2832 * angle) * axis[None, :, None]
    mask = torch.sigmoid((across - 0.6 * (offset - 0.5)) / (0.01 + 0.05 * softness))
    chosen = chosen < share
    return torch.where(chosen, mask, 0.0)[:, None]
