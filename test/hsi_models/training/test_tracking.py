"""Training of the Siamese networks: repeatable, resumable, chosen on held-out pairs; what it gives tracks."""
from __future__ import annotations

import csv
import dataclasses

import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.checkpoint import load_card, load_tensors, sha256_of
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.networks.backbone import BackboneConfig
from hsi_models.networks.bcr_net import BcrNetConfig
from hsi_models.networks.light_backbone import LightBackbone
from hsi_models.networks.siamese_network import fuse, response_points
from hsi_models.networks.ssf_net import SsfNetConfig
from hsi_models.registry import create_tracker
from hsi_models.training.config import override
from hsi_models.training.loop import LoopConfig
from hsi_models.training.tracking import MODELS, Trainer, default_config
from hsi_models.training.tracking_data import TrackingDataConfig
from hsi_models.training.tracking_validation import ValidationConfig
from hsi_models.training.tracking_windows import WindowConfig

PAIRS = TrackingDataConfig(WindowConfig(px=64))
PAIRS = dataclasses.replace(PAIRS, pairs=dataclasses.replace(PAIRS.pairs, cameras=2))
SSF = SsfNetConfig(BackboneConfig('light', (4,)), channels=8, nodes=4, widths=(4, 4, 4), depths=(0, 1))
BCR = BcrNetConfig(BackboneConfig('light', (4, 5)), channels=8)


def tiny(data, model='ssf_net', **changes):
    config = dataclasses.replace(
        default_config(model), network=SSF if model == 'ssf_net' else BCR, batch=2, most_images=6, most_bands=16,
        sides=(32, 40), warm_up=1, data=str(data), pairs=PAIRS, validation=ValidationConfig(2, 4, 2),
        loop=LoopConfig(3, 1))
    return dataclasses.replace(config, **changes)


def rows(folder):
    with (folder / 'log.csv').open() as file:
        return [{k: v for k, v in row.items() if k != 'seconds'} for row in csv.DictReader(file)]


@pytest.mark.parametrize('model', ['ssf_net', 'bcr_net'])
def test_two_runs_of_one_seed_agree_and_a_killed_one_goes_on(corpus_folder, tmp_path, killed_and_resumed, model):
    config = tiny(corpus_folder, model)
    straight = Trainer(config, tmp_path / 'a').run(progress=False)
    resumed = killed_and_resumed(lambda: Trainer(config, tmp_path / 'b'), 2)
    first, second = load_tensors(straight), load_tensors(resumed)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert rows(tmp_path / 'a') == rows(tmp_path / 'b')
    extra = 'loss_angle' if model == 'ssf_net' else 'loss_reconstruction'
    assert {'loss', 'loss_cls', 'loss_reg', 'loss_branches', extra, 'iou', 'iou_colour', 'iou_hidden',
            'iou_concealed', 'success_colour', 'success_hidden'} <= rows(tmp_path / 'a')[0].keys()


@pytest.mark.parametrize('model', ['ssf_net', 'bcr_net'])
def test_another_device_gives_the_same_weights_and_no_step_waits(corpus_folder, tmp_path, agrees_elsewhere, model):
    agrees_elsewhere(lambda device: Trainer(tiny(corpus_folder, model, device=device, loop=LoopConfig(2, 2)),
                                            tmp_path / device))


def test_held_out_pairs_are_of_the_kinds_asked_for(corpus_folder, tmp_path):
    config = tiny(corpus_folder, validation=ValidationConfig(2, 4, 2, ('colour', 'hidden')), loop=LoopConfig(1, 1))
    card = load_card(Trainer(config, tmp_path).run(progress=False))
    assert 'iou_hidden' in card.validation
    assert 'iou_concealed' not in card.validation
    with pytest.raises(ValueError, match='expected kinds of colour, hidden, concealed, got'):
        ValidationConfig(kinds=('seen',))


@pytest.mark.parametrize(('model', 'switch'), [
    ('ssf_net', {}), ('bcr_net', {}), ('ssf_net', {'network.branches': 'rgb'}), ('ssf_net', {'network.fusion': 'none'}),
    ('bcr_net', {'network.bands': 'false_colour'})])
def test_what_is_trained_tracks_also_with_a_part_left_out(corpus_folder, tmp_path, model, switch):
    config = override(tiny(corpus_folder, model, loop=LoopConfig(1, 1)), switch)
    path = Trainer(config, tmp_path).run(progress=False, command='the command')
    card = load_card(path)
    assert (card.name, card.command, card.seed, card.steps, card.start) == (
        f'{model}:fast', 'the command', 0, 1, 'random')
    low, high = card.validation['iou_colour_interval']
    assert low <= card.validation['iou_colour'] <= high
    assert card.validation['pairs_of_each_kind'] == 4
    tracker = create_tracker(model, weights=path)
    data = np.random.default_rng(0).integers(0, 1023, (60, 80, 9), dtype=np.uint16)
    frame = HyperspectralFrame(data, SpectralInfo(tuple(np.linspace(470, 620, 9))))
    tracker.initialise(frame, Box(30, 20, 14, 12))
    assert tracker.update(frame).best_guess.area > 0
    other = 'bcr_net' if model == 'ssf_net' else 'ssf_net'
    with pytest.raises(ValueError, match=f'expected weights of {other}.*got those of {model}:fast'):
        create_tracker(other, weights=path)


def test_a_pretrained_backbone_is_taken_over_and_learns_more_slowly(corpus_folder, tmp_path):
    from safetensors.torch import save_file

    backbone = LightBackbone((10,))
    save_file(backbone.state_dict(), str(tmp_path / 'backbone.safetensors'))
    config = tiny(corpus_folder, start=str(tmp_path / 'backbone.safetensors'), start_note='by us', backbone_rate=0.0,
                  weight_decay=0.0, loop=LoopConfig(1, 1), half=False)
    trainer = Trainer(config, tmp_path)
    assert 'by us' in trainer.start
    first = 'rgb_backbone.backbone.features.0.0.weight'
    path = trainer.run(progress=False)
    assert torch.equal(load_tensors(path)[first], backbone.state_dict()['features.0.0.weight'])
    again = Trainer(dataclasses.replace(config, start=str(path), start_kind='network', seed=3), tmp_path)
    assert torch.equal(again.network.state_dict()[first], load_tensors(path)[first])
    with pytest.raises(ValueError, match=r'got \d+ of its \d+ tensors that fit'):
        Trainer(tiny(corpus_folder, 'bcr_net', start=str(path), start_kind='network',
                     network=dataclasses.replace(BCR, channels=4, backbone=BackboneConfig('light', (13,)))), tmp_path)


def test_a_pretrained_backbone_stays_as_it_is_until_it_is_unlocked(corpus_folder, tmp_path, killed_and_resumed):
    from safetensors.torch import save_file

    backbone = LightBackbone((10,))
    save_file(backbone.state_dict(), str(tmp_path / 'backbone.safetensors'))
    config = tiny(corpus_folder, start=str(tmp_path / 'backbone.safetensors'), unlock=2, half=False, weight_decay=0.0,
                  loop=LoopConfig(2, 1, average=0.0))
    first, mean = (f'rgb_backbone.backbone.features.0.{name}' for name in ('0.weight', '1.running_mean'))
    before = load_tensors(Trainer(config, tmp_path / 'a').run(progress=False))
    assert torch.equal(before[first], backbone.state_dict()['features.0.0.weight'])
    assert not torch.equal(before[mean], backbone.state_dict()['features.0.1.running_mean'])
    longer = dataclasses.replace(config, loop=LoopConfig(4, 1, average=0.0))
    straight = load_tensors(Trainer(longer, tmp_path / 'b').run(progress=False))
    assert not torch.equal(straight[first], before[first])
    resumed = load_tensors(killed_and_resumed(lambda: Trainer(longer, tmp_path / 'c'), 3))
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


def test_batches_differ_by_step_and_are_bounded_in_pictures(corpus_folder, tmp_path):
    trainer = Trainer(tiny(corpus_folder, 'bcr_net', batch=8, most_images=12), tmp_path)
    for step in range(4):
        inputs, seed = trainer.inputs(step)
        bands = inputs.search.cube.shape[1]
        assert bands <= 16
        assert len(inputs.boxes) == min(8, max(1, 12 // trainer.config.network.groups(bands)))
        assert inputs.search.cube.shape[2:] == (255, 255)
        assert inputs.template.cube.shape[2:] == (127, 127)
    assert seed != trainer.inputs(0)[1]
    assert torch.equal(trainer.inputs(1)[0].search.cube, trainer.inputs(1)[0].search.cube)


@pytest.mark.parametrize(('model', 'extra'), [('ssf_net', 'angle'), ('bcr_net', 'reconstruction')])
def test_mixed_precision_gives_nearly_the_same_losses(corpus_folder, tmp_path, model, extra):
    exact, mixed = (Trainer(tiny(corpus_folder, model, precision=kind), tmp_path).loss(0) for kind in ('fp32', 'bf16'))
    assert exact.keys() == mixed.keys()
    for name in ('cls', 'reg', extra):
        assert mixed[name].dtype == torch.float32
        torch.testing.assert_close(mixed[name], exact[name], rtol=0.1, atol=0)


def test_every_part_of_a_network_learns(corpus_folder, tmp_path):
    for model in ('ssf_net', 'bcr_net'):
        trainer = Trainer(tiny(corpus_folder, model), tmp_path)
        trainer.network.train()
        trainer.loss(0)['total'].backward()
        assert [name for name, value in trainer.network.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize('model', MODELS)
def test_presets(model):
    config = default_config(model)
    assert config.model == model
    assert config.network == (SsfNetConfig if model.startswith('ssf') else BcrNetConfig).preset(model.split(':')[1])


@pytest.mark.parametrize(('changes', 'message'), [
    ({'network': dataclasses.replace(SSF, branches='hs'), 'teacher': 'x'}, 'with an RGB branch for a teacher'),
    ({'precision': 'fp8'}, 'precision auto or fp32 or bf16'),
    ({'start_kind': 'head'}, 'start_kind backbone or network'),
    ({'batch': 0}, 'batch >= 1'), ({'sides': (8,)}, 'sides >= 32'), ({'most_bands': 4}, 'most_bands >= 16')])
def test_wrong_choices_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(default_config('ssf_net'), **changes)


def test_unknown_models_are_refused():
    with pytest.raises(ValueError, match='expected model ssf_net:fast.*siamban'):
        default_config('siamban')


class Taught:
    """A teacher that says of every point of its map what `answers` says of it."""

    def __init__(self, boxes):
        points = response_points(None, 15, 16)
        self.cls, self.reg = answers(points, boxes)

    def template(self, false_colour):
        return ()

    def search(self, false_colour):
        return self.cls, self.reg


def answers(points, boxes):
    """Logits (B, 2, n, n) and distances (B, 4, n, n): high in the middle of the box, and the box."""
    x, y = points
    x1, y1, x2, y2 = (side[:, None, None] for side in boxes.unbind(1))
    near = 4 - ((x - (x1 + x2) / 2) ** 2 + (y - (y1 + y2) / 2) ** 2) / 500
    distances = torch.stack([x - x1, y - y1, x2 - x, y2 - y], 1).clamp_min(1)
    return torch.stack([-near, near], 1), distances


def test_a_teacher_is_asked_where_it_is_right_cell_by_cell(corpus_folder, tmp_path):
    trainer = Trainer(tiny(corpus_folder), tmp_path)
    inputs, _ = trainer.inputs(0)
    boxes = torch.tensor([[100.0, 90, 160, 150], [80, 100, 120, 170]])
    inputs = dataclasses.replace(inputs, boxes=boxes)
    cls, reg = answers(response_points(), boxes)
    alike = fuse(cls[:, None], reg[:, None], torch.ones(2, 1))
    apart = fuse(cls[:, None] * 0.5, reg[:, None] * 1.3, torch.ones(2, 1))
    assert trainer._single._apart(Taught(boxes), inputs, alike).item() == pytest.approx(0, abs=1e-6)
    of_both = trainer._single._apart(Taught(boxes), inputs, apart).item()
    assert of_both > 0.1
    one_wrong = torch.stack([boxes[0], boxes[1] + 80])
    of_one = trainer._single._apart(Taught(boxes), dataclasses.replace(inputs, boxes=one_wrong), apart).item()
    assert 0.1 < of_one < of_both
    gone = dataclasses.replace(inputs, boxes=torch.full((2, 4), torch.nan))
    assert trainer._single._apart(Taught(boxes), gone, apart).item() == 0


@pytest.mark.parametrize(('model', 'switch', 'heads'), [
    ('ssf_net', {}, 'rgb_heads'), ('ssf_net', {'network.branches': 'rgb'}, 'rgb_heads'), ('bcr_net', {}, 'heads')])
def test_what_sees_false_colour_learns_from_a_teacher(corpus_folder, tmp_path, monkeypatch, model, switch, heads):
    class Teacher(Taught, torch.nn.Module):
        def __init__(self):
            torch.nn.Module.__init__(self)
            Taught.__init__(self, torch.tensor([[0.0, 0, 255, 255]]).expand(2, 4))

    monkeypatch.setattr('hsi_models.training.tracking.NanoTrack.load', lambda path: Teacher())
    monkeypatch.setattr('hsi_models.training.tracking_step._RIGHT', -1.0)
    (tmp_path / 'teacher').write_bytes(b'weights')
    there = dataclasses.replace(PAIRS, pairs=dataclasses.replace(PAIRS.pairs, negative=0.0))
    config = override(tiny(corpus_folder, model, pairs=there, teacher=str(tmp_path / 'teacher')), switch)
    trainer = Trainer(config, tmp_path)
    assert f'teacher {sha256_of(tmp_path / "teacher")}' in trainer.start
    terms = trainer.loss(0)
    assert terms['teacher'].item() > 0
    torch.testing.assert_close(terms['total'], sum(value for name, value in terms.items() if name != 'total'))
    terms['teacher'].backward()
    assert all(parameter.grad is not None for parameter in getattr(trainer.network, heads).parameters())
    assert 'teacher' not in Trainer(tiny(corpus_folder, model), tmp_path).loss(0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
@pytest.mark.parametrize('model', ['ssf_net', 'bcr_net'])
def test_a_step_never_waits_for_the_gpu(corpus_folder, tmp_path, model):
    trainer = Trainer(tiny(corpus_folder, model, device='cuda'), tmp_path)
    trainer.network.train()
    trainer.loss(0)['total'].backward()         # cameras are made and moved once
    torch.cuda.set_sync_debug_mode('error')
    try:
        trainer.loss(0)['total'].backward()
    finally:
        torch.cuda.set_sync_debug_mode('default')
