"""The probability image follows light and surroundings, and takes the target's spectra only when told so."""
import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.tracking.probability import ProbabilityConfig
from hsi_models.tracking.probability_update import FollowingProbability, UpdateConfig

BOX = Box(24, 20, 16, 14)
TARGET, GROUND, ROAD = (np.array(s, np.float32) for s in
                        ((4, 5, 3, 6, 2, 4, 5, 3), (4, 4.5, 3.6, 5, 2.4, 4, 4.6, 3.4),
                         (4, 5.2, 2.8, 6, 2.2, 4.4, 5, 2.6)))


def _frame(target: np.ndarray, ground: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    cube = np.tile(ground, (56, 64, 1))
    cube[20:34, 24:40] = target
    return (cube * (1 + 0.02 * rng.standard_normal(cube.shape))).astype(np.float32)


def _contrast(following: FollowingProbability, frame: np.ndarray) -> float:
    p = following.probability.apply(frame)
    inside = np.zeros(p.shape, bool)
    inside[22:32, 26:38] = True
    return float(p[inside].mean() - p[~inside][::7].mean())


def _start(config: UpdateConfig | None = None) -> FollowingProbability:
    return FollowingProbability.start(_frame(TARGET, GROUND), BOX, ProbabilityConfig(), config or UpdateConfig())


def test_new_surroundings_are_told_apart_after_an_update() -> None:
    following, later = _start(), _frame(TARGET, ROAD, 1)
    before = _contrast(following, later)
    for age in range(1, 4):
        following = following.follow(later, BOX, False, age)
    assert _contrast(following, later) > before + 0.2


def test_the_target_is_followed_only_when_it_is_sure() -> None:
    tilt = np.linspace(0.85, 1.15, 8, dtype=np.float32)
    changed = _frame(TARGET * tilt, GROUND * tilt, 2)
    unsure = sure = _start()
    for age in range(1, 5):
        unsure, sure = unsure.follow(changed, BOX, False, age), sure.follow(changed, BOX, True, age)
    assert len(unsure.target) == 0 < len(sure.target)
    assert _contrast(sure, changed) > _contrast(unsure, changed)


def test_the_first_frame_is_not_forgotten() -> None:
    following, first = _start(), _frame(TARGET, GROUND)
    for age in range(1, 12):
        following = following.follow(_frame(GROUND, ROAD, age), BOX, True, age)     # it has slipped off the target
    assert following.probability.apply(first)[22:32, 26:38].mean() > 0.5


def test_it_is_the_same_every_time_and_bounded() -> None:
    config = UpdateConfig(spectra=40)
    runs = [_start(config), _start(config)]
    for age in range(1, 6):
        runs = [run.follow(_frame(TARGET, ROAD, age), BOX, True, age) for run in runs]
    np.testing.assert_array_equal(runs[0].probability.weights, runs[1].probability.weights)
    assert max(len(runs[0].target), len(runs[0].near), len(runs[0].first_near)) <= 40


def test_a_box_outside_of_the_frame_changes_nothing() -> None:
    following = _start()
    assert following.follow(_frame(TARGET, GROUND), Box(500, 500, 10, 10), True, 1) is following


@pytest.mark.parametrize('change', [{'every': -1}, {'spectra': 2}, {'target': 1.5}, {'memory': -0.1}])
def test_what_makes_no_sense_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match='expected'):
        UpdateConfig(**change)
