"""Weights on disk: what is saved comes back, and nothing else is accepted."""
from __future__ import annotations

import json
import pickle

import pytest
import torch
from torch import nn

from hsi_models.checkpoint import (
    ModelCard,
    card_path,
    load_card,
    load_tensors,
    load_weights,
    save_checkpoint,
    sha256_of,
)

CARD = ModelCard('toy', {'scale': 2}, command='train toy', seed=3)


@pytest.fixture
def saved(tmp_path):
    module = nn.Linear(3, 2)
    path = tmp_path / 'toy.safetensors'
    return module, path, save_checkpoint(path, module.state_dict(), CARD)


def test_weights_and_card_come_back(saved):
    module, path, card = saved
    other = nn.Linear(3, 2)
    load_weights(other, path, card.sha256)
    assert torch.equal(other.weight, module.weight)
    assert load_card(path) == card
    assert card.sha256 == sha256_of(path) != ''
    assert sorted(file.name for file in path.parent.iterdir()) == ['toy.json', 'toy.safetensors']


def test_anyone_may_read_the_file(saved):
    assert saved[1].stat().st_mode & 0o777 == 0o644


def test_half_precision_halves_the_file_and_comes_back_as_float32(tmp_path):
    state = {'weight': torch.rand(1000, 100)}
    for name, half in (('full', False), ('half', True)):
        save_checkpoint(tmp_path / f'{name}.safetensors', state, CARD, half=half)
    sizes = [(tmp_path / f'{name}.safetensors').stat().st_size for name in ('half', 'full')]
    assert sizes[0] < 0.51 * sizes[1]
    loaded = load_tensors(tmp_path / 'half.safetensors')['weight']
    assert loaded.dtype == torch.float32
    torch.testing.assert_close(loaded, state['weight'], atol=3e-4, rtol=0)


def test_what_float16_cannot_hold_stays_as_it_is(tmp_path):
    state = {'small': torch.tensor([0.1, 2.0]), 'large': torch.tensor([0.1, 1e6]), 'count': torch.tensor([100_000]),
             'none': torch.zeros(0)}
    save_checkpoint(tmp_path / 'a.safetensors', state, CARD, half=True)
    loaded = load_tensors(tmp_path / 'a.safetensors')
    assert torch.equal(loaded['large'], state['large'])
    assert torch.equal(loaded['count'], state['count'])
    assert torch.equal(loaded['small'], state['small'].half().float())
    assert loaded['none'].shape == (0,)


@pytest.mark.parametrize(('value', 'half'), [(float('inf'), True), (float('nan'), False)])
def test_weights_that_would_be_lost_are_not_saved(tmp_path, value, half):
    with pytest.raises(ValueError, match='expected finite weights.*in weight'):
        save_checkpoint(tmp_path / 'a.safetensors', {'weight': torch.tensor([value])}, CARD, half=half)


def test_a_missing_file_names_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match='found none; train one'):
        load_tensors(tmp_path / 'none.safetensors')


def test_a_cut_file_is_refused(saved):
    _, path, card = saved
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match='expected .* to have SHA-256 .*damaged'):
        load_tensors(path, card.sha256)
    with pytest.raises(ValueError, match='expected an intact safetensors file'):
        load_tensors(path)


def test_a_pickle_is_refused_and_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / 'sprung'), 'w'))

    path = tmp_path / 'toy.safetensors'
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match='expected an intact safetensors file'):
        load_tensors(path)
    assert not (tmp_path / 'sprung').exists()


@pytest.mark.parametrize(('module', 'message'), [
    (nn.Linear(3, 4), r'expected bias of shape \(4,\), got \(2,\)|expected weight of shape \(4, 3\), got \(2, 3\)'),
    (nn.Linear(3, 2, bias=False), r'without 0 of them \[\] and with 1 unknown \[\'bias\'\]'),
    (nn.Sequential(nn.Linear(3, 2)), r'without 2 of them \[\'0.bias\', \'0.weight\'\] and with 2 unknown')])
def test_weights_of_another_module_are_refused(saved, module, message):
    with pytest.raises(ValueError, match=message):
        load_weights(module, saved[1])


def test_a_file_too_large_is_refused(saved, monkeypatch):
    monkeypatch.setattr('hsi_models.checkpoint.MAX_BYTES', 10)
    with pytest.raises(ValueError, match='at most'):
        load_tensors(saved[1])


@pytest.mark.parametrize('text', ['{', '[]', '{"name": "a", "config": {}, "speed": 1}', '{"name": "a"}'])
def test_a_card_that_is_none_is_refused(saved, text):
    card_path(saved[1]).write_text(text)
    with pytest.raises(ValueError, match='expected a model card'):
        load_card(saved[1])


def test_a_missing_card_is_said(saved):
    card_path(saved[1]).unlink()
    with pytest.raises(FileNotFoundError, match='expected the model card'):
        load_card(saved[1])


def test_the_card_is_plain_json(saved):
    assert json.loads(card_path(saved[1]).read_text())['seed'] == 3
