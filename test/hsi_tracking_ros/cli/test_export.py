from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hsi_models.networks.nanotrack import NanoTrack
from hsi_tracking_ros.cli.main import main


@pytest.fixture(scope='module')
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('weights') / 'random.safetensors'
    save_file(NanoTrack().state_dict(), str(path))
    return path


def test_export_writes_both_paths_and_what_they_are(weights: Path, tmp_path: Path, capsys):
    pytest.importorskip('onnxruntime')
    from hsi_models.checkpoint import sha256_of
    from hsi_models.runtime.onnx import OnnxExecutor

    assert main(['export', 'nanotrack_v3', '--weights', str(weights), '--out', str(tmp_path / 'o'), '--batch', '2',
                 '--json']) == 0
    report = json.loads(capsys.readouterr().out)
    assert report['max_error'] < 1e-3
    note = json.loads((tmp_path / 'o' / 'model.json').read_text())
    assert note['weights_sha256'] == report['weights_sha256'] == sha256_of(weights)
    assert note['search']['false_colour'] == [2, 3, 255, 255]
    executor = OnnxExecutor(tmp_path / 'o', threads=1)
    state = executor.template(np.zeros((2, 3, 127, 127)))
    assert [value.shape for value in executor.search(state, np.zeros((2, 3, 255, 255)))] == [(2, 2, 15, 15),
                                                                                            (2, 4, 15, 15)]


@pytest.mark.parametrize(('arguments', 'message'), [
    (['nanotrack_v3'], 'expected --weights FILE'),
    (['other', '--weights', 'WEIGHTS'], 'expected a network that can be exported'),
    (['ssf_net', '--weights', 'WEIGHTS'], 'expected the weights of SsfNet'),
    (['nanotrack_v3', '--weights', 'none.safetensors'], 'expected a weights file'),
    (['nanotrack_v3', '--weights', 'WEIGHTS', '--batch', '0'], 'expected --batch >= 1')])
def test_export_says_what_is_wrong(weights: Path, tmp_path: Path, capsys, arguments, message):
    words = [str(weights) if word == 'WEIGHTS' else word for word in arguments]
    assert main(['export', *words, '--out', str(tmp_path / 'out')]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
