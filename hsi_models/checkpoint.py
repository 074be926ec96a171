"""Weights on disk: a safetensors file and a model card beside it; nothing is ever unpickled."""
from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

MAX_BYTES = 512 * 2 ** 20
WEIGHTS_FOLDER = Path(__file__).parent / 'weights'


@dataclass(frozen=True)
class ModelCard:
    """What one has to know of a weights file; stored as JSON beside it.

    Args:
        name: model name as the registry has it.
        config: arguments that rebuild the network.
        command: the command that trained it.
        data: what it was trained on.
        seed: of the training.
        steps: optimiser steps.
        device: what it was trained on.
        minutes: wall-clock time of the training.
        start: what the weights were before the training: `random` or the SHA-256 of a weights file.
        validation, test: measured quality, as the training and the evaluation command report it.
        limits: where it is known to fail.
        sha256: of the weights file.
    """

    name: str
    config: dict[str, Any]
    command: str = ''
    data: str = ''
    seed: int = 0
    steps: int = 0
    device: str = ''
    minutes: float = 0.0
    start: str = 'random'
    validation: dict[str, Any] = field(default_factory=dict)
    test: dict[str, Any] = field(default_factory=dict)
    limits: str = ''
    sha256: str = ''


def sha256_of(*paths: Path) -> str:
    """SHA-256 of a file, or of several one after the other (`cat A B | sha256sum`), hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open('rb') as file:
            while block := file.read(2 ** 20):
                digest.update(block)
    return digest.hexdigest()


def shipped_path(name: str) -> Path:
    """Where the package keeps the weights of a name, `ssf_net:fast`; the file may be absent."""
    return WEIGHTS_FOLDER / f'{name.replace(":", "_")}.safetensors'


def card_path(path: Path) -> Path:
    """Where the card of a weights file lies: `name.safetensors` -> `name.json`."""
    return path.with_suffix('.json')


def stored(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor as a file with half precision holds it: float16, but for integers and what is beyond its range (the
    statistics of a layer that sees 0..255 may be)."""
    import torch

    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    return half if bool(torch.isfinite(half).all()) else tensor


def rounded(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state as a file with half precision gives it back, in the types that it has, see `stored`."""
    return {name: stored(tensor).to(tensor.dtype) for name, tensor in state.items()}


def save_checkpoint(path: Path, state: dict[str, torch.Tensor], card: ModelCard, half: bool = False) -> ModelCard:
    """Write weights and card; an existing file is replaced only when the new one is complete.

    Args:
        path: `*.safetensors`.
        state: name -> tensor, as `Module.state_dict()` gives it.
        card: its `sha256` is filled in here.
        half: store floating tensors as float16, see `stored`.

    Returns:
        The card with the SHA-256 of the file.

    Raises:
        ValueError: a value is not finite.
    """
    import dataclasses

    import torch
    from safetensors.torch import save_file

    for name, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f'expected finite weights, got nan or infinity in {name}')
    tensors = {name: (stored(tensor) if half else tensor).detach().cpu().contiguous().clone()
               for name, tensor in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix('.partial')
    save_file(tensors, str(partial))
    partial.chmod(0o644)        # safetensors writes for its owner only; weights are for whoever installs
    finished = dataclasses.replace(card, sha256=sha256_of(partial))
    os.replace(partial, path)
    partial.write_text(json.dumps(dataclasses.asdict(finished), indent=1) + '\n', encoding='utf-8')
    os.replace(partial, card_path(path))
    return finished


def load_card(path: Path) -> ModelCard:
    """The card of a weights file.

    Raises:
        FileNotFoundError: no card beside it.
        ValueError: the card is no JSON object or has unknown or missing entries.
    """
    source = card_path(path)
    if not source.is_file():
        raise FileNotFoundError(f'expected the model card {source} beside the weights, found none')
    try:
        entries = json.loads(source.read_text(encoding='utf-8'))
        return ModelCard(**entries)
    except (TypeError, ValueError) as error:
        raise ValueError(f'expected a model card in {source}, got what does not read as one: {error}') from error


def load_tensors(path: Path, sha256: str = '') -> dict[str, torch.Tensor]:
    """The tensors of a weights file, float16 ones as float32, on the CPU.

    Args:
        path: `*.safetensors`.
        sha256: what the file must hash to; '' to accept any.

    Raises:
        FileNotFoundError: no such file.
        ValueError: too large, another hash, or no intact safetensors file.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise FileNotFoundError(f'expected a weights file at {path}, found none; train one with `hsi-tracking train`')
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f'expected a weights file of at most {MAX_BYTES >> 20} MiB, got {size >> 20} MiB: {path}')
    if sha256 and (got := sha256_of(path)) != sha256:
        raise ValueError(f'expected {path} to have SHA-256 {sha256}, got {got}; the file is damaged or another one')
    try:
        tensors = load_file(str(path))
    except SafetensorError as error:
        raise ValueError(f'expected an intact safetensors file, got {path}: {error}') from error
    return {name: value.float() if value.dtype == torch.float16 else value for name, value in tensors.items()}


def load_weights(module: torch.nn.Module, path: Path, sha256: str = '') -> None:
    """Fill a module with the weights of a file; all names and shapes must agree.

    Raises:
        FileNotFoundError: no such file.
        ValueError: as `load_tensors`, or names or shapes that differ from the module's.
    """
    tensors = load_tensors(path, sha256)
    expected = module.state_dict()
    missing, unknown = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or unknown:
        raise ValueError(f'expected the weights of {type(module).__name__} in {path}, got a file without '
                         f'{len(missing)} of them {missing[:3]} and with {len(unknown)} unknown {unknown[:3]}')
    for name, value in tensors.items():
        if value.shape != expected[name].shape:
            raise ValueError(f'expected {name} of shape {tuple(expected[name].shape)}, got {tuple(value.shape)} '
                             f'in {path}; the file belongs to another configuration')
    module.load_state_dict(tensors)
