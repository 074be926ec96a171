"""Whatever a camera shows, in the first frame or in a later one: a tracker answers with finite boxes and scores."""
from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.registry import create_tracker
from hsi_models.tracking.state import Tracker

SHAPE = (64, 80, 8)
BOX = Box(30, 24, 14, 11)
Cube = npt.NDArray[np.float64]


def lights(rng: np.random.Generator) -> Cube:
    bright = np.where(rng.random(SHAPE[:2]) < 0.02, 10.0 ** rng.uniform(-8, 0, SHAPE[:2]), 0)
    return bright[..., None] * rng.random(SHAPE[2])


def one_light(rng: np.random.Generator) -> Cube:
    cube = np.zeros(SHAPE)
    cube[30, 38] = 1
    return cube


def dead_band(rng: np.random.Generator) -> Cube:
    cube = rng.random(SHAPE)
    cube[..., 3] = 0
    return cube


def half_dark(rng: np.random.Generator) -> Cube:
    cube = rng.random(SHAPE)
    cube[:, :37] = 0
    return cube


CONTENTS: dict[str, Callable[[np.random.Generator], Cube]] = {
    'dark': lambda rng: np.zeros(SHAPE), 'bright': lambda rng: np.ones(SHAPE),
    'saturated': lambda rng: np.minimum(5 * rng.random(SHAPE), 1), 'lights': lights, 'one light': one_light,
    'dead band': dead_band, 'half dark': half_dark, 'negative': lambda rng: rng.random(SHAPE) - 0.5,
    'tiny values': lambda rng: 1e-38 * rng.random(SHAPE), 'huge values': lambda rng: 1e14 * rng.random(SHAPE)}


@pytest.fixture(scope='module', params=['spectral_dcf', 'auto'])
def tracker(request: pytest.FixtureRequest) -> Tracker:
    return create_tracker(request.param)


@pytest.mark.parametrize('content', CONTENTS)
@pytest.mark.parametrize('strange', [(0, 1, 2), (4, 5, 6)], ids=['first', 'later'])
def test_any_content_gets_an_answer(tracker: Tracker, content: str, strange: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    plain, other = rng.random(SHAPE), CONTENTS[content](rng)
    for index in range(10):
        cube = np.roll(other if index in strange else plain, (index // 2, index), (0, 1)).astype(np.float32)
        frame = HyperspectralFrame(cube, stamp_ns=40_000_000 * index)
        state = tracker.update(frame) if index else tracker.initialise(frame, BOX)
        assert all(math.isfinite(value) for value in state.best_guess)
        assert 0 <= state.score <= 1
