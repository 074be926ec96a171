"""Sequences to train with are of no source that the benchmark, or the choice of weights, judges with."""
from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hsi_models.data.corpus import ImageCorpus, in_validation, is_thermal
from hsi_models.data.simulation.recipes import SPLITS, benchmark_recipes
from hsi_models.data.simulation.training_recipes import CLIPS, COUNT, training_recipes
from hsi_models.superresolution.data import cube_role
from hsi_models.training.tracking_windows import BENCHMARK_CLIPS


def test_all_kinds_are_there_by_both_cameras_and_the_first_ones_do_not_depend_on_how_many() -> None:
    recipes = training_recipes()
    assert len({recipe.name for recipe in recipes}) == len({recipe.seed for recipe in recipes}) == COUNT
    groups = Counter(recipe.group for recipe in recipes)
    assert groups['ordinary'] == COUNT // 4
    assert min(groups.values()) > 25
    assert set(groups) == {'ordinary', 'camouflage_1', 'camouflage_2', 'camouflage_3', 'hide'}
    for group in groups:
        assert {recipe.camera for recipe in recipes if recipe.group == group} == {'vis', 'nir'}, group
    assert {recipe.scene for recipe in recipes if recipe.group == 'hide'} == {'twins', 'hidden', 'fakes', 'aerial'}
    assert training_recipes(9) == recipes[:9]
    with pytest.raises(ValueError, match='expected a count >= 1, got 0'):
        training_recipes(0)


def test_no_source_seed_or_path_is_the_benchmarks() -> None:
    recipes = training_recipes()
    judged = [recipe for split in SPLITS for recipe in benchmark_recipes(split)]
    for part in ('source', 'seed', 'name'):
        assert not {getattr(recipe, part) for recipe in recipes} & {getattr(recipe, part) for recipe in judged}, part
    assert not {recipe.motion for recipe in recipes if recipe.motion} & {recipe.motion for recipe in judged}
    assert not set(CLIPS) & set(BENCHMARK_CLIPS)
    cubes = {recipe.source for recipe in recipes if recipe.scene == 'aerial'}
    assert len(cubes) == 8
    assert {cube_role(cube) for cube in cubes} == {'training'}


def test_the_clips_are_in_the_corpus_and_not_held_out(shared_data: Path) -> None:
    clips = {clip.name: clip for clip in ImageCorpus(shared_data / 'images').clips()}
    for name in CLIPS:
        clip = clips[name]
        assert not in_validation(clip)
        assert not is_thermal(clip)
        assert len(set(clip.sizes)) == 1
        assert len(clip.frames) >= 12
        assert clip.tracks[0].boxes[0] is not None
