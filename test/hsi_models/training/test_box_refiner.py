"""Training of the box refinement: what it is shown is what the tracker shows it; repeatable, resumable."""
from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.checkpoint import load_card, load_tensors
from hsi_models.tracking.box_refinement import REACH, SIDE, refiner_picture
from hsi_models.training.box_refiner import (
    BoxRefinerConfig,
    BoxRefinerTrainer,
    RefinerBatch,
    _turned,
    laplace_loss,
    refiner_pictures,
)
from hsi_models.training.loop import LoopConfig
from hsi_models.training.tracking_data import TrackingDataConfig
from hsi_models.training.tracking_windows import WindowConfig

PAIRS = TrackingDataConfig(WindowConfig(px=64))
PAIRS = dataclasses.replace(PAIRS, pairs=dataclasses.replace(PAIRS.pairs, cameras=4, negative=0.0))


def tiny(data, **changes):
    config = BoxRefinerConfig(batch=2, sides=(32, 40), most_bands=16, kept=3, looked_at=2, boxes=2, data=str(data),
                              pairs=PAIRS, loop=LoopConfig(3, 3))
    return dataclasses.replace(config, **changes)


@pytest.fixture(autouse=True)
def few_batches(monkeypatch):
    monkeypatch.setattr('hsi_models.training.box_refiner._VALIDATION', 2)


def test_pictures_are_what_the_tracker_makes():
    view = torch.rand(1, 1, 255, 255, generator=torch.Generator().manual_seed(0))
    view = torch.nn.functional.avg_pool2d(view, 9, 1, 4)
    boxes = [Box(100, 90, 40, 50), Box(3, 200, 60, 30), Box(120.3, 118.7, 21.4, 19.9)]
    many = refiner_pictures(view, torch.tensor([[[*box.centre, box.w, box.h] for box in boxes]], dtype=torch.float32))
    assert many.shape == (3, 1, SIDE, SIDE)
    for box, picture in zip(boxes, many, strict=True):
        np.testing.assert_allclose(picture[0], refiner_picture(view[0, 0].numpy(), box)[0, 0], atol=2e-3)


def test_another_device_gives_the_same_weights_and_no_step_waits(corpus_folder, tmp_path, agrees_elsewhere):
    agrees_elsewhere(lambda device: BoxRefinerTrainer(tiny(corpus_folder, device=device, loop=LoopConfig(2, 2)),
                                                      tmp_path / device))


def test_each_view_keeps_its_own_boxes():
    views = torch.stack([torch.full((1, 50, 50), value) for value in (0.2, 0.7)])
    pictures = refiner_pictures(views, torch.tensor([[[25.0, 25, 9, 9]] * 3] * 2))
    torch.testing.assert_close(pictures.mean(dim=(1, 2, 3)), torch.tensor([0.2] * 3 + [0.7] * 3))


def test_what_it_should_say_puts_a_shaken_box_right(corpus_folder, tmp_path):
    trainer = BoxRefinerTrainer(tiny(corpus_folder, boxes=6), tmp_path)
    views = trainer._views(0)
    y, x = torch.meshgrid(torch.arange(255) + 0.5, torch.arange(255) + 0.5, indexing='ij')
    centre, half = views.targets[:, :2], views.targets[:, 2:] / 2
    u = (x - centre[:, :1, None]).abs() / half[:, :1, None]
    v = (y - centre[:, 1:, None]).abs() / half[:, 1:, None]
    inside = (255 * ((u <= 1) & (v <= 1))).byte()[:, None]
    batch = trainer._shaken(dataclasses.replace(views, search=inside), torch.Generator().manual_seed(1))
    steps = ((torch.arange(SIDE) + 0.5) / SIDE - 0.5) * REACH       # in units of the shaken box
    for picture, wanted in zip(batch.later, batch.corrections, strict=True):
        for axis, places in ((0, picture[0].amax(dim=0) > 0.5), (1, picture[0].amax(dim=1) > 0.5)):
            low, high = steps[places].min(), steps[places].max()
            if float(low) < 0.03 - REACH / 2 or float(high) > REACH / 2 - 0.03:
                continue        # shaken so far that an edge lies outside
            assert float(low + high) / 2 == pytest.approx(float(wanted[axis]), abs=0.04)
            assert float(high - low) == pytest.approx(float(wanted[2 + axis].exp()), abs=0.08)


def test_mirrored_and_turned_pictures_have_their_corrections_mirrored_and_turned():
    wanted = torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    picture = torch.zeros(1, 1, 4, 4)
    picture[0, 0, 0, 3] = 1     # above on the right
    turned = [_turned(RefinerBatch(picture, picture, wanted), step) for step in range(8)]
    places = [tuple(part.later[0, 0].nonzero()[0].tolist()) for part in turned]
    assert places == [(0, 3), (0, 0), (3, 3), (3, 0), (3, 0), (0, 0), (3, 3), (0, 3)]
    signs = [tuple(part.corrections[0].tolist()) for part in turned]
    np.testing.assert_allclose(signs[1], (-0.1, 0.2, 0.3, 0.4))
    np.testing.assert_allclose(signs[2], (0.1, -0.2, 0.3, 0.4))
    np.testing.assert_allclose(signs[7], (-0.2, -0.1, 0.4, 0.3))


def test_the_loss_is_least_where_the_scale_is_the_error():
    wanted, moves = torch.tensor([[0.3]]), torch.tensor([[0.1]])
    losses = [float(laplace_loss(moves, torch.tensor([[scale]]), wanted)) for scale in (0.1, 0.2, 0.4)]
    assert losses[1] < min(losses[0], losses[2])


def test_a_killed_run_goes_on_to_the_weights_of_an_unbroken_one(corpus_folder, tmp_path, killed_and_resumed):
    config = tiny(corpus_folder, loop=LoopConfig(6, 3), steps_a_batch=1)
    weights = load_tensors(BoxRefinerTrainer(config, tmp_path / 'a').run(progress=False))
    resumed = killed_and_resumed(lambda: BoxRefinerTrainer(config, tmp_path / 'b'), 4)
    for name, value in load_tensors(resumed).items():
        assert torch.equal(value, weights[name]), name


def test_what_it_gives_has_a_card_and_goes_on_from_weights(corpus_folder, tmp_path):
    path = BoxRefinerTrainer(tiny(corpus_folder), tmp_path / 'a').run(progress=False, command='hsi-tracking train it')
    card = load_card(path)
    assert (card.name, card.start, card.command) == ('box_refiner', 'random', 'hsi-tracking train it')
    assert {'log_likelihood', 'error', 'error_before'} <= set(card.validation)
    again = BoxRefinerTrainer(tiny(corpus_folder, start=str(path)), tmp_path / 'b')
    assert again.start == card.sha256
    for name, value in load_tensors(path).items():
        assert torch.equal(again.network.state_dict()[name], value), name


@pytest.mark.parametrize('change', [{'batch': 0}, {'kept': 0}, {'shakes': 0}, {'sides': ()}, {'sides': (16,)},
                                    {'most_bands': 8}, {'shift': -0.1}, {'pairs': TrackingDataConfig()}])
def test_what_makes_no_sense_is_refused(change):
    with pytest.raises(ValueError, match='expected'):
        BoxRefinerConfig(**change)


def test_start_weights_that_do_not_exist_are_named(corpus_folder, tmp_path):
    with pytest.raises(FileNotFoundError, match='expected a weights file'):
        BoxRefinerTrainer(tiny(corpus_folder, start=str(tmp_path / 'none.safetensors')), tmp_path)
