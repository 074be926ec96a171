"""Separability: 1 where spectra differ, .5 where they do not, and not flattered by a distant background."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.data.simulation.grade import GRADES, separability

BOX = Box(30, 20, 20, 24)


def scene(contrast: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    cube = rng.normal(1, 0.06, (70, 90, 16)).astype(np.float32)
    cube[:, 60:] *= np.linspace(0.5, 1.5, 16, dtype=np.float32)         # another material far away
    y, x = np.mgrid[:70, :90] + 0.5
    inside = ((x - 40) / 10) ** 2 + ((y - 32) / 12) ** 2 < 1
    cube[inside] *= 1 + contrast * np.cos(np.arange(16)).astype(np.float32)
    return cube


def test_it_grows_with_contrast_from_chance_to_one() -> None:
    areas = [separability(scene(contrast), BOX) for contrast in (0.0, 0.02, 0.3)]
    assert areas[0] == pytest.approx(0.5, abs=0.15)      # smoothing ties neighbours together
    assert areas[0] < areas[1] < areas[2]
    assert areas[2] > 0.995


def test_look_alikes_count_where_there_are_any() -> None:
    cube = scene(0.3)
    mask = np.zeros(cube.shape[:2], bool)
    mask[50:65, 5:20] = True
    cube[mask] *= 1 + 0.3 * np.cos(np.arange(16)).astype(np.float32)    # the same spectrum as the target
    assert separability(cube, BOX, mask) < 0.85
    assert separability(cube, BOX) > 0.95


def test_the_grades_meet_and_cover_what_the_benchmark_states() -> None:
    assert GRADES['camouflage_1'][0] == GRADES['camouflage_2'][1] == 0.98
    assert GRADES['camouflage_2'][0] == GRADES['camouflage_3'][1] == 0.90
    assert GRADES['camouflage_3'][0] == 0.75
