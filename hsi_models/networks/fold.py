"""Batch norms folded into the convolutions before them: the same function, fewer operations, no running statistics."""
from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(module: nn.Module, every: bool = True) -> nn.Module:
    """Replace each convolution and batch norm that follow one another in a `Sequential`, in place.

    Args:
        module: any module; put into evaluation mode, since what is folded are the running statistics.
        every: refuse a module with other batch norms; False: these stay.

    Returns:
        The same module. The convolution has a bias then, the batch norm is an identity.

    Raises:
        ValueError: a batch norm that does not follow a convolution is left over, and `every` is set.
    """
    _fold(module.eval())
    left = [name for name, part in module.named_modules() if isinstance(part, nn.BatchNorm2d)]
    if every and left:
        raise ValueError(f'expected every batch norm right behind a convolution, got others: {", ".join(left[:3])}')
    return module


@torch.no_grad()
def _fold(module: nn.Module) -> None:
    for child in module.children():
        _fold(child)
    if isinstance(module, nn.Sequential):
        for index in range(len(module) - 1):
            first, second = module[index], module[index + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                folded = fuse_conv_bn_eval(first, second)
                module[index], module[index + 1] = folded.requires_grad_(first.weight.requires_grad), nn.Identity()
