"""Colours to reflectances, as tensor operations: primaries for the colour, hidden residuals for the material.

A reflectance is `primaries @ rgb + brightness * residuals @ c`. The primaries give a colour back exactly; the
residuals are metameric blacks (no colour camera sees them), and their coefficients c belong to a material, that is to
a region of chromaticity, for a whole clip. A picture is therefore carried as `3 + K` planes of coefficients; whatever
is linear after it (light, filters, cross-talk) is one small matrix. Derivation: `derive_basis`.
"""
from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

DARKEST = 0.02      # linear RGB; below, chromaticity is noise


@dataclass(frozen=True, eq=False)
class SpectralBasis:
    """The basis on `illumination.GRID_NM`, L wavelengths.

    Args:
        primaries: spectra of red, green and blue, (L, 3), 0..1, adding up to 1.
        residuals: orthogonal to the colour matching functions, (L, K), most frequent first.
        residual_std: how large their coefficients are in measured spectra, per unit of brightness, (K,).
        rgb_from_reflectance: (3, L).
    """

    primaries: Tensor
    residuals: Tensor
    residual_std: Tensor
    rgb_from_reflectance: Tensor

    @property
    def spectra(self) -> Tensor:
        """Primaries and residuals side by side, (L, 3 + K)."""
        return torch.cat([self.primaries, self.residuals], dim=1)

    def to(self, device: torch.device | str) -> SpectralBasis:
        """The basis on a device."""
        return SpectralBasis(self.primaries.to(device), self.residuals.to(device), self.residual_std.to(device),
                             self.rgb_from_reflectance.to(device))


@cache
def load_basis() -> SpectralBasis:
    """The basis shipped with the package, float32 on CPU."""
    values = json.loads((Path(__file__).parent / 'basis.json').read_text())
    return SpectralBasis(**{name: torch.tensor(array, dtype=torch.float32) for name, array in values.items()})


@cache
def _basis_on(device: torch.device) -> SpectralBasis:
    """The shipped basis, copied to a device once: a copy waits for all that the device has to do."""
    return load_basis().to(device)


def linear_from_srgb(srgb: Tensor) -> Tensor:
    """IEC 61966-2-1 decoding: uint8 0..255 or float 0..1, any shape -> float32 0..1."""
    x = srgb.to(torch.float32) / 255 if srgb.dtype == torch.uint8 else srgb
    return torch.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055).clamp(min=0) ** 2.4)


def brightness(rgb: Tensor) -> Tensor:
    """Mean of linear RGB, (B, 3, H, W) -> (B, 1, H, W): the unit of residual coefficients."""
    return rgb.mean(dim=1, keepdim=True)


@dataclass(frozen=True, eq=False)
class Materials:
    """Which residual belongs to which colour, for one clip or for each picture of a batch.

    Args:
        centres: chromaticity and weighted logarithm of brightness of M materials, (M, 3), or for each picture its
            own, (B, M, 3).
        coefficients: of the residuals, per unit of brightness, (M, K) or (B, M, K).
        sharpness: how abruptly one material changes into the next.
    """

    centres: Tensor
    coefficients: Tensor
    sharpness: float = 250.0

    def planes(self, rgb: Tensor, extra: Tensor | None = None) -> Tensor:
        """Coefficient planes of colour pictures: linear RGB (B, 3, H, W), 0..1 -> (B, 3 + K, H, W).

        Args:
            rgb: linear RGB.
            extra: added to the coefficients of the residuals, (B, K, H, W) or broadcastable: a twin's difference.
        """
        features = _features(rgb).flatten(2).transpose(1, 2)
        closeness = 2 * features @ self.centres.mT - (self.centres ** 2).sum(dim=-1).unsqueeze(-2)
        weights = torch.softmax(self.sharpness * closeness, dim=-1)
        mixed = (weights @ self.coefficients).transpose(1, 2)
        mixed = mixed.reshape(*mixed.shape[:2], *rgb.shape[2:])
        if extra is not None:
            mixed = mixed + extra
        return torch.cat([rgb, brightness(rgb) * mixed], dim=1)


def draw_materials(rgb: Tensor, generator: torch.Generator, count: int = 10, strength: float = 1.0) -> Materials:
    """Materials of a clip from its first frame.

    Args:
        rgb: linear RGB of the first frame, (1, 3, H, W) on CPU.
        generator: CPU generator; equal state gives equal materials.
        count: number of materials M.
        strength: of the residuals, 1 as in measured spectra; each is weakened until its spectrum stays positive.
    """
    flat = _features(rgb)[0].reshape(3, -1).T
    flat = flat[torch.randperm(len(flat), generator=generator)[:4000]]
    centres = flat[:1]
    for _ in range(count - 1):      # farthest point: rare colours are materials too
        distance = torch.cdist(flat, centres).amin(dim=1)
        centres = torch.cat([centres, flat[distance.argmax()][None]])
    return Materials(centres, _coefficients(centres, generator, strength))


def draw_materials_batch(rgb: Tensor, generator: torch.Generator, count: int = 8, strength: float = 1.0) -> Materials:
    """Materials of each picture of a batch, on its device: the colours of random pixels.

    Args:
        rgb: linear RGB, (B, 3, H, W).
        generator: on the same device.
        count: materials a picture.
        strength: see `draw_materials`.
    """
    features = _features(rgb).flatten(2).transpose(1, 2)
    chosen = torch.randint(features.shape[1], (len(rgb), count, 1), generator=generator, device=rgb.device)
    centres = features.gather(1, chosen.expand(-1, -1, 3))
    return Materials(centres, _coefficients(centres, generator, strength))


def _coefficients(centres: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Random residuals for materials at `centres` (..., 3), each spectrum kept positive."""
    basis = _basis_on(centres.device)
    shape = (*centres.shape[:-1], len(basis.residual_std))
    draw = strength * torch.randn(shape, generator=generator, device=centres.device) * basis.residual_std
    chroma = torch.cat([centres[..., :2], 1 - centres[..., :2].sum(dim=-1, keepdim=True)], dim=-1).clamp(min=0)
    return keep_positive(3 * chroma, draw)


def keep_positive(rgb: Tensor, coefficients: Tensor, floor: float = 0.15) -> Tensor:
    """Coefficients (..., K) weakened until no spectrum is below `floor` times that of its colour (..., 3) alone."""
    basis = _basis_on(coefficients.device)
    colour = rgb @ basis.primaries.T + 0.02
    change = coefficients @ basis.residuals.T
    worst = (change / ((floor - 1) * colour)).amax(dim=-1, keepdim=True)
    return coefficients / worst.clamp(min=1)


def reflectance(planes: Tensor) -> Tensor:
    """Coefficient planes (B, 3 + K, H, W) -> reflectance (B, L, H, W), 0..1."""
    return torch.einsum('lp,bphw->blhw', load_basis().to(planes.device).spectra, planes).clamp(0, 1)


def _features(rgb: Tensor) -> Tensor:
    total = rgb.sum(dim=1, keepdim=True)
    chroma = (rgb[:, :2] + DARKEST / 3) / (total + DARKEST)
    return torch.cat([chroma, 0.12 * torch.log(total + DARKEST)], dim=1)


def resize(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """Area-true when shrinking, bicubic when growing: (B, P, H, W) -> (B, P, *size)."""
    if size[0] <= planes.shape[-2] and size[1] <= planes.shape[-1]:
        return F.interpolate(planes, size, mode='area')
    return F.interpolate(planes, size, mode='bicubic', align_corners=False)
