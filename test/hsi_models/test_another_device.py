"""Networks on a device that is not the CPU (`conftest.AnotherDevice`): the same answers, nothing on the wrong side."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.networks.auto_net import AutoNet
from hsi_models.networks.box_refiner import BoxRefiner
from hsi_models.networks.nanotrack import NanoTrack
from hsi_models.registry import create_tracker
from hsi_models.runtime.eager import EagerExecutor
from hsi_models.runtime.export import build_network, max_error
from hsi_models.runtime.paths import auto_paths, create_executor, nanotrack_paths, network_paths, refiner_paths
from hsi_models.superresolution.factory import create_super_resolver
from hsi_models.tracking.state import TrackStatus

NETWORKS = {
    'ssf_net:fast': lambda: network_paths(build_network('ssf_net:fast'), 8),
    'bcr_net:fast': lambda: network_paths(build_network('bcr_net:fast'), 8),
    'ssf_net:paper': lambda: network_paths(build_network('ssf_net:paper'), 4),
    'bcr_net:paper': lambda: network_paths(build_network('bcr_net:paper'), 4),
    'nanotrack': lambda: nanotrack_paths(NanoTrack()),
    'auto': lambda: auto_paths(AutoNet()),
    'box_refiner': lambda: refiner_paths(BoxRefiner()),
}


def examples(inputs):
    return [value.numpy() for value in inputs.values()]


def test_it_refuses_what_a_gpu_refuses_and_counts_what_a_gpu_waits_for(another_device):
    there = torch.arange(6.0, device=another_device.name).reshape(2, 3)
    assert there.device.type == another_device.name
    with pytest.raises(RuntimeError, match='on one device, got some on the CPU'):
        there + torch.ones(2, 3)
    linear = torch.nn.Linear(3, 4).to(another_device.name)
    another_device.clear()
    linear(there)[torch.tensor([0], device=another_device.name)].sum().backward()
    assert linear.weight.grad.device.type == another_device.name
    assert not another_device.downloads
    for number, read in enumerate((there.cpu, there.sum().item, there.tolist, lambda: bool(there.any())), 1):
        read()
        assert another_device.downloads.total() == number


@pytest.mark.parametrize('name', ['ssf_net', 'bcr_net', 'auto'])
def test_trackers_answer_as_on_the_cpu(another_device, name):
    rng = np.random.default_rng(0)
    scene = np.repeat(np.repeat(rng.integers(50, 900, (30, 40, 8), dtype=np.uint16), 4, 0), 4, 1)
    frames = [np.roll(scene, 2 * step, 1) for step in range(3)]
    frames += [np.full_like(scene, 500)] * 6 + frames[-1:]       # it is lost, and looked for by several threads
    answers = {}
    for device in ('cpu', another_device.name):
        tracker = create_tracker(name, device=device, runtime='eager')
        info = SpectralInfo(tuple(np.linspace(470, 620, 8)))
        tracker.initialise(HyperspectralFrame(frames[0], info), Box(60, 40, 24, 22))
        states = [tracker.update(HyperspectralFrame(data, info, stamp_ns=40_000_000 * (number + 1)))
                  for number, data in enumerate(frames[1:])]
        assert any(state.status is TrackStatus.LOST for state in states)
        answers[device] = [(*state.best_guess, state.score) for state in states]
    np.testing.assert_allclose(answers[another_device.name], answers['cpu'], rtol=1e-3, atol=1e-3)
    assert another_device.uploads


@pytest.mark.parametrize('scale', [2, 4])
@pytest.mark.parametrize('name', ['bicubic', 'back_projection', 'cst_eigen', 'cst'])
def test_super_resolvers_answer_as_on_the_cpu(another_device, name, scale):
    cube = np.random.default_rng(0).integers(0, 1023, (24, 32, 16), dtype=np.uint16)
    here, there = (create_super_resolver(name, scale, device=device).upscale(cube)
                   for device in ('cpu', another_device.name))
    assert here.shape == (24 * scale, 32 * scale, 16)
    np.testing.assert_allclose(there.astype(np.float64), here, atol=1)
    assert another_device.downloads


@pytest.mark.parametrize('name', NETWORKS)
def test_a_network_can_be_recorded_as_a_graph(recorded_graphs, name):
    """While a GPU records nothing may go to it or come from it; what is replayed answers other inputs, too."""
    torch.manual_seed(0)
    paths = NETWORKS[name]()
    eager = EagerExecutor(paths)
    graph = create_executor(paths, 'cuda_graph', device=recorded_graphs.name, precision='fp32')
    assert max_error(eager, graph, paths) < 1e-4
    template, search = examples(paths.template_inputs), examples(paths.search_inputs)
    first = graph.template(*template)
    before = graph.search(first, *search)
    other = [1 - template[0], *template[1:]]
    renewed = graph.renew(first, *other)
    for one, two in zip(graph.search(renewed, *search), eager.search(
            eager.renew(eager.template(*template), *other), *search), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-3)
    for one, two in zip(before, graph.search(first, *search), strict=True):
        np.testing.assert_array_equal(one, two, 'targets share a graph, not its answers')


@pytest.mark.parametrize(('name', 'precision'), [
    *((name, 'fp32') for name in NETWORKS), *((name, 'bf16') for name in NETWORKS if not name.endswith('paper'))])
def test_nothing_leaves_the_device_inside_of_a_network(another_device, name, precision):
    paths = NETWORKS[name]()
    executor = EagerExecutor(paths, another_device.name, precision)
    template, search = executor.template_tensors(examples(paths.template_inputs)), executor.search_tensors(
        examples(paths.search_inputs))
    with torch.no_grad():
        state = executor.modules[0](*template)      # constants are made once
        executor.modules[1](*search, *state)
        another_device.clear()
        state = executor.modules[0](*template)
        executor.modules[1](*search, *state)
        if paths.renew is not None:
            executor.modules[2](*template, *state)
    assert not another_device.downloads
    assert not another_device.uploads
