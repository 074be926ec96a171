from __future__ import annotations

import json

import pytest

from hsi_models.registry import create_tracker, tracker_names
from hsi_models.tracking.state import Tracker
from hsi_tracking_ros.cli.main import main

KEYS = {'name', 'kind', 'preset', 'parameters', 'gmacs', 'weights'}


def test_models_lists_what_the_contract_names(capsys):
    assert main(['models', '--json', '--bands', '31', '--scale', '4']) == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(set(row) >= KEYS for row in rows)
    assert {'auto', 'spectral_dcf'} <= {row['name'] for row in rows if row['kind'] == 'tracker'}
    networks = {(row['name'], row['preset']): row for row in rows if row['name'] in ('ssf_net', 'bcr_net')}
    assert len(networks) == 4
    for (_, preset), row in networks.items():
        assert (2e7 if preset == 'paper' else 5e5) < row['parameters'] < (1e8 if preset == 'paper' else 3e6)
        assert row['gmacs'] > 1
        assert row['weights'] is None or len(row['weights']) == 64


def test_a_network_that_cannot_take_one_band_has_no_cost_for_it(capsys):
    assert main(['models', '--json', '--bands', '1']) == 0
    rows = {(row['name'], row['preset']): row for row in json.loads(capsys.readouterr().out)}
    assert rows['auto', None]['gmacs'] > 0
    assert None in {row['parameters'] for row in rows.values()}


@pytest.mark.parametrize('bands', ['0', '-3'])
def test_less_than_a_band_is_refused(capsys, bands):
    assert main(['models', '--bands', bands]) == 2
    assert f'expected bands >= 1, got {bands}' in capsys.readouterr().err


def test_models_as_a_table(capsys):
    assert main(['models']) == 0
    assert 'spectral_dcf' in capsys.readouterr().out


def test_every_listed_tracker_can_be_made():
    for name in tracker_names():
        assert isinstance(create_tracker(name), Tracker)
