"""The training loop: a killed training goes on as if nothing had happened, and keeps what validation liked best."""
from __future__ import annotations

import csv
import dataclasses

import pytest
import torch
from torch import nn

from hsi_models.training.loop import Loop, LoopConfig
from hsi_models.training.schedule import cosine_rate, halving_rate

CONFIG = LoopConfig(steps=12, validate_every=3, average=0.9)


class KilledError(Exception):
    """Stands for the end of the process."""


def make_loop(folder, config=CONFIG, kill_at=None, scores=None):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 1))

    def loss(step):
        if step == kill_at:
            raise KilledError
        x = torch.randn(16, 4, generator=torch.Generator().manual_seed(step))
        return (model(x)[:, 0] - x.sum(1)).square().mean()

    def validate(network):
        if scores is not None:
            return {'score': next(scores)}
        x = torch.randn(64, 4, generator=torch.Generator().manual_seed(10 ** 6))
        return {'score': -float((network(x)[:, 0] - x.sum(1)).square().mean())}

    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    return Loop(model, optimiser, lambda step: cosine_rate(step, config.steps, 1e-2, 2), loss, validate, config, folder)


def rows(folder):
    with (folder / 'log.csv').open() as file:
        return [{k: v for k, v in row.items() if k != 'seconds'} for row in csv.DictReader(file)]


def test_resuming_after_a_kill_gives_the_same_weights_and_log(tmp_path):
    straight = make_loop(tmp_path / 'a').run(progress=False)
    with pytest.raises(KilledError):
        make_loop(tmp_path / 'b', kill_at=8).run(progress=False)
    resumed = make_loop(tmp_path / 'b').run(resume=True, progress=False)
    assert resumed.weights.keys() == straight.weights.keys()
    assert all(torch.equal(resumed.weights[name], straight.weights[name]) for name in straight.weights)
    assert (resumed.score, resumed.step) == (straight.score, straight.step)
    assert rows(tmp_path / 'a') == rows(tmp_path / 'b')
    assert [row['step'] for row in rows(tmp_path / 'a')] == ['3', '6', '9', '12']


def test_a_finished_training_resumes_to_its_result(tmp_path):
    first = make_loop(tmp_path).run(progress=False)
    again = make_loop(tmp_path, kill_at=0).run(resume=True, progress=False)
    assert again.score == first.score


def test_without_resume_it_starts_anew(tmp_path):
    make_loop(tmp_path).run(progress=False)
    make_loop(tmp_path).run(progress=False)
    assert len(rows(tmp_path)) == 4


def test_the_best_weights_are_chosen_by_validation(tmp_path):
    result = make_loop(tmp_path, scores=iter([1.0, 5.0, 2.0, 3.0])).run(progress=False)
    assert (result.score, result.step) == (5.0, 6)


def test_the_last_weights_are_kept_where_that_is_asked_for_also_after_a_resume(tmp_path):
    config = dataclasses.replace(CONFIG, keep='last')
    loop = make_loop(tmp_path, config, scores=iter([1.0, 5.0, 2.0, 3.0]))
    result = loop.run(progress=False)
    assert (result.score, result.step) == (3.0, 12)
    assert all(torch.equal(value, loop.average[name]) for name, value in result.weights.items())
    again = make_loop(tmp_path, config, kill_at=0).run(resume=True, progress=False)
    assert (again.score, again.step) == (3.0, 12)
    assert all(torch.equal(value, result.weights[name]) for name, value in again.weights.items())


@pytest.mark.parametrize('change', [{'keep': 'first'}, {'keep': 'last', 'patience': 2}, {'steps': 0}])
def test_a_loop_that_makes_no_sense_is_refused(change):
    with pytest.raises(ValueError, match='expected (keep|patience|steps)'):
        dataclasses.replace(CONFIG, **change)


def test_patience_ends_the_training(tmp_path):
    config = dataclasses.replace(CONFIG, steps=30, patience=2)
    loop = make_loop(tmp_path, config, scores=iter([5.0, 1.0, 2.0]))
    assert (loop.run(progress=False).step, loop.step) == (3, 9)


def test_a_log_row_after_the_saved_state_is_not_doubled(tmp_path):
    with pytest.raises(KilledError):
        make_loop(tmp_path, kill_at=7).run(progress=False)
    with (tmp_path / 'log.csv').open('a') as file:
        file.write('9,1.0,0.1,0.1,0.1\n')      # killed between log and state
    make_loop(tmp_path).run(resume=True, progress=False)
    assert [row['step'] for row in rows(tmp_path)] == ['3', '6', '9', '12']


def test_the_state_of_another_model_is_refused(tmp_path):
    make_loop(tmp_path).run(progress=False)
    loop = make_loop(tmp_path)
    loop.model = nn.Linear(4, 1)
    with pytest.raises(ValueError, match='expected the state of this model'):
        loop.run(resume=True, progress=False)


def test_a_loss_that_is_not_finite_is_refused(tmp_path):
    loop = make_loop(tmp_path)
    loop.loss = lambda step: torch.tensor(float('nan'), requires_grad=True)
    with pytest.raises(ValueError, match='finite loss, got nan at step 0'):
        loop.run(progress=False)


@pytest.mark.parametrize('name', ['steps', 'validate_every', 'read_every'])
def test_wrong_lengths_are_refused(name):
    with pytest.raises(ValueError, match=f'{name} >= 1'):
        LoopConfig(**{name: 0})


def test_schedules():
    assert [cosine_rate(step, 102, 1.0, 2, 0.0) for step in (0, 1, 2, 52, 102)] == pytest.approx([0.5, 1, 1, 0.5, 0])
    assert [halving_rate(step, 300, 1e-4) for step in (0, 149, 150, 299)] == [1e-4, 1e-4, 5e-5, 5e-5]


def test_terms_of_the_loss_are_logged_and_groups_have_their_share_of_the_rate(tmp_path):
    loop = make_loop(tmp_path, dataclasses.replace(CONFIG, read_every=2))
    plain = loop.loss
    loop.loss = lambda step: {'total': 2 * plain(step), 'half': plain(step)}
    loop.optimiser.param_groups[0]['factor'] = 0.5
    loop.run(progress=False)
    row = rows(tmp_path)[-1]
    assert float(row['loss']) > float(row['loss_half']) > 0
    assert loop.optimiser.param_groups[0]['lr'] == pytest.approx(0.5 * float(row['rate']))


def test_reading_losses_seldom_changes_nothing_but_finds_bad_ones_later(tmp_path):
    often, seldom = (make_loop(tmp_path / str(n), dataclasses.replace(CONFIG, read_every=n)).run(progress=False)
                     for n in (1, 5))
    assert all(torch.equal(often.weights[name], seldom.weights[name]) for name in often.weights)
    loop = make_loop(tmp_path / 'bad', dataclasses.replace(CONFIG, read_every=5))
    loop.loss = lambda step: sum(p.sum() for p in loop.model.parameters()) * float('nan')
    with pytest.raises(ValueError, match='finite loss, got nan at step 3'):
        loop.run(progress=False)
    assert not (tmp_path / 'bad' / 'state.safetensors').exists()
