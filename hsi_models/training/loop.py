"""A training loop that can be killed: averaged weights, validation, CSV log, resume with the same result.

Several processes (`distributed`) run it side by side; the main one validates, logs and saves.
"""
from __future__ import annotations

import csv
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from hsi_models.training import distributed

Losses = Tensor | dict[str, Tensor]


@dataclass(frozen=True)
class LoopConfig:
    """How long and how often.

    Args:
        steps: optimiser steps.
        validate_every: steps between validations; the state for resuming is saved then as well.
        clip_norm: gradients are scaled down to this norm.
        average: decay of the exponential average of the weights, which is what is validated and kept.
        keep: `best` by validation, or `last`, where validation is too noisy to choose by.
        patience: validations without a better score before stopping early; 0 for never.
        read_every: steps between looks at the loss, each of which waits for the device; a loss that is not finite is
            found then.
    """

    steps: int = 4000
    validate_every: int = 250
    clip_norm: float = 1.0
    average: float = 0.999
    keep: str = 'best'
    patience: int = 0
    read_every: int = 1

    def __post_init__(self) -> None:
        for name in ('steps', 'validate_every', 'read_every'):
            if getattr(self, name) < 1:
                raise ValueError(f'expected {name} >= 1, got {getattr(self, name)}')
        if self.keep not in ('best', 'last'):
            raise ValueError(f'expected keep best or last, got {self.keep!r}')
        if self.keep == 'last' and self.patience:
            raise ValueError(f'expected patience 0 where the last weights are kept, got {self.patience}')


@dataclass(frozen=True)
class LoopResult:
    """What a training gave: averaged weights, the best by validation or the last (`LoopConfig.keep`)."""

    weights: dict[str, Tensor]
    score: float
    step: int
    seconds: float


class Loop:
    """Runs steps and keeps everything needed to go on after a kill in `folder`.

    Args:
        model: what is trained.
        optimiser: Adam or AdamW over its parameters; a group with an entry `factor` has that share of the rate.
        rate: step -> learning rate.
        loss: step -> loss, or its terms with their sum as `total`; must follow from the step alone (no state of its
            own).
        validate: model with averaged weights -> named scores; the first is the one chosen by, higher is better.
        config: how long and how often.
        folder: receives log.csv and state.safetensors.
    """

    def __init__(self, model: nn.Module, optimiser: torch.optim.Optimizer, rate: Callable[[int], float],
                 loss: Callable[[int], Losses], validate: Callable[[nn.Module], dict[str, float]],
                 config: LoopConfig, folder: Path) -> None:
        self.model, self.optimiser, self.rate = model, optimiser, rate
        self.loss, self.validate, self.config, self.folder = loss, validate, config, folder
        self.average = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.best: dict[str, Tensor] = {}
        self.best_score, self.best_step, self.step, self.seconds = float('-inf'), 0, 0, 0.0
        self.last_score = math.nan
        self._unread: list[dict[str, Tensor]] = []
        self._read: list[dict[str, float]] = []

    def run(self, resume: bool = False, progress: bool = True) -> LoopResult:
        """Train to the end; with `resume` from the last saved state, if there is one.

        Raises:
            ValueError: the saved state belongs to another model, or the loss is not finite.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        resume = distributed.share(resume and self._state_file.is_file())
        if resume:
            self._restore()
        elif distributed.is_main():
            (self.folder / 'log.csv').unlink(missing_ok=True)
        bar = _progress_bar(self.config.steps, self.step) if progress and distributed.is_main() else None
        started, before = time.monotonic(), self.seconds
        self.model.train()
        while self.step < self.config.steps and not self._stale:
            self._advance()
            ends = self.step % self.config.validate_every == 0 or self.step == self.config.steps
            if ends or self.step % self.config.read_every == 0:
                self._look()
            if bar is not None:
                if self._read and not self._unread:
                    shown = {name: f'{value:.3f}' for name, value in self._read[-1].items()}
                    bar.set_postfix(loss=shown.pop('total'), **shown, best=f'{self.best_score:.3f}', refresh=False)
                bar.update()
            if ends:
                self.seconds = before + time.monotonic() - started
                if distributed.is_main():
                    self._evaluate()
                    self._save()
                self.best_score, self.best_step, self.seconds = distributed.share(
                    (self.best_score, self.best_step, self.seconds))
                self._read = []
        if bar is not None:
            bar.close()
        if self.config.keep == 'last':
            return LoopResult(self.average, self.last_score, self.step, self.seconds)
        return LoopResult(self.best, self.best_score, self.best_step, self.seconds)

    @property
    def _state_file(self) -> Path:
        return self.folder / 'state.safetensors'

    @property
    def _stale(self) -> bool:
        patience = self.config.patience * self.config.validate_every
        return patience > 0 and self.step - self.best_step >= patience and self.best_step > 0

    def _advance(self) -> None:
        for group in self.optimiser.param_groups:
            group['lr'] = self.rate(self.step) * group.get('factor', 1.0)
        torch.manual_seed(self.step)        # stochastic depth follows from the step, too
        losses = self.loss(self.step)
        terms = losses if isinstance(losses, dict) else {'total': losses}
        self._unread.append({name: value.detach() for name, value in terms.items()})
        if self.config.read_every == 1:
            self._look()
        self.optimiser.zero_grad(set_to_none=True)
        terms['total'].backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimiser.step()
        self.step += 1
        decay = min(self.config.average, self.step / (self.step + 20))
        with torch.no_grad():
            own, average = self.model.state_dict(), self.average
            floating = [name for name, value in own.items() if value.is_floating_point()]
            torch._foreach_lerp_([average[name] for name in floating], [own[name] for name in floating], 1 - decay)
            for name in own.keys() - set(floating):
                average[name].copy_(own[name])

    def _look(self) -> None:
        """Read losses from the device, which waits for it."""
        for terms in self._unread:
            values = {name: float(value) for name, value in terms.items()}
            if not math.isfinite(values['total']):
                raise ValueError(f'expected a finite loss, got {values["total"]} at step {self.step}; lower the '
                                 'learning rate')
            self._read.append(values)
        self._unread = []

    def _evaluate(self) -> None:
        own = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.average)
        self.model.eval()
        with torch.no_grad():
            scores = self.validate(self.model)
        self.model.train()
        self.model.load_state_dict(own)
        score = self.last_score = next(iter(scores.values()))
        if score > self.best_score:
            self.best_score, self.best_step = score, self.step
            self.best = {name: value.clone() for name, value in self.average.items()}
        row = {'step': self.step, 'seconds': round(self.seconds, 1), 'rate': self.rate(self.step - 1),
               **self._mean_losses(), **{name: round(value, 5) for name, value in scores.items()}}
        log = self.folder / 'log.csv'
        new = not log.exists()
        with log.open('a', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)

    def _mean_losses(self) -> dict[str, float]:
        """Since the last validation: the sum as `loss`, its terms as `loss_...`."""
        means = {name: sum(terms[name] for terms in self._read) / len(self._read) for name in self._read[0]}
        return {'loss' if name == 'total' else f'loss_{name}': round(mean, 6) for name, mean in means.items()}

    def _save(self) -> None:
        tensors = {f'model.{name}': value for name, value in self.model.state_dict().items()}
        tensors |= {f'average.{name}': value for name, value in self.average.items()}
        tensors |= {f'best.{name}': value for name, value in self.best.items()}
        for index, state in self.optimiser.state_dict()['state'].items():
            tensors |= {f'optimiser.{index}.{name}': torch.as_tensor(value) for name, value in state.items()}
        numbers = {'step': self.step, 'best_score': self.best_score, 'best_step': self.best_step,
                   'last_score': self.last_score, 'seconds': self.seconds}
        partial = self._state_file.with_suffix('.partial')
        save_file({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, str(partial),
                  metadata={name: repr(value) for name, value in numbers.items()})
        os.replace(partial, self._state_file)

    def _restore(self) -> None:
        groups: dict[str, dict[str, Tensor]] = {'model': {}, 'average': {}, 'best': {}, 'optimiser': {}}
        with safe_open(str(self._state_file), framework='pt') as file:
            numbers = file.metadata()
            for key in file.keys():  # noqa: SIM118  (the file is no mapping)
                group, _, name = key.partition('.')
                groups[group][name] = file.get_tensor(key)
        expected = {name: value.shape for name, value in self.model.state_dict().items()}
        if {name: value.shape for name, value in groups['model'].items()} != expected:
            raise ValueError(f'expected the state of this model in {self._state_file}, got another one; choose '
                             'another folder or train without resuming')
        self.model.load_state_dict(groups['model'])
        device = next(self.model.parameters()).device
        self.average = {name: value.to(device) for name, value in groups['average'].items()}
        self.best = {name: value.to(device) for name, value in groups['best'].items()}
        states: dict[int, dict[str, Tensor]] = {}
        for key, value in groups['optimiser'].items():
            index, _, name = key.partition('.')
            states.setdefault(int(index), {})[name] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), 'state': states})
        self.step, self.best_step = int(numbers['step']), int(numbers['best_step'])
        if distributed.is_main():
            self._cut_log()
        self.best_score, self.seconds = float(numbers['best_score']), float(numbers['seconds'])
        self.last_score = float(numbers.get('last_score', math.nan))     # written before it was kept: unknown

    def _cut_log(self) -> None:
        """Drop rows written after the saved state: the steps they stand for are made again."""
        log = self.folder / 'log.csv'
        lines = log.read_text(encoding='utf-8').splitlines(keepends=True)
        log.write_text(''.join(line for line in lines if line.startswith('step')
                               or int(line.partition(',')[0]) <= self.step), encoding='utf-8')


def _progress_bar(steps: int, done: int) -> Any:
    from tqdm import tqdm

    return tqdm(total=steps, initial=done, unit='step', file=sys.stderr, mininterval=1.0)
