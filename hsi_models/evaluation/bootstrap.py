"""Error bars: the bootstrap over sequences, paired between trackers."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hsi_models.evaluation.metrics import Array

RESAMPLES = 10_000
LEVEL = 0.95
FEW_SEQUENCES = 10
"""Below this many the bootstrap is too sure: its intervals are too narrow and its p too small."""


class Interval(NamedTuple):
    """A confidence interval of 95 %."""

    low: float
    high: float


class PairedDifference(NamedTuple):
    """Mean difference of two trackers over the same sequences."""

    difference: float
    interval: Interval | None
    p: float | None


def mean_interval(values: npt.ArrayLike, seed: int = 0, resamples: int = RESAMPLES) -> Interval | None:
    """Percentile interval of 95 % of a mean over sequences (Efron and Tibshirani 1993, ch. 13).

    Args:
        values: one a sequence, (N,).
        seed: of the resampling; equal seeds give equal intervals.
        resamples: draws of N sequences with replacement.

    Returns:
        The interval; None below two sequences, where there is nothing to resample.
    """
    data = _vector(values)
    return _percentiles(_resampled_means(data, seed, resamples)) if len(data) > 1 else None


def paired_difference(first: npt.ArrayLike, second: npt.ArrayLike, seed: int = 0,
                      resamples: int = RESAMPLES) -> PairedDifference:
    """Mean of first - second with its interval and the two-sided p of no difference.

    Both trackers are resampled on the same sequences, so what makes a sequence hard for both cancels. p is
    the fraction of resampled means, centred on zero, that are at least as far out as the mean found (Efron
    and Tibshirani 1993, ch. 16), with one added above and below so that it is never 0.

    Args:
        first, second: one value a sequence, (N,), in the same order of sequences.
        seed: of the resampling.
        resamples: draws of N sequences with replacement.

    Raises:
        ValueError: the lengths differ, or there is no sequence.
    """
    a, b = _vector(first), _vector(second)
    if len(a) != len(b):
        raise ValueError(f'expected both trackers on the same sequences, got {len(a)} and {len(b)} values')
    data = a - b
    difference = float(data.mean())
    if len(data) < 2:
        return PairedDifference(difference, None, None)
    means = _resampled_means(data, seed, resamples)
    extreme = np.abs(means - difference) >= abs(difference)
    return PairedDifference(difference, _percentiles(means), float((extreme.sum() + 1) / (resamples + 1)))


def _vector(values: npt.ArrayLike) -> Array:
    data = np.asarray(values, np.float64)
    if data.ndim != 1 or not len(data) or not np.isfinite(data).all():
        raise ValueError(f'expected one or more finite values of shape (N,), got shape {data.shape}: {data}')
    return data


def _resampled_means(data: Array, seed: int, resamples: int) -> Array:
    picks = np.random.default_rng(seed).integers(len(data), size=(resamples, len(data)), dtype=np.int32)
    return np.asarray(data[picks].mean(axis=1))


def _percentiles(means: Array) -> Interval:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low), float(high))
