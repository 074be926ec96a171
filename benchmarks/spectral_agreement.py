"""Measures how well single pixels of a search crop agree with a template's target in what the networks are given.

    python -m benchmarks.spectral_agreement --data ../shared/data

For held-out pairs of each kind: area under the ROC curve, target's pixels against all others, of the cosine to the mean
of the template's target, for SSF-Net's spectra (plain, whitened) and BCR-Net's composites (standardised, stretched).
"""
from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hsi_models.networks.layers.band_grouping import adjacent_groups, group_bands
from hsi_models.networks.layers.spectral_embedding import SpectralEmbedding
from hsi_models.networks.siamese_network import SiameseInputs
from hsi_models.tracking.probability import roc_area
from hsi_models.training.tracking_data import TrackingDataConfig, load_pairs
from hsi_models.training.tracking_inputs import TrackingInputs
from hsi_models.training.tracking_validation import KINDS, HeldOutPairs, ValidationConfig

_NODES = 16
_INNER, _OUTER = 0.7, 1.3       # share of the box whose pixels are the target's, and beyond which they are not
_STEP = 3                       # every third pixel is looked at

Features = Callable[[TrackingInputs], tuple[Tensor, Tensor]]
"""Features of template and search crop, (B, K, S, S)."""


def main() -> None:
    """Run the measurement and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', type=Path, default=Path('../shared/data'), help='as of `hsi-tracking train`')
    parser.add_argument('--pairs', type=int, default=96, help='of each kind (96)')
    parser.add_argument('--sides', type=int, nargs='+', default=[64, 96, 128, 192], help='of search regions')
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    held_out = HeldOutPairs(load_pairs(arguments.data, TrackingDataConfig(), torch.device('cpu')).validation,
                            tuple(arguments.sides), ValidationConfig(batch=24))
    table = {kind: agreement(held_out.batches(kind, arguments.pairs)) for kind in KINDS}
    print(json.dumps({'pairs': arguments.pairs, 'sides': arguments.sides, 'area_under_roc': table}, indent=1))


@torch.no_grad()
def agreement(batches: Iterator[TrackingInputs]) -> dict[str, float]:
    """Mean area under the ROC curve over pairs, of each kind of features."""
    areas: dict[str, list[float]] = {name: [] for name in FEATURES}
    for inputs in batches:
        half = inputs.box_size / 2
        middle = inputs.template.cube.shape[-1] / 2
        told = torch.cat([middle - half, middle + half], dim=1)
        for name, features in FEATURES.items():
            template, search = features(inputs)
            search = search[:, :, ::_STEP, ::_STEP]
            target = _inside(told, template.shape[-1], 1, _INNER)
            mean = (template * target).sum(dim=(2, 3), keepdim=True)
            cosine = (F.normalize(mean, dim=1) * F.normalize(search, dim=1)).sum(dim=1).numpy()
            size = inputs.search.cube.shape[-1]
            inner, outer = (_inside(inputs.boxes, size, _STEP, share)[:, 0].numpy() for share in (_INNER, _OUTER))
            areas[name] += [roc_area(found[near], found[~far]) for found, near, far in
                            zip(cosine, inner, outer, strict=True)]
    return {name: round(float(np.mean(values)), 3) for name, values in areas.items()}


def _inside(corners: Tensor, size: int, step: int, share: float) -> Tensor:
    """Pixels within boxes scaled about their centres, (B, 4) -> (B, 1, n, n)."""
    axis = torch.arange(0, size, step) + 0.5
    centre, half = (corners[:, :2] + corners[:, 2:]) / 2, share * (corners[:, 2:] - corners[:, :2]) / 2
    near: Tensor = (axis[None, None] - centre[:, :, None]).abs() < half[:, :, None]
    both: Tensor = torch.logical_and(near[:, 1, :, None], near[:, 0, None, :])[:, None]
    return both


def _spectra(whiten: bool) -> Features:
    embedding = SpectralEmbedding(_NODES, whiten)

    def features(inputs: TrackingInputs) -> tuple[Tensor, Tensor]:
        first = inputs.template
        reference = embedding.reference(first.cube, first.centres, first.widths)

        def shape(crop: SiameseInputs) -> Tensor:
            embedded: Tensor = embedding(crop.cube, crop.centres, crop.widths, reference)
            return embedded[:, :, 0]

        return shape(first), shape(inputs.search)

    return features


def _composites(stretch: bool) -> Features:
    def features(inputs: TrackingInputs) -> tuple[Tensor, Tensor]:
        cube = inputs.template.cube
        importance = torch.ones_like(cube[:, :, 0, 0])
        grouping = group_bands(cube, importance, adjacent_groups(importance), stretch)
        batch = len(cube)
        return tuple(grouping.apply(crop).reshape(batch, -1, *crop.shape[2:])       # type: ignore[return-value]
                     for crop in (cube, inputs.search.cube))

    return features


FEATURES: dict[str, Features] = {
    'spectra': _spectra(whiten=False), 'whitened spectra': _spectra(whiten=True),
    'composites': _composites(stretch=False), 'stretched composites': _composites(stretch=True)}

if __name__ == '__main__':
    main()
