"""Arithmetic that stays in the precision of its tensors while the rest of a network is trained in mixed precision."""
from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def exact(like: Tensor) -> AbstractContextManager[object]:
    """No autocast inside: for small differences of bands, which bfloat16 (8 bits) cannot hold.

    Args:
        like: a tensor on the device that is meant.
    """
    kind = like.device.type
    if kind in ('cpu', 'cuda') and torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()
