"""Training of `auto`: pictures as the tracker makes them, repeatable, resumable; what it gives tracks."""
from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.checkpoint import load_card, load_tensors, sha256_of, shipped_path
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.registry import create_tracker
from hsi_models.tracking.box_refinement import shipped_refiner
from hsi_models.training.auto import AutoConfig, AutoStep, AutoTrainer
from hsi_models.training.loop import LoopConfig
from hsi_models.training.tracking_data import TrackingDataConfig
from hsi_models.training.tracking_windows import WindowConfig

PAIRS = TrackingDataConfig(WindowConfig(px=64))
PAIRS = dataclasses.replace(PAIRS, pairs=dataclasses.replace(PAIRS.pairs, cameras=4))


def tiny(data, **changes):
    config = AutoConfig(batch=2, sides=(32, 40), most_bands=16, start='', data=str(data), pairs=PAIRS,
                        loop=LoopConfig(3, 3))
    return dataclasses.replace(config, **changes)


@pytest.fixture(autouse=True)
def few_batches(monkeypatch):
    monkeypatch.setattr('hsi_models.training.auto_validation.BATCHES', 1)


def test_pictures_are_what_the_tracker_makes(corpus_folder, tmp_path):
    trainer = AutoTrainer(tiny(corpus_folder, batch=6), tmp_path)
    inputs, _ = trainer.inputs(0)
    assert inputs.template.shape == (6, 2, 3, 127, 127)
    assert inputs.search.shape == (6, 2, 3, 255, 255)
    for pictures in (inputs.template, inputs.search):
        assert 0 <= float(pictures.min()) <= float(pictures.max()) <= 1
    torch.testing.assert_close(inputs.template[:, 1, 0], inputs.template[:, 1, 2])      # probability is grey
    middle, edge = inputs.template[:, 1, 0, 54:73, 54:73].mean(), inputs.template[:, 1, 0, :12].mean()
    assert middle > edge + 0.2, 'the target in the middle is what is probable'
    assert bool(((inputs.trust >= 0) & (inputs.trust <= 1)).all())


def test_a_killed_run_goes_on_to_the_weights_of_an_unbroken_one(corpus_folder, tmp_path, killed_and_resumed):
    config = tiny(corpus_folder, loop=LoopConfig(2, 1))
    weights = load_tensors(AutoTrainer(config, tmp_path / 'a').run(progress=False))
    resumed = killed_and_resumed(lambda: AutoTrainer(config, tmp_path / 'b'), 1)
    for name, value in load_tensors(resumed).items():
        assert torch.equal(value, weights[name]), name


def test_another_device_gives_the_same_weights(corpus_folder, tmp_path, agrees_elsewhere):
    agrees_elsewhere(lambda device: AutoTrainer(tiny(corpus_folder, device=device, loop=LoopConfig(2, 2)),
                                                tmp_path / device),
                     may_wait=('target_probability.py', 'auto_inputs.py'))      # connected components


def test_false_colour_learns_from_the_teacher_alone_where_there_is_one(corpus_folder, tmp_path):
    trainer = AutoTrainer(tiny(corpus_folder), tmp_path)
    inputs, seed = trainer.inputs(0)
    teacher = copy.deepcopy(trainer.network).requires_grad_(False)

    def terms_and_gradient(taught, **changes):
        search = inputs.search.clone().requires_grad_()
        step = AutoStep(trainer.network, teacher if taught else None, dataclasses.replace(trainer.config, **changes))
        terms = step(dataclasses.replace(inputs, search=search), torch.Generator().manual_seed(seed))
        terms['total'].backward()
        return terms, search.grad.abs().amax(dim=(0, 2, 3, 4))      # of false colour, of the probability

    terms, gradient = terms_and_gradient(taught=True)
    assert set(terms) == {'total', 'cls', 'reg', 'probability', 'teacher'}
    assert terms['teacher'].item() == pytest.approx(0, abs=1e-9), 'they are still alike'
    torch.nn.init.constant_(teacher.head.cls_logits[0].bias, 1.0)
    teacher.head.cls_logits[0].bias[0] = 0.0
    terms, gradient = terms_and_gradient(taught=True)
    assert terms['teacher'].item() > 1e-3
    assert bool((gradient > 0).all())
    _, gradient = terms_and_gradient(taught=True, distillation=0.0)
    assert float(gradient[0]) == 0, 'only the teacher speaks of false colour'
    assert float(gradient[1]) > 0
    terms, gradient = terms_and_gradient(taught=False)
    assert set(terms) == {'total', 'cls', 'reg', 'colour', 'probability'}
    assert bool((gradient > 0).all())


def test_training_goes_on_from_its_own_weights_with_the_teacher(corpus_folder, tmp_path, shared_data):
    teacher = shared_data / 'pretrained' / 'nanotrackv3' / 'weights.safetensors'
    config = tiny(corpus_folder, start=str(shipped_path('auto')), held_out=True, blur_px=1.1)
    alone = AutoTrainer(config, tmp_path)
    taught = AutoTrainer(dataclasses.replace(config, teacher=str(teacher)), tmp_path)
    assert alone.start == taught.start == sha256_of(shipped_path('auto'))
    assert 'colour' in alone.loss(0)
    terms = taught.loss(0)
    assert 'colour' not in terms
    assert float(terms['teacher'].detach()) > 0, 'it has moved from its teacher'


def test_pixels_that_were_not_fitted_say_how_well_a_target_separates(corpus_folder, tmp_path, monkeypatch):
    def rule(held_out):
        return AutoTrainer(tiny(corpus_folder, batch=6, held_out=held_out), tmp_path).inputs(0)[0].trust[:, 2]

    assert float(rule(True).max()) > 0.5
    monkeypatch.setattr('hsi_models.training.auto_inputs.held_out_areas',
                        lambda spectra, boxes, fit: torch.full((len(boxes),), 0.8))
    assert float(rule(True).max()) == 0, 'they do not separate: nothing is trusted'
    assert float(rule(False).max()) > 0.5, 'the fitted ones do'


def test_what_it_gives_tracks_and_has_a_card(corpus_folder, tmp_path):
    path = AutoTrainer(tiny(corpus_folder), tmp_path).run(progress=False, command='hsi-tracking train auto')
    card = load_card(path)
    assert card.start == 'random'
    assert card.command == 'hsi-tracking train auto'
    assert {'pair_iou', 'pair_iou_colour', 'pair_iou_probability'} <= set(card.validation)
    tracker = create_tracker('auto', weights=path, runtime='eager')
    data = np.random.default_rng(0).integers(0, 1023, (60, 80, 9), dtype=np.uint16)
    frame = HyperspectralFrame(data, SpectralInfo(tuple(np.linspace(470, 620, 9))))
    tracker.initialise(frame, Box(30, 20, 14, 12))
    assert np.isfinite(tuple(tracker.update(frame).best_guess)).all()
    assert tracker.weights_sha256 == sha256_of(path, shipped_refiner())


@pytest.mark.parametrize('change', [{'batch': 0}, {'sides': ()}, {'sides': (16,)}, {'most_bands': 8}])
def test_what_makes_no_sense_is_refused(change):
    with pytest.raises(ValueError, match='expected'):
        AutoConfig(**change)


def test_cuda_without_cuda_is_refused(tmp_path):
    if torch.cuda.is_available():
        pytest.skip('needs a machine without CUDA')
    with pytest.raises(ValueError, match='found none; train with device=cpu'):
        AutoTrainer(AutoConfig(device='cuda'), tmp_path)
