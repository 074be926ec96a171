"""--device of all verbs: other names are refused when the words are read, a missing GPU before the work."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_tracking_ros.cli.main import main

WORDS = {'track': ['synthetic:demo', '--out', 'x'], 'super-resolve': ['in.npz', '--out', 'x.npz'], 'benchmark': [],
         'evaluate-sr': ['cubes'], 'play': ['synthetic:demo'], 'demo': ['--out', 'x']}


@pytest.mark.parametrize('verb', WORDS)
@pytest.mark.parametrize('device', ['gpu', 'cuda:', 'cuda:x', ''])
def test_another_name_is_refused(capsys, verb, device):
    assert main([verb, *WORDS[verb], '--device', device]) == 2
    assert f'argument --device: expected device cpu, cuda or cuda:N, got {device!r}' in capsys.readouterr().err


@pytest.mark.parametrize('model', ['cst_eigen', 'back_projection'])
def test_a_missing_gpu_is_said_before_upscaling(tmp_path, capsys, monkeypatch, model):
    torch = pytest.importorskip('torch')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    np.savez(tmp_path / 'cube.npz', cube=np.ones((8, 8, 4), np.float32))
    assert main(['super-resolve', str(tmp_path / 'cube.npz'), '--out', str(tmp_path / 'x.npz'), '--device', 'cuda:1',
                 '--model', model]) == 2
    assert "expected a CUDA device for 'cuda:1', got none: use cpu" in capsys.readouterr().err


def test_training_knows_the_same_names(tmp_path, capsys):
    pytest.importorskip('torch')
    assert main(['train', 'cst_eigen', '--out', str(tmp_path), '--set', 'device=gpu']) == 2
    assert "expected device cpu, cuda or cuda:N, got 'gpu'" in capsys.readouterr().err
