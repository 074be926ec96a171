"""Any number of bands to a fixed number of spectral nodes, driven by wavelength and FWHM.

Ours; no paper states how a network meets another camera. Why a resampling, and not weights generated from wavelengths
or a transformer over bands: the 3-D convolutions that follow need neighbours at equal distance; a flat spectrum stays
flat and a smooth one keeps its shape whatever the sampling, so that one set of weights means the same thing at 8 and
at 128 bands; there is nothing to learn from the few cameras of a training set that could fail on the next; and
noise of narrow bands is averaged before the network, whose cost no longer depends on the band count. The nodes span the
camera's own range, so that none is empty (VIS and NIR cameras hardly overlap); where they lie on the absolute scale is
given to the network beside the values.

Why the shape of a spectrum is whitened by the template crop: spectra of one scene have nearly the same direction, so
that their angles say little. With what they share subtracted and their covariance brought to the unit matrix, what
tells a few of them apart is as large as brightness was, and the angle between two is that of the adaptive cosine
estimator (Scharf and McWhorter, Asilomar 1996). Dark pixels, whose direction is noise, count little: their deviation
fades out.
"""
from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from hsi_models.networks.layers.whitening import inverse_root

_FLOOR = 2.5e-7         # variance at each of 16 nodes, from noise of .2 % of a spectrum's length
_DARK = 0.4             # share of the template's level at which a spectrum counts half


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


class SpectralReference(NamedTuple):
    """What a template says of all crops of its sequence, float32.

    Args:
        level: mean intensity, (B, 1, 1, 1).
        centre: mean of the spectra over their mean length, (B, K, 1).
        whitening: inverse square root of the covariance of the deviations from it, symmetric, (B, K, K).
    """

    level: Tensor
    centre: Tensor
    whitening: Tensor


def reference_of(state: dict[str, Tensor]) -> SpectralReference:
    """The reference that a network's state holds under the names of its fields."""
    return SpectralReference(*(state[name] for name in SpectralReference._fields))


class SpectralEmbedding(nn.Module):
    """Cube -> three features of every node and pixel.

    - shape: how the direction of the resampled spectrum, which light and shading leave unchanged, deviates from the
      template's mean, whitened;
    - intensity: the resampled spectrum over the template's mean level: texture;
    - position: the node's normalised wavelength, the same everywhere.

    Args:
        nodes: K.
        whiten: without it the shape is the resampled spectrum over its length, times sqrt(K).
    """

    features = 3

    def __init__(self, nodes: int, whiten: bool = True) -> None:
        super().__init__()
        self.nodes, self.whiten = nodes, whiten

    def reference(self, cube: Tensor, centres: Tensor, widths: Tensor) -> SpectralReference:
        """What the cube of a template, (B, C, H, W), says of all crops of its sequence."""
        level = cube.float().mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-4)
        spectra, _ = self._resampled(cube, centres, widths)
        centre = spectra.mean(dim=2, keepdim=True) / _length(spectra).mean(dim=2, keepdim=True).clamp_min(1e-6)
        deviations = _deviations(spectra, level, centre)
        covariance = deviations @ deviations.transpose(1, 2) / deviations.shape[2]
        return SpectralReference(level, centre, inverse_root(covariance, _FLOOR))

    def forward(self, cube: Tensor, centres: Tensor, widths: Tensor, reference: SpectralReference) -> Tensor:
        """Embed a cube.

        Args:
            cube: (B, C, H, W), intensities >= 0.
            centres, widths: (C,), as `hsi_models.band_positions` gives them.
            reference: of the template.

        Returns:
            (B, K, 3, H, W), dtype of the cube.
        """
        spectra, positions = self._resampled(cube, centres, widths)
        position = positions[None, :, None].expand_as(spectra)
        features = torch.stack([self._shapes(spectra, reference), spectra / reference.level.float()[:, 0], position],
                               dim=2).to(cube.dtype)
        return features.reshape(*features.shape[:3], *cube.shape[2:])

    def shapes(self, cube: Tensor, centres: Tensor, widths: Tensor, reference: SpectralReference) -> Tensor:
        """The first of the features alone, (B, K, H, W), float32; arguments as for `forward`."""
        spectra, _ = self._resampled(cube, centres, widths)
        return self._shapes(spectra, reference).reshape(*spectra.shape[:2], *cube.shape[2:])

    def _shapes(self, spectra: Tensor, reference: SpectralReference) -> Tensor:
        level = reference.level.float()
        if self.whiten:
            return reference.whitening.float() @ _deviations(spectra, level, reference.centre.float())
        root = self.nodes ** 0.5
        shapes: Tensor = spectra * root / (_length(spectra) + 1e-3 * root * level[:, 0])
        return shapes

    def _resampled(self, cube: Tensor, centres: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """The spectra at the nodes, float32, (B, K, H W), and the nodes' centres, (K,)."""
        weights, positions = resampling_matrix(centres, widths, self.nodes)
        return torch.matmul(weights, cube.float().flatten(2)), positions


def _length(spectra: Tensor) -> Tensor:
    length: Tensor = (spectra ** 2).sum(dim=1, keepdim=True).sqrt()
    return length


def _deviations(spectra: Tensor, level: Tensor, centre: Tensor) -> Tensor:
    """What is left of spectra (B, K, N) without the mean spectrum of their length, over that length; 0 in the dark."""
    length, dark = _length(spectra), _DARK * spectra.shape[1] ** 0.5 * level[:, 0]
    deviations: Tensor = (spectra - centre * length) / (length + dark)
    return deviations
