"""A second device for tests: what it computes is computed by the CPU, where its tensors may go is what a GPU allows.

Where there is no GPU this is what shows that every tensor is on the device that it should be on, that a training step
does not wait for its device, and that a network can be recorded as a graph. It shows nothing of a GPU's arithmetic.
"""
from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._pytree import tree_flatten, tree_map

NAME = 'elsewhere'
aten = torch.ops.aten
READS = (aten._local_scalar_dense.default, aten.nonzero.default, aten.is_nonzero.default, aten.equal.default,
         aten._linalg_check_errors.default)
INDEXES = (aten.index.Tensor, aten.index_put.default, aten.index_put_.default)


class AnotherDevice:
    """What happened on it.

    Args:
        downloads, uploads: how often values went from it to the CPU or the other way, by the line that asked for it. A
            GPU makes the CPU wait at each download.
    """

    name = NAME

    def __init__(self) -> None:
        self.downloads: Counter[str] = Counter()
        self.uploads: Counter[str] = Counter()
        self._record: list[tuple[Any, ...]] | None = None

    def clear(self) -> None:
        """Forget what happened."""
        self.downloads.clear()
        self.uploads.clear()

    def count(self, traffic: Counter[str]) -> None:
        """One more.

        Raises:
            RuntimeError: a graph is being recorded.
        """
        if self._record is not None:
            raise RuntimeError(f'expected nothing to go to or from the device while a graph is recorded, got {_line()}')
        traffic[_line()] += 1

    def compute(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """One operation on tensors of which at least one is elsewhere."""
        args_here, kwargs_here = tree_map(_inner, (args, kwargs))
        tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, torch.Tensor)]
        others = [value for value in tensors if not isinstance(value, Elsewhere)]
        stays = kwargs.get('device') is None or torch.device(kwargs['device']).type == NAME
        if kwargs.get('device') is not None:
            kwargs_here['device'] = torch.device('cpu')
        if func is aten.copy_.default:
            if others:
                self.count(self.uploads if isinstance(args[0], Elsewhere) else self.downloads)
        elif any(value.dim() for value in others) and func not in INDEXES:
            raise RuntimeError(f'expected all tensors of {func} on one device, got some on the CPU')
        elif func in READS or func in INDEXES and others or not stays:
            self.count(self.downloads)
        result = func(*args_here, **kwargs_here)
        if self._record is not None:
            self._record.append((func, args_here, kwargs_here, result))
        if not stays:
            return result
        known = {id(_inner(value)): value for value in tensors}      # what is changed in place stays what it is
        return tree_map(lambda value: known.get(id(value), Elsewhere(value)) if isinstance(value, torch.Tensor)
                        else value, result)

    @contextmanager
    def recording(self, graph: Graph) -> Iterator[None]:
        """Let a graph remember what is computed."""
        self._record = graph.operations
        try:
            yield
        finally:
            self._record = None


class Graph:
    """Stands for `torch.cuda.CUDAGraph`: computes again what was recorded, from and to the same memory."""

    def __init__(self) -> None:
        self.operations: list[tuple[Any, ...]] = []

    def replay(self) -> None:
        """See `torch.cuda.CUDAGraph.replay`."""
        for func, args, kwargs, result in self.operations:
            pairs = zip(tree_flatten(result)[0], tree_flatten(func(*args, **kwargs))[0], strict=True)
            for place, value in pairs:
                if isinstance(place, torch.Tensor) and place.data_ptr() != value.data_ptr():
                    place.copy_(value)


class Elsewhere(torch.Tensor):
    """A tensor on the other device; its values are in `inner`, on the CPU."""

    inner: torch.Tensor
    device_of_all = AnotherDevice()
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Elsewhere:
        made = torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype,
            layout=inner.layout, device=torch.device(NAME, 0))
        made.inner = inner
        return made

    def tolist(self) -> Any:
        """See `torch.Tensor.tolist`, which refuses other classes than its own."""
        self.device_of_all.count(self.device_of_all.downloads)
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return cls.device_of_all.compute(func, args, kwargs or {})


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, Elsewhere) else value


def _line() -> str:
    """The innermost line of this project that is being run, but for these."""
    frame = sys._getframe(1)
    while frame.f_back and ('hsi_models' not in frame.f_code.co_filename or frame.f_code.co_filename == __file__):
        frame = frame.f_back
    return f'{frame.f_code.co_filename.rpartition("hsi_models")[2]}:{frame.f_lineno}'


def _register() -> torch.library.Library | None:
    """Make the device known to PyTorch, one such device a process; None beside a GPU, or where PyTorch cannot."""
    if torch.cuda.is_available():       # one more device would be PyTorch's first choice
        return None
    try:
        from torch.utils.backend_registration import _setup_privateuseone_for_python_backend as set_up
    except ImportError:
        return None
    set_up(NAME)
    library = torch.library.Library('aten', 'IMPL')

    def empty(size: Any, *, memory_format: Any = None, dtype: Any = None, **_: Any) -> Elsewhere:
        return Elsewhere(torch.empty(size, dtype=dtype, memory_format=memory_format or torch.contiguous_format))

    def empty_strided(size: Any, stride: Any, *, dtype: Any = None, **_: Any) -> Elsewhere:
        return Elsewhere(torch.empty_strided(size, stride, dtype=dtype))

    library.impl('empty.memory_format', empty, 'PrivateUse1')
    library.impl('empty_strided', empty_strided, 'PrivateUse1')
    return library


REGISTERED = _register()        # now: the first backward pass of a process counts its devices for good


@pytest.fixture
def another_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[AnotherDevice]:
    """The device `elsewhere`: `tensor.to('elsewhere')`, `device='elsewhere'`."""
    if REGISTERED is None:
        pytest.skip('needs a PyTorch that takes devices written in Python and no GPU')
    real = torch.Generator

    class Generator(real):      # the CPU's, which says of itself that it is elsewhere
        def __new__(cls, device: Any = 'cpu') -> Any:
            return real.__new__(cls)

        def __init__(self, device: Any = 'cpu') -> None:
            self.stated = torch.device(device)

        @property
        def device(self) -> torch.device:
            return self.stated

    def enter(mode: Any) -> None:       # tensors of inference cannot be wrapped
        mode.instead = torch.no_grad()
        mode.instead.__enter__()

    monkeypatch.setattr('hsi_models.runtime.options.KINDS', ('cpu', 'cuda', NAME))
    monkeypatch.setattr(torch, 'Generator', Generator)
    monkeypatch.setattr(torch.inference_mode, '__enter__', enter)
    monkeypatch.setattr(torch.inference_mode, '__exit__', lambda mode, *_: mode.instead.__exit__(None, None, None))
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)       # torch.tensor(..., device=...) makes it on the CPU first
    Elsewhere.device_of_all.clear()
    try:
        yield Elsewhere.device_of_all
    finally:
        torch._C._set_only_lift_cpu_tensors(before)


@pytest.fixture
def recorded_graphs(another_device: AnotherDevice, monkeypatch: pytest.MonkeyPatch) -> AnotherDevice:
    """CUDA graphs of the other device."""
    class Stream:
        def __init__(self, *_: Any) -> None:
            pass

        def wait_stream(self, other: Any) -> None:
            pass

    @contextmanager
    def nothing(*_: Any) -> Iterator[None]:
        yield

    for name, value in (('Stream', Stream), ('current_stream', Stream), ('stream', nothing), ('device', nothing),
                        ('CUDAGraph', Graph), ('graph', another_device.recording)):
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr('hsi_models.runtime.cuda_graph.KIND', NAME)
    return another_device
