"""Start a backbone from a user's file of RGB-pretrained weights, given by path and checksum; nothing is downloaded."""
from __future__ import annotations

from pathlib import Path

from torch import nn

from hsi_models.checkpoint import load_tensors


def load_pretrained(backbone: nn.Module, path: Path, sha256: str = '') -> None:
    """Fill a backbone from a safetensors file that may hold more (a classifier, later stages).

    torchvision publishes pickled files; convert one where it is trusted:
    `safetensors.torch.save_file(torch.load(f, weights_only=True), 'resnet50.safetensors')`.

    Args:
        backbone: `ResNet50`, `LightBackbone` or `MobileNetV3`.
        path: `*.safetensors` with torchvision's names, or a tracker's, whose backbone's names begin with `backbone.`;
            float32 or float16.
        sha256: what the file must hash to; '' to accept any.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another hash, no intact file, or a tensor of the backbone missing or of another shape.
    """
    tensors = load_tensors(path, sha256)
    if any(name.startswith('backbone.') for name in tensors):
        tensors = {name.removeprefix('backbone.'): value for name, value in tensors.items()
                   if name.startswith('backbone.')}
    state = backbone.state_dict()
    for name, value in state.items():
        if name.endswith('num_batches_tracked'):
            continue
        if name not in tensors:
            raise ValueError(f'expected {name} of {type(backbone).__name__} in {path}, got a file without it; it is '
                             'of another architecture')
        if tensors[name].shape != value.shape:
            raise ValueError(f'expected {name} of shape {tuple(value.shape)} in {path}, got '
                             f'{tuple(tensors[name].shape)}')
        state[name] = tensors[name]
    backbone.load_state_dict(state)
