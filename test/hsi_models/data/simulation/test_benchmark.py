"""The benchmark on disk: bit-identical by seed, graded as it says, with groups that name each sequence."""
from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hsi_models.data.open import open_sequence
from hsi_models.data.simulation.benchmark import (
    HIDE_SEPARABILITY,
    Made,
    _camera,
    _camouflage,
    differences,
    first_separability,
    make_sequence,
    manifest,
    reach,
    this_platform,
    update_manifest,
    write_groups,
)
from hsi_models.data.simulation.grade import GRADES
from hsi_models.data.simulation.recipes import SPLITS, VIEW, benchmark_recipes


@pytest.mark.parametrize('scene', ['pan_mosaic', 'pan', 'hidden'])
def test_a_sequence_is_bit_identical_and_readable(scene: str, shared_data: Path, tmp_path: Path) -> None:
    recipe = replace(next(r for r in benchmark_recipes('validation') if r.scene == scene), frames=3, motion='',
                     hide=False)
    first, second = (make_sequence(recipe, shared_data, tmp_path / part) for part in ('a', 'b'))
    assert first.sha256 == second.sha256
    sequence = open_sequence(tmp_path / 'a' / recipe.name)
    assert len(sequence) == first.frames == 3
    assert sequence.camera.mosaic_rows == (5 if recipe.camera == 'nir' else 4)
    if recipe.group == 'camouflage_2':
        assert 0.90 <= first.separability <= 0.98


def test_a_target_out_of_sight_in_the_first_frame_reaches_no_grade(shared_data: Path) -> None:
    recipe = next(recipe for recipe in benchmark_recipes('validation') if recipe.scene == 'aerial' and not recipe.hide)
    camera = _camera(recipe, shared_data)
    made = _camouflage(recipe, shared_data, camera, VIEW[recipe.camera], clutter=1.0)
    assert math.isfinite(first_separability(made, camera, recipe.seed))
    away = replace(made, track=np.full((made.frames, 3), (-900.0, -900.0, recipe.size_px)))
    assert math.isnan(reach(away, camera, 0.95, recipe.seed)[1])


def test_groups_hold_each_sequence_and_camouflage_its_grades(tmp_path: Path) -> None:
    made = [Made('a', 'ordinary', 60, ''), Made('b', 'camouflage_1', 60, ''), Made('c', 'camouflage_3', 60, '')]
    write_groups(made, tmp_path / 'groups.json')
    assert json.loads((tmp_path / 'groups.json').read_text()) == {
        'camouflage': ['b', 'c'], 'camouflage_1': ['b'], 'camouflage_3': ['c'], 'ordinary': ['a']}


def test_groups_keep_the_sequences_that_lie_beside_new_ones(tmp_path: Path) -> None:
    path = tmp_path / 'groups.json'
    write_groups([Made('a', 'ordinary', 60, ''), Made('b', 'pan', 60, '')], path)
    (tmp_path / 'a').mkdir()
    write_groups([Made('c', 'hide', 60, '')], path)
    assert json.loads(path.read_text()) == {'hide': ['c'], 'ordinary': ['a']}, 'b has been removed'
    path.write_text('[1]')
    with pytest.raises(ValueError, match='expected an object group'):
        write_groups([Made('c', 'hide', 60, '')], path)


@pytest.mark.parametrize('split', SPLITS)
def test_the_frozen_manifest_lists_the_recipes(split: str) -> None:
    assert manifest()['frozen']
    listed = manifest()['splits'][split]
    assert [(entry['name'], entry['group']) for entry in listed] == [
        (recipe.name, recipe.group) for recipe in benchmark_recipes(split)]
    made = [Made(entry['name'], entry['group'], entry['frames'], entry['sha256']) for entry in listed]
    assert differences(split, made) == []
    assert differences(split, [replace(made[0], sha256='0')]) == [made[0].name]
    assert len({sequence.sha256 for sequence in made}) == len(made)
    for entry in listed:
        low, high = GRADES.get(entry['group'], HIDE_SEPARABILITY)
        assert low <= entry.get('separability', low) <= high, entry['name']
        assert ('separability' in entry) == (entry['group'].split('_')[0] in ('camouflage', 'hide'))


@pytest.mark.parametrize('name', ['pan_00_4_baichideng', 'camouflage_1_00_twins_parkour'])
def test_a_sequence_is_that_of_the_frozen_manifest_bit_for_bit(name: str, shared_data: Path, tmp_path: Path) -> None:
    recipe = next(recipe for recipe in benchmark_recipes('validation') if recipe.name == name)
    if recipe.scene != 'pan_mosaic' and manifest()['platform'] != this_platform():
        pytest.skip(f'made with {manifest()["platform"]}, here {this_platform()}: about one value in ten million is '
                    'rounded another way')
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        made = make_sequence(recipe, shared_data, tmp_path)
    finally:
        torch.set_num_threads(threads)
    assert differences('validation', [made]) == []


def test_a_manifest_that_is_made_says_on_what(tmp_path: Path) -> None:
    update_manifest(tmp_path / 'new.json', 'test', [Made('a', 'pan', 60, '0')])
    content = json.loads((tmp_path / 'new.json').read_text())
    assert not content['frozen']
    assert content['platform'] == this_platform()
    assert content['splits'] == {'validation': [], 'test': [{'name': 'a', 'group': 'pan', 'frames': 60, 'sha256': '0'}]}
