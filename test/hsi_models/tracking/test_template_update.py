"""Template update: when, from what, and how it is undone."""
from __future__ import annotations

import math

import pytest

from hsi_models.tracking.template_update import Action, TemplateUpdate, TemplateUpdateConfig

CONFIG = TemplateUpdateConfig(interval=5, probation=3)
NAN = math.nan


def play(frames: list[tuple[float, float, bool]], config: TemplateUpdateConfig = CONFIG) -> list[Action]:
    memory, actions = TemplateUpdate(config), []
    for score, angle, tracking in frames:
        memory, action = memory.step(score, angle, tracking)
        actions.append(action)
    return actions


def test_updates_after_the_interval_where_all_is_well():
    assert play([(0.9, 0.02, True)] * 5) == [Action.KEEP] * 4 + [Action.UPDATE]


@pytest.mark.parametrize('doubtful', [(0.5, 0.02, True), (0.9, 0.5, True), (0.9, 0.02, False)])
def test_waits_for_a_frame_that_is_sure(doubtful):
    actions = play([(0.9, 0.02, True)] * 4 + [doubtful] + [(0.9, 0.02, True)])
    assert actions == [Action.KEEP] * 5 + [Action.UPDATE]


def test_an_unmeasured_angle_does_not_hinder():
    assert play([(0.9, NAN, True)] * 5)[-1] is Action.UPDATE


@pytest.mark.parametrize(('fall', 'action'), [(0.6, Action.UNDO), (0.7, Action.KEEP)])
def test_undone_where_the_score_falls_on_probation(fall, action):
    assert play([(0.9, 0.02, True)] * 5 + [(0.85, 0.02, True), (fall, 0.02, True)])[-1] is action


def test_not_undone_after_probation():
    good = [(0.9, 0.02, True)]
    assert Action.UNDO not in play(good * 5 + good * 4 + [(0.2, 0.02, False)] * 3)


def test_no_new_attempt_right_after_an_undo():
    good = [(0.9, 0.02, True)]
    actions = play(good * 5 + [(0.3, 0.02, True)] + good * 4)
    assert actions[5] is Action.UNDO
    assert actions[6:] == [Action.KEEP] * 4


def test_interval_0_switches_it_off():
    assert set(play([(0.9, 0.02, True)] * 50, TemplateUpdateConfig(interval=0))) == {Action.KEEP}


def test_judging_changes_nothing_in_place():
    memory = TemplateUpdate(CONFIG)
    memory.step(0.9, 0.0, True)
    assert memory == TemplateUpdate(CONFIG)


@pytest.mark.parametrize(('field', 'value'), [('interval', -1), ('probation', -1), ('weight', 1.5), ('memory', -0.1)])
def test_bad_numbers_are_refused(field, value):
    with pytest.raises(ValueError, match=f'expected .*{field}'):
        TemplateUpdateConfig(**{field: value})
