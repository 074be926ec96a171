"""The benchmark's list: large enough, all groups, and no source in both parts."""
from __future__ import annotations

from collections import Counter

import pytest

from hsi_models.data.simulation.recipes import SPLITS, benchmark_recipes


@pytest.mark.parametrize(('split', 'least'), [('validation', 20), ('test', 50)])
def test_a_split_is_large_enough_and_has_every_group_in_both_ranges(split: str, least: int) -> None:
    recipes = benchmark_recipes(split)
    assert len(recipes) >= least
    assert len({recipe.name for recipe in recipes}) == len({recipe.seed for recipe in recipes}) == len(recipes)
    groups = Counter(recipe.group for recipe in recipes)
    assert set(groups) == {'ordinary', 'camouflage_1', 'camouflage_2', 'camouflage_3', 'hide', 'pan'}
    for group in groups:
        assert {recipe.camera for recipe in recipes if recipe.group == group} == {'vis', 'nir'}, group
    assert all(60 <= recipe.frames <= 120 for recipe in recipes if recipe.scene != 'ordinary')
    assert all(12 <= recipe.size_px <= 60 for recipe in recipes if recipe.size_px)
    assert all(recipe.hide == (recipe.group == 'hide') for recipe in recipes)


def test_validation_and_test_share_no_source() -> None:
    validation, test = ({recipe.source for recipe in benchmark_recipes(split)} for split in SPLITS)
    assert not validation & test


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a split of validation, test, got 'train'"):
        benchmark_recipes('train')
