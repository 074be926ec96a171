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
