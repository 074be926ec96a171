"""The one interface by which trackers run a network: template path and search path, arrays in, arrays out."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
State = Sequence[Any]
"""What the template path gave, in the form and place that suits the executor; only handed back to it."""

Runtime = Literal['eager', 'cuda_graph', 'onnx']
Precision = Literal['fp32', 'fp16', 'bf16']
RUNTIMES: tuple[Runtime, ...] = ('eager', 'cuda_graph', 'onnx')
PRECISIONS: tuple[Precision, ...] = ('fp32', 'fp16', 'bf16')


class Executor(Protocol):
    """Runs the two halves of one network; holds no state of a target, and may be called from several threads."""

    def template(self, *inputs: Array) -> State:
        """Run the template path.

        Args:
            inputs: float32 arrays, batch first where the network has it so; shapes as its path states.

        Returns:
            what the search path needs of it.
        """
        ...

    def renew(self, first: State, *inputs: Array) -> State:
        """Run the template path on a later crop; what holds for a whole sequence is taken from the first state.

        Args:
            first: of `template`.
            inputs: as for `template`.
        """
        ...

    def search(self, state: State, *inputs: Array) -> tuple[Array, ...]:
        """Run the search path.

        Args:
            state: from `template` of the same executor.
            inputs: as for `template`.

        Returns:
            the network's outputs, float32.
        """
        ...


def mix(first: State, recent: State, weight: float) -> State:
    """The first state moved towards a recent one of the same executor: (1 - weight) first + weight recent."""
    return [one + weight * (other - one) for one, other in zip(first, recent, strict=True)]


def as_float32(inputs: Sequence[Array]) -> list[npt.NDArray[np.float32]]:
    """The arrays as contiguous float32; no copy where they are."""
    return [np.ascontiguousarray(value, np.float32) for value in inputs]
