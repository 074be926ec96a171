"""How good a Siamese network is on held-out pairs: where colour is enough, and where only the spectrum tells."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hsi_models.data.simulation.pairs import PairSimulator
from hsi_models.networks.siamese_network import STRIDE, SiameseOutputs, decode_boxes
from hsi_models.training.tracking_inputs import TrackingInputs, pairs_of_side, tracking_inputs

_SHARES = {'colour': (0.0, 0.0, 0.0), 'hidden': (1.0, 1.0, 0.0), 'concealed': (1.0, 0.0, 1.0)}   # hidden, twin, conceal

KINDS = tuple(_SHARES)
"""No target has a spectrum of its own; every target has one, and a look-alike beside it; nothing else shows it."""

_SEED = 7_000_000


@dataclass(frozen=True)
class ValidationConfig:
    """How much is looked at.

    Args:
        pairs: of each kind, while training.
        final_pairs: of each kind, of the best weights, for the card.
        batch: pairs at once.
        kinds: of `KINDS`, those that are looked at; the mean over them chooses the weights.
    """

    pairs: int = 256
    final_pairs: int = 1024
    batch: int = 32
    kinds: tuple[str, ...] = KINDS

    def __post_init__(self) -> None:
        if not self.kinds or not set(self.kinds) <= set(KINDS):
            raise ValueError(f'expected kinds of {", ".join(KINDS)}, got {self.kinds}')


class HeldOutPairs:
    """Pairs that are the same at every call, whatever the training's seed.

    Args:
        simulator: of held-out pictures.
        sides: of search regions, pixels of the sensor, in turn.
        config: how many.
    """

    def __init__(self, simulator: PairSimulator, sides: tuple[int, ...], config: ValidationConfig) -> None:
        self.config = config
        self.simulators = {}
        for kind in config.kinds:
            hidden, twin, conceal = _SHARES[kind]
            pairs = replace(simulator.config, hidden=hidden, twin=twin, conceal=conceal, negative=0.0)
            self.simulators[kind] = [simulator.with_config(pairs_of_side(pairs, side)) for side in sides]

    @torch.no_grad()
    def overlaps(self, network: nn.Module, kind: str, pairs: int) -> npt.NDArray[np.float64]:
        """IoU of the box at the highest score with the target's, (pairs,).

        Args:
            network: a `SiameseNetwork` in evaluation mode.
            kind: of `KINDS`.
            pairs: how many.
        """
        found: list[Tensor] = []
        for inputs in self.batches(kind, pairs):
            outputs = answer(network, inputs)
            found.append(best_overlap(outputs.cls, outputs.reg, inputs.boxes))
        return torch.cat(found)[:pairs].double().cpu().numpy()

    def batches(self, kind: str, pairs: int) -> Iterator[TrackingInputs]:
        """Batches of one of `KINDS`, at least `pairs` pairs together."""
        simulators = self.simulators[kind]
        for index in range(-(-pairs // self.config.batch)):
            seed = _SEED + index
            yield tracking_inputs(simulators[index % len(simulators)].draw(self.config.batch, seed), seed)

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Mean IoU of all kinds together, then of each, then the share above .5 of each."""
        found = {kind: self.overlaps(network, kind, self.config.pairs) for kind in self.config.kinds}
        means = {f'iou_{kind}': float(found[kind].mean()) for kind in found}
        hits = {f'success_{kind}': float((found[kind] > 0.5).mean()) for kind in found}
        return {'iou': sum(means.values()) / len(means), **means, **hits}

    def report(self, network: nn.Module) -> dict[str, object]:
        """For a card: mean IoU of each kind with its 95 % interval (bootstrap over pairs)."""
        rng = np.random.default_rng(0)
        out: dict[str, object] = {'pairs_of_each_kind': self.config.final_pairs}
        for kind in self.config.kinds:
            values = self.overlaps(network, kind, self.config.final_pairs)
            means = rng.choice(values, (2000, len(values))).mean(axis=1)
            low, high = np.quantile(means, [0.025, 0.975])
            out[f'iou_{kind}'] = round(float(values.mean()), 4)
            out[f'iou_{kind}_interval'] = [round(float(low), 4), round(float(high), 4)]
            out[f'success_{kind}'] = round(float((values > 0.5).mean()), 4)
        return out


def answer(network: nn.Module, inputs: TrackingInputs) -> SiameseOutputs:
    """What a network says of search crops."""
    state = network.template(inputs.template, inputs.box_size)  # type: ignore[operator]
    outputs: SiameseOutputs = network.search(state, inputs.search)  # type: ignore[operator]
    return outputs


def best_overlap(cls: Tensor, reg: Tensor, boxes: Tensor, stride: int = STRIDE) -> Tensor:
    """IoU (B,) of the box of the cell with the highest score; nan where there is no target.

    Args:
        cls: logits of background and target, (B, 2, n, n).
        reg: distances l, t, r, b, pixels of the search crop, (B, 4, n, n).
        boxes: corners of the targets, pixels of the search crop, (B, 4).
        stride: distance of two cells, pixels.
    """
    best = (cls[:, 1] - cls[:, 0]).flatten(1).argmax(dim=1)
    corners = decode_boxes(reg.float(), stride).flatten(2).gather(2, best[:, None, None].expand(-1, 4, 1))[:, :, 0]
    low, high = torch.maximum(corners[:, :2], boxes[:, :2]), torch.minimum(corners[:, 2:], boxes[:, 2:])
    shared = (high - low).clamp_min(0).prod(dim=1)
    total = (corners[:, 2:] - corners[:, :2]).prod(dim=1) + (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    return shared / (total - shared)
