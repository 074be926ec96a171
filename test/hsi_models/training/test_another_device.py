"""Trainings on a device that is not the CPU (`conftest.AnotherDevice`): the same weights, and no step waits for it."""
from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hsi_models.checkpoint import load_tensors
from hsi_models.networks.backbone import BackboneConfig
from hsi_models.networks.bcr_net import BcrNetConfig
from hsi_models.networks.ssf_net import SsfNetConfig
from hsi_models.training import auto, box_refiner, super_resolution, tracking
from hsi_models.training.loop import LoopConfig
from hsi_models.training.super_resolution_data import PairConfig
from hsi_models.training.tracking_data import TrackingDataConfig
from hsi_models.training.tracking_validation import ValidationConfig
from hsi_models.training.tracking_windows import WindowConfig

NETWORKS = {
    'ssf_net': SsfNetConfig(BackboneConfig('light', (4,)), channels=8, nodes=4, widths=(4, 4, 4), depths=(0, 1)),
    'bcr_net': BcrNetConfig(BackboneConfig('light', (4, 5)), channels=8)}
WAITS = {       # lines of a step that may wait, and why
    'auto': ('target_probability.py', 'auto_inputs.py'),        # connected components are counted on the CPU
}


@pytest.fixture
def trainer(corpus_folder, tmp_path, monkeypatch):
    """(model, device) -> a tiny training of it."""
    monkeypatch.setattr('hsi_models.training.box_refiner._VALIDATION', 2)
    monkeypatch.setattr('hsi_models.training.auto_validation.BATCHES', 1)
    (tmp_path / 'hsi_cubes').mkdir()
    rng = np.random.default_rng(0)
    for name in ('field_20x20x12', 'abu_airport_1_20x20x12'):
        np.savez(tmp_path / 'hsi_cubes' / f'{name}.npz', cube=rng.integers(0, 4000, (20, 20, 12), dtype=np.uint16))
    pairs = TrackingDataConfig(WindowConfig(px=64))
    pairs = dataclasses.replace(pairs, pairs=dataclasses.replace(pairs.pairs, cameras=2, negative=0.0))
    common = {'loop': LoopConfig(2, 2, read_every=2), 'data': str(corpus_folder)}
    of_pairs = common | {'pairs': pairs, 'batch': 2, 'sides': (32, 40), 'most_bands': 16}

    def make(model, device):
        folder = tmp_path / device
        if model in NETWORKS:
            config = dataclasses.replace(
                tracking.default_config(model), network=NETWORKS[model], most_images=6, warm_up=1, device=device,
                validation=ValidationConfig(2, 4, 2), **of_pairs)
            return tracking.Trainer(config, folder)
        if model == 'auto':
            return auto.AutoTrainer(auto.AutoConfig(start='', device=device, **of_pairs), folder)
        if model == 'box_refiner':
            return box_refiner.BoxRefinerTrainer(box_refiner.BoxRefinerConfig(
                kept=3, looked_at=2, boxes=2, device=device, **of_pairs), folder)
        config = dataclasses.replace(super_resolution.default_config(model, 2), **common | {
            'data': str(tmp_path), 'pairs': PairConfig(2, 8, 2, (4, 6), images=0), 'device': device})
        if model == 'cst_eigen':
            config = dataclasses.replace(config, components=4)
        return super_resolution.Trainer(config, folder)

    return make


@pytest.mark.parametrize('model', [*NETWORKS, 'auto', 'box_refiner', 'cst_eigen', 'cst:fast'])
def test_a_training_gives_the_same_weights_and_no_step_waits(another_device, trainer, model):
    there = trainer(model, another_device.name)
    another_device.clear()
    for step in range(2):
        loss = there.loss(step)
        total = loss['total'] if isinstance(loss, dict) else loss
        assert total.device.type == another_device.name
        total.backward()
    assert [line for line in another_device.downloads if not any(part in line for part in WAITS.get(model, ()))] == []
    got = load_tensors(trainer(model, another_device.name).run(progress=False))
    for name, value in load_tensors(trainer(model, 'cpu').run(progress=False)).items():
        torch.testing.assert_close(got[name], value, rtol=1e-2, atol=1e-3)
