"""Exported networks, run by ONNX Runtime on the CPU; PyTorch is not needed. `runtime.onnx_export` writes them."""
from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hsi_models.checkpoint import MAX_BYTES
from hsi_models.runtime.executor import Array, State, as_float32

TEMPLATE_FILE, SEARCH_FILE, RENEW_FILE = 'template.onnx', 'search.onnx', 'renew.onnx'
NOTE_FILE = 'model.json'
AUTO, REFINER, REFINER_FOLDER = 'auto', 'box_refiner', 'refiner'     # of `auto` two networks are exported
OUTPUTS = ('cls', 'reg', 'contrast')     # the last where a network has it
Shapes = dict[str, list[int]]
_LONGEST_NOTE = 2 ** 20


@dataclass(frozen=True)
class Exported:
    """What `model.json` says of the files beside it.

    Args:
        template, search, state: name -> shape of the inputs of both paths, and of what goes from one to the other.
        outputs: names of the search path's.
        name: of the network, with its preset; '' where nobody said.
        weights_sha256: of the weights inside, likewise.
    """

    template: Shapes
    search: Shapes
    state: Shapes
    outputs: list[str]
    name: str = ''
    weights_sha256: str = ''

    @classmethod
    def read(cls, folder: Path) -> Exported:
        """Of a folder.

        Raises:
            FileNotFoundError: it lacks one of the files.
            ValueError: `model.json` is not what `export` writes.
        """
        for name in (TEMPLATE_FILE, SEARCH_FILE, NOTE_FILE):
            if not (folder / name).is_file():
                raise FileNotFoundError(f'expected {folder / name}, found none; write it with `hsi-tracking export`')
        if (folder / NOTE_FILE).stat().st_size > _LONGEST_NOTE:
            raise ValueError(f'expected {folder / NOTE_FILE} of at most {_LONGEST_NOTE} bytes, got more')
        try:
            note = json.loads((folder / NOTE_FILE).read_text(encoding='utf-8'))
            template, search, state = ({str(name): [int(side) for side in shape] for name, shape in note[key].items()}
                                       for key in ('template', 'search', 'state'))
            return cls(template, search, state, [str(name) for name in note['outputs']], str(note.get('name', '')),
                       str(note.get('weights_sha256', '')))
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f'expected {folder / NOTE_FILE} as `hsi-tracking export` writes it, got something else: '
                             f'{error!r}') from error


def open_exported(folder: Path, name: str, device: str, runtime: str, precision: str) -> Exported:
    """What a folder says of itself, if it is what was asked for.

    Args:
        folder: that `hsi-tracking export` wrote.
        name: of the network, with its preset.
        device, runtime, precision: asked for; exported files know one of each.

    Raises:
        FileNotFoundError: it lacks a file.
        ValueError: another network, or it cannot be run so, or not here.
    """
    exported = Exported.read(folder)
    if exported.name != name:
        raise ValueError(f'expected an exported {name} in {folder}, got {exported.name or "something without a name"}')
    if (device, runtime, precision) != ('cpu', 'onnx', 'fp32'):
        raise ValueError(f'expected device cpu, runtime onnx and precision fp32 for the exported files in {folder}, '
                         f'got {device}, {runtime} and {precision}')
    if find_spec('onnxruntime') is None:
        raise ValueError(f'expected ONNX Runtime for the exported files in {folder}, got no onnxruntime: install it')
    return exported


def _session(path: Path, threads: int) -> Any:
    """One file loaded; nothing in it is code, and its size is bounded."""
    import onnxruntime

    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f'expected a file of at most {MAX_BYTES >> 20} MiB, got {size >> 20} MiB: {path}')
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
    except Exception as error:      # its exceptions have no class in common that is public
        raise ValueError(f'expected an ONNX file in {path}, got what ONNX Runtime refuses: {error}') from error


class OnnxExecutor:
    """Follows `Executor`; runs files written by `runtime.onnx_export`.

    Args:
        folder: of the files.
        threads: of ONNX Runtime; 0: it decides.

    Raises:
        FileNotFoundError: a file is missing.
        ImportError: ONNX Runtime is not installed.
        ValueError: a file that is too large, or that ONNX Runtime refuses.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        exported = Exported.read(folder)
        self._shapes: dict[str, Shapes] = {
            TEMPLATE_FILE: exported.template, SEARCH_FILE: {**exported.search, **exported.state},
            RENEW_FILE: {**exported.template, **exported.state}}
        self._sessions = {name: _session(folder / name, threads) for name in self._shapes if (folder / name).is_file()}

    def template(self, *inputs: Array) -> State:
        """See `Executor.template`; the state is arrays. ValueError for shapes that it was not exported for."""
        return self._run(TEMPLATE_FILE, as_float32(inputs))

    def renew(self, first: State, *inputs: Array) -> State:
        """See `Executor.renew`."""
        if RENEW_FILE not in self._sessions:
            return self.template(*inputs)
        return self._run(RENEW_FILE, [*as_float32(inputs), *first])

    def search(self, state: State, *inputs: Array) -> tuple[Array, ...]:
        """See `Executor.search`."""
        return tuple(self._run(SEARCH_FILE, [*as_float32(inputs), *state]))

    def _run(self, file: str, values: list[Any]) -> list[Array]:
        session, shapes = self._sessions[file], self._shapes[file]
        for (name, shape), value in zip(shapes.items(), values, strict=True):
            if list(value.shape) != shape:
                raise ValueError(f'expected {name} of shape {tuple(shape)}, as it was exported for, got {value.shape}: '
                                 'export for this number of bands')
        # An input that a network does not look at (BCR-Net: false colour) may be missing in the file.
        used = {value.name for value in session.get_inputs()}
        feed = {name: value for name, value in zip(shapes, values, strict=True) if name in used}
        outputs: list[Array] = session.run(None, feed)
        return outputs
