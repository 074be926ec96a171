"""Rows of the table: what they do on a small scene, and that a run goes on where it was stopped."""
from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from benchmarks.peers.__main__ import run
from benchmarks.peers.nanotrack_v2 import NanoTrackV2, create_nanotrack_v2
from benchmarks.peers.opencv import OpenCvTracker
from benchmarks.peers.pixels import PixelTracker, fit_cosine, fit_discriminant
from benchmarks.peers.rows import PEERS, Needs, find_rows, trained
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


def test_the_second_nanotrack_answers_with_sixteen_cells():
    network = NanoTrackV2().eval()
    with torch.inference_mode():
        logits, distances = network.search(torch.rand(1, 3, 255, 255), network.template(torch.rand(1, 3, 127, 127)))
    assert logits.shape == (1, 2, 16, 16)
    assert distances.shape == (1, 4, 16, 16)
    assert (distances > 0).all()


def test_the_second_nanotrack_follows_with_its_published_weights(shared_data: Path):
    tracker = create_nanotrack_v2(shared_data / 'pretrained' / 'nanotrackv2' / 'weights.safetensors')
    rng = np.random.default_rng(0)
    big = cv2.resize(rng.integers(0, 1023, (24, 32, 3), dtype=np.uint16), (256, 192))
    patch = cv2.resize(rng.integers(0, 1023, (5, 5, 3), dtype=np.uint16), (30, 30), interpolation=cv2.INTER_NEAREST)
    for index in range(6):
        image = big // 2
        image[80:110, 60 + 4 * index:90 + 4 * index] = patch
        frame, truth = HyperspectralFrame(image), Box(60 + 4 * index, 80, 30, 30)
        if index == 0:
            tracker.initialise(frame, truth)
        else:
            assert tracker.update(frame).box.iou(truth) > 0.5
    with pytest.raises(ValueError, match='sha256|SHA-256'):
        create_nanotrack_v2(shared_data / 'pretrained' / 'nanotrackv3' / 'weights.safetensors')


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
    run(sequences, out, find_rows(['still', 'discriminant'], Needs()), Needs())
    result = read_result(out / 'discriminant' / 'drive.txt')
    assert len(result) == 6
    assert result.boxes[0].tolist() == list(box(0))
    assert np.isnan(result.scores).all()
    assert json.loads((out / 'still' / 'drive.json').read_text())['frames'] == 6
    (out / 'still' / 'drive.txt').write_text('kept')
    (out / 'discriminant' / 'drive.txt').unlink()
    run(sequences, out, find_rows(['still', 'discriminant'], Needs()), Needs())
    assert (out / 'still' / 'drive.txt').read_text() == 'kept'
    assert (out / 'discriminant' / 'drive.txt').is_file()


def test_rows_whose_needs_are_not_met_are_left_out_or_refused():
    assert [row.name for row in find_rows([], Needs())] == ['still', 'discriminant', 'ace', 'spectral_dcf']
    assert len(find_rows([], Needs(Path('w'), Path('v'), Path('p'), Path('f')))) == len(PEERS) + 1
    with pytest.raises(ValueError, match='expected --opencv for the row csrt'):
        find_rows(['csrt'], Needs())
    with pytest.raises(ValueError, match='expected rows among still'):
        find_rows(['other'], Needs())


def test_weights_that_somebody_trained_are_a_row_of_their_own(tmp_path):
    from hsi_models.checkpoint import ModelCard, save_checkpoint
    from hsi_models.runtime.export import build_network

    with pytest.raises(FileNotFoundError):
        trained('mine', tmp_path / 'none.safetensors')
    network = build_network('ssf_net:fast')
    save_checkpoint(tmp_path / 'mine.safetensors', network.state_dict(), ModelCard('ssf_net:fast', {}))
    rows = find_rows([], Needs(), [trained('mine', tmp_path / 'mine.safetensors')])
    assert [row.name for row in rows] == ['mine']
    assert len(rows[0].create(Needs()).weights_sha256) == 64
    with pytest.raises(ValueError, match='expected rows among .*mine'):
        find_rows(['yours'], Needs(), rows)
