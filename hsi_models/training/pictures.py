"""Cubes of simulated pairs as a network's crops: what the trainings of all trackers have in common."""
from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hsi_models.data.simulation.pair_cameras import on_device

HEADROOM = 1.1                  # as `FalseColour.fit`, and so are the percentiles
_LOW, _HIGH = 0.01, 0.99


def linear_colours(first: Tensor, later: Tensor, weights: Tensor) -> list[Tensor]:
    """Both views (B, C, S, S) in linear red, green and blue (B, 3, S, S), by weights of the bands (C, 3)."""
    return [torch.einsum('bchw,cd->bdhw', view, weights) for view in (first, later)]


def stretch(linear: Tensor, grey: Tensor) -> tuple[Tensor, Tensor]:
    """What becomes black, and what nearly white: percentiles of first views.

    Args:
        linear: (B, 3, H, W).
        grey: pairs stretched alike in all channels, as reflectance is, bool (B, 1).

    Returns:
        (B, 3) each, black >= 0.
    """
    low, high = torch.quantile(linear.flatten(2), on_device(np.array([_LOW, _HIGH]), linear.device), dim=2)
    all_low = torch.quantile(linear.mean(dim=1).flatten(1), _LOW, dim=1)[:, None]
    all_high = torch.quantile(linear.flatten(1), _HIGH, dim=1)[:, None]
    return torch.where(grey, all_low, low).clamp_min(0), torch.where(grey, all_high, high)


def srgb(linear: Tensor) -> Tensor:
    """IEC 61966-2-1 encoding, 0..1; values outside are cut off."""
    x = linear.clamp(0, 1)
    return torch.where(x <= 0.0031308, 12.92 * x, 1.055 * x.clamp_min(1e-4) ** (1 / 2.4) - 0.055)


def enlarge(pictures: Tensor, side: int) -> Tensor:
    """(..., C, S, S) -> (..., C, side, side), bilinear."""
    if pictures.shape[-1] == side:
        return pictures
    flat = F.interpolate(pictures.flatten(0, -4), (side, side), mode='bilinear', align_corners=False)
    return flat.reshape(*pictures.shape[:-2], side, side)


def enlarged_corners(boxes: Tensor, factor: float) -> Tensor:
    """Boxes x, y, w, h (B, 4) as corners x1, y1, x2, y2 of a picture enlarged by a factor."""
    boxes = boxes * factor
    return torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)
