"""Training of super-resolvers: batches follow from the step, losses are what they claim, a tiny run can be resumed."""
from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from hsi_models.checkpoint import load_card, load_tensors
from hsi_models.superresolution.factory import create_super_resolver
from hsi_models.training.loop import LoopConfig
from hsi_models.training.super_resolution import SuperResolutionConfig, Trainer, default_config
from hsi_models.training.super_resolution_data import PairConfig, PairSampler
from hsi_models.training.super_resolution_losses import gradient_magnitude, log_error_loss, three_part_loss

PAIRS = PairConfig(2, 8, 2, (4, 6), images=0)


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / 'data' / 'hsi_cubes'
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ('field_20x20x12', 'abu_airport_1_20x20x12', 'abu_urban_3_20x20x12'):
        np.savez(folder / f'{name}.npz', cube=rng.integers(0, 4000, (20, 20, 12), dtype=np.uint16))
    return tmp_path / 'data'


def tiny(data, **changes):
    config = SuperResolutionConfig(components=4, data=str(data), pairs=PAIRS, loop=LoopConfig(4, 2))
    return dataclasses.replace(config, **changes)


def sampler(seed=0, **changes):
    cube = np.random.default_rng(1).random((20, 24, 12), dtype=np.float32)
    image = np.random.default_rng(2).integers(0, 255, (30, 30, 3), dtype=np.uint8)
    return PairSampler(dataclasses.replace(PAIRS, **changes), [cube], [image], seed)


@pytest.mark.parametrize('share', [0.0, 1.0])
def test_a_batch_follows_from_seed_and_step(share):
    first = sampler(image_share=share)(7)
    for again in (sampler(image_share=share)(7), sampler(image_share=share)(7)):
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[1], sampler(1, image_share=share)(7)[1])
    low, high = first
    assert low.shape[-2:] == (8, 8)
    assert high.shape[-2:] == (16, 16)
    assert low.shape[1] in (4, 6)
    assert torch.isfinite(low).all()


@pytest.mark.parametrize('model', ['cst_eigen', 'cst:fast'])
def test_another_device_gives_the_same_weights_and_no_step_waits(data, tmp_path, agrees_elsewhere, model):
    config = tiny(data) if model == 'cst_eigen' else dataclasses.replace(
        default_config(model, 2), data=str(data), pairs=PAIRS)
    agrees_elsewhere(lambda device: Trainer(dataclasses.replace(config, device=device, loop=LoopConfig(2, 2)),
                                            tmp_path / device))


def test_patches_too_large_for_every_cube_are_refused():
    with pytest.raises(ValueError, match='cubes of at least 80 x 80 pixels'):
        sampler(patch=40)


def test_log_error_is_mpsnr_up_to_its_factor():
    truth = torch.zeros(1, 2, 4, 4)
    estimate = truth + torch.tensor([0.1, 0.01])[None, :, None, None]
    assert float(-20 / math.log(10) * log_error_loss(estimate, truth, 0.0)) == pytest.approx(30)


def test_three_parts_of_the_loss():
    truth = torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(0)) + 0.1
    assert float(three_part_loss(truth, truth)) == pytest.approx(0, abs=2e-4)
    brighter = truth * 2
    assert float(three_part_loss(brighter, truth, 1.0, 0.0)) == pytest.approx(float(truth.mean()), rel=1e-3)
    opposite = truth.flip(1)
    cosine = (truth * opposite).sum(1) / (truth.norm(dim=1) * opposite.norm(dim=1))
    expected = (truth - opposite).abs().mean() + 0.3 / math.pi * torch.acos(cosine.clamp(max=1 - 1e-6)).mean()
    assert float(three_part_loss(opposite, truth, 0.3, 0.0)) == pytest.approx(float(expected), rel=1e-4)


def test_the_gradient_is_taken_along_all_three_axes():
    ramp = (2 * torch.arange(4.0)[:, None, None] + 3 * torch.arange(4.0)[:, None] + 6 * torch.arange(4.0))[None]
    magnitude = gradient_magnitude(ramp)
    torch.testing.assert_close(magnitude[0, :3, :3, :3], torch.full((3, 3, 3), 7.0))
    assert float(magnitude[0, 3, 3, 3]) < 1e-5


def test_a_killed_training_resumes_to_the_same_weights(data, tmp_path):
    straight = Trainer(tiny(data), tmp_path / 'a').run(progress=False)
    killed = Trainer(tiny(data), tmp_path / 'b')
    ordinary = killed.loss

    def dies(step):
        if step == 3:
            raise KeyboardInterrupt
        return ordinary(step)

    killed.loss = dies
    with pytest.raises(KeyboardInterrupt):
        killed.run(progress=False)
    resumed = Trainer(tiny(data), tmp_path / 'b').run(resume=True, progress=False)
    assert straight.read_bytes() == resumed.read_bytes()


@pytest.mark.parametrize('model', ['cst_eigen', 'cst:fast'])
def test_what_is_trained_can_be_used_and_started_from(data, tmp_path, model):
    path = Trainer(tiny(data, model=model, loop=LoopConfig(2, 1)), tmp_path / 'a').run(progress=False, command='x')
    card = load_card(path)
    assert (card.name, card.command, card.validation['cubes']) == (model, 'x', ['abu_airport_1'])
    cube = np.random.default_rng(0).integers(0, 1023, (9, 7, 3), dtype=np.uint16)
    assert create_super_resolver(model, 2, weights=path).upscale(cube).shape == (18, 14, 3)
    with pytest.raises(ValueError, match='weights of .* for scale 4, got those of .* for scale 2'):
        create_super_resolver(model, 4, weights=path)
    other = Trainer(tiny(data, model=model, scale=4, start=str(path), pairs=dataclasses.replace(PAIRS, patch=4)),
                    tmp_path / 'b')
    assert other.start == card.sha256
    assert torch.equal(other.network.state_dict()['first.weight'], load_tensors(path)['first.weight'])


def test_the_papers_configuration_runs(data, tmp_path):
    config = default_config('cst:paper', 4)
    assert (config.rate, config.pairs.batch, config.pairs.patch * 4, config.loss) == (1e-4, 32, 64, 'three_part')
    small = dataclasses.replace(config, data=str(data), bands=5, loop=LoopConfig(1, 1),
                                pairs=dataclasses.replace(config.pairs, patch=4, batch=1))
    assert np.isfinite(float(Trainer(small, tmp_path).loss(0).detach()))


def test_nothing_of_test_cubes_is_read_for_training(data, tmp_path):
    trainer = Trainer(tiny(data), tmp_path)
    assert len(trainer.sampler.cubes) == 1
    assert list(trainer.validation) == ['abu_airport_1']


@pytest.mark.parametrize(('model', 'key'), [('cst_eigen', 'body.'), ('cst:fast', 'stages.')])
def test_ablations_change_the_shape_and_their_weights_load(data, tmp_path, model, key):
    config = tiny(data, model=model, stages=1, window=(2, 4), loop=LoopConfig(1, 1))
    path = Trainer(config, tmp_path).run(progress=False)
    assert load_card(path).config['shape'] == {'stages': 1, 'window': [2, 4]}
    assert any(name.startswith(key) for name in load_tensors(path))
    assert create_super_resolver(model, 2, weights=path).upscale(np.ones((5, 5, 3), np.uint8)).shape == (10, 10, 3)
    with pytest.raises(ValueError, match='window of two sides'):
        Trainer(dataclasses.replace(config, window=(2,)), tmp_path)


@pytest.mark.parametrize(('changes', 'message'), [
    ({'loss': 'l2'}, 'loss log_error or three_part'), ({'schedule': 'step'}, 'schedule cosine or halving')])
def test_wrong_choices_are_refused(data, changes, message):
    with pytest.raises(ValueError, match=message):
        tiny(data, **changes)


def test_unknown_models_and_missing_data_are_refused(tmp_path):
    with pytest.raises(ValueError, match='expected model cst_eigen, cst:fast or cst:paper'):
        default_config('edsr')
    with pytest.raises(ValueError, match='expected training cubes'):
        Trainer(tiny(tmp_path), tmp_path)


def test_the_command_trains_and_shows_its_configuration(data, tmp_path, capsys):
    import argparse

    from hsi_tracking_ros.cli import train

    def command(*words):
        parser = argparse.ArgumentParser()
        train.add_arguments(parser)
        return train.run(parser.parse_args(words))

    settings = ['--set', f'data={data}', 'components=4', 'pairs.images=0', 'pairs.patch=8', 'pairs.batch=1',
                'loop.steps=1']
    assert command('cst_eigen', '--show', *settings) == 0
    assert json.loads(capsys.readouterr().out)['loop']['steps'] == 1
    assert command('cst_eigen', '--json', '--out', str(tmp_path / 'run'), *settings) == 0
    card = json.loads(capsys.readouterr().out)
    assert card['command'].startswith('hsi-tracking train cst_eigen --scale 2 --set data=')
    assert (tmp_path / 'run' / 'cst_eigen_x2.safetensors').is_file()
    with pytest.raises(ValueError, match="KEY=VALUE, got 'steps'"):
        command('cst_eigen', '--set', 'steps')
