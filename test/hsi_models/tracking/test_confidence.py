"""Scores fall with every cue that gets worse, and a status needs evidence to change."""
from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hsi_models.tracking.confidence import (
    Cues,
    RunningMedian,
    ScoreModel,
    StatusMachine,
    StatusThresholds,
    peak_to_sidelobe_ratio,
)
from hsi_models.tracking.state import TrackStatus

T, U, L = TrackStatus.TRACKING, TrackStatus.UNCERTAIN, TrackStatus.LOST
LIMITS = StatusThresholds(tracking_score=0.6, uncertain_score=0.4, lost_score=0.2, lost_frames=3, found_frames=2,
                          max_spectral_angle_rad=0.3, max_jump=1.5)


@pytest.mark.parametrize(('scores', 'expected'), [
    ([0.9, 0.5, 0.45], [T, T, T]),                                      # between the thresholds nothing changes
    ([0.9, 0.3, 0.5, 0.7], [T, U, U, T]),                               # uncertain at once, back only when high
    ([0.1, 0.1, 0.3, 0.1, 0.1], [U, U, U, U, U]),                       # not lost unless low in a row
    ([0.1, 0.1, 0.1, 0.1], [U, U, L, L]),
    ([0.1, 0.1, 0.1, 0.9, 0.5, 0.9, 0.9], [U, U, L, L, L, L, T]),       # found again only when high in a row
])
def test_status_has_hysteresis(scores: list[float], expected: list[TrackStatus]) -> None:
    machine = StatusMachine(LIMITS)
    assert [machine.update(score) for score in scores] == expected


def test_a_model_may_leave_cues_without_contrast_to_another() -> None:
    other = ScoreModel(bias=-1.0)
    model = ScoreModel(bias=2.0, without_contrast=other)
    measured, blind = Cues(1, 12, contrast=1.0), Cues(1, 12)
    assert model.score(blind) == other.score(blind)
    assert model.score(measured) == ScoreModel(bias=2.0).score(measured)
    assert ScoreModel(bias=2.0).score(blind) == ScoreModel(bias=2.0).score(measured)


@pytest.mark.parametrize('cues', [Cues(1, 12, spectral_angle_rad=0.4), Cues(1, 12, jump=2.0)])
def test_a_frame_beyond_the_limits_does_not_count_as_seen(cues: Cues) -> None:
    assert StatusMachine(LIMITS).update(0.9, cues) is U


def test_a_lost_target_has_to_look_like_itself_to_be_found() -> None:
    machine = StatusMachine(LIMITS)
    for _ in range(3):
        machine.update(0.0)
    steps = ((0.3, False, L), (0.9, True, L), (0.3, False, L), (0.9, True, L), (0.9, False, T))
    for contrast, confirming, status in steps:
        assert machine.update(0.9, Cues(1, 20, contrast=contrast)) is status
        assert machine.is_confirming is confirming


def test_an_angle_that_was_not_measured_does_no_harm() -> None:
    assert StatusMachine(LIMITS).update(0.9, Cues(1, 12, spectral_angle_rad=math.nan)) is T


def test_thresholds_can_be_replaced_while_running() -> None:
    machine = StatusMachine(LIMITS)
    assert machine.update(0.5) is T
    machine.thresholds = replace(LIMITS, uncertain_score=0.55)
    assert machine.update(0.5) is U


def test_reset_forgets_what_was_counted() -> None:
    machine = StatusMachine(LIMITS)
    for _ in range(3):
        machine.update(0.0)
    machine.reset()
    assert machine.status is T
    assert [machine.update(0.0) for _ in range(2)] == [U, U]


@pytest.mark.parametrize(('field', 'value', 'message'), [
    ('tracking_score', 0.3, 'lost_score <= uncertain_score <= tracking_score <= 1, got 0.2, 0.4, 0.3'),
    ('tracking_score', 1.5, '<= 1, got 0.2, 0.4, 1.5'),
    ('lost_frames', 0, 'lost_frames and found_frames >= 1, got 0'),
    ('max_jump', 0.0, 'max_jump > 0'),
    ('max_spectral_angle_rad', math.nan, 'finite max_spectral_angle_rad, got nan'),
])
def test_thresholds_out_of_range_are_named(field: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(LIMITS, **{field: value})


GOOD = Cues(relative_peak=1.0, psr=20.0, spectral_angle_rad=0.02, jump=0.05, contrast=1.0)


@pytest.mark.parametrize('worse', [{'relative_peak': 0.4}, {'psr': 4.0}, {'spectral_angle_rad': 0.3},
                                   {'jump': 1.5}, {'contrast': 0.1}])
def test_every_cue_lowers_the_score(worse: dict[str, float]) -> None:
    model = ScoreModel()
    assert model.score(replace(GOOD, **worse)) < model.score(GOOD)


@pytest.mark.parametrize('cues', [GOOD, Cues(0, 0, math.nan, 0, math.nan), Cues(-5, 1e9, math.pi, 1e6, -3)])
def test_a_score_is_a_probability(cues: Cues) -> None:
    assert 0 <= ScoreModel().score(cues) <= 1


def test_a_good_frame_scores_high_and_an_empty_one_low() -> None:
    assert ScoreModel().score(GOOD) > 0.8
    assert ScoreModel().score(Cues(relative_peak=0.2, psr=3.0, contrast=0.0)) < 0.2


def test_running_median_forgets() -> None:
    median = RunningMedian(3)
    assert math.isnan(median.value)
    for value in (100, 1, 2, 3):
        median.add(value)
    assert median.value == 2


def test_psr_is_the_peak_in_units_of_the_sidelobes() -> None:
    response = np.random.default_rng(0).normal(0, 0.1, (64, 64))
    response[20, 30] = 2.0
    assert peak_to_sidelobe_ratio(response, 20, 30) == pytest.approx(20, rel=0.1)
    assert peak_to_sidelobe_ratio(np.ones((4, 4)), 1, 1) == 0      # the square covers all of it
