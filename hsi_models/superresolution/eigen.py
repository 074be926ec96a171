"""Eigen-images: a cube as a mean spectrum and a few spatial images, fitted on the low-resolution frame alone."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hsi_models.superresolution.degradation import back_project, null_space


@dataclass(frozen=True, eq=False)
class SpectralSubspace:
    """Principal axes of the spectra of one frame or of each frame of a batch.

    Args:
        mean: (..., C).
        axes: (..., C, K), orthonormal columns by falling variance; columns beyond the rank are zero.
        deviation: (..., K), standard deviation along each axis; 1 where the axis is zero.
    """

    mean: Tensor
    axes: Tensor
    deviation: Tensor

    def analyse(self, cube: Tensor) -> Tensor:
        """Cube (..., C, H, W) -> eigen-images of unit variance (..., K, H, W)."""
        centred = (cube - self.mean[..., None, None]).flatten(-2)
        images: Tensor = self.axes.transpose(-1, -2) @ centred / self.deviation[..., None]
        return images.reshape(*images.shape[:-1], *cube.shape[-2:])

    def synthesise_detail(self, images: Tensor) -> Tensor:
        """Changes of the eigen-images (..., K, H, W) -> changes of the cube (..., C, H, W); the mean stays out."""
        detail: Tensor = (self.axes * self.deviation[..., None, :]) @ images.flatten(-2)
        return detail.reshape(*detail.shape[:-1], *images.shape[-2:])


def fit_subspace(cube: Tensor, components: int, tolerance: float = 1e-4) -> SpectralSubspace:
    """Principal axes of the spectra of (..., C, H, W), float.

    Args:
        cube: any number of bands, any scale.
        components: K; with fewer bands (or a lower rank) the remaining axes are zero.
        tolerance: axes whose deviation is below this share of the first are noise of the arithmetic: zero.

    Returns:
        A subspace with a deterministic sign: the entries of each axis sum to a positive number.
    """
    spectra = cube.flatten(-2).double()
    mean = spectra.mean(-1)
    centred = spectra - mean[..., None]
    covariance = centred @ centred.transpose(-1, -2) / max(spectra.shape[-1], 1)
    variance, axes = torch.linalg.eigh(covariance)
    variance, axes = variance.flip(-1)[..., :components], axes.flip(-1)[..., :components]
    total = axes.sum(-2, keepdim=True)
    # an axis that sums to nothing takes the sign of its largest entry
    largest = axes.gather(-2, axes.abs().argmax(-2, keepdim=True))
    sign = torch.where(total.abs() > 1e-6, total, largest).sign()
    deviation = variance.clamp_min(0).sqrt()
    used = (deviation > tolerance * deviation[..., :1]) & (deviation > 0)
    axes = axes * sign * used[..., None, :]
    deviation = torch.where(used, deviation, torch.ones_like(deviation))
    missing = components - axes.shape[-1]
    if missing > 0:
        axes = torch.nn.functional.pad(axes, (0, missing))
        deviation = torch.nn.functional.pad(deviation, (0, missing), value=1.0)
    return SpectralSubspace(mean.to(cube.dtype), axes.to(cube.dtype), deviation.to(cube.dtype))


def upscale_eigen(network: Callable[[Tensor], Tensor], cube: Tensor, subspace: SpectralSubspace,
                  scale: int) -> Tensor:
    """Enlarge a cube by the detail that a network sees in its eigen-images.

    Args:
        network: eigen-images (B, K, H, W) -> (B, K, s H, s W), of which only what `degrade` cannot see is used.
        cube: (B, C, H, W), float; any number of bands, any scale.
        subspace: of the frame that the cube is or is cut from.
        scale: s.

    Returns:
        (B, C, s H, s W); degrades to `cube` up to rounding, whatever the network says.
    """
    detail = null_space(network(subspace.analyse(cube)).to(cube.dtype), scale)
    return back_project(cube, scale) + subspace.synthesise_detail(detail)
