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


def test_other_draws_of_validation_share_no_seed_and_no_name() -> None:
    draws = [benchmark_recipes('validation', draw) for draw in range(4)]
    recipes = [recipe for draw in draws for recipe in draw]
    assert len({recipe.seed for recipe in recipes}) == len({recipe.name for recipe in recipes}) == 4 * len(draws[0])
    assert [recipe.source for recipe in draws[1]] == [recipe.source for recipe in draws[0]]


@pytest.mark.parametrize(('split', 'draw'), [('test', 1), ('validation', -1)])
def test_there_are_no_other_draws_of_the_test_part(split: str, draw: int) -> None:
    with pytest.raises(ValueError, match='expected draw 0'):
        benchmark_recipes(split, draw)
