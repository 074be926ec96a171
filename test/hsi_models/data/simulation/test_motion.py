"""Paths of targets and cameras."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hsi_models.data.simulation.motion import SLOWEST, fit_track, read_track, shake, wander


@pytest.mark.parametrize('seed', range(4))
def test_a_random_path_stays_in_the_picture_and_moves(seed: int) -> None:
    path = wander(90, (160, 240), 24, np.random.default_rng(seed))
    assert path.shape == (90, 3)
    assert (path[:, :2] > 0).all()
    assert (path[:, 0] < 240).all()
    assert (path[:, 1] < 160).all()
    steps = np.linalg.norm(np.diff(path[:, :2], axis=0), axis=1)
    assert 0.02 * 24 < steps.mean() < 0.3 * 24
    assert steps.max() < 24
    assert np.ptp(path[:, 2]) > 1


def test_a_real_track_keeps_its_shape_and_a_slow_one_is_hastened(tmp_path: Path) -> None:
    file = tmp_path / 'track.txt'
    x = np.arange(60.0)
    file.write_text('\n'.join(f'{v}\t{0.5 * v}\t20\t20\t' for v in x))
    track = read_track(file, 40)
    steps = np.linalg.norm(np.diff(track[:, :2], axis=0), axis=1)
    assert steps.mean() >= 0.9 * SLOWEST
    np.testing.assert_allclose(track[:, 2], 1)
    np.testing.assert_allclose(np.diff(track[:, 1]), 0.5 * np.diff(track[:, 0]))
    placed = fit_track(track, (160, 240), 20, np.random.default_rng(0))
    assert (placed[:, :2] > 10).all()
    assert (placed[:, 0] < 230).all()
    assert (placed[:, 1] < 150).all()


def test_a_shaking_camera_stays_within_its_amplitude() -> None:
    offsets = shake(200, np.random.default_rng(0), 6)
    assert offsets.min() >= 0
    assert offsets.max() <= 12
    assert len(np.unique(offsets, axis=0)) > 15


@pytest.mark.parametrize(('text', 'got'), [('', 'an empty file'), ('1,2,3\n', r"\['1', '2', '3'\]")])
def test_a_malformed_track_is_refused(text: str, got: str, tmp_path: Path) -> None:
    file = tmp_path / 'track.txt'
    file.write_text(text)
    with pytest.raises(ValueError, match=f'expected rows of 4 numbers x y w h, got {got}'):
        read_track(file, 5)
