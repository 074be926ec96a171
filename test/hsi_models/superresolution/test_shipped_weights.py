"""The weights that come with the package: intact, small, described, and better than bicubic on cubes never seen."""
from __future__ import annotations

import math

import pytest

from hsi_models.checkpoint import WEIGHTS_FOLDER, load_card, sha256_of
from hsi_models.superresolution.data import TEST_CUBES, load_cubes
from hsi_models.superresolution.evaluation import crop_to_multiple, shrink
from hsi_models.superresolution.factory import create_super_resolver

SHIPPED = sorted(WEIGHTS_FOLDER.glob('cst_*.safetensors'))


def test_the_real_time_network_is_shipped_and_all_are_small():
    names = {path.name for path in SHIPPED}
    assert {'cst_eigen_x2.safetensors', 'cst_eigen_x4.safetensors'} <= names
    assert sum(path.stat().st_size for path in SHIPPED) < 3e6


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_the_card_tells_what_is_needed_to_repeat_and_to_judge(path):
    card = load_card(path)
    assert card.sha256 == sha256_of(path)
    assert card.command.startswith(f'hsi-tracking train {card.name} --scale {card.config["scale"]}')
    assert card.data
    assert card.limits
    assert card.steps > 0
    assert card.minutes > 0
    assert 'mpsnr_gain_over_bicubic_db' in card.validation
    assert set(card.test['cubes']) == set(TEST_CUBES)


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_the_gain_of_the_card_is_true(path, shared_data):
    """On the smallest of the test cubes, by error energy over all bands."""
    card = load_card(path)
    scale = card.config['scale']
    cube = crop_to_multiple(load_cubes(shared_data / 'hsi_cubes', 'test')['paris_hyperion'], 8)
    low = shrink(cube, scale)
    psnr = {}
    for name in ('bicubic', card.name):
        error = ((create_super_resolver(name, scale).upscale(low) - cube) ** 2).mean((0, 1))
        psnr[name] = sum(-10 * math.log10(value) for value in error) / len(error)
    promised = card.test['cubes']['paris_hyperion']['mpsnr_gain_db']
    assert psnr[card.name] - psnr['bicubic'] == pytest.approx(promised, abs=0.02)
