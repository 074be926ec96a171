"""What the network of `auto` is trained on: false colour and probability of simulated pairs, as the tracker makes them.

Everything is computed at the resolution of the sensor and enlarged to the network's crops afterwards, as it is when
tracking: small targets are blurred, their noise is not white.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hsi_models.colour import band_weights
from hsi_models.data.simulation.pairs import PairBatch
from hsi_models.frame import SpectralInfo
from hsi_models.networks.nanotrack import SEARCH_SIZE, TEMPLATE_SIZE
from hsi_models.tracking.fusion import FusionConfig
from hsi_models.tracking.probability import Separability
from hsi_models.training.target_probability import fit_probability, unit_spectra

CONTEXT = 2 * SEARCH_SIZE / TEMPLATE_SIZE
"""Of `PairConfig` for equal `template_px` and `search_px`: the first view shows as much as the search region, so that
surroundings can be learned from it, and its middle is the template."""

_LOW, _HIGH, _HEADROOM = 0.01, 0.99, 1.1      # as `FalseColour.fit`


@dataclass(frozen=True, eq=False)
class AutoInputs:
    """A batch for `AutoNet`.

    Args:
        template, search: false colour and probability, 0..1, (B, 2, 3, 127, 127) and (B, 2, 3, 255, 255).
        trust: see `AutoNet.template`, (B, 3).
        boxes: corners of the targets, pixels of the search crop, (B, 4); nan where it is not there.
    """

    template: Tensor
    search: Tensor
    trust: Tensor
    boxes: Tensor


@torch.no_grad()
def auto_inputs(pairs: PairBatch, fusion: FusionConfig, grey: Tensor) -> AutoInputs:
    """Pictures of pairs.

    Args:
        pairs: template and search of equal side S, with `CONTEXT`; the target is in the middle of the first.
        fusion: how the probability is estimated and how far the untrained rule trusts it.
        grey: pairs whose false colour is stretched alike in all channels, as that of reflectance is, bool (B,).
    """
    first, later = unit_spectra(pairs.template, fusion.fit.blur_px), unit_spectra(pairs.search, fusion.fit.blur_px)
    probability = fit_probability(first, pairs.template_boxes, fusion.fit)
    rule = [fusion.weight(Separability(roc, ok)) for roc, ok in
            zip(probability.roc.tolist(), probability.ok.tolist(), strict=True)]
    trust = torch.stack([probability.roc, probability.ok, torch.tensor(rule).to(first)], dim=1)
    weights = band_weights(SpectralInfo(tuple(pairs.wavelengths_nm.tolist())), first.shape[1])
    matrix = torch.as_tensor(weights, dtype=first.dtype, device=first.device)
    colours = _false_colour(pairs.template, pairs.search, matrix, grey)
    pictures = [_enlarge(torch.stack([colour, probability.apply(spectra)[:, None].expand(-1, 3, -1, -1)], dim=1))
                for colour, spectra in zip(colours, (first, later), strict=True)]
    margin = (SEARCH_SIZE - TEMPLATE_SIZE) // 2
    template = pictures[0][..., margin:margin + TEMPLATE_SIZE, margin:margin + TEMPLATE_SIZE].contiguous()
    boxes = pairs.boxes * (SEARCH_SIZE / pairs.search.shape[-1])
    return AutoInputs(template, pictures[1], trust, torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1))


def _false_colour(first: Tensor, later: Tensor, matrix: Tensor, grey: Tensor) -> list[Tensor]:
    """Both views (B, C, S, S) in sRGB (B, 3, S, S), 0..1, stretched by percentiles of the first."""
    linear = [torch.einsum('bchw,cd->bdhw', view, matrix) for view in (first, later)]
    ends = torch.tensor([_LOW, _HIGH], device=first.device)
    some = linear[0][:, :, ::2, ::2]
    each = torch.quantile(some.flatten(2), ends, dim=2)
    low_all = torch.quantile(some.mean(dim=1).flatten(1), _LOW, dim=1)[:, None]
    high_all = torch.quantile(some.flatten(1), _HIGH, dim=1)[:, None]
    low = torch.where(grey[:, None], low_all, each[0]).clamp_min(0)[:, :, None, None]
    high = torch.where(grey[:, None], high_all, each[1])[:, :, None, None]
    span = (high - low).clamp_min(1e-6) * _HEADROOM
    return [_srgb(((view - low) / span).clamp(0, 1)) for view in linear]


def _srgb(linear: Tensor) -> Tensor:
    """Linear 0..1 to encoded 0..1 (IEC 61966-2-1)."""
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp_min(1e-6) ** (1 / 2.4) - 0.055)


def _enlarge(pictures: Tensor) -> Tensor:
    """(B, 2, 3, S, S) to the search crop's size."""
    flat = F.interpolate(pictures.flatten(0, 1), (SEARCH_SIZE, SEARCH_SIZE), mode='bilinear', align_corners=False)
    return flat.reshape(*pictures.shape[:3], SEARCH_SIZE, SEARCH_SIZE)


def response_points(cells: int, stride: int, device: torch.device) -> Tensor:
    """x and y of the points that the cells of a response stand for, pixels of the search crop, (2, n, n)."""
    steps = torch.as_tensor((np.arange(cells) - cells // 2) * stride + SEARCH_SIZE / 2, dtype=torch.float32).to(device)
    rows, columns = torch.meshgrid(steps, steps, indexing='ij')
    return torch.stack([columns, rows])
