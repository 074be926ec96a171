"""Simulated pairs as the inputs of SSF-Net and BCR-Net: crops enlarged from the sensor's pixels, and false colour.

When tracking, false colour is made of the sensor's pixels by constants of the first frame, and both are enlarged to the
network's crops: small targets are blurred and their noise is not white. So it is here. Only a part of that first frame
is known here: the stretch is widened at random.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hsi_models.band_positions import band_positions
from hsi_models.colour import band_weights
from hsi_models.data.simulation.pair_cameras import on_device
from hsi_models.data.simulation.pairs import PairBatch, PairConfig
from hsi_models.frame import SpectralInfo
from hsi_models.networks.siamese_network import SEARCH_SIZE, TEMPLATE_SIZE, SiameseInputs
from hsi_models.training.pictures import HEADROOM, enlarge, enlarged_corners, linear_colours, srgb, stretch

_GREY_SHARE = 0.3                             # of pairs stretched alike in all channels, as reflectance is
_UNKNOWN_SHARE, _STATED_SHARE = 0.1, 0.55     # of batches without wavelengths; with them, up to here also with widths


@dataclass(frozen=True, eq=False)
class TrackingInputs:
    """A batch for a `SiameseNetwork`.

    Args:
        template, search: crops of 127 and of 255 pixels.
        box_size: of the targets in the template crop, pixels, (B, 2).
        boxes: corners of the targets in the search crop, pixels, (B, 4); nan where it is not there.
    """

    template: SiameseInputs
    search: SiameseInputs
    box_size: Tensor
    boxes: Tensor


def pairs_of_side(config: PairConfig, side: int) -> PairConfig:
    """Pairs whose search region is `side` pixels of the sensor wide, and shows what a search crop shows."""
    return replace(config, search_px=side, template_px=round(side * TEMPLATE_SIZE / SEARCH_SIZE), context=2.0,
                   search_context=2.0 * SEARCH_SIZE / TEMPLATE_SIZE)


@torch.no_grad()
def tracking_inputs(pairs: PairBatch, seed: int) -> TrackingInputs:
    """Crops of pairs.

    Args:
        pairs: of `pairs_of_side`.
        seed: of what is known of the bands, and of the stretch, >= 0.
    """
    device, bands = pairs.search.device, pairs.search.shape[1]
    rng = np.random.default_rng((seed, 1))
    info, (centres, widths) = _described(pairs, float(rng.random()))
    centres, widths = centres.to(device, non_blocking=True), widths.to(device, non_blocking=True)
    colours = _false_colour(pairs, on_device(band_weights(info, bands), device), rng)
    crops = [SiameseInputs(enlarge(cube, size), enlarge(colour, size), centres, widths) for cube, colour, size in
             zip((pairs.template, pairs.search), colours, (TEMPLATE_SIZE, SEARCH_SIZE), strict=True)]
    return TrackingInputs(crops[0], crops[1], pairs.template_boxes[:, 2:] * (TEMPLATE_SIZE / pairs.template.shape[-1]),
                          enlarged_corners(pairs.boxes, SEARCH_SIZE / pairs.search.shape[-1]))


def _described(pairs: PairBatch, share: float) -> tuple[SpectralInfo, tuple[Tensor, Tensor]]:
    """What is known of the bands, and their positions, as `band_positions`: with widths, without, or nothing."""
    bands = len(pairs.wavelengths_nm)
    if share < _UNKNOWN_SHARE:
        return SpectralInfo(), (torch.linspace(0, 1, bands), torch.full((bands,), 1 / (bands - 1)))
    info = SpectralInfo(tuple(pairs.wavelengths_nm.tolist()))
    stated = replace(info, fwhm_nm=tuple(pairs.fwhm_nm.tolist())) if share < _STATED_SHARE else info
    centres, widths = band_positions(stated, bands)
    return info, (torch.from_numpy(centres), torch.from_numpy(widths))


def _false_colour(pairs: PairBatch, weights: Tensor, rng: np.random.Generator) -> list[Tensor]:
    """Template and search region in sRGB, 0..1 in steps of 1 / 255, (B, 3, S, S), stretched by the template.

    Args:
        pairs: cubes.
        weights: of the bands in linear red, green and blue, (C, 3).
        rng: of what is seen of the first frame, and of the share stretched alike in all channels.
    """
    batch, device = len(pairs.search), pairs.search.device
    linear = linear_colours(pairs.template, pairs.search, weights)
    low, high = stretch(linear[0], on_device(rng.random((batch, 1)) < _GREY_SHARE, device, torch.bool))
    down, up = (on_device(rng.uniform(*span, (batch, 1)), device) for span in ((0.3, 1.0), (1.0, 1.6)))
    high = low + up * (high - low)
    low = down * low
    span = (high - low).clamp_min(1e-3) * HEADROOM
    colours = (srgb((view - low[:, :, None, None]) / span[:, :, None, None]) for view in linear)
    return [(255 * colour).round() / 255 for colour in colours]
