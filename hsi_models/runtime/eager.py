"""Plain PyTorch, operator by operator: any shape, any device, fp32, fp16 or bf16."""
from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from hsi_models.networks.fold import fold_batch_norms
from hsi_models.runtime.executor import PRECISIONS, Array, Precision, State, as_float32
from hsi_models.runtime.options import require_device
from hsi_models.runtime.paths import SiamesePaths

DTYPES: dict[str, torch.dtype] = dict(zip(PRECISIONS, (torch.float32, torch.float16, torch.bfloat16), strict=True))


def device_of(name: str) -> torch.device:
    """Where PyTorch computes, `cpu` or `cuda[:N]`.

    Raises:
        ValueError: no such name, or no such device here.
    """
    found = torch.device(require_device(name))
    if found.type == 'cuda' and not torch.cuda.is_available():
        raise ValueError(f'expected a CUDA device for {name!r}, got none: use cpu')
    if found.type == 'cuda' and (found.index or 0) >= torch.cuda.device_count():
        raise ValueError(f'expected a CUDA device 0..{torch.cuda.device_count() - 1}, got {name!r}')
    return found


def place_of(device: str, precision: str) -> tuple[torch.device, torch.dtype]:
    """Where and in what type PyTorch computes.

    Raises:
        ValueError: no such precision, or no such device here.
    """
    if precision not in PRECISIONS:
        raise ValueError(f'expected precision {", ".join(PRECISIONS)}, got {precision!r}')
    return device_of(device), DTYPES[precision]


class EagerExecutor:
    """Follows `Executor`.

    Args:
        paths: the network as it is now; copied, its batch norms folded into its convolutions.
        device: `cpu` or `cuda[:N]`.
        precision: of weights, inputs and activations; outputs are float32 always, and so are the inputs that the
            paths name as `exact`.

    Raises:
        ValueError: no such precision, or no such device here.
    """

    def __init__(self, paths: SiamesePaths, device: str = 'cpu', precision: Precision = 'fp32') -> None:
        self.device, self.dtype = place_of(device, precision)
        # Copied together: they share the network.
        modules = copy.deepcopy((paths.template, paths.search, paths.renew or paths.template))
        self.modules = tuple(fold_batch_norms(module, every=False).to(self.device, self.dtype) for module in modules)
        self._inherits = paths.renew is not None
        self._template_types, self._search_types = (
            [torch.float32 if name in paths.exact else self.dtype for name in inputs]
            for inputs in (paths.template_inputs, paths.search_inputs))

    @torch.inference_mode()
    def template(self, *inputs: Array) -> State:
        """See `Executor.template`; the state stays on the device."""
        state: Sequence[Tensor] = self.modules[0](*self.template_tensors(inputs))
        return state

    @torch.inference_mode()
    def renew(self, first: State, *inputs: Array) -> State:
        """See `Executor.renew`."""
        state: Sequence[Tensor] = self.modules[2](*self.template_tensors(inputs), *(first if self._inherits else ()))
        return state

    @torch.inference_mode()
    def search(self, state: State, *inputs: Array) -> tuple[Array, ...]:
        """See `Executor.search`."""
        return tuple(output.float().cpu().numpy() for output in self.modules[1](*self.search_tensors(inputs), *state))

    def template_tensors(self, inputs: Sequence[Array]) -> list[Tensor]:
        """Inputs of the template path on the device, in the types that it takes."""
        return self._moved(inputs, self._template_types)

    def search_tensors(self, inputs: Sequence[Array]) -> list[Tensor]:
        """Inputs of the search path, likewise."""
        return self._moved(inputs, self._search_types)

    def _moved(self, inputs: Sequence[Array], types: Sequence[torch.dtype]) -> list[Tensor]:
        return [torch.from_numpy(value).to(self.device, dtype)
                for value, dtype in zip(as_float32(inputs), types, strict=True)]
