"""A network as two modules with plain tensors in and out: what is run, captured and exported."""
from __future__ import annotations

import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from hsi_models.networks.auto_net import TRUST_SIZE, AutoNet
from hsi_models.networks.box_refiner import SIDE, BoxRefiner
from hsi_models.networks.nanotrack import NanoTrack
from hsi_models.networks.siamese_network import (
    SEARCH_SIZE,
    TEMPLATE_SIZE,
    SearchPath,
    SiameseInputs,
    SiameseNetwork,
    TemplatePath,
)
from hsi_models.runtime.executor import RUNTIMES, Executor, Precision, Runtime

CUBE_INPUTS = ('cube', 'false_colour', 'centres', 'widths')


@dataclass(frozen=True, eq=False)
class SiamesePaths:
    """Both halves of a Siamese network.

    Args:
        template: (*template inputs) -> tuple of state tensors.
        search: (*search inputs, *state) -> logits (B, 2, n, n), distances (B, 4, n, n) and, where the network
            has it, contrast (B, 1, n, n).
        renew: (*template inputs, *first state) -> state of a later crop under the first one's constants; None where
            the template path is that already.
        exact: names of inputs that are float32 at any precision.
        template_inputs, search_inputs: name -> an example, on the CPU; its shape is the one that a graph is
            captured or exported for.
    """

    template: nn.Module
    search: nn.Module
    template_inputs: dict[str, Tensor]
    search_inputs: dict[str, Tensor]
    renew: nn.Module | None = None
    exact: tuple[str, ...] = ()

    def example_state(self) -> tuple[Tensor, ...]:
        """The state of the example template, on the CPU in float32."""
        with torch.inference_mode():
            state: tuple[Tensor, ...] = self.template(*self.template_inputs.values())
        return state


class _Half(nn.Module):
    """One method of a network as a module of its own."""

    def __init__(self, network: nn.Module, method: str) -> None:
        super().__init__()
        self.network, self.method = network, method

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return cast(tuple[Tensor, ...], getattr(self.network, self.method)(*inputs))


class _RenewPath(nn.Module):
    """The template half under the constants of a first state; names sorted, as `TemplatePath` has them."""

    def __init__(self, network: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.network, self.names = network, sorted(names)

    def forward(self, cube: Tensor, false_colour: Tensor, centres: Tensor, widths: Tensor, box_size: Tensor,
                *first: Tensor) -> tuple[Tensor, ...]:
        inputs = SiameseInputs(cube, false_colour, centres, widths)
        previous = dict(zip(self.names, first, strict=True))
        network = cast(SiameseNetwork, self.network)
        state = network.template(inputs, box_size, previous)
        return tuple(state[name] for name in self.names)


def nanotrack_paths(network: NanoTrack, batch: int = 1) -> SiamesePaths:
    """Paths of NanoTrack: input `false_colour` (B, 3, S, S), RGB, 0..1."""
    network = network.eval()
    return SiamesePaths(_Half(network, 'template'), _Half(network, 'search'),
                        {'false_colour': torch.rand(batch, 3, TEMPLATE_SIZE, TEMPLATE_SIZE)},
                        {'false_colour': torch.rand(batch, 3, SEARCH_SIZE, SEARCH_SIZE)})


def auto_paths(network: AutoNet, batch: int = 1) -> SiamesePaths:
    """Paths of `AutoNet`: input `pictures` (B, 2, 3, S, S), 0..1; for the template also `trust` (B, 3)."""
    network = network.eval()
    return SiamesePaths(_Half(network, 'template'), _Half(network, 'search'),
                        {'pictures': torch.rand(batch, 2, 3, TEMPLATE_SIZE, TEMPLATE_SIZE),
                         'trust': torch.rand(batch, TRUST_SIZE)},
                        {'pictures': torch.rand(batch, 2, 3, SEARCH_SIZE, SEARCH_SIZE)})


def refiner_paths(network: BoxRefiner, batch: int = 1) -> SiamesePaths:
    """Paths of `BoxRefiner`: input `pictures` (B, 1, SIDE, SIDE), 0..1; its answers are no response map."""
    network = network.eval()
    pictures = {'pictures': torch.rand(batch, 1, SIDE, SIDE)}
    return SiamesePaths(_Half(network, 'template'), _Half(network, 'search'), pictures, pictures)


def network_paths(network: nn.Module, bands: int, batch: int = 1) -> SiamesePaths:
    """Paths of a `SiameseNetwork` (SSF-Net, BCR-Net): inputs `CUBE_INPUTS`, for the template also `box_size`.

    Args:
        network: a module that is a `SiameseNetwork`.
        bands: of the cube.
        batch: targets at once.
    """
    network = network.eval()
    if not isinstance(network, SiameseNetwork):
        raise ValueError(f'expected a Siamese network with template() and search(), got {type(network).__name__}')
    centres, widths = torch.linspace(0.1, 0.9, bands), torch.full((bands,), 0.8 / bands)

    def crops(size: int) -> dict[str, Tensor]:
        return dict(zip(CUBE_INPUTS, (torch.rand(batch, bands, size, size), torch.rand(batch, 3, size, size), centres,
                                      widths), strict=True))

    inputs, box_size = crops(TEMPLATE_SIZE), torch.full((batch, 2), 60.0)
    with torch.inference_mode():
        names = list(network.template(SiameseInputs(*inputs.values()), box_size))
    return SiamesePaths(TemplatePath(network).eval(), SearchPath(network, names).eval(),
                        inputs | {'box_size': box_size}, crops(SEARCH_SIZE), _RenewPath(network, names).eval(),
                        exact=('centres', 'widths'))     # bands lie closer than bfloat16 can tell


def require_runtime(runtime: str, device: str, precision: str) -> None:
    """Raise ValueError for a runtime that does not exist, or not there, or not here.

    Args:
        runtime, device, precision: as for `create_executor`.
    """
    if runtime not in RUNTIMES:
        raise ValueError(f"expected runtime {', '.join(RUNTIMES)}, got {runtime!r}")
    if runtime == 'cuda_graph':
        from hsi_models.runtime.cuda_graph import require_cuda
        require_cuda(device)
    if runtime != 'onnx':
        from hsi_models.runtime.eager import place_of
        place_of(device, precision)
    else:
        if device != 'cpu' or precision != 'fp32':
            raise ValueError(f'expected device cpu and precision fp32 for runtime onnx, got {device} and {precision}')
        for name in ('onnx', 'onnxruntime'):
            if find_spec(name) is None:
                raise ValueError(f'expected the extra `onnx` for runtime onnx, got no {name}: install '
                                 '"hsi-tracking-ros[onnx]", or use eager')


def create_executor(paths: SiamesePaths, runtime: Runtime = 'eager', *, device: str = 'cpu',
                    precision: Precision = 'fp32', folder: Path | None = None, threads: int = 0) -> Executor:
    """An executor of one network.

    Args:
        paths: the network.
        runtime: `eager`, `cuda_graph` (fixed shapes, CUDA only) or `onnx` (CPU only, exported to `folder` first).
        device: `cpu` or `cuda[:N]`.
        precision: of weights and activations; only fp32 by `onnx`.
        folder: where `onnx` keeps the exported files; None: nowhere, they are exported anew each time.
        threads: of `onnx`; 0: as many as PyTorch has.

    Raises:
        ValueError: a combination that does not exist.
    """
    require_runtime(runtime, device, precision)
    if runtime == 'eager':
        from hsi_models.runtime.eager import EagerExecutor
        return EagerExecutor(paths, device, precision)
    if runtime == 'cuda_graph':
        from hsi_models.runtime.cuda_graph import CudaGraphExecutor
        return CudaGraphExecutor(paths, device, precision)
    from hsi_models.runtime.onnx import OnnxExecutor
    from hsi_models.runtime.onnx_export import export
    with tempfile.TemporaryDirectory() if folder is None else nullcontext(folder) as place:
        export(paths, Path(place))
        return OnnxExecutor(Path(place), threads or torch.get_num_threads())
