"""What the network of `auto` is trained on: false colour and probability of simulated pairs, as the tracker makes them.

Everything is computed at the resolution of the sensor and enlarged to the network's crops afterwards, as it is when
tracking: small targets are blurred, their noise is not white.
"""
from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hsi_models.colour import band_weights
from hsi_models.data.simulation.pair_cameras import on_device
from hsi_models.data.simulation.pairs import PairBatch, PairConfig
from hsi_models.frame import SpectralInfo
from hsi_models.networks.nanotrack import SEARCH_SIZE, TEMPLATE_SIZE
from hsi_models.tracking.fusion import FusionConfig
from hsi_models.tracking.probability import ProbabilityConfig, Separability
from hsi_models.training.pictures import HEADROOM, enlarge, enlarged_corners, linear_colours, srgb, stretch
from hsi_models.training.scene_views import SceneViews
from hsi_models.training.target_probability import (
    component_overlap,
    fit_probability,
    held_out_areas,
    unit_spectra,
)

SCENE_SHARES = (0.6, 0.3, 0.1)
"""Of views of sequences: a target with a spectrum of its own, one of an ordinary video, one that is not there."""


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


def wide_pairs_of_side(config: PairConfig, side: int) -> PairConfig:
    """Pairs whose views are both `side` pixels of the sensor wide: the first shows as much as the search region, so
    that surroundings can be learned from it, and its middle is the template."""
    return replace(config, template_px=side, search_px=side, context=2 * SEARCH_SIZE / TEMPLATE_SIZE)


@torch.no_grad()
def auto_inputs(pairs: PairBatch, fit: ProbabilityConfig, grey: Tensor, held_out: bool = False) -> AutoInputs:
    """Pictures of pairs.

    Args:
        pairs: template and search of equal side S, of `wide_pairs_of_side`; the target is in the middle of the first.
        fit: how the probability is estimated.
        grey: pairs whose false colour is stretched alike in all channels, as that of reflectance is, bool (B,).
        held_out: how well a target separates is judged by pixels that were not fitted, as when tracking; else by the
            rule of the fitted ones.
    """
    first, later = (unit_spectra(view, fit.blur_px) for view in (pairs.template, pairs.search))
    probability = fit_probability(first, pairs.template_boxes, fit)
    images = [probability.apply(spectra) for spectra in (first, later)]
    overlap = component_overlap(images[0], pairs.template_boxes)
    areas = held_out_areas(first, pairs.template_boxes, fit).tolist() if held_out else [0.0] * len(overlap)
    found = [Separability(*numbers) for numbers in zip(probability.roc.tolist(), overlap, areas, strict=True)]
    trust = _trust(found, held_out).to(first)
    weights = band_weights(SpectralInfo(tuple(pairs.wavelengths_nm.tolist())), first.shape[1])
    colours = _false_colour(pairs.template, pairs.search, on_device(weights, first.device), grey)
    pictures = [enlarge(torch.stack([colour, image[:, None].expand(-1, 3, -1, -1)], dim=1), SEARCH_SIZE)
                for colour, image in zip(colours, images, strict=True)]
    margin = (SEARCH_SIZE - TEMPLATE_SIZE) // 2
    template = pictures[0][..., margin:margin + TEMPLATE_SIZE, margin:margin + TEMPLATE_SIZE].contiguous()
    return AutoInputs(template, pictures[1], trust,
                      enlarged_corners(pairs.boxes, SEARCH_SIZE / pairs.search.shape[-1]))


class AutoScenes:
    """Draws batches of what `auto` sees in sequences.

    Args:
        views: see `SceneViews`.
        held_out: as in `auto_inputs`.
    """

    def __init__(self, views: SceneViews, held_out: bool = False) -> None:
        self.views = views
        found = [Separability(*numbers) for numbers in views.separability.tolist()]
        self._trust = _trust(found, held_out).to(views.separability)
        there, ordinary = views.corners.isfinite().all(dim=1).cpu(), views.ordinary.cpu()
        kinds = [(kind.nonzero()[:, 0], share) for kind, share in
                 zip((there & ~ordinary, there & ordinary, ~there), SCENE_SHARES, strict=True)]
        self._kinds = [(places, share) for places, share in kinds if len(places)]

    def draw(self, batch: int, generator: torch.Generator) -> AutoInputs:
        """`batch` views, drawn by kind, all of them mirrored or none; `generator` is one of the CPU."""
        shares = torch.tensor([share for _, share in self._kinds])
        chosen = torch.multinomial(shares, batch, replacement=True, generator=generator).tolist()
        drawn = torch.rand(batch, generator=generator).tolist()
        places = [self._kinds[kind][0] for kind in chosen]
        index = torch.stack([place[int(value * len(place))] for place, value in zip(places, drawn, strict=True)])
        index = index.to(self.views.start.device)
        start, corners = self.views.start[index], self.views.corners[index]
        template, search = (_both(pictures) for pictures in (self.views.templates[start], self.views.searches[index]))
        if torch.rand((), generator=generator) < 0.5:
            template, search = template.flip(-1), search.flip(-1)
            corners = corners[:, [2, 1, 0, 3]] * corners.new_tensor([-1, 1, -1, 1])
            corners = corners + corners.new_tensor([SEARCH_SIZE, 0, SEARCH_SIZE, 0])
        return AutoInputs(template, search, self._trust[start], corners)


def _both(pictures: Tensor) -> Tensor:
    """False colour and probability as bytes, (B, 4, S, S) -> 0..1, (B, 2, 3, S, S)."""
    values = pictures.float() / 255
    return torch.stack([values[:, :3], values[:, 3:].expand(-1, 3, -1, -1)], dim=1)


def _trust(found: list[Separability], held_out: bool) -> Tensor:
    """What the network is told of first frames, (B, 3)."""
    rule = [FusionConfig().weight(one) if held_out else one.weight for one in found]
    return torch.tensor([[one.roc, one.ok, weight] for one, weight in zip(found, rule, strict=True)])


def _false_colour(first: Tensor, later: Tensor, weights: Tensor, grey: Tensor) -> list[Tensor]:
    """Both views (B, C, S, S) in sRGB (B, 3, S, S), 0..1, stretched by percentiles of the first."""
    linear = linear_colours(first, later, weights)
    low, high = (end[:, :, None, None] for end in stretch(linear[0][:, :, ::2, ::2], grey[:, None]))
    span = (high - low).clamp_min(1e-6) * HEADROOM
    return [srgb((view - low) / span) for view in linear]
