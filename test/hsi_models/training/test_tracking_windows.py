"""Windows: the object is in the middle, nothing of the benchmark is in them, and they survive the journey."""
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hsi_models.data.corpus import ImageCorpus, in_validation
from hsi_models.training.tracking_pack import pack_windows, unpack_windows
from hsi_models.training.tracking_windows import WindowConfig, cut_windows

CONFIG = WindowConfig(px=64)


@pytest.fixture(scope='module')
def windows(corpus_folder):
    return cut_windows(ImageCorpus(corpus_folder / 'images'), CONFIG)


def test_objects_lie_in_the_middle_and_are_as_large_as_the_corpus_shows(windows):
    assert windows.pictures.shape == (len(windows), 64, 64, 3)
    centres = windows.boxes[:, :2] + windows.boxes[:, 2:] / 2
    np.testing.assert_allclose(centres, 32, atol=1e-4)
    np.testing.assert_allclose(windows.boxes[:, 2:], 64 / 4.6, rtol=0.01)       # 4.6 times a square object
    inside = windows.pictures[:, 28:36, 28:36].astype(float)
    assert (inside.std(axis=(1, 2)) < 3).all()
    assert (inside.mean(axis=(1, 2, 3)) > 120).all()


def test_thermal_pictures_and_clips_of_the_benchmark_are_left_out(windows):
    assert set(windows.sources.tolist()) == {'x', 'film', 'fod_a'}
    assert windows.clip.sum() == 3 * 6 + 5          # one frame without box; five frames of an easy clip
    assert len(np.unique(windows.tracks[windows.clip])) == 4


def test_the_split_is_that_of_the_corpus_and_by_group(windows, corpus_folder):
    held_out = {record.group for record in ImageCorpus(corpus_folder / 'images').records if in_validation(record)}
    assert held_out
    assert windows.validation.any()
    assert not windows.validation.all()
    for group in np.unique(windows.groups):
        assert len(set(windows.validation[windows.groups == group].tolist())) == 1


def test_what_the_corpus_does_not_show_is_filled_with_another_picture(corpus_folder):
    corpus = ImageCorpus(corpus_folder / 'images')
    few = cut_windows(corpus, dataclasses.replace(CONFIG, least_context=0.5))
    assert len(few) < len(cut_windows(corpus, CONFIG))
    record = next(r for r in corpus.stills() if r.context < 0.6)
    corpus.records = tuple(r for r in corpus.stills() if r.context == 1.0 and not in_validation(r))[:1] + (
        dataclasses.replace(record, box=dataclasses.replace(record.box, x=0.0)),)
    filler, filled = cut_windows(corpus, CONFIG).pictures
    if not in_validation(record):
        assert np.array_equal(filler[:, :20], filled[:, :20])


def test_a_limit_thins_out_every_source(corpus_folder):
    windows = cut_windows(ImageCorpus(corpus_folder / 'images'), dataclasses.replace(CONFIG, limit=4))
    assert {name: windows.sources.tolist().count(name) for name in ('x', 'film', 'fod_a')} == {
        'x': 4, 'film': 4, 'fod_a': 4}


def test_packed_windows_come_back_nearly_equal(windows, tmp_path):
    path = tmp_path / 'pack.npz'
    assert pack_windows(windows, path, 90) == path.stat().st_size
    back = unpack_windows(path)
    for name in ('boxes', 'sources', 'categories', 'groups', 'tracks', 'clip', 'validation'):
        assert np.array_equal(getattr(back, name), getattr(windows, name)), name
    assert np.abs(back.pictures.astype(float) - windows.pictures).mean() < 4


def test_damaged_and_other_files_are_refused(windows, tmp_path):
    path = tmp_path / 'pack.npz'
    pack_windows(windows, path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match='expected a file of windows'):
        unpack_windows(path)
    np.savez(path, layout=np.array(7))
    with pytest.raises(ValueError, match='expected a file of windows'):
        unpack_windows(path)


def test_impossible_wishes_are_refused(corpus_folder):
    with pytest.raises(ValueError, match='px >= 32, got 8'):
        WindowConfig(px=8)
    with pytest.raises(ValueError, match='expected objects'):
        cut_windows(ImageCorpus(corpus_folder / 'images'), dataclasses.replace(CONFIG, least_px=500))
