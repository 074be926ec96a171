"""Where a training runs: its device, and several processes, one a GPU, as `torchrun` starts them."""
from __future__ import annotations

import os
import sys
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from hsi_models.runtime.options import require_device

Value = TypeVar('Value')


def chosen_device(name: str) -> torch.device:
    """The device of a configuration, `cpu` or `cuda[:N]`.

    Raises:
        ValueError: another name, or CUDA where there is none.
    """
    require_device(name)
    if name.startswith('cuda') and not torch.cuda.is_available():
        raise ValueError('expected a CUDA device, found none; train with device=cpu')
    return torch.device(name)


def device_name(device: torch.device) -> str:
    """What a card says of the device, and of how many there were."""
    name = torch.cuda.get_device_name(device) if device.type == 'cuda' else \
        f'CPU, {torch.get_num_threads()} thread(s)'
    return name if processes() == 1 else f'{processes()} x {name}'


def join(device: torch.device) -> torch.device:
    """Join the other processes, where `torchrun` says that there are any; a second call does nothing.

    Args:
        device: `cpu`, or `cuda` for this process's own GPU.

    Returns:
        The device of this process.
    """
    if int(os.environ.get('WORLD_SIZE', '1')) == 1:
        return device
    if device.type == 'cuda':
        device = torch.device('cuda', int(os.environ.get('LOCAL_RANK', '0')))
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group('nccl' if device.type == 'cuda' else 'gloo')
    return device


def shared_gradients(module: nn.Module, device: torch.device) -> nn.Module:
    """A module whose gradients are the mean over all processes; itself where there is one.

    What is waited for is fixed here: the parameters that need a gradient now.
    """
    if processes() == 1:
        return module
    return DistributedDataParallel(module, [device] if device.type == 'cuda' else None)


def leave() -> None:
    """Say goodbye to the other processes."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def end_process() -> None:
    """End this process, successfully and at once, where there were several.

    Without the interpreter's own clean-up: threads of gloo, which DistributedDataParallel keeps for good, may want the
    interpreter while it is taken down, and then abort a training that has written everything.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def processes() -> int:
    """How many there are."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Number of this process."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def step_seed(seed: int, step: int) -> int:
    """Seed of what this process draws at a step, other than at any other step and in any other process."""
    return (seed * 1_000_003 + step) * processes() + rank()


def is_main() -> bool:
    """Whether this process is the one that validates, logs and saves."""
    return rank() == 0


def share(value: Value) -> Value:
    """What the main process has, in all of them; waits for it."""
    if processes() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]
