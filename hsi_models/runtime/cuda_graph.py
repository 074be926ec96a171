"""CUDA graphs: both paths recorded once for fixed shapes and replayed, which leaves no launch overhead."""
from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import torch
from torch import Tensor, nn

from hsi_models.runtime.eager import EagerExecutor
from hsi_models.runtime.executor import Array, Precision, State
from hsi_models.runtime.paths import SiamesePaths

KIND = 'cuda'       # of device: the only one whose graphs these are
_WARM_UPS = 3       # cuDNN chooses its algorithms and allocates before anything is recorded


def require_cuda(device: str) -> None:
    """Raise ValueError for a device without CUDA graphs."""
    if device.partition(':')[0] != KIND:
        raise ValueError(f'expected a CUDA device for CUDA graphs, got {device!r}: use runtime eager')


class _Graph:
    """One module recorded; its inputs and outputs are tensors that stay where they are."""

    def __init__(self, module: nn.Module, inputs: Sequence[Tensor], outputs_of: str) -> None:
        self.inputs = [value.clone() for value in inputs]
        self.outputs_of = outputs_of
        stream = torch.cuda.Stream(self.inputs[0].device)     # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self.inputs[0].device))
        with torch.cuda.stream(stream), torch.inference_mode():
            for _ in range(_WARM_UPS):
                module(*self.inputs)
        torch.cuda.current_stream(self.inputs[0].device).wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.inference_mode(), torch.cuda.graph(self.graph):
            self.outputs: Sequence[Tensor] = module(*self.inputs)

    def run(self, values: Sequence[Tensor]) -> Sequence[Tensor]:
        """Replay with these inputs; the outputs are overwritten by the next run."""
        for place, value in zip(self.inputs, values, strict=True):
            if place.shape != value.shape:
                raise ValueError(f'expected an input of shape {tuple(place.shape)} for the {self.outputs_of} path, as '
                                 f'the graph was recorded for, got {tuple(value.shape)}')
            place.copy_(value, non_blocking=True)
        self.graph.replay()
        return self.outputs


class CudaGraphExecutor:
    """Follows `Executor`, for the shapes of the paths' examples.

    Args:
        paths: the network.
        device: `cuda[:N]`.
        precision: of weights and activations.

    Raises:
        ValueError: not a CUDA device, or none here.
    """

    def __init__(self, paths: SiamesePaths, device: str = 'cuda', precision: Precision = 'fp16') -> None:
        require_cuda(device)
        self._lock = Lock()     # a graph reads and writes tensors that stay where they are
        self._eager = eager = EagerExecutor(paths, device, precision)
        self._device = eager.device
        with torch.cuda.device(self._device), torch.inference_mode():
            template, search, renew = eager.modules
            crops = eager.template_tensors([value.numpy() for value in paths.template_inputs.values()])
            state = list(template(*crops))
            self._template = _Graph(template, crops, 'template')
            searched = eager.search_tensors([value.numpy() for value in paths.search_inputs.values()])
            self._search = _Graph(search, [*searched, *state], 'search')
            self._renew = _Graph(renew, [*crops, *state], 'template') if paths.renew is not None else None

    def template(self, *inputs: Array) -> State:
        """See `Executor.template`; the state stays on the device."""
        with self._lock, torch.cuda.device(self._device), torch.inference_mode():
            return self._kept(self._template, self._eager.template_tensors(inputs))

    def renew(self, first: State, *inputs: Array) -> State:
        """See `Executor.renew`."""
        if self._renew is None:
            return self.template(*inputs)
        with self._lock, torch.cuda.device(self._device), torch.inference_mode():
            return self._kept(self._renew, [*self._eager.template_tensors(inputs), *first])

    def search(self, state: State, *inputs: Array) -> tuple[Array, ...]:
        """See `Executor.search`."""
        with self._lock, torch.cuda.device(self._device), torch.inference_mode():
            outputs = self._search.run([*self._eager.search_tensors(inputs), *state])
            return tuple(output.float().cpu().numpy() for output in outputs)

    @staticmethod
    def _kept(graph: _Graph, values: Sequence[Tensor]) -> State:
        return [output.clone() for output in graph.run(values)]     # several targets share the graph
