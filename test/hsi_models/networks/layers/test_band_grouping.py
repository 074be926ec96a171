"""Grouping: no band is dropped at any count, shares are fair, one projection for template and search."""
from __future__ import annotations

import pytest
import torch

from hsi_models.networks.layers.band_grouping import (
    adjacent_groups,
    group_bands,
    group_count,
    group_shares,
    groups_by_importance,
    principal_components,
)


@pytest.mark.parametrize('rule', [groups_by_importance, adjacent_groups])
def test_every_count_from_3_to_128_is_grouped_whole(rule):
    for bands in range(3, 129):
        groups = rule(torch.rand(2, bands))
        assert groups.shape == (2, group_count(bands), 3)
        for sample in groups:
            assert set(sample.flatten().tolist()) == set(range(bands)), bands


def test_descending_importance_and_the_best_bands_fill_up():
    groups = groups_by_importance(torch.tensor([[0.1, 0.9, 0.5, 0.3]]))
    assert groups.tolist() == [[[1, 2, 3], [0, 1, 2]]]


def test_shares_count_each_band_once():
    importance = torch.tensor([[1.0, 4.0, 3.0, 2.0]])
    shares = group_shares(importance, groups_by_importance(importance))
    assert shares[0].tolist() == pytest.approx([0.9, 0.1], abs=1e-5)


def test_no_importance_at_all_gives_shares_by_number():
    importance = torch.zeros(1, 4)
    assert group_shares(importance, groups_by_importance(importance))[0].tolist() == pytest.approx([0.75, 0.25])


def test_composites_are_the_chosen_bands_standardised():
    cube, importance = torch.rand(2, 5, 16, 16) + 1, torch.rand(2, 5)
    groups = groups_by_importance(importance)
    grouping = group_bands(cube, importance, groups)
    composites = grouping.apply(cube).reshape(2, 2, 3, 16, 16)
    for sample in range(2):
        band = cube[sample, groups[sample, 1, 0]]
        expected = (band - band.mean()) / (band.std(unbiased=False) + 0.05 * band.mean() + 1e-4)
        torch.testing.assert_close(composites[sample, 1, 0], expected, rtol=1e-3, atol=1e-4)


def test_statistics_are_the_templates_for_every_crop():
    cube, importance = torch.rand(1, 4, 16, 16), torch.rand(1, 4)
    grouping = group_bands(cube, importance, groups_by_importance(importance))
    difference = grouping.apply(cube + 0.5) - grouping.apply(cube)
    assert float(difference.min()) > 0.5        # a brighter crop stays brighter


def test_principal_components_are_uncorrelated_and_ordered():
    mixing = torch.rand(6, 6)
    cube = (mixing @ torch.rand(6, 400)).reshape(1, 6, 20, 20)
    grouping = principal_components(cube)
    composite = grouping.apply(cube).flatten(2)[0]
    torch.testing.assert_close(composite @ composite.T / 400, torch.eye(3), rtol=0, atol=2e-2)
    variances = (grouping.projection[0].norm(dim=1) ** -1)
    assert variances.tolist() == sorted(variances.tolist(), reverse=True)


def grey_scene(bands: int, pixels: int = 2500) -> torch.Tensor:
    """Bands that are nearly the same picture, as those of one camera are: brightness, two materials, a little noise."""
    torch.manual_seed(bands)
    brightness, material = torch.randn(2, pixels)
    slope = torch.linspace(-1, 1, bands)[:, None]
    values = 0.5 + 0.1 * brightness + 0.01 * slope * material + 0.001 * torch.randn(bands, pixels)
    return values.reshape(1, bands, 50, 50)


@pytest.mark.parametrize('bands', [3, 16, 61])
def test_a_stretch_keeps_brightness_and_whitens_what_is_left(bands):
    cube, importance = grey_scene(bands), torch.rand(1, bands)
    groups = groups_by_importance(importance)
    order = groups.flatten()[:bands].argsort()
    composites = group_bands(cube, importance, groups, stretch=True).apply(cube).reshape(-1, 2500)[order]
    brightness = composites.mean(dim=0)
    agreement = torch.corrcoef(torch.stack([brightness, cube[0].mean(dim=0).flatten()]))[0, 1]
    assert float(agreement) > 0.99
    variances = torch.linalg.eigvalsh(torch.cov(composites - brightness))
    assert float(variances[-1]) / float(variances[1]) < 2
    plain = group_bands(cube, importance, groups).apply(cube).reshape(-1, 2500)[order]
    variances = torch.linalg.eigvalsh(torch.cov(plain - plain.mean(dim=0)))
    assert float(variances[-1]) / float(variances[1]) > 10


def test_an_even_template_is_stretched_to_what_float16_holds():
    cube, importance = torch.full((1, 16, 8, 8), 0.3), torch.ones(1, 16)
    grouping = group_bands(cube, importance, groups_by_importance(importance), stretch=True)
    assert float(grouping.apply(torch.rand(1, 16, 8, 8)).abs().max()) < 65504
