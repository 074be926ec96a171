"""The trackers that come with the package: intact, described, trained throughout, and they track."""
from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.checkpoint import WEIGHTS_FOLDER, load_card, load_tensors, sha256_of
from hsi_models.data.synthetic import SyntheticSequence
from hsi_models.networks.nanotrack import NanoTrack
from hsi_models.offline import track_sequence
from hsi_models.tracking.network_trackers import create
from hsi_models.tracking.state import TrackStatus

TRACKERS = ('auto', 'ssf_net_fast', 'bcr_net_fast')
NETWORKS = ('ssf_net:fast', 'bcr_net:fast')


@pytest.mark.parametrize('name', TRACKERS)
def test_the_card_tells_what_is_needed_to_repeat_and_to_judge(name):
    path = WEIGHTS_FOLDER / f'{name}.safetensors'
    card = load_card(path)
    assert card.sha256 == sha256_of(path)
    assert card.command.startswith(f'hsi-tracking train {card.name} --set ')
    assert not re.search('[ =]/', card.command), 'a path of one machine'
    assert 'research terms' in card.start + card.limits
    assert card.steps > 0
    assert card.minutes > 0
    assert card.limits
    for split, sequences in ((card.validation, 26), (card.test, 54)):
        auc, low, high = split['success_auc_and_95_percent_interval']['all']
        assert low < auc < high
        assert split['sequences'] == f'benchmark version 1, {"test" if sequences == 54 else "validation"}: {sequences}'


def test_the_card_of_the_box_refinement_does_too():
    path = WEIGHTS_FOLDER / 'box_refiner.safetensors'
    card = load_card(path)
    assert card.sha256 == sha256_of(path)
    assert card.command.startswith('hsi-tracking train box_refiner')
    assert not re.search('[ =]/', card.command), 'a path of one machine'
    assert card.start == 'bb0dc7253e00f98d7eb010adfd8ccb9b5dc5d161ed6c36477badac42dea2a008', 'its second stage'
    assert min(card.steps, card.minutes) > 0
    assert card.limits
    assert card.validation['error'] < 0.7 * card.validation['error_before']


def test_all_are_small():
    assert sum(path.stat().st_size for path in WEIGHTS_FOLDER.glob('*.safetensors')) < 12e6


@pytest.mark.parametrize('name', NETWORKS)
def test_no_tensor_of_the_start_is_copied_through(name, shared_data):
    """Every weight and statistic of the backbone is further from what it was than half precision alone moves it."""
    tensors = load_tensors(WEIGHTS_FOLDER / f'{name.replace(":", "_")}.safetensors')
    start = NanoTrack.load(shared_data / 'pretrained' / 'nanotrackv3' / 'weights.safetensors').backbone.state_dict()
    prefix = next(key for key in tensors if key.endswith('backbone.features.0.0.weight')).removesuffix(
        'features.0.0.weight')
    for key, before in start.items():
        if before.is_floating_point():
            after = tensors[prefix + key].float()
            assert torch.isfinite(after).all()
            assert float((after - before).norm()) > 1.05 * float((before.half().float() - before).norm()), key


@pytest.mark.parametrize('name', NETWORKS)
def test_it_tracks_and_says_so(name):
    sequence = SyntheticSequence(frames=12)
    run = track_sequence(sequence, create(network=name))
    ious = [Box(*truth).iou(row.box) if row.box else 0.0 for truth, row in zip(sequence.boxes, run.rows, strict=True)
            if np.isfinite(truth).all()]
    assert np.mean(ious) > 0.5
    assert all(math.isfinite(row.score) for row in run.rows)


@pytest.mark.parametrize('name', NETWORKS)
def test_a_target_that_hides_is_said_to_be_lost_and_found_again(name):
    scene = SyntheticSequence(frames=100)
    rows = track_sequence(scene, create(network=name)).rows
    hidden = np.flatnonzero(~np.isfinite(scene.boxes).all(axis=1))
    assert rows[hidden[-1]].status is TrackStatus.LOST
    assert rows[hidden[-1]].box is None
    later = range(hidden[-1] + 10, len(rows))
    assert all(rows[index].status is TrackStatus.TRACKING for index in later)
    assert np.mean([Box(*scene.boxes[index]).iou(rows[index].box) for index in later]) > 0.6
