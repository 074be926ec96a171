"""Bands into groups of three: one linear projection a sequence, whatever the rule of grouping.

Source: BCR-Net section 3.2 (bands sorted by importance, grouped into false-colour composites). Not stated; ours: the
last group is filled up with the most important bands, so that none is dropped; composites are standardised band by
band with the template's statistics, which are folded into the projection; the share of a group counts each band once.

Ours, too, behind `stretch`: bands of one camera are so much alike that composites of them are grey and hardly differ.
What all share, the brightness of the mean spectrum, stays in every band; what is left is whitened by the template crop:
the decorrelation stretch (Gillespie et al., Remote Sensing of Environment 20, 1986), over all bands instead of three.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hsi_models.networks.layers.whitening import inverse_root

_FLOOR = 4e-6       # variance of a band relative to the squared level, from noise of .2 %


@dataclass(frozen=True, eq=False)
class Grouping:
    """What takes a cube of C bands to G composites of three channels.

    Args:
        projection: (B, 3G, C).
        offset: (B, 3G), added after it.
        shares: (B, G), importance of each group, sum 1.
    """

    projection: Tensor
    offset: Tensor
    shares: Tensor

    def apply(self, cube: Tensor) -> Tensor:
        """(B, C, H, W) -> composites (B * G, 3, H, W), about zero mean and unit deviation."""
        batch, bands, height, width = cube.shape
        flat = torch.matmul(self.projection.to(cube.dtype), cube.reshape(batch, bands, height * width))
        flat = flat + self.offset.to(cube.dtype)[:, :, None]
        return flat.reshape(-1, 3, height, width)


def group_count(bands: int) -> int:
    """Groups of three that hold all bands."""
    return (bands + 2) // 3


def groups_by_importance(importance: Tensor) -> Tensor:
    """Indices (B, G, 3) of bands in descending importance (B, C); the last group filled up from the first."""
    order = torch.argsort(importance, dim=1, descending=True)
    bands = importance.shape[1]
    return torch.cat([order, order[:, :3 * group_count(bands) - bands]], dim=1).reshape(order.shape[0], -1, 3)


def adjacent_groups(importance: Tensor) -> Tensor:
    """Indices (B, G, 3) of neighbouring bands; the last group repeats the last band. Ablation."""
    batch, bands = importance.shape
    order = torch.arange(3 * group_count(bands), device=importance.device).clamp_max(bands - 1)
    return order.reshape(1, -1, 3).expand(batch, -1, -1)


def group_shares(importance: Tensor, groups: Tensor) -> Tensor:
    """Share of each group in the importance of all bands, a band counted where it appears first.

    Args:
        importance: (B, C), >= 0.
        groups: indices (B, G, 3), in which only the last places repeat bands.

    Returns:
        (B, G), sum 1; equal shares of the bands where all importance is 0.
    """
    bands = importance.shape[1]
    places = torch.gather(importance + 1e-6, 1, groups.flatten(1))
    own = (torch.arange(places.shape[1], device=places.device) < bands).to(places.dtype)
    shares = (places * own).reshape(groups.shape).sum(dim=2)
    return shares / shares.sum(dim=1, keepdim=True)


def group_bands(cube: Tensor, importance: Tensor, groups: Tensor, stretch: bool = False) -> Grouping:
    """Composites of single bands, each standardised with its mean and deviation in this cube.

    Args:
        cube: (B, C, H, W), of the template.
        importance: (B, C), >= 0.
        groups: indices (B, G, 3).
        stretch: in place of each band the brightness of all bands, standardised, plus what is whitened of the band.
    """
    bands = cube.shape[1]
    values = cube.float().flatten(2)
    mean = values.mean(dim=2)
    chosen = (groups.flatten(1)[:, :, None] == torch.arange(bands, device=cube.device)).float()
    if stretch:
        projection = chosen @ _stretch(values, mean)
    else:
        projection = chosen * _inverse_deviation(values - mean[:, :, None], mean)[:, None]
    offset = -torch.matmul(projection, mean[:, :, None])[:, :, 0]
    return Grouping(projection, offset, group_shares(importance, groups))


def _inverse_deviation(centred: Tensor, mean: Tensor) -> Tensor:
    """1 over the deviation of (B, C, N) along N; a floor keeps the noise of an even surface from being blown up."""
    return 1 / (centred.square().mean(dim=2).sqrt() + 0.05 * mean.abs() + 1e-4)


def _stretch(values: Tensor, mean: Tensor) -> Tensor:
    """Decorrelation stretch (B, C, C) of bands (B, C, N) with this mean (B, C).

    Brightness is the share of the mean spectrum in a spectrum; what is left of it without that share is whitened.
    """
    bands = values.shape[1]
    level = (mean.square().mean(dim=1) + 1e-8).sqrt()[:, None, None]
    direction = mean[:, None] / (bands ** 0.5 * level)
    without = torch.eye(bands, device=values.device) - direction.transpose(1, 2) @ direction
    left = without @ values / level
    whitened = inverse_root(left @ left.transpose(1, 2) / left.shape[2], _FLOOR) @ without / level
    brightness = direction @ values
    average = brightness.mean(dim=2)
    stretched: Tensor = whitened + _inverse_deviation(brightness - average[:, :, None], average)[:, :, None] * direction
    return stretched


def principal_components(cube: Tensor) -> Grouping:
    """One composite of the three principal components of a cube (B, C, H, W), whitened. Ablation."""
    values = cube.float().flatten(2)
    mean = values.mean(dim=2, keepdim=True)
    centred = values - mean
    covariance = torch.matmul(centred, centred.transpose(1, 2)) / values.shape[2]
    variances, vectors = torch.linalg.eigh(covariance)
    top = vectors[:, :, -3:].flip(2).transpose(1, 2)
    sign = torch.where(top.sum(dim=2, keepdim=True) < 0, -1.0, 1.0)
    deviation = variances[:, -3:].flip(1).clamp_min(0).sqrt() + 1e-4
    projection = top * sign / deviation[:, :, None]
    offset = -torch.matmul(projection, mean)[:, :, 0]
    return Grouping(projection, offset, torch.ones_like(offset[:, :1]))
