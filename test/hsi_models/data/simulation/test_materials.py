"""Materials by formula, and differences that given observers do not see."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.data.simulation.materials import MATERIALS, hidden_difference, reflectance

NM = np.arange(400, 1001, 10.0)


@pytest.mark.parametrize('name', MATERIALS)
def test_a_reflectance_is_physical_and_smooth(name: str) -> None:
    spectrum = reflectance(name, NM)
    assert spectrum.dtype == np.float32
    assert (spectrum >= 0).all()
    assert (spectrum <= 1).all()
    assert np.abs(np.diff(spectrum)).max() < 0.2


def test_leaves_have_a_red_edge() -> None:
    grass = reflectance('grass', [550, 675, 800])
    assert grass[1] < grass[0] < grass[2]
    assert grass[2] > 4 * grass[1]


def test_a_hidden_difference_is_smooth_large_and_unseen() -> None:
    observers = np.random.default_rng(1).random((3, len(NM)))
    difference = hidden_difference(NM, observers, np.random.default_rng(0))
    assert np.abs(difference).max() == 1.0
    assert np.abs(observers @ difference).max() < 1e-6 * observers.sum()
    assert np.abs(np.diff(difference)).max() < 0.8
    assert not np.allclose(difference, hidden_difference(NM, observers, np.random.default_rng(1)))


def test_an_unknown_material_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a material of grass, .*, got 'cheese'"):
        reflectance('cheese', NM)
