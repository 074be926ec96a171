"""Training pairs of the corpus: by seed alone, over time, weighted by source, no picture on both sides of the split."""
from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hsi_models.training.tracking_data import (
    TrackingDataConfig,
    load_pairs,
    load_windows,
    partners,
    sampling_weights,
)
from hsi_models.training.tracking_pack import pack_windows
from hsi_models.training.tracking_windows import WindowConfig

CONFIG = TrackingDataConfig(WindowConfig(px=64))
CONFIG = dataclasses.replace(CONFIG, pairs=dataclasses.replace(CONFIG.pairs, template_px=24, search_px=48, cameras=4))


def test_batches_follow_from_the_seed_alone(corpus_folder):
    pairs, again = (load_pairs(corpus_folder, CONFIG, 'cpu').training for _ in range(2))
    pairs.draw(2, 5)            # what was drawn before does not matter
    first, same, other = pairs.draw(4, 7), again.draw(4, 7), pairs.draw(4, 8)
    for name in ('template', 'search', 'template_boxes', 'wavelengths_nm', 'fwhm_nm'):
        assert torch.equal(getattr(first, name), getattr(same, name)), name
    assert torch.equal(first.boxes.nan_to_num(-1), same.boxes.nan_to_num(-1))
    assert not torch.equal(first.template_boxes, other.template_boxes)
    assert first.template.shape == (4, pairs.bands(7), 24, 24)


def test_a_packed_file_gives_the_same_pairs_but_for_compression(corpus_folder, tmp_path):
    pack_windows(load_windows(corpus_folder, CONFIG.windows), tmp_path / 'pack.npz', 95)
    direct, packed = (load_pairs(path, CONFIG, 'cpu') for path in (corpus_folder, tmp_path / 'pack.npz'))
    for part in ('training', 'validation'):
        first, second = getattr(direct, part).draw(4, 3), getattr(packed, part).draw(4, 3)
        assert torch.equal(first.template_boxes, second.template_boxes)
        assert (first.search - second.search).abs().mean() < 0.1


def test_no_picture_is_in_both_parts(corpus_folder):
    pairs = load_pairs(corpus_folder, CONFIG, 'cpu')
    training = {picture.numpy().tobytes() for picture in pairs.training.pictures}
    assert not any(picture.numpy().tobytes() in training for picture in pairs.validation.pictures)


def test_partners_are_of_the_same_track_and_near():
    assert partners(np.array([4, 4, 4, 4, 9, 2, 2]), 1).tolist() == [
        [0, 2], [0, 3], [1, 3], [2, 2], [4, 1], [5, 2], [5, 2]]
    assert partners(np.array([1, 1, 1]), 9).tolist() == [[0, 3]] * 3


def test_weights_keep_the_share_of_clips_and_hold_frequent_categories_down(corpus_folder):
    windows = load_windows(corpus_folder, CONFIG.windows)
    windows = dataclasses.replace(windows, categories=np.where(np.arange(len(windows)) < 20, 'car', windows.categories))
    weights = sampling_weights(windows, CONFIG)
    assert weights.sum() == pytest.approx(1)
    assert weights[windows.clip].sum() == pytest.approx(CONFIG.clip_share)
    easy, film = (weights[windows.sources == name].sum() for name in ('fod_a', 'film'))
    assert film == pytest.approx(3 * easy / 0.05)
    cars = ~windows.clip & (windows.categories == 'car')
    assert weights[cars].sum() / (1 - CONFIG.clip_share) < cars.sum() / (~windows.clip).sum()


@pytest.mark.parametrize(('changes', 'message'), [
    ({'clip_share': 1.2}, r'clip_share 0\.\.1, got 1\.2'), ({'gap': -1}, 'gap >= 0 frames, got -1')])
def test_bad_options_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        TrackingDataConfig(**changes)


def test_a_missing_corpus_is_named(tmp_path):
    with pytest.raises(ValueError, match='expected a corpus'):
        load_pairs(tmp_path, CONFIG, 'cpu')


def test_the_development_corpus_gives_pairs(shared_data):
    config = dataclasses.replace(CONFIG, windows=WindowConfig(limit=12), pairs=dataclasses.replace(
        CONFIG.pairs, template_px=127, search_px=255))
    pairs = load_pairs(shared_data, config, 'cpu')
    batch = pairs.validation.draw(2, 1)
    assert batch.search.shape[2:] == (255, 255)
    assert torch.isfinite(batch.search).all()
