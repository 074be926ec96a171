"""A named network with the weights of a file to ONNX, checked against PyTorch before anyone relies on it."""
from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from torch import nn

from hsi_models.checkpoint import card_path, load_card, load_weights, sha256_of, shipped_path
from hsi_models.runtime.eager import EagerExecutor
from hsi_models.runtime.executor import Executor
from hsi_models.runtime.onnx import AUTO, REFINER, REFINER_FOLDER, OnnxExecutor
from hsi_models.runtime.onnx_export import export
from hsi_models.runtime.paths import SiamesePaths, auto_paths, nanotrack_paths, network_paths, refiner_paths

Module = TypeVar('Module', bound=nn.Module)

NAMES = (AUTO, 'nanotrack_v3', 'ssf_net:fast', 'ssf_net:paper', 'bcr_net:fast', 'bcr_net:paper')
MAX_ERROR = 1e-3
_SINCE = {'ssf_net': {'whiten': False, 'match': False}, 'bcr_net': {'match': False}}     # entries that older cards lack


def build_network(name: str, weights: Path | None = None) -> nn.Module:
    """The network of a name, without trained weights.

    Args:
        name: one of `NAMES` but `auto`; `ssf_net` and `bcr_net` alone mean `fast`.
        weights: a file whose card, if there is one beside it, says which form was trained (ablations differ in shape).

    Raises:
        ValueError: no such network, or the card is of another one.
    """
    base, _, preset = name.partition(':')
    if weights is not None and card_path(weights).is_file():
        card = load_card(weights)
        if 'network' in card.config:
            if card.name.partition(':')[0] != base:
                raise ValueError(f'expected weights of {name}, got those of {card.name}: {weights}')
            return _trained_form(base, card.config['network'])
    if name == 'nanotrack_v3':
        from hsi_models.networks.nanotrack import NanoTrack
        return NanoTrack()
    if base == 'ssf_net':
        from hsi_models.networks.ssf_net import SsfNet, SsfNetConfig
        return SsfNet(SsfNetConfig.preset(preset or 'fast'))
    if base == 'bcr_net':
        from hsi_models.networks.bcr_net import BcrNet, BcrNetConfig
        return BcrNet(BcrNetConfig.preset(preset or 'fast'))
    raise ValueError(_unknown(name))


def _unknown(name: str) -> str:
    return f'expected a network that can be exported ({", ".join(NAMES)}), got {name!r}'


def _trained_form(base: str, entries: dict[str, Any]) -> nn.Module:
    """A network whose configuration a card holds."""
    from hsi_models.networks.backbone import BackboneConfig
    from hsi_models.networks.bcr_net import BcrNet, BcrNetConfig
    from hsi_models.networks.ssf_net import SsfNet, SsfNetConfig

    try:
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value
                                  for name, value in {**_SINCE[base], **entries}.items()}
        values['backbone'] = BackboneConfig(**entries['backbone'])
        return SsfNet(SsfNetConfig(**values)) if base == 'ssf_net' else BcrNet(BcrNetConfig(**values))
    except (KeyError, TypeError) as error:
        raise ValueError(f'expected the configuration of {base} in the card of its weights, got another: {error}') \
            from error


def paths_of(network: nn.Module, bands: int = 16, batch: int = 1) -> SiamesePaths:
    """Template and search path of a network that `build_network` made."""
    from hsi_models.networks.nanotrack import NanoTrack

    return nanotrack_paths(network, batch) if isinstance(network, NanoTrack) else network_paths(network, bands, batch)


def export_network(name: str, weights: Path | None, folder: Path, bands: int = 16, batch: int = 1) -> dict[str, Any]:
    """Export, run both, compare.

    Args:
        name: see `NAMES`; `ssf_net` and `bcr_net` alone mean `fast`. `auto` comes with the network that refines its
            boxes, in a folder `refiner` of its own.
        weights: `*.safetensors` of this network; None for the shipped ones.
        folder: for `template.onnx`, `search.onnx`, `model.json` and, where the network has one, `renew.onnx`.
        bands: of the cube, for a network that takes one; fixed in the files.
        batch: targets at once; fixed in the files.

    Returns:
        name, weights_sha256, bands, batch, max_error (against PyTorch, relative where a value is above 1), files.

    Raises:
        FileNotFoundError: no such weights.
        ValueError: an unknown name, no weights given where none are shipped, other weights, or a result that differs
            from PyTorch's by more than 1e-3.
    """
    parts = _parts(name, weights, bands, batch)
    sha256 = sha256_of(*(path for _, path, _ in parts.values()))
    note: dict[str, Any] = {'name': _full(name), 'weights_sha256': sha256, 'bands': bands, 'batch': batch}
    files, error = [], 0.0
    for place, (part, _, paths) in parts.items():
        files += export(paths, folder / place, {**note, 'name': part})
        error = max(error, max_error(EagerExecutor(paths), OnnxExecutor(folder / place), paths))
    if not error < MAX_ERROR:
        for file in files:
            file.unlink()
        raise ValueError(f'expected ONNX Runtime and PyTorch to agree within {MAX_ERROR:g}, got a difference of '
                         f'{error:g} for {name}: nothing was exported')
    return {**note, 'max_error': error, 'files': [str(file) for file in files]}


def _full(name: str) -> str:
    """A name with its preset, if there are several."""
    return f'{name}:fast' if name in ('ssf_net', 'bcr_net') else name


def _parts(name: str, weights: Path | None, bands: int, batch: int) -> dict[str, tuple[str, Path, SiamesePaths]]:
    """Folder -> name, weights and paths of each network that a tracker runs."""
    shipped = shipped_path(_full(name))
    if weights is None and not shipped.is_file():
        known = _full(name) in NAMES
        raise ValueError(f'expected weights of {name}, got none, and none are shipped: give --weights FILE' if known
                         else _unknown(name))
    path = weights or shipped
    if name == AUTO:
        from hsi_models.networks.auto_net import AutoNet
        from hsi_models.networks.box_refiner import BoxRefiner
        refiner = shipped_path(REFINER)
        return {'.': (AUTO, path, auto_paths(_filled(AutoNet(), path), batch)),
                REFINER_FOLDER: (REFINER, refiner, refiner_paths(_filled(BoxRefiner(), refiner), batch))}
    network = _filled(build_network(name, path), path)
    return {'.': (_full(name), path, paths_of(network, bands, batch))}


def _filled(network: Module, weights: Path) -> Module:
    load_weights(network, weights)
    return network


def max_error(reference: Executor, other: Executor, paths: SiamesePaths) -> float:
    """Largest difference of two executors' outputs on the paths' examples, relative where the value is above 1."""
    template = [value.numpy() for value in paths.template_inputs.values()]
    search = [value.numpy() for value in paths.search_inputs.values()]
    outputs = [executor.search(executor.template(*template), *search) for executor in (reference, other)]
    return max(float(np.max(np.abs(one - two) / np.maximum(np.abs(one), 1))) for one, two in
               zip(*outputs, strict=True))
