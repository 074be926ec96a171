"""The registry names what exists, makes it, and refuses the rest by name."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from hsi_models import registry
from hsi_models.boxes import Box
from hsi_models.checkpoint import ModelCard, save_checkpoint, sha256_of
from hsi_models.frame import HyperspectralFrame
from hsi_models.networks.auto_net import AutoNet
from hsi_models.tracking import auto_tracker, box_refinement
from hsi_models.tracking.siamese import SiameseTracker
from hsi_models.tracking.spectral_dcf import SpectralDcf
from hsi_models.tracking.state import Tracker


@pytest.mark.parametrize('name', registry.tracker_names())
def test_every_tracker_can_be_made(name: str) -> None:
    assert isinstance(registry.create_tracker(name), Tracker)


def test_auto_is_the_trained_tracker_where_its_weights_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / 'auto.safetensors'
    save_checkpoint(path, AutoNet().state_dict(), ModelCard('auto', {}))
    monkeypatch.setattr(auto_tracker, 'shipped_weights', lambda: path)
    assert registry.resolve('auto') == 'auto'
    assert isinstance(registry.create_tracker(), SiameseTracker)
    both = sha256_of(path, box_refinement.shipped_refiner())
    assert next(row for row in registry.models() if row['name'] == 'auto')['weights'] == both


@pytest.mark.parametrize(('module', 'name'), [(auto_tracker, 'shipped_weights'), (box_refinement, 'shipped_refiner')])
def test_without_weights_auto_says_so_in_one_line_and_tracks_with_spectral_dcf(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, module: ModuleType,
        name: str) -> None:
    monkeypatch.setattr(module, name, lambda: tmp_path / 'none.safetensors')
    assert registry.resolve('auto') == 'spectral_dcf'
    assert isinstance(registry.create_tracker('auto', runtime='eager', precision='bf16'), SpectralDcf)
    assert [record.getMessage() for record in caplog.records] == [
        f'auto: expected its weights at {tmp_path / "none.safetensors"}, found none: tracking with spectral_dcf']


def test_options_reach_the_tracker() -> None:
    tracker = registry.create_tracker('spectral_dcf', learn_peak=0.6)
    assert isinstance(tracker, SpectralDcf)
    assert tracker.config.learn_peak == 0.6


def test_auto_says_what_runs_it() -> None:
    tracker = registry.create_tracker('auto', runtime='eager', precision='bf16')
    assert (tracker.runtime, tracker.precision) == ('eager', 'bf16')


@pytest.mark.parametrize('option', [{'weights': 'mine.safetensors'}, {'runtime': 'onnx'}, {'precision': 'fp16'}])
def test_a_tracker_without_a_network_refuses_what_is_meant_for_one(option: dict[str, str]) -> None:
    name, = option
    with pytest.raises(ValueError, match=f'expected no {name} for spectral_dcf, which has no network, got'):
        registry.create_tracker('spectral_dcf', **option)


@pytest.mark.parametrize(('make', 'name', 'message'), [
    (registry.create_tracker, 'csrt', r"expected a tracker \(auto, spectral_dcf.*\), got 'csrt'"),
    (registry.create_tracker, 'spectral_dcf:huge', "got 'spectral_dcf:huge'"),
    (registry.create_super_resolver, 'spectral_dcf', r"expected a super-resolver \(.*\), got 'spectral_dcf'"),
    (registry.resolve, '', "got ''"),
])
def test_unknown_names_are_refused_with_what_exists(make, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(name)


def test_models_have_the_keys_of_the_contract() -> None:
    rows = registry.models(bands=25, scale=4)
    assert {row['name'] for row in rows} >= {'auto', 'spectral_dcf'}
    for row in rows:
        assert {'name', 'kind', 'preset', 'parameters', 'gmacs', 'weights'} <= set(row)
        assert row['kind'] in ('tracker', 'super_resolver')
    own = next(row for row in rows if row['name'] == 'spectral_dcf')
    assert (own['parameters'], own['gmacs'], own['weights']) == (0, None, None)


@pytest.mark.parametrize(('scale', 'weights'), [(2, True), (4, True), (8, False)])
def test_super_resolvers_tell_size_and_weights_by_scale(scale: int, weights: bool) -> None:
    rows = {(row['name'], row['preset']): row for row in registry.models(bands=48, scale=scale)}
    assert rows['cst', 'paper']['parameters'] == pytest.approx({2: 9.56e6, 4: 10.73e6, 8: 11.90e6}[scale], abs=1e4)
    assert rows['cst', 'paper']['weights'] is None
    assert (rows['cst_eigen', None]['weights'] is not None) == weights
    assert rows['bicubic', None]['parameters'] == 0


@pytest.mark.parametrize('name', ['ssf_net:paper', 'bcr_net:paper'])
def test_an_untrained_network_is_no_tracker(name: str) -> None:
    with pytest.raises(ValueError, match='expected weights=PATH with trained weights of .*_net:.*, got none'):
        registry.create_tracker(name)
    assert name not in registry.tracker_names()


def test_without_its_file_a_preset_is_no_tracker_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hsi_models.tracking import network_trackers
    monkeypatch.setattr(network_trackers, 'shipped_weights', lambda network: tmp_path / 'none.safetensors')
    with pytest.raises(ValueError, match='expected weights=PATH with trained weights of bcr_net:fast, got none'):
        registry.create_tracker('bcr_net')
    assert {row['weights'] for row in registry.models() if row['name'] == 'bcr_net'} == {None}


def test_networks_tell_size_and_cost() -> None:
    rows = {(row['name'], row['preset']): row for row in registry.models()}
    assert 0.5e6 < rows['ssf_net', 'fast']['parameters'] < 3e6
    assert 0.5e6 < rows['bcr_net', 'fast']['parameters'] < 3e6
    assert rows['ssf_net', 'fast']['gmacs'] == pytest.approx(1.131, abs=1e-3)
    assert len(rows['ssf_net', 'fast']['weights'] or '') == 64
    assert rows['ssf_net', 'paper']['weights'] is None


def test_weights_by_path_make_a_tracker(tmp_path: Path) -> None:
    torch = pytest.importorskip('torch')
    from safetensors.torch import save_file

    from hsi_models.runtime.export import build_network
    torch.manual_seed(0)
    save_file(build_network('ssf_net:fast').state_dict(), tmp_path / 'w.safetensors')
    tracker = registry.create_tracker('ssf_net', weights=tmp_path / 'w.safetensors')
    rng = np.random.default_rng(0)
    frame = HyperspectralFrame(rng.random((64, 64, 8), np.float32))
    first = tracker.initialise(frame, Box(20, 20, 16, 16))
    assert first.box == Box(20, 20, 16, 16)
    assert 0 <= tracker.update(frame).score <= 1


def test_a_super_resolver_by_name() -> None:
    assert registry.create_super_resolver('cst_eigen', scale=2).scale == 2


def test_a_tracker_without_a_network_needs_no_torch(repository: Path) -> None:
    code = ("import sys; from hsi_models.registry import create_tracker; create_tracker('spectral_dcf'); "
            "sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, '-c', code], cwd=repository, check=False).returncode == 0
