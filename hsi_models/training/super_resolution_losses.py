"""Losses of super-resolution: CST's three parts, and the mean error in decibels that MPSNR measures."""
from __future__ import annotations

import math

import torch
from torch import Tensor


def spectral_angle(estimate: Tensor, target: Tensor) -> Tensor:
    """Mean angle between spectra of (B, C, H, W), rad."""
    norms = estimate.norm(dim=1) * target.norm(dim=1)
    cosine = (estimate * target).sum(1) / norms.clamp_min(1e-8)
    return torch.acos(cosine.clamp(-1 + 1e-6, 1 - 1e-6)).mean()


def gradient_magnitude(cube: Tensor) -> Tensor:
    """Magnitude of the forward differences along bands, rows and columns of (B, C, H, W)."""
    padded = torch.nn.functional.pad(cube[:, None], (0, 1, 0, 1, 0, 1), mode='replicate')[:, 0]
    centre = padded[:, :-1, :-1, :-1]
    squares = ((padded[:, 1:, :-1, :-1] - centre) ** 2 + (padded[:, :-1, 1:, :-1] - centre) ** 2
               + (padded[:, :-1, :-1, 1:] - centre) ** 2)
    return torch.sqrt(squares + 1e-12)


def three_part_loss(estimate: Tensor, target: Tensor, angle_weight: float = 0.3,
                    gradient_weight: float = 0.1) -> Tensor:
    """L1 + .3 SAM / pi + .1 L1 of the 3-D gradient magnitude, of (B, C, H, W): CST, arXiv 2311.17340."""
    gradient = (gradient_magnitude(estimate) - gradient_magnitude(target)).abs().mean()
    return ((estimate - target).abs().mean() + angle_weight / math.pi * spectral_angle(estimate, target)
            + gradient_weight * gradient)


def log_error_loss(estimate: Tensor, target: Tensor, floor: float = 1e-8) -> Tensor:
    """Mean over images and bands of half the log of the mean square error: MPSNR up to sign and factor.

    Every band weighs the same whatever its brightness, as in the measure it stands for.
    """
    return 0.5 * torch.log((estimate - target).square().mean((-1, -2)) + floor).mean()
