"""Plain PyTorch, operator by operator: any shape, any device, fp32, fp16 or bf16."""
from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from hsi_models.runtime.executor import PRECISIONS, Array, Precision, State, as_float32
from hsi_models.runtime.paths import SiamesePaths

DTYPES = dict(zip(PRECISIONS, (torch.float32, torch.float16, torch.bfloat16), strict=True))


class EagerExecutor:
    """Follows `Executor`.

    Args:
        paths: the network; copied where device or precision ask for another one.
        device: `cpu` or `cuda[:N]`.
        precision: of weights, inputs and activations; outputs are float32 always.

    Raises:
        ValueError: no such precision, or no such device here.
    """

    def __init__(self, paths: SiamesePaths, device: str = 'cpu', precision: Precision = 'fp32') -> None:
        if precision not in DTYPES:
            raise ValueError(f'expected precision {", ".join(PRECISIONS)}, got {precision!r}')
        self.device, self.dtype = torch.device(device), DTYPES[precision]
        if self.device.type == 'cuda' and not torch.cuda.is_available():
            raise ValueError(f'expected a CUDA device for {device!r}, got none: use cpu')
        modules = paths.template, paths.search, paths.renew or paths.template
        if self.device.type != 'cpu' or self.dtype != torch.float32:
            modules = copy.deepcopy(modules)    # together: they share the network
        self.modules = tuple(module.to(self.device, self.dtype).eval() for module in modules)
        self._inherits = paths.renew is not None

    @torch.inference_mode()
    def template(self, *inputs: Array) -> State:
        """See `Executor.template`; the state stays on the device."""
        state: Sequence[Tensor] = self.modules[0](*self._tensors(inputs))
        return state

    @torch.inference_mode()
    def renew(self, first: State, *inputs: Array) -> State:
        """See `Executor.renew`."""
        state: Sequence[Tensor] = self.modules[2](*self._tensors(inputs), *(first if self._inherits else ()))
        return state

    @torch.inference_mode()
    def search(self, state: State, *inputs: Array) -> tuple[Array, ...]:
        """See `Executor.search`."""
        return tuple(output.float().cpu().numpy() for output in self.modules[1](*self._tensors(inputs), *state))

    def _tensors(self, inputs: Sequence[Array]) -> list[Tensor]:
        return [torch.from_numpy(value).to(self.device, self.dtype) for value in as_float32(inputs)]
