"""Any number of bands to a fixed number of spectral nodes, driven by wavelength and FWHM.

Ours; no paper states how a network meets another camera. Why a resampling, and not weights generated from wavelengths
or a transformer over bands: the 3-D convolutions that follow need neighbours at equal distance; a flat spectrum stays
flat and a smooth one keeps its shape whatever the sampling, so that one set of weights means the same thing at 8 and
at 128 bands; there is nothing to learn from the few cameras of a training set that could fail on the next; and
noise of narrow bands is averaged before the network, whose cost no longer depends on the band count. The nodes span the
camera's own range, so that none is empty (VIS and NIR cameras hardly overlap); where they lie on the absolute scale is
given to the network beside the values.
"""
from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from hsi_models.frame import SpectralInfo

ORIGIN_NM = 400.0
RANGE_NM = 600.0


def band_positions(info: SpectralInfo, bands: int) -> tuple[Tensor, Tensor]:
    """Normalised centres and widths of the bands of a sorted cube.

    400 nm is 0 and 1000 nm is 1; other wavelengths go on linearly. A band without FWHM is as wide as its distance to
    its neighbours. Without wavelengths: an even ramp 0..1 in index order, and a warning.

    Args:
        info: meaning of the bands, in the cube's order.
        bands: C.

    Returns:
        centres and widths, (C,), float32.

    Raises:
        ValueError: another number of wavelengths than bands, or they are not ascending.
    """
    if bands < 3:
        raise ValueError(f'expected at least 3 bands, got {bands}')
    if not info.wavelengths_nm:
        warnings.warn('no wavelengths known: bands are taken in index order, evenly over 400-1000 nm', stacklevel=2)
        centres = np.linspace(0.0, 1.0, bands)
    else:
        if len(info.wavelengths_nm) != bands:
            raise ValueError(f'expected {bands} wavelengths for {bands} bands, got {len(info.wavelengths_nm)}')
        if not info.is_sorted:
            raise ValueError('expected bands in ascending wavelength, got another order; use '
                             'HyperspectralFrame.sorted_by_wavelength')
        centres = (np.asarray(info.wavelengths_nm) - ORIGIN_NM) / RANGE_NM
    known = info.wavelengths_nm and info.fwhm_nm
    widths = np.asarray(info.fwhm_nm) / RANGE_NM if known else np.gradient(centres)
    return torch.tensor(centres, dtype=torch.float32), torch.tensor(widths, dtype=torch.float32)


def resampling_matrix(centres: Tensor, widths: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
    """Weights that take bands to evenly spaced nodes over their range.

    A node is a mean of bands, weighted by a Gaussian of the distance in wavelength and by the share of the spectrum
    that a band stands for. The Gaussian's FWHM is that of a node's spacing and of the wider of the band's FWHM and
    its spacing, added in quadrature.

    Args:
        centres: (C,), ascending, any linear unit.
        widths: (C,), FWHM in the same unit.
        nodes: K.

    Returns:
        weights (K, C), rows sum to 1, and centres of the nodes (K,); float32.
    """
    centres, widths = centres.float(), widths.float()
    ramp = torch.arange(nodes, device=centres.device, dtype=torch.float32) / (nodes - 1)
    first, last = centres[:1], centres[-1:]
    positions = first + (last - first) * ramp
    steps = centres[1:] - centres[:-1]
    share = (torch.cat([steps[:1], steps]) + torch.cat([steps, steps[-1:]])) / 2
    share = share + 1e-6 * (last - first) + 1e-12       # bands at one wavelength still count
    spread = torch.maximum(share, widths) ** 2 + ((last - first) / (nodes - 1)) ** 2
    logits = -4 * 0.6931472 * (positions[:, None] - centres[None]) ** 2 / spread[None] + torch.log(share)[None]
    return logits.softmax(dim=1), positions


class SpectralEmbedding(nn.Module):
    """Cube -> three features of every node and pixel.

    - shape: the resampled spectrum over its length, times sqrt(K): what light and shading leave unchanged;
    - intensity: the resampled spectrum over the template's mean level: texture;
    - position: the node's normalised wavelength, the same everywhere.

    Args:
        nodes: K.
    """

    features = 3

    def __init__(self, nodes: int) -> None:
        super().__init__()
        self.nodes = nodes

    @staticmethod
    def level(cube: Tensor) -> Tensor:
        """Mean intensity of a cube (B, C, H, W), float32 (B, 1, 1, 1): the unit of the intensity feature."""
        return cube.float().mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-4)

    def forward(self, cube: Tensor, centres: Tensor, widths: Tensor, level: Tensor) -> Tensor:
        """Embed a cube.

        Args:
            cube: (B, C, H, W), intensities >= 0.
            centres, widths: (C,), as `band_positions` gives them.
            level: (B, 1, 1, 1), `SpectralEmbedding.level` of the template.

        Returns:
            (B, K, 3, H, W), dtype of the cube.
        """
        weights, positions = resampling_matrix(centres, widths, self.nodes)
        batch, bands, height, width = cube.shape
        spectra = torch.matmul(weights.to(cube.dtype), cube.reshape(batch, bands, height * width))
        spectra = spectra.reshape(batch, self.nodes, height, width).float()
        length = (spectra ** 2).mean(dim=1, keepdim=True).sqrt()
        shape = spectra / (length + 1e-3 * level)
        position = positions.view(1, -1, 1, 1).expand_as(spectra)
        return torch.stack([shape, spectra / level, position], dim=2).to(cube.dtype)
