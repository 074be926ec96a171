"""The samples of a batch one after another, where a batch is slower: in an evaluated network on a CPU."""
from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def one_by_one(function: Callable[[Tensor], list[Tensor]], images: Tensor, training: bool) -> list[Tensor]:
    """Maps of a batch of images, the same as `function(images)` gives.

    The first maps of several images are too large for a CPU's caches, and so large that their memory goes back to the
    system after every layer: one image after another, channels last, takes half of the time. A GPU, an exported graph
    and batch statistics want the whole batch.

    Args:
        function: (B, C, H, W) -> maps (B, ...), in which samples do not touch each other.
        images: (B, C, H, W).
        training: of the network that it belongs to.
    """
    if training or images.device.type != 'cpu' or torch.onnx.is_in_onnx_export():
        return function(images)
    parts = [function(image.contiguous(memory_format=torch.channels_last)) for image in images.chunk(images.shape[0])]
    return [torch.cat(maps) for maps in zip(*parts, strict=True)]
