from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hsi_models.networks.nanotrack import NanoTrack
from hsi_models.offline import track_sequence
from hsi_models.registry import create_tracker
from hsi_tracking_ros.cli.main import main
from hsi_tracking_ros.sequences import open_any_sequence


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


@pytest.fixture(scope='module')
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip('onnxruntime')
    folder = tmp_path_factory.mktemp('exported')
    assert main(['export', 'auto', '--out', str(folder)]) == 0
    return folder


def follow(tracker):
    run = track_sequence(open_any_sequence('synthetic:demo?frames=3&size=96x192'), tracker, always_box=True)
    return [(*row.box, row.score) for row in run.rows], run.rejected


@pytest.mark.parametrize('name', ['auto', 'ssf_net', 'bcr_net'])
def test_a_tracker_runs_the_exported_folder_as_it_runs_its_weights(tmp_path: Path, name: str):
    pytest.importorskip('onnxruntime')
    assert main(['export', name, '--out', str(tmp_path)]) == 0
    mine = create_tracker(name, weights=str(tmp_path))
    usual = create_tracker(name, runtime='onnx')
    assert (mine.runtime, mine.precision, mine.weights_sha256) == ('onnx', 'fp32', usual.weights_sha256)
    assert follow(mine) == follow(usual)


def test_an_exported_auto_tracks_without_pytorch(exported: Path, tmp_path: Path, repository: Path):
    code = """if True:
        import sys
        for name in ('torch', 'safetensors', 'onnx'):
            sys.modules[name] = None        # any import of it fails
        from hsi_tracking_ros.cli.main import main
        sys.exit(main(sys.argv[1:]))
    """
    words = ['track', 'synthetic:demo?frames=3&size=96x192', '--weights', str(exported), '--out',
             str(tmp_path / 'boxes.txt')]
    subprocess.run([sys.executable, '-c', code, *words], cwd=repository, check=True)
    assert len((tmp_path / 'boxes.txt').read_text().splitlines()) == 3


@pytest.mark.parametrize(('harm', 'options', 'message'), [
    ('', {'device': 'cuda'}, 'expected device cpu, runtime onnx and precision fp32'),
    ('', {'runtime': 'eager'}, 'expected device cpu, runtime onnx and precision fp32'),
    ('', {'tracker': 'ssf_net'}, 'expected an exported ssf_net:fast in .*, got auto'),
    ('search.onnx', {}, 'expected an ONNX file in .*search.onnx'),
    ('refiner/template.onnx', {}, 'expected an ONNX file in .*template.onnx'),
    ('model.json', {}, 'expected .*model.json as `hsi-tracking export` writes it')])
def test_a_folder_that_cannot_be_run_says_why(exported: Path, tmp_path: Path, harm: str, options: dict[str, str],
                                              message: str):
    shutil.copytree(exported, tmp_path / 'copy')
    if harm:
        (tmp_path / 'copy' / harm).write_bytes(b'{"template": 3}')
    with pytest.raises(ValueError, match=message):
        create_tracker(**{'name': options.pop('tracker', 'auto'), **options}, weights=str(tmp_path / 'copy'))


def test_two_exports_do_not_mix(exported: Path, tmp_path: Path):
    shutil.copytree(exported, tmp_path / 'copy')
    note = json.loads((tmp_path / 'copy' / 'refiner' / 'model.json').read_text())
    (tmp_path / 'copy' / 'refiner' / 'model.json').write_text(json.dumps({**note, 'weights_sha256': 64 * '0'}))
    with pytest.raises(ValueError, match='expected both networks of one export'):
        create_tracker('auto', weights=str(tmp_path / 'copy'))


@pytest.mark.parametrize('text', ['[' * 100_000, ' ' * (1 + 2 ** 20)])
def test_a_note_that_would_take_all_memory_or_stack_is_refused(exported: Path, tmp_path: Path, text: str):
    shutil.copytree(exported, tmp_path / 'copy')
    (tmp_path / 'copy' / 'model.json').write_text(text)
    with pytest.raises(ValueError, match=r'expected .*model.json'):
        create_tracker('auto', weights=str(tmp_path / 'copy'))


def test_without_onnx_runtime_it_is_named(exported: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr('hsi_models.runtime.onnx.find_spec', lambda name: None)
    with pytest.raises(ValueError, match='expected ONNX Runtime for the exported files'):
        create_tracker('auto', weights=str(exported))


def test_a_folder_of_something_else_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r'expected .*template.onnx, found none; write it with'):
        create_tracker('auto', weights=str(tmp_path))


@pytest.mark.parametrize(('arguments', 'message'), [
    (['nanotrack_v3'], 'give --weights FILE'),
    (['ssf_net:paper'], 'expected weights of ssf_net:paper, got none, and none are shipped'),
    (['other', '--weights', 'WEIGHTS'], 'expected a network that can be exported'),
    (['ssf_net', '--weights', 'WEIGHTS'], 'expected the weights of SsfNet'),
    (['nanotrack_v3', '--weights', 'none.safetensors'], 'expected a weights file'),
    (['nanotrack_v3', '--weights', 'WEIGHTS', '--batch', '0'], 'expected --batch >= 1')])
def test_export_says_what_is_wrong(weights: Path, tmp_path: Path, capsys, arguments, message):
    words = [str(weights) if word == 'WEIGHTS' else word for word in arguments]
    assert main(['export', *words, '--out', str(tmp_path / 'out')]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
