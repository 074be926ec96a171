"""Views of sequences: the tracker's own crops and fits; trained with repeatably; nothing changes without them."""
from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.calibration import Calibration
from hsi_models.checkpoint import load_card
from hsi_models.data.open import open_sequence
from hsi_models.data.simulation.scene import write_sequence
from hsi_models.data.synthetic import SyntheticSequence
from hsi_models.ingest import to_frame
from hsi_models.networks.nanotrack import SEARCH_SIZE, TEMPLATE_SIZE
from hsi_models.tracking.auto_tracker import AutoMatcher
from hsi_models.tracking.crops import siamese_region
from hsi_models.tracking.probability import ProbabilityConfig
from hsi_models.training.auto import AutoConfig, AutoTrainer
from hsi_models.training.auto_inputs import AutoScenes
from hsi_models.training.box_refiner import BoxRefinerConfig, BoxRefinerTrainer
from hsi_models.training.loop import LoopConfig
from hsi_models.training.scene_views import SceneConfig, load_scene_views
from hsi_models.training.tracking_data import TrackingDataConfig
from hsi_models.training.tracking_windows import WindowConfig

CPU = torch.device('cpu')
FRAMES = 12
PAIRS = TrackingDataConfig(WindowConfig(px=64))
PAIRS = dataclasses.replace(PAIRS, pairs=dataclasses.replace(PAIRS.pairs, cameras=4, negative=0.0))


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A scene whose target hides, and the same called ordinary."""
    folder = tmp_path_factory.mktemp('scenes')
    for number, name in enumerate(('hide_0', 'ordinary_0')):
        sequence = SyntheticSequence(seed=number, frames=FRAMES)
        boxes = sequence.boxes.copy()
        if not number:
            boxes[8:] = np.nan
        write_sequence(folder / name, sequence.camera, (sequence.image(i) for i in range(FRAMES)), boxes)
    (folder / 'groups.json').write_text(json.dumps({'hide': ['hide_0'], 'ordinary': ['ordinary_0']}))
    return folder


def scenes(folder, **changes):
    return dataclasses.replace(SceneConfig(str(folder), frames=6, starts=2), **changes)


class Recorder:
    """An executor that keeps what it is given."""

    def __init__(self):
        self.seen = []

    def template(self, *inputs):
        self.seen.append(inputs)
        return inputs

    def search(self, state, *inputs):
        self.seen.append(inputs)
        return np.zeros((1, 2, 15, 15), np.float32), np.ones((1, 4, 15, 15), np.float32)


def test_views_are_what_the_tracker_looks_at(folder):
    views = load_scene_views(scenes(folder, starts=1, shift=0, zoom=0), ProbabilityConfig(), CPU)
    sequence, executor = open_sequence(folder / 'ordinary_0'), Recorder()
    references = Calibration.of(sequence.camera, '')
    matcher, chosen = AutoMatcher(executor), np.linspace(0, FRAMES - 1, 6).round().astype(int)
    frames = [to_frame(sequence.image(int(i)), sequence.camera, calibration=references) for i in chosen]
    template = matcher.template(frames[0], Box(*sequence.boxes[0]))
    mine = (views.start == 1).nonzero()[:, 0]
    assert len(mine) == 5
    assert views.ordinary[mine].all()
    for row, index, frame in zip(mine, chosen[1:], frames[1:], strict=True):
        box = Box(*sequence.boxes[index])
        region = siamese_region(box, SEARCH_SIZE, TEMPLATE_SIZE)
        matcher.search(template, frame, region)
        pictures = executor.seen[-1][0][0]
        np.testing.assert_allclose(views.searches[row, :3] / 255, pictures[0], atol=0.003)
        np.testing.assert_allclose(views.searches[row, 3] / 255, pictures[1, 0], atol=0.003)
        centre = (views.corners[row, :2] + views.corners[row, 2:]) / 2
        np.testing.assert_allclose(centre, SEARCH_SIZE / 2, atol=0.01)
        assert float(views.corners[row, 2] - views.corners[row, 0]) == pytest.approx(box.w * SEARCH_SIZE / region.w,
                                                                                     abs=0.01)
    pictures, trust = executor.seen[0]
    np.testing.assert_allclose(views.templates[1, :3] / 255, pictures[0, 0], atol=0.003)
    np.testing.assert_allclose(views.templates[1, 3] / 255, pictures[0, 1, 0], atol=0.003)
    batch = AutoScenes(views, held_out=True).draw(4, torch.Generator().manual_seed(0))
    assert any(np.allclose(one, trust[0], atol=1e-6) for one in batch.trust.numpy())


def test_a_target_that_is_not_there_has_no_box_and_starts_nothing(folder):
    views = load_scene_views(scenes(folder), ProbabilityConfig(), CPU)
    hidden = ~views.ordinary
    gone = views.corners.isnan().all(dim=1)
    assert not gone[~hidden].any()
    assert 0 < gone[hidden].sum() < hidden.sum()
    assert len(views.templates) == len(views.outlines) == len(views.separability) == 4
    assert len(views) == 4 * 5
    again = load_scene_views(scenes(folder), ProbabilityConfig(), CPU)
    for name, value in vars(views).items():
        assert torch.equal(value.nan_to_num(), getattr(again, name).nan_to_num()), name


def test_batches_have_all_kinds_and_boxes_are_mirrored_with_the_pictures(folder):
    views = load_scene_views(scenes(folder, shift=0.5), ProbabilityConfig(), CPU)
    drawn, generator = AutoScenes(views), torch.Generator().manual_seed(1)
    batches = [drawn.draw(32, generator) for _ in range(9)]
    for batch in batches:
        assert batch.template.shape == (32, 2, 3, 127, 127)
        assert batch.search.shape == (32, 2, 3, 255, 255)
        assert 0 < float(batch.boxes.isnan().all(dim=1).float().mean()) < 0.4
        there = batch.boxes.isfinite().all(dim=1)
        probable = batch.search[there, 1, 0]
        columns = torch.arange(255) + 0.5
        inside = ((columns >= batch.boxes[there, :1]) & (columns < batch.boxes[there, 2:3]))[:, None]
        rows = ((columns >= batch.boxes[there, 1:2]) & (columns < batch.boxes[there, 3:]))[:, :, None]
        assert float(probable[inside & rows].mean()) > 0.2 + float(probable[~(inside & rows)].mean())
    kept = {tuple(corners.tolist()) for corners in views.corners if corners.isfinite().all()}
    mirrored = [not kept & {tuple(box.tolist()) for box in batch.boxes} for batch in batches]
    assert any(mirrored)
    assert not all(mirrored)


@pytest.mark.parametrize(('changes', 'message'), [
    ({'share': 1.5}, 'share of scenes in 0..1'), ({'starts': 6}, 'expected 1 <= starts < frames, got 6 and 6'),
    ({'zoom': -1.0}, 'expected box_error, shift and zoom >= 0')])
def test_settings_that_cannot_be_are_refused(changes, message, folder):
    with pytest.raises(ValueError, match=message):
        scenes(folder, **changes)


def test_a_folder_without_targets_is_refused(folder, tmp_path):
    with pytest.raises(FileNotFoundError):
        load_scene_views(scenes(tmp_path / 'none'), ProbabilityConfig(), CPU)
    with pytest.raises(FileNotFoundError, match='groups.json'):
        load_scene_views(scenes(tmp_path), ProbabilityConfig(), CPU)
    (tmp_path / 'groups.json').write_text('{"hide": ["none"]}')
    with pytest.raises(ValueError, match="group 'hide' names 1 sequences that have no ground truth"):
        load_scene_views(scenes(tmp_path), ProbabilityConfig(), CPU)
    (tmp_path / 'groups.json').write_text('{}')
    with pytest.raises(ValueError, match='expected sequences with targets of at least 30 pixels'):
        load_scene_views(scenes(tmp_path), ProbabilityConfig(), CPU)


TRAINERS = pytest.mark.parametrize(('trainer', 'config'), [
    (AutoTrainer, AutoConfig(batch=2, sides=(32, 40), most_bands=16, start='', pairs=PAIRS)),
    (BoxRefinerTrainer, BoxRefinerConfig(batch=2, sides=(32, 40), most_bands=16, kept=3, looked_at=2, boxes=2,
                                         pairs=PAIRS))])


@TRAINERS
def test_another_device_gives_the_same_weights_and_no_step_waits(trainer, config, folder, corpus_folder, tmp_path,
                                                                 agrees_elsewhere, monkeypatch):
    monkeypatch.setattr('hsi_models.training.auto_validation.BATCHES', 1)
    monkeypatch.setattr('hsi_models.training.box_refiner._VALIDATION', 2)
    config = dataclasses.replace(config, data=str(corpus_folder), loop=LoopConfig(2, 2),
                                 scenes=scenes(folder, frames=3, starts=1, share=1.0))
    agrees_elsewhere(lambda device: trainer(dataclasses.replace(config, device=device), tmp_path / device))


def test_the_card_says_what_was_seen(folder, corpus_folder, tmp_path, monkeypatch):
    monkeypatch.setattr('hsi_models.training.box_refiner._VALIDATION', 1)
    trainer, config = TRAINERS.args[1][1]
    config = dataclasses.replace(config, data=str(corpus_folder), loop=LoopConfig(1, 1))
    for number, (few, told) in enumerate(((SceneConfig(), 'in pairs; see'), (
            scenes(folder, frames=3, starts=1), 'in pairs, and simulated sequences (0.5 of the batches); see'))):
        path = trainer(dataclasses.replace(config, scenes=few), tmp_path / str(number)).run(progress=False)
        assert told in load_card(path).data


@TRAINERS
def test_trained_with_as_often_as_asked_for_and_repeatably(trainer, config, folder, corpus_folder, tmp_path):
    def seen(share):
        few = scenes(folder, frames=3, starts=1, share=share)
        made = trainer(dataclasses.replace(config, data=str(corpus_folder), scenes=few), tmp_path)

        def look(step):
            batch = made.batch(step).later if trainer is BoxRefinerTrainer else made.inputs(step)[0].search
            return batch.flatten().tolist()

        batches = [look(step) for step in range(6)]
        assert look(1) == batches[1]
        return batches

    pairs, mixed, sequences = (seen(share) for share in (0.0, 0.5, 1.0))
    assert not [batch for batch in sequences if batch in pairs]
    if trainer is AutoTrainer:      # the others look at several batches in one step
        assert all(batch in (one, other) for batch, one, other in zip(mixed, pairs, sequences, strict=True))
    assert mixed not in (pairs, sequences)
