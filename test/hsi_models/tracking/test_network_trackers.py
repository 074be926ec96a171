"""SSF-Net and BCR-Net by name: as published, from weights by path, at the stated size and cost."""
from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hsi_models.boxes import Box
from hsi_models.checkpoint import ModelCard, save_checkpoint
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.networks.ssf_net import SsfNet, SsfNetConfig
from hsi_models.runtime.export import build_network, export_network
from hsi_models.tracking.confidence import StatusThresholds
from hsi_models.tracking.network_trackers import create, measure, published_config, published_score
from hsi_models.tracking.siamese_config import SiameseConfig
from hsi_models.tracking.template_update import TemplateUpdateConfig

START = Box(50, 40, 30, 20)


def frame(index: int = 0, bands: int = 6) -> HyperspectralFrame:
    cube = np.random.default_rng(index).integers(80, 120, (90, 120, bands)).astype(np.uint16)
    cube[40:60, 50:80] = np.linspace(200, 800, bands)
    return HyperspectralFrame(cube, SpectralInfo(tuple(np.linspace(450, 900, bands)), saturation=1000),
                              stamp_ns=(index + 1) * 40_000_000)


@pytest.fixture(scope='module')
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('weights')
    for name in ('ssf_net', 'bcr_net'):
        torch.manual_seed(0)
        save_file(build_network(f'{name}:fast').state_dict(), str(folder / f'{name}.safetensors'))
    return folder


class Counting:
    """An executor that counts what it is asked for."""

    def __init__(self, inner) -> None:
        self.inner, self.calls, self.states = inner, [], []

    def template(self, *inputs):
        self.calls.append('template')
        self.states.append(self.inner.template(*inputs))
        return self.states[-1]

    def renew(self, first, *inputs):
        self.calls.append('renew')
        return self.inner.renew(first, *inputs)

    def search(self, state, *inputs):
        self.calls.append('search')
        self.states.append(state)
        return self.inner.search(state, *inputs)


def test_the_response_becomes_a_box_as_published():
    assert published_config('ssf_net:fast') == SiameseConfig(0.085, 0.46, 0.44, score=published_score(),
                                                             first_size=True, usual_size=15, stay_below=0.75)
    assert published_config('bcr_net:paper').update == TemplateUpdateConfig()


@pytest.mark.parametrize('name', ['ssf_net', 'bcr_net'])
def test_the_template_half_runs_once(weights: Path, name: str):
    tracker = create(network=f'{name}:fast', weights=weights / f'{name}.safetensors')
    assert tracker.config == published_config(name)
    assert len(tracker.weights_sha256) == 64
    tracker.matcher.executor = counting = Counting(tracker.matcher.executor)
    tracker.initialise(frame(), START)
    for i in range(1, 4):
        tracker.update(frame(i))
    assert counting.calls == ['template'] + ['search'] * 4
    assert all(state is counting.states[0] for state in counting.states)


def test_bcr_net_renews_its_template_under_the_first_grouping_and_takes_it_back(weights: Path):
    rule = TemplateUpdateConfig(interval=2, confident=0, max_angle_rad=3, probation=3, undo=0.9, weight=0.5)
    # An untrained network is sure of nothing: whatever it says counts as seen.
    seen = StatusThresholds(tracking_score=0, uncertain_score=0, lost_score=0, max_jump=99, max_spectral_angle_rad=4)
    tracker = create(network='bcr_net:fast', weights=weights / 'bcr_net.safetensors',
                     config=SiameseConfig(update=rule), thresholds=seen)
    tracker.matcher.executor = counting = Counting(tracker.matcher.executor)
    tracker.initialise(frame(), START)
    for i in range(1, 4):
        tracker.update(frame(i))
    first, renewed = counting.states[0], counting.states[-1]
    assert counting.calls == ['template', 'search', 'search', 'search', 'renew', 'search']
    names = tracker.matcher.executor.inner.modules[1].names
    kept = {name: torch.equal(one, other) for name, one, other in zip(names, first, renewed, strict=True)}
    assert {name for name, same in kept.items() if same} == {
        'centre', 'level', 'offset', 'own', 'projection', 'shares', 'target', 'whitening'}

    class Fallen(Counting):
        def search(self, state, *inputs):
            logits, *others = super().search(state, *inputs)
            return logits - np.array([0, 9], np.float32)[:, None, None], *others

    tracker.matcher.executor = fallen = Fallen(counting.inner)
    tracker.update(frame(4))
    tracker.update(frame(5))
    assert fallen.states[0] is renewed
    assert fallen.states[1] is first


@pytest.mark.parametrize('name', ['ssf_net', 'bcr_net'])
def test_what_the_spectrum_says_of_a_place_is_told_and_a_lost_target_looked_for_by_it(weights: Path, name: str):
    tracker = create(network=f'{name}:fast', weights=weights / f'{name}.safetensors')
    template = tracker.matcher.template(frame(), START)
    region = Box(0, 0, 120, 120)
    response = tracker.matcher.search(template, frame(1), region)
    # Cell (row, column) stands for ((column - 12) * 8 + 127.5, ...) of 255 pixels; the target's centre is (65, 50).
    column, row = (round((value / 120 * 255 - 127.5) / 8) + 12 for value in (65, 50))
    assert response.contrast.shape == (25, 25)
    assert response.contrast[row, column] > 0.6
    assert response.contrast[row, 1] < 0.2
    places = tracker.matcher.candidates(template, frame(2), Box(0, 0, 30, 20))
    assert len(places) == 2
    assert places[0] == pytest.approx((65, 50), abs=4)


def test_a_form_without_a_spectrum_says_nothing_of_it(tmp_path: Path):
    path = tmp_path / 'colour.safetensors'
    network = SsfNet(SsfNetConfig(branches='rgb'))
    card = ModelCard('ssf_net:fast', {'network': dataclasses.asdict(network.config)})
    save_checkpoint(path, network.state_dict(), card)
    tracker = create(network='ssf_net:fast', weights=path)
    template = tracker.matcher.template(frame(), START)
    assert tracker.matcher.search(template, frame(1), Box(0, 0, 120, 120)).contrast is None
    assert tracker.matcher.candidates(template, frame(1), START) == []


@pytest.mark.parametrize('name', ['ssf_net', 'bcr_net'])
def test_a_runtime_of_fixed_shapes_takes_any_camera(weights: Path, name: str):
    pytest.importorskip('onnxruntime')
    eager, onnx = (create(network=f'{name}:fast', weights=weights / f'{name}.safetensors', runtime=runtime)
                   for runtime in ('eager', 'onnx'))
    assert [(tracker.runtime, tracker.precision) for tracker in (eager, onnx)] == [('eager', 'fp32'), ('onnx', 'fp32')]
    for bands in (6, 8):
        for tracker in (eager, onnx):
            tracker.initialise(frame(bands=bands), START)
        expected = tuple(eager.update(frame(1, bands)).best_guess)
        assert tuple(onnx.update(frame(1, bands)).best_guess) == pytest.approx(expected, abs=1e-2)


def test_an_exported_network_refuses_other_bands(weights: Path, tmp_path: Path):
    pytest.importorskip('onnxruntime')
    export_network('ssf_net', weights / 'ssf_net.safetensors', tmp_path, bands=6)
    tracker = create(network='ssf_net:fast', weights=tmp_path)
    tracker.initialise(frame(), START)
    tracker.update(frame(1))
    with pytest.raises(ValueError, match=r'expected cube of shape \(1, 6, 127, 127\)'):
        tracker.initialise(frame(bands=8), START)
    assert tracker.update(frame(2)).age == 2       # the target before goes on


@pytest.mark.parametrize('options', [
    {'runtime': 'cuda_graph', 'device': 'cuda'}, {'runtime': 'cuda_graph', 'device': 'cuda', 'precision': 'fp16'}])
@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a CUDA device')
def test_a_missing_device_is_refused_before_the_first_frame(weights: Path, options: dict[str, str]):
    with pytest.raises(ValueError, match="expected a CUDA device for 'cuda', got none"):
        create(network='ssf_net:fast', weights=weights / 'ssf_net.safetensors', **options)


@pytest.mark.parametrize(('options', 'message'), [
    ({'runtime': 'cuda_graph'}, "expected a CUDA device for CUDA graphs, got 'cpu'"),
    ({'runtime': 'onnx', 'precision': 'fp16'}, 'expected device cpu and precision fp32 for runtime onnx'),
    ({'runtime': 'tvm'}, "expected runtime eager, cuda_graph, onnx, got 'tvm'"),
    ({'precision': 'int8'}, "expected precision fp32, fp16, bf16, got 'int8'")])
def test_what_does_not_exist_is_refused_before_the_first_frame(weights: Path, options: dict[str, str], message: str):
    with pytest.raises(ValueError, match=message):
        create(network='ssf_net:fast', weights=weights / 'ssf_net.safetensors', **options)


@pytest.mark.parametrize('name', ['ssf_net:fast', 'ssf_net:paper', 'bcr_net:fast', 'bcr_net:paper'])
def test_size_and_cost_are_those_of_the_documentation(repository: Path, name: str):
    text = (repository / 'docs' / 'networks.md').read_text()
    row = re.search(rf'\| `{name}` \|.*\| ([\d.]+) M, ([\d.]+) GMAC \|', text)
    assert row is not None
    parameters, gmacs = measure(16, 1, name)
    assert parameters == pytest.approx(1e6 * float(row[1]), rel=0.01)
    assert gmacs == pytest.approx(float(row[2]), rel=0.01)
