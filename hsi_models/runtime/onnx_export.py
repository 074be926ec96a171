"""Template and search path of a network written as ONNX files, for `runtime.onnx` or another runtime."""
from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import torch

from hsi_models.runtime.onnx import NOTE_FILE, OUTPUTS, RENEW_FILE, SEARCH_FILE, TEMPLATE_FILE
from hsi_models.runtime.paths import SiamesePaths

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
