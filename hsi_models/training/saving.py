"""The end of a training on pairs: weights as half precision holds them, what these reach, and their card."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from hsi_models.checkpoint import ModelCard, rounded, save_checkpoint
from hsi_models.training.loop import LoopResult


def save_rounded(path: Path, network: nn.Module, card: ModelCard, result: LoopResult,
                 validate: Callable[[nn.Module], dict[str, float]]) -> None:
    """Write a network as it is now, with its card.

    Args:
        path: `*.safetensors`.
        network: in which the weights are rounded: what is reported is what is stored.
        card: of the training; its data is what was seen besides pairs; steps, minutes and scores are filled in here.
        result: of the training.
        validate: network -> named scores.
    """
    weights = rounded(network.state_dict())
    network.load_state_dict(weights)
    with torch.no_grad():
        scores = validate(network.eval())
    pairs = 'pictures with boxes of the corpus, turned hyperspectral in pairs'
    data = f'{pairs}, and {card.data}' if card.data else pairs
    save_checkpoint(path, weights, replace(
        card, data=f'{data}; see docs/training.md', steps=result.step, minutes=round(result.seconds / 60, 1),
        validation={name: round(value, 4) for name, value in scores.items()}), half=True)
