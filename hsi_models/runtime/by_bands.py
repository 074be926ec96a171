"""Runtimes of fixed shapes on cameras of any number of bands: recorded or exported for those that are seen."""
from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from hsi_models.runtime.executor import Array, Executor, State


class ExecutorByBands:
    """Follows `Executor`; the first crop of another number of bands takes the time to make one for it.

    Args:
        make: number of bands C -> executor of a network whose first input is the cube (B, C, S, S). The last one that
            was made is kept.
    """

    def __init__(self, make: Callable[[int], Executor]) -> None:
        self._make, self._lock = make, Lock()
        self._bands = 0
        self._executor: Executor | None = None

    def template(self, *inputs: Array) -> State:
        """See `Executor.template`."""
        return self._of(inputs).template(*inputs)

    def renew(self, first: State, *inputs: Array) -> State:
        """See `Executor.renew`."""
        return self._of(inputs).renew(first, *inputs)

    def search(self, state: State, *inputs: Array) -> tuple[Array, ...]:
        """See `Executor.search`."""
        return self._of(inputs).search(state, *inputs)

    def _of(self, inputs: tuple[Array, ...]) -> Executor:
        bands = int(inputs[0].shape[1])
        with self._lock:
            if self._executor is None or self._bands != bands:
                self._executor, self._bands = None, 0       # not two of them at a time
                self._executor, self._bands = self._make(bands), bands
            return self._executor
