"""Measures how many pairs a second a tracker is trained on, and what making them costs; `--help` lists the options."""
from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from hsi_models.training.config import override
from hsi_models.training.tracking import MODELS, Trainer, default_config


def main() -> None:
    """Run the measurement and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('model', choices=(*MODELS, 'ssf_net', 'bcr_net'))
    parser.add_argument('--steps', type=int, default=8, help='measured steps, after two that are not (8)')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--set', nargs='+', default=[], metavar='KEY=VALUE', dest='changes',
                        help='as of `hsi-tracking train`')
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    changes = dict(change.split('=', 1) for change in arguments.changes)
    config = override(default_config(arguments.model), changes)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(config, Path(folder))
    trainer.network.train()
    optimiser = torch.optim.AdamW(trainer.network.parameters(), lr=1e-4, fused=trainer.device.type == 'cuda')

    def make(step: int) -> None:
        trainer.inputs(step)

    def learn(step: int) -> None:
        loss = trainer.loss(step)['total']
        optimiser.zero_grad(set_to_none=True)
        loss.backward()         # type: ignore[no-untyped-call]
        optimiser.step()

    pairs = [len(trainer.inputs(step)[0].boxes) for step in range(arguments.steps + 2)]
    data, whole = (_measure(work, pairs, trainer.device) for work in (make, learn))
    memory = torch.cuda.max_memory_allocated() / 2 ** 30 if trainer.device.type == 'cuda' else None
    print(json.dumps({
        'model': config.model, 'batch': config.batch, 'pairs': sum(pairs[2:]), 'data': data, 'training': whole,
        'device': torch.cuda.get_device_name() if trainer.device.type == 'cuda' else 'cpu', 'memory_gib': memory,
        'threads': arguments.threads, 'torch': torch.__version__, 'sides': config.sides}))


def _measure(work: Callable[[int], None], pairs: list[int], device: torch.device) -> dict[str, float]:
    """Pairs a second of wall-clock time and of processor time, over all steps but the first two."""
    for step in range(2):
        work(step)
    if device.type == 'cuda':
        torch.cuda.synchronize()
    start, processor = time.perf_counter(), time.process_time()
    for step in range(2, len(pairs)):
        work(step)
    if device.type == 'cuda':
        torch.cuda.synchronize()
    count = sum(pairs[2:])
    return {'pairs_per_second': round(count / (time.perf_counter() - start), 2),
            'pairs_per_processor_second': round(count / (time.process_time() - processor), 2)}


if __name__ == '__main__':
    main()
