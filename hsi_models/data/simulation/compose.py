"""Layers over a picture: sprites moved, turned, scaled, bent and blurred by motion, in batches on any device."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def place(sprite: Tensor, centre: Tensor, scale: Tensor, angle_rad: Tensor, size: tuple[int, int],
          bend: Tensor | None = None) -> Tensor:
    """Sprites in a picture.

    Args:
        sprite: planes already multiplied by opacity, opacity last, (B, P + 1, h, w).
        centre: where its middle lies, x and y in pixels of the picture, (B, 2).
        scale: pixels of the picture a pixel of the sprite, (B,).
        angle_rad: rotation, (B,).
        size: (H, W) of the picture.
        bend: displacement of the look-up, x and y in units of the sprite's half sides, (B, H, W, 2).

    Returns:
        layer (B, P + 1, H, W), zero outside the sprite.
    """
    height, width = size
    half = torch.tensor([sprite.shape[-1], sprite.shape[-2]], device=sprite.device) / 2
    cos, sin = torch.cos(angle_rad) / scale, torch.sin(angle_rad) / scale
    y, x = torch.meshgrid(torch.arange(height, device=sprite.device) + 0.5,
                          torch.arange(width, device=sprite.device) + 0.5, indexing='ij')
    dx, dy = x[None] - centre[:, 0, None, None], y[None] - centre[:, 1, None, None]
    u = (cos[:, None, None] * dx + sin[:, None, None] * dy) / half[0]
    v = (cos[:, None, None] * dy - sin[:, None, None] * dx) / half[1]
    grid = torch.stack([u, v], dim=-1)
    if bend is not None:
        grid = grid + bend
    return F.grid_sample(sprite, grid, mode='bilinear', padding_mode='zeros', align_corners=False)


def over(planes: Tensor, layer: Tensor) -> Tensor:
    """A layer of `place` over planes (B, P, H, W)."""
    return planes * (1 - layer[:, -1:]) + layer[:, :-1]


def motion_blur(layer: Tensor, shift: Tensor, taps: int = 5) -> Tensor:
    """Blur along a straight way during exposure.

    Args:
        layer: (B, P, H, W).
        shift: way x and y during the exposure, pixels, (B, 2).
        taps: number of positions averaged.
    """
    offsets = torch.linspace(-0.5, 0.5, taps, device=layer.device)
    identity = torch.eye(2, 3, device=layer.device).expand(len(layer), 2, 3)
    size = torch.tensor([layer.shape[-1], layer.shape[-2]], device=layer.device)
    total = torch.zeros_like(layer)
    for offset in offsets:
        theta = identity.clone()
        theta[:, :, 2] = 2 * offset * shift / size
        grid = F.affine_grid(theta, list(layer.shape), align_corners=False)
        total = total + F.grid_sample(layer, grid, padding_mode='border', align_corners=False)
    return total / taps


def smooth_noise(shape: tuple[int, int, int, int], coarse: int, generator: torch.Generator) -> Tensor:
    """Smooth noise, (B, P, H, W), standard deviation about 1, cells `coarse` times smaller than the picture."""
    small = torch.randn((shape[0], shape[1], coarse + 1, coarse + 1), generator=generator, device=generator.device)
    noise = F.interpolate(small, shape[2:], mode='bicubic', align_corners=True)
    return noise / noise.std().clamp(min=1e-6)


def blob(size: int, generator: torch.Generator, batch: int = 1, roughness: float = 0.12) -> Tensor:
    """Opacity of round, uneven shapes that touch the sides of their square, (B, 1, size, size), 0..1."""
    device = generator.device
    axis = (torch.arange(size, device=device) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing='ij')
    angle, radius = torch.atan2(y, x), torch.sqrt(x ** 2 + y ** 2)
    outline = torch.ones((batch, size, size), device=device)
    for order in (2, 3, 4, 5):
        phase = 6.2832 * torch.rand((batch, 1, 1), generator=generator, device=device)
        amount = roughness * torch.rand((batch, 1, 1), generator=generator, device=device)
        outline = outline + amount * torch.cos(order * angle + phase)
    outline = 0.97 * outline / outline.amax(dim=(1, 2), keepdim=True)
    return torch.sigmoid((outline - radius) * size / 2)[:, None]
