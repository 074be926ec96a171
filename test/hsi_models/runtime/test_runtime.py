"""Every executor gives what plain PyTorch gives, whatever it does inside."""
from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from hsi_models.checkpoint import ModelCard, save_checkpoint
from hsi_models.networks.fold import fold_batch_norms
from hsi_models.networks.nanotrack import NanoTrack
from hsi_models.runtime.eager import EagerExecutor
from hsi_models.runtime.executor import mix
from hsi_models.runtime.export import build_network, max_error
from hsi_models.runtime.paths import SiamesePaths, create_executor, nanotrack_paths, network_paths

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that computes float32 in float32: by default its convolutions keep ten bits."""
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)


@pytest.fixture(scope='module')
def paths() -> SiamesePaths:
    torch.manual_seed(0)
    return nanotrack_paths(NanoTrack())


def examples(inputs: dict[str, torch.Tensor]) -> list[np.ndarray]:
    return [value.numpy() for value in inputs.values()]


def test_eager_is_the_network(paths: SiamesePaths):
    executor = EagerExecutor(paths)
    got = executor.search(executor.template(*examples(paths.template_inputs)), *examples(paths.search_inputs))
    with torch.inference_mode():
        expected = paths.search(*paths.search_inputs.values(), *paths.example_state())
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other.numpy(), rtol=1e-4, atol=1e-6)


def test_batch_norms_are_folded_in_a_copy():
    network = build_network('bcr_net:fast')
    executor = EagerExecutor(network_paths(network, bands=8))
    norms, copied = ([type(part) for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
                     for module in (network, executor.modules[1]))
    assert len(norms) > 40
    assert copied == []


def test_what_no_convolution_precedes_stays_unless_every_one_is_asked_for():
    module = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.BatchNorm2d(3), torch.nn.Conv2d(3, 4, 1),
                                 torch.nn.BatchNorm2d(4)).eval()
    module[3].running_mean.fill_(0.3)
    image = torch.rand(1, 3, 5, 5)
    with torch.no_grad():
        before = module(image)
        torch.testing.assert_close(fold_batch_norms(module, every=False)(image), before)
    assert [type(part).__name__ for part in module] == ['ReLU', 'BatchNorm2d', 'Conv2d', 'Identity']
    with pytest.raises(ValueError, match='expected every batch norm right behind a convolution, got others: 1'):
        fold_batch_norms(module)


class Echo(torch.nn.Module):
    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return inputs


def test_wavelengths_keep_their_digits_in_half_precision():
    """128 bands over 600 nm are 4.7 nm apart; bfloat16 would round to 2.3 nm."""
    centres = np.linspace(0, 1, 128, dtype=np.float32)
    inputs = {'cube': torch.rand(1, 128, 4, 4), 'centres': torch.from_numpy(centres)}
    executor = EagerExecutor(SiamesePaths(Echo(), Echo(), inputs, inputs, exact=('centres',)), precision='bf16')
    cube, kept = executor.template(*examples(inputs))
    assert cube.dtype == torch.bfloat16
    np.testing.assert_array_equal(kept.numpy(), centres)
    assert network_paths(build_network('ssf_net:fast'), bands=8).exact == ('centres', 'widths')


def test_half_precision_is_close_and_leaves_the_network_alone(paths: SiamesePaths):
    half = EagerExecutor(paths, precision='bf16')
    assert next(paths.search.parameters()).dtype == torch.float32
    assert 0 < max_error(EagerExecutor(paths), half, paths) < 0.1


def test_onnx_runtime_agrees(paths: SiamesePaths, tmp_path: Path):
    pytest.importorskip('onnxruntime')
    executor = create_executor(paths, 'onnx', folder=tmp_path)
    assert max_error(EagerExecutor(paths), executor, paths) < 1e-3
    assert sorted(path.name for path in tmp_path.iterdir()) == ['model.json', 'search.onnx', 'template.onnx']


def test_onnx_runtime_agrees_for_a_hyperspectral_network(tmp_path: Path):
    pytest.importorskip('onnxruntime')
    torch.manual_seed(0)
    paths = network_paths(build_network('ssf_net:fast'), bands=8)
    eager, onnx = EagerExecutor(paths), create_executor(paths, 'onnx', folder=tmp_path)
    assert max_error(eager, onnx, paths) < 1e-3
    inputs = examples(paths.template_inputs)
    first = eager.template(*inputs)
    darker = [0.5 * inputs[0], *inputs[1:]]
    renewed = [value.numpy() for value in eager.renew(first, *darker)]
    for one, other in zip(renewed, onnx.renew([value.numpy() for value in first], *darker), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)
    # Another camera does not fit into fixed shapes.
    with pytest.raises(ValueError, match=r'expected cube of shape \(1, 8, 127, 127\), as it was exported for, got '
                                         r'\(1, 6, 127, 127\): export for this number of bands'):
        onnx.template(inputs[0][:, :6], *inputs[1:])
    # The brightness level is the first template's: it would follow the darker crop in a template of its own.
    level = paths.search.names.index('level')
    np.testing.assert_array_equal(renewed[level], first[level].numpy())
    assert not np.allclose(eager.template(*darker)[level].numpy(), renewed[level])


def test_mixed_states_lie_between():
    first, recent = [np.zeros(3), np.ones(2)], [np.ones(3), np.zeros(2)]
    for value, expected in zip(mix(first, recent, 0.25), ([0.25] * 3, [0.75] * 2), strict=True):
        np.testing.assert_allclose(value, expected)


@pytest.mark.gpu
@needs_cuda
@pytest.mark.usefixtures('exact')
@pytest.mark.parametrize('name', ['ssf_net:fast', 'bcr_net:fast'])
def test_hyperspectral_networks_run_as_cuda_graphs(name: str):
    torch.manual_seed(0)
    paths = network_paths(build_network(name), bands=8)
    graph = create_executor(paths, 'cuda_graph', device='cuda', precision='fp32')
    assert max_error(EagerExecutor(paths), graph, paths) < 1e-2
    first = graph.template(*examples(paths.template_inputs))
    renewed = graph.renew(first, *examples(paths.template_inputs))
    for one, other in zip(first, renewed, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.gpu
@needs_cuda
@pytest.mark.usefixtures('exact')
@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_cuda_graphs_agree_and_keep_targets_apart(paths: SiamesePaths, precision: str):
    graph = create_executor(paths, 'cuda_graph', device='cuda', precision=precision)
    limit = 1e-3 if precision == 'fp32' else 0.1
    assert max_error(EagerExecutor(paths), graph, paths) < limit
    inputs, search = examples(paths.template_inputs), examples(paths.search_inputs)
    first = graph.template(*inputs)
    before = graph.search(first, *search)
    graph.template(1 - inputs[0])       # another target on the same graph
    for one, other in zip(before, graph.search(first, *search), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.gpu
@needs_cuda
def test_cuda_graphs_refuse_other_shapes(paths: SiamesePaths):
    graph = create_executor(paths, 'cuda_graph', device='cuda')
    with pytest.raises(ValueError, match='expected an input of shape'):
        graph.template(np.zeros((2, 3, 127, 127), np.float32))


@pytest.mark.parametrize(('options', 'message'), [
    ({'runtime': 'tensorrt'}, 'expected runtime eager, cuda_graph, onnx'),
    ({'runtime': 'onnx', 'device': 'cuda'}, 'expected device cpu and precision fp32 for runtime onnx'),
    ({'runtime': 'cuda_graph'}, 'expected a CUDA device for CUDA graphs'),
    ({'runtime': 'cuda_graph', 'device': 'meta'}, "CUDA graphs, got 'meta'"),
    ({'precision': 'int8'}, 'expected precision fp32, fp16, bf16')])
def test_what_does_not_exist_is_refused(paths: SiamesePaths, options, message):
    with pytest.raises(ValueError, match=message):
        create_executor(paths, **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a CUDA device')
def test_a_missing_device_is_named(paths: SiamesePaths):
    with pytest.raises(ValueError, match='expected a CUDA device'):
        EagerExecutor(paths, 'cuda')


def test_other_modules_are_no_networks():
    with pytest.raises(ValueError, match='expected a Siamese network'):
        network_paths(torch.nn.Linear(1, 1), 8)


def test_a_card_without_an_entry_is_of_a_network_without_it(tmp_path):
    """Weights that were trained before spectra were whitened still mean what they meant."""
    config = dataclasses.asdict(build_network('ssf_net').config)
    older = {name: value for name, value in config.items() if name not in ('whiten', 'match')}
    for given, expected in ((config, True), (older, False)):
        path = tmp_path / f'{expected}.safetensors'
        save_checkpoint(path, {}, ModelCard('ssf_net:fast', {'network': given}))
        network = build_network('ssf_net', path)
        assert network.config.whiten is network.config.match is expected
