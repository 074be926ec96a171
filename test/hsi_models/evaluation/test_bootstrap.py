"""Intervals that cover, and paired tests that see what pairing shows."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.evaluation.bootstrap import mean_interval, paired_difference


def test_interval_agrees_with_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(0.6, 0.2, 200)
    low, high = mean_interval(values)
    half = 1.96 * values.std() / np.sqrt(200)
    assert low == pytest.approx(values.mean() - half, abs=0.003)
    assert high == pytest.approx(values.mean() + half, abs=0.003)


def test_interval_covers_the_true_mean_in_95_of_100_trials() -> None:
    rng = np.random.default_rng(1)
    intervals = [mean_interval(rng.beta(2, 2, 40), resamples=600) for _ in range(300)]
    assert 0.90 < np.mean([low <= 0.5 <= high for low, high in intervals]) < 0.98


def test_p_is_uniform_where_there_is_no_difference() -> None:
    rng = np.random.default_rng(2)
    p = np.array([paired_difference(*rng.beta(2, 2, (2, 40)), resamples=600).p for _ in range(300)])
    assert np.mean(p < 0.05) < 0.10
    assert 0.4 < p.mean() < 0.6


def test_pairing_sees_a_small_difference_among_hard_and_easy_sequences() -> None:
    rng = np.random.default_rng(3)
    first = rng.uniform(0, 1, 40)
    second = first - 0.02 + rng.normal(0, 0.01, 40)
    found = paired_difference(first, second)
    assert found.difference == pytest.approx(0.02, abs=0.005)
    assert found.interval.low > 0
    assert found.p < 0.01
    apart = paired_difference(first, rng.permutation(second))
    assert apart.p > 0.1


def test_seed_decides_and_order_turns_the_sign() -> None:
    a, b = np.random.default_rng(4).uniform(0, 1, (2, 20))
    assert paired_difference(a, b, seed=7) == paired_difference(a, b, seed=7)
    assert paired_difference(a, b, seed=7) != paired_difference(a, b, seed=8)
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert there.difference == pytest.approx(-back.difference)
    assert there.interval == pytest.approx((-back.interval.high, -back.interval.low))
    assert there.p == back.p


def test_equal_trackers_do_not_differ() -> None:
    assert paired_difference([.1, .2, .3], [.1, .2, .3]) == (0.0, (0.0, 0.0), 1.0)


def test_one_sequence_has_no_error_bar() -> None:
    assert mean_interval([0.5]) is None
    assert paired_difference([0.5], [0.25]) == (0.25, None, None)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match='same sequences, got 2 and 3'):
        paired_difference([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match='one or more finite values'):
        mean_interval([])
    with pytest.raises(ValueError, match='one or more finite values'):
        mean_interval([0.5, np.nan])
