"""The benchmark on disk: bit-identical by seed, graded as it says, with groups that name each sequence."""
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hsi_models.data.open import open_sequence
from hsi_models.data.simulation.benchmark import Made, differences, make_sequence, manifest, write_groups
from hsi_models.data.simulation.recipes import SPLITS, benchmark_recipes


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


def test_groups_hold_each_sequence_and_camouflage_its_grades(tmp_path: Path) -> None:
    made = [Made('a', 'ordinary', 60, ''), Made('b', 'camouflage_1', 60, ''), Made('c', 'camouflage_3', 60, '')]
    write_groups(made, tmp_path / 'groups.json')
    assert json.loads((tmp_path / 'groups.json').read_text()) == {
        'camouflage': ['b', 'c'], 'camouflage_1': ['b'], 'camouflage_3': ['c'], 'ordinary': ['a']}


@pytest.mark.parametrize('split', SPLITS)
def test_the_manifest_lists_the_recipes(split: str) -> None:
    listed = manifest()['splits'][split]
    if not manifest()['frozen']:
        assert listed == []         # nothing to compare with until version 1 meets its bands
        assert differences(split, [Made('a', 'ordinary', 60, '0')]) == []
        return
    assert [entry['name'] for entry in listed] == [recipe.name for recipe in benchmark_recipes(split)]
    made = [Made(entry['name'], entry['group'], entry['frames'], entry['sha256']) for entry in listed]
    assert differences(split, made) == []
    assert differences(split, [replace(made[0], sha256='0')]) == [made[0].name]
