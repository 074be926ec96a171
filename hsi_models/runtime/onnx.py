"""ONNX: the paths as files of their own, run by ONNX Runtime on the CPU; the extra `onnx`."""
from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import torch

from hsi_models.runtime.executor import Array, State, as_float32
from hsi_models.runtime.paths import SiamesePaths

TEMPLATE_FILE, SEARCH_FILE, RENEW_FILE = 'template.onnx', 'search.onnx', 'renew.onnx'
NOTE_FILE = 'model.json'
OUTPUTS = ('cls', 'reg', 'contrast')     # the last where a network has it
OPSET = 17


def export(paths: SiamesePaths, folder: Path, note: dict[str, Any] | None = None) -> list[Path]:
    """Write both paths for the shapes of their examples, and what they are.

    Args:
        paths: the network.
        folder: made where it does not exist; files of these names are replaced.
        note: put into `model.json` beside names and shapes of inputs and outputs.

    Returns:
        the files written.

    Raises:
        ImportError: the extra `onnx` is not installed.
    """
    import onnx  # noqa: F401     torch needs it; a clear error before anything is written

    folder.mkdir(parents=True, exist_ok=True)
    state = paths.example_state()
    names = [f'state_{index}' for index in range(len(state))]
    template = list(paths.template_inputs.values())
    search = [*paths.search_inputs.values(), *state]
    with torch.inference_mode():
        outputs = list(OUTPUTS[:len(paths.search(*search))])
    _write(paths.template, template, list(paths.template_inputs), names, folder / TEMPLATE_FILE)
    _write(paths.search, search, [*paths.search_inputs, *names], outputs, folder / SEARCH_FILE)
    files = [folder / TEMPLATE_FILE, folder / SEARCH_FILE]
    (folder / RENEW_FILE).unlink(missing_ok=True)       # of another network that was here before
    if paths.renew is not None:
        _write(paths.renew, [*template, *state], [*paths.template_inputs, *names], [f'new_{name}' for name in names],
               folder / RENEW_FILE)
        files.append(folder / RENEW_FILE)
    text = json.dumps({
        **(note or {}), 'opset': OPSET,
        'template': {name: list(value.shape) for name, value in paths.template_inputs.items()},
        'search': {name: list(value.shape) for name, value in paths.search_inputs.items()},
        'state': {name: list(value.shape) for name, value in zip(names, state, strict=True)},
        'outputs': outputs}, indent=1)
    (folder / NOTE_FILE).write_text(text + '\n', encoding='utf-8')
    return [*files, folder / NOTE_FILE]


def _write(module: torch.nn.Module, inputs: list[torch.Tensor], names: list[str], outputs: list[str],
           path: Path) -> None:
    """One path to one file, complete or not at all."""
    partial = path.with_suffix('.partial')
    with torch.inference_mode(), warnings.catch_warnings():
        # The tracing exporter is deprecated in favour of one that needs onnxscript; both write the same operators.
        warnings.simplefilter('ignore')
        torch.onnx.export(module.eval(), tuple(inputs), str(partial), input_names=names, output_names=outputs,
                          opset_version=OPSET, dynamo=False)
    os.replace(partial, path)


class OnnxExecutor:
    """Follows `Executor`; runs files written by `export`, without PyTorch's operators.

    Args:
        folder: of the files.
        threads: of ONNX Runtime; 0: it decides.

    Raises:
        FileNotFoundError: a file is missing.
        ImportError: the extra `onnx` is not installed.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        import onnxruntime

        for name in (TEMPLATE_FILE, SEARCH_FILE, NOTE_FILE):
            if not (folder / name).is_file():
                raise FileNotFoundError(f'expected {folder / name}, found none; write it with `hsi-tracking export`')
        note = json.loads((folder / NOTE_FILE).read_text(encoding='utf-8'))
        template, search = ({**note[path], **note['state']} for path in ('template', 'search'))
        self._shapes: dict[str, dict[str, list[int]]] = {
            TEMPLATE_FILE: note['template'], SEARCH_FILE: search, RENEW_FILE: template}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._sessions = {
            name: onnxruntime.InferenceSession(str(folder / name), options, providers=['CPUExecutionProvider'])
            for name in self._shapes if (folder / name).is_file()}

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
