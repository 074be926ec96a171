"""Rows of the table: what they do on a small scene, and that a run goes on where it was stopped."""
from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.peers.__main__ import run
from benchmarks.peers.opencv import OpenCvTracker
from benchmarks.peers.pixels import PixelTracker, fit_cosine, fit_discriminant
from benchmarks.peers.rows import PEERS, Needs, find_rows
from benchmarks.peers.still import Still
from hsi_models.boxes import Box
from hsi_models.evaluation.results import read_result
from hsi_models.frame import HyperspectralFrame

BANDS = 9


def box(index: int) -> Box:
    return Box(30 + 3 * index, 40 - 2 * index, 20, 16)


def cube(index: int) -> np.ndarray:
    """A target of the background's brightness and another spectrum, on a textured background."""
    rng = np.random.default_rng(0)
    texture = 0.5 + 0.4 * cv2.resize(rng.random((12, 16), np.float32), (128, 96), interpolation=cv2.INTER_CUBIC)
    image = texture[..., None] * np.linspace(0.8, 1.2, BANDS, dtype=np.float32)
    x, y, w, h = (int(v) for v in box(index))
    image[y:y + h, x:x + w] = texture[y:y + h, x:x + w, None] * np.linspace(1.2, 0.8, BANDS, dtype=np.float32)
    return (400 * image + np.random.default_rng(index).normal(0, 4, image.shape)).clip(0, 1023).astype(np.uint16)


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    folder = tmp_path / 'sequences' / 'drive'
    folder.mkdir(parents=True)
    for i in range(6):
        np.save(folder / f'{i + 1:04d}.npy', cube(i))
    np.savetxt(folder / 'groundtruth_rect.txt', [tuple(box(i)) for i in range(6)], fmt='%g', delimiter=',')
    return tmp_path / 'sequences'


@pytest.mark.parametrize('fit', [fit_discriminant, fit_cosine])
def test_pixels_alone_find_a_spectrum(fit):
    tracker = PixelTracker(fit)
    tracker.initialise(HyperspectralFrame(cube(0)), box(0))
    for i in range(1, 8):
        assert tracker.update(HyperspectralFrame(cube(i))).box.iou(box(i)) > 0.75
    tracker.reset()
    with pytest.raises(RuntimeError, match='expected initialise'):
        tracker.update(HyperspectralFrame(cube(0)))


def test_still_holds_the_first_box():
    tracker = Still()
    tracker.initialise(HyperspectralFrame(cube(0)), box(0))
    assert tracker.update(HyperspectralFrame(cube(5))).box == box(0)


@pytest.mark.skipif(not hasattr(cv2, 'TrackerMIL_create'), reason='needs an OpenCV with MIL')
def test_another_python_runs_opencv():
    tracker = OpenCvTracker('MIL', Path(sys.executable))
    for _ in range(2):
        tracker.initialise(HyperspectralFrame(cube(0)), box(0))
        state = tracker.update(HyperspectralFrame(cube(0)))
        assert state.box.iou(box(0)) > 0.3
        tracker.reset()
    tracker.close()


def test_another_python_without_opencv_is_named():
    tracker = OpenCvTracker('MIL', Path('/bin/false'))
    with pytest.raises(RuntimeError, match='expected a box from OpenCV, got the end of its process'):
        tracker.initialise(HyperspectralFrame(cube(0)), box(0))


def test_a_run_writes_what_evaluate_reads_and_goes_on_where_it_stopped(sequences: Path, tmp_path: Path):
    out = tmp_path / 'out'
    run(sequences, out, ['still', 'discriminant'], Needs())
    result = read_result(out / 'discriminant' / 'drive.txt')
    assert len(result) == 6
    assert result.boxes[0].tolist() == list(box(0))
    assert np.isnan(result.scores).all()
    assert json.loads((out / 'still' / 'drive.json').read_text())['frames'] == 6
    (out / 'still' / 'drive.txt').write_text('kept')
    (out / 'discriminant' / 'drive.txt').unlink()
    run(sequences, out, ['still', 'discriminant'], Needs())
    assert (out / 'still' / 'drive.txt').read_text() == 'kept'
    assert (out / 'discriminant' / 'drive.txt').is_file()


def test_rows_whose_needs_are_not_met_are_left_out_or_refused():
    assert [row.name for row in find_rows([], Needs())] == ['still', 'discriminant', 'ace', 'spectral_dcf']
    assert len(find_rows([], Needs(Path('w'), Path('p')))) == len(PEERS) + 1
    with pytest.raises(ValueError, match='expected --opencv for the row csrt'):
        find_rows(['csrt'], Needs())
    with pytest.raises(ValueError, match='expected rows among still'):
        find_rows(['other'], Needs())
