"""Super-resolvers by name: with shipped weights, with weights of your own, or without learning."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hsi_models.checkpoint import load_card, load_weights, shipped_path
from hsi_models.runtime.eager import device_of
from hsi_models.superresolution.degradation import back_project, enlarge
from hsi_models.superresolution.eigen import SpectralSubspace, upscale_eigen
from hsi_models.superresolution.networks import MODELS, build_network, over_eigen_images
from hsi_models.superresolution.settings import SCALES
from hsi_models.superresolution.super_resolver import TiledSuperResolver, Tiling

UNLEARNT = {'bicubic': enlarge, 'back_projection': back_project}
NAMES = (*MODELS, *UNLEARNT)
COMPONENTS = 10


def shipped_weights(name: str, scale: int) -> Path:
    """Where the shipped weights of a network lie; the file may be absent."""
    return shipped_path(f'{name}_x{scale}')


def shipped_sha256(scale: int, name: str) -> str | None:
    """SHA-256 of the shipped weights, as their card states it; None where none are shipped."""
    path = shipped_weights(name, scale)
    return load_card(path).sha256 if path.is_file() else None


def create_super_resolver(name: str, scale: int = 2, device: str = 'cpu', *, weights: str | Path | None = None,
                          tiling: Tiling | None = None) -> TiledSuperResolver:
    """A super-resolver ready for use.

    Args:
        name: `cst_eigen`, `cst:fast`, `cst:paper`, or without learning `back_projection` and `bicubic`;
            `cst` stands for `cst:fast`.
        scale: 2, 3, 4 or 8; a network needs weights trained for it.
        device: `cpu` or `cuda[:N]`.
        weights: a weights file with its card beside it; by default the shipped one.
        tiling: how frames are cut.

    Raises:
        ValueError: no such name, scale or device, or weights that do not fit.
        FileNotFoundError: no weights.
    """
    name = 'cst:fast' if name == 'cst' else name
    if name not in NAMES:
        raise ValueError(f'expected a super-resolver ({", ".join(NAMES)}), got {name!r}')
    if scale not in SCALES:
        raise ValueError(f'expected scale {", ".join(map(str, SCALES))}, got {scale}')
    if name in UNLEARNT:
        unlearnt = UNLEARNT[name]
        return TiledSuperResolver(scale, lambda tile, _: unlearnt(tile, scale), device=device, tiling=tiling,
                                  name=name)
    path = Path(weights) if weights is not None else shipped_weights(name, scale)
    if weights is None and not path.is_file():
        raise FileNotFoundError(f'expected shipped weights of {name} for scale {scale}, found none; train them with '
                                f'`hsi-tracking train {name} --scale {scale}` and give the file, or use '
                                'back_projection, which needs none')
    card = load_card(path)
    if card.name != name or card.config.get('scale') != scale:
        raise ValueError(f'expected weights of {name} for scale {scale}, got those of {card.name} for scale '
                         f'{card.config.get("scale")}: {path}')
    channels = int(card.config['channels'])
    network = build_network(name, scale, channels, **card.config.get('shape', {}))
    load_weights(network, path, card.sha256)
    return wrap_network(name, network.eval(), scale, channels, device, tiling, card.sha256)


def wrap_network(name: str, network: nn.Module, scale: int, channels: int, device: str = 'cpu',
                 tiling: Tiling | None = None, weights_sha256: str | None = None) -> TiledSuperResolver:
    """A super-resolver around a network of `build_network`, in evaluation mode."""
    network = network.to(device_of(device))
    if over_eigen_images(name):
        def enlarge_tile(tile: Tensor, subspace: SpectralSubspace | None) -> Tensor:
            if subspace is None:
                raise ValueError('expected the subspace of the frame, got none')
            return upscale_eigen(network, tile, subspace, scale)

        return TiledSuperResolver(scale, enlarge_tile, components=channels, device=device, tiling=tiling, name=name,
                                  weights_sha256=weights_sha256)
    return TiledSuperResolver(scale, lambda tile, _: network(tile), bands=channels, device=device, tiling=tiling,
                              name=name, weights_sha256=weights_sha256)


def measure(bands: int, scale: int, name: str, **_: Any) -> tuple[int, float | None]:
    """Size of a super-resolver for the list of models.

    Args:
        bands: C of the cubes (`cst:paper` alone depends on it).
        scale: s.
        name: as in `create_super_resolver`.

    Returns:
        parameters, and 1e9 multiply-accumulates of the network for a cube of 64 x 64 x bands; None without network.
    """
    name = 'cst:fast' if name == 'cst' else name
    if name in UNLEARNT:
        return 0, None
    channels = COMPONENTS if over_eigen_images(name) else bands
    network = build_network(name, scale, channels).eval()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return parameters, _multiply_accumulates(network, channels) / 1e9


def _multiply_accumulates(network: nn.Module, channels: int) -> float:
    """Of all convolutions and linear layers for 64 x 64 pixels; the small products inside attention are left out."""
    side, parts = 16, 16       # a quarter of the side, a sixteenth of the work, to answer quickly
    total = 0

    def count(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weight = module.get_parameter('weight')
        places = output.numel() // weight.shape[0]
        total += places * weight.numel()

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(count)
    with torch.inference_mode():
        network(torch.zeros(1, channels, side, side))
    return float(total * parts)
