"""SSF-Net and BCR-Net by name: as published, from weights by path, at the stated size and cost."""
from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.runtime.export import build_network
from hsi_models.tracking.confidence import StatusThresholds
from hsi_models.tracking.network_trackers import create, measure, published_config, published_score
from hsi_models.tracking.siamese import SiameseConfig
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
                                                             first_size=True)
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
    # Sorted names: kernels of the groups, then offset, projection and shares of the grouping.
    assert all(torch.equal(one, other) for one, other in zip(first[-3:], renewed[-3:], strict=True))
    assert not any(torch.equal(one, other) for one, other in zip(first[:-3], renewed[:-3], strict=True))

    class Fallen(Counting):
        def search(self, state, *inputs):
            logits, distances = super().search(state, *inputs)
            return logits - np.array([0, 9], np.float32)[:, None, None], distances

    tracker.matcher.executor = fallen = Fallen(counting.inner)
    tracker.update(frame(4))
    tracker.update(frame(5))
    assert fallen.states[0] is renewed
    assert fallen.states[1] is first


def test_a_runtime_of_fixed_shapes_takes_the_cameras_bands(weights: Path):
    pytest.importorskip('onnxruntime')
    path = weights / 'ssf_net.safetensors'
    eager, onnx = (create(network='ssf_net:fast', weights=path, runtime=runtime, bands=6)
                   for runtime in ('eager', 'onnx'))
    for tracker in (eager, onnx):
        tracker.initialise(frame(), START)
    assert tuple(onnx.update(frame(1)).best_guess) == pytest.approx(tuple(eager.update(frame(1)).best_guess), abs=1e-2)
    with pytest.raises(ValueError, match=r'expected cube of shape \(1, 6, 127, 127\)'):
        onnx.initialise(frame(bands=8), START)
    assert onnx.update(frame(2)).age == 2       # the target before goes on


@pytest.mark.parametrize('name', ['ssf_net:fast', 'ssf_net:paper', 'bcr_net:fast', 'bcr_net:paper'])
def test_size_and_cost_are_those_of_the_documentation(repository: Path, name: str):
    text = (repository / 'docs' / 'networks.md').read_text()
    row = re.search(rf'\| `{name}` \|.*\| ([\d.]+) M, ([\d.]+) GMAC \|', text)
    assert row is not None
    parameters, gmacs = measure(16, 1, name)
    assert parameters == pytest.approx(1e6 * float(row[1]), rel=0.01)
    assert gmacs == pytest.approx(float(row[2]), rel=0.01)
