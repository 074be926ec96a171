"""The network of the default tracker `auto`: one light trunk on two pictures of the target, and a learned reliability.

The pictures are false colour, and the probability that a pixel's spectrum is the target's (grey). Both go through the
same trunk as a batch of two; a gate says cell by cell how far each is believed, from both responses, the probability
itself and how well the first frame separated. Before any training the gate is the rule of the untrained fusion
(`tracking.fusion`): the probability counts for .7 of the separability's weight, everywhere.

Ours; the trunk has the layers of NanoTrack v3 (see `nanotrack`) with its batch norms folded.
"""
from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hsi_models.networks.fold import fold_batch_norms
from hsi_models.networks.nanotrack import RESPONSE_SIZE, NanoTrack

TRUST_SIZE = 3
"""Numbers that say how well the first frame separates: roc and ok of `Separability`, and the rule's weight of them."""

_SHARE = 0.7
_LEAST = 0.02       # of either picture, so that the gate can learn
_HIDDEN = 16


class _Gate(nn.Module):
    """How far the probability's stream is believed, for the score and for the box, a cell."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3 + TRUST_SIZE, _HIDDEN, 3, padding=1), nn.ReLU(),
                                    nn.Conv2d(_HIDDEN, _HIDDEN, 3, padding=1), nn.ReLU(), nn.Conv2d(_HIDDEN, 2, 1))
        last = cast(nn.Conv2d, self.layers[-1])
        nn.init.zeros_(last.weight)
        nn.init.zeros_(cast(Tensor, last.bias))

    @torch.no_grad()
    def scale(self, share: float) -> None:
        """Keep a share of what was learned beside the rule: 0 is the rule alone."""
        last = cast(nn.Conv2d, self.layers[-1])
        last.weight *= share
        cast(Tensor, last.bias).mul_(share)

    def forward(self, scores: Tensor, probability: Tensor, trust: Tensor) -> Tensor:
        """(B, 2, n, n) scores 0..1, (B, 1, n, n) probability, (B, 3) trust -> shares (B, 2, n, n), 0..1."""
        numbers = trust[:, :, None, None].expand(-1, -1, *scores.shape[2:])
        start = (_SHARE * trust[:, 2]).clamp(_LEAST, 1 - _LEAST)
        offset = torch.log(start / (1 - start))[:, None, None, None]
        return torch.sigmoid(offset + self.layers(torch.cat([scores, probability, numbers], dim=1)))


class AutoNet(nn.Module):
    """Template and search half; stateless."""

    def __init__(self) -> None:
        super().__init__()
        trunk = fold_batch_norms(NanoTrack())
        self.backbone, self.head = cast(nn.Module, trunk.backbone), cast(nn.Module, trunk.ban_head)
        self.gate = _Gate()
        self.train()

    @classmethod
    def from_nanotrack(cls, path: Path) -> AutoNet:
        """Start from the published weights of NanoTrack v3, whose hash is checked.

        Raises:
            FileNotFoundError: no such file.
            ValueError: another file.
        """
        network, start = cls(), fold_batch_norms(NanoTrack.load(path))
        network.backbone.load_state_dict(cast(nn.Module, start.backbone).state_dict())
        network.head.load_state_dict(cast(nn.Module, start.ban_head).state_dict())
        return network

    def template(self, pictures: Tensor, trust: Tensor) -> tuple[Tensor, ...]:
        """What is kept of a target.

        Args:
            pictures: (B, 2, 3, 127, 127), RGB, 0..1: false colour, probability.
            trust: (B, 3): roc and ok of `Separability`, 0..1, and the rule's weight, 0..1.

        Returns:
            kernels of both pictures, the batch first, and `trust`.
        """
        kernels = self.head.template(self._features(pictures))  # type: ignore[operator]
        return (*(kernel.unflatten(0, pictures.shape[:2]) for kernel in kernels), trust)

    def search(self, pictures: Tensor, *state: Tensor) -> tuple[Tensor, Tensor]:
        """Where the target is.

        Args:
            pictures: (B, 2, 3, 255, 255), as in `template`.
            state: of `template`, with the same batch.

        Returns:
            logarithms of the probabilities of background and target (B, 2, 15, 15); distances from a cell's point to
            the left, top, right and bottom edge of the box, pixels of the search crop, > 0, (B, 4, 15, 15).
        """
        return self.fuse(pictures, *self.streams(pictures, *state), state[-1])

    def streams(self, pictures: Tensor, *state: Tensor) -> tuple[Tensor, Tensor]:
        """Each picture on its own: logits (B, 2, 2, 15, 15) and distances (B, 2, 4, 15, 15), pictures second."""
        kernels = tuple(kernel.flatten(0, 1) for kernel in state[:-1])
        logits, distances = self.head(kernels, self._features(pictures))
        return logits.unflatten(0, pictures.shape[:2]), distances.unflatten(0, pictures.shape[:2])

    def fuse(self, pictures: Tensor, logits: Tensor, distances: Tensor, trust: Tensor) -> tuple[Tensor, Tensor]:
        """Both streams by the gate; arguments and result as in `search` and `streams`."""
        odds = logits[:, :, 1] - logits[:, :, 0]
        probability = F.adaptive_avg_pool2d(pictures[:, 1, :1], RESPONSE_SIZE)
        gate = self.gate(torch.sigmoid(odds), probability, trust)
        share = torch.log(torch.stack([1 - gate[:, 0], gate[:, 0]], dim=1).clamp_min(1e-4))
        mixed = torch.stack([torch.logsumexp(share + F.logsigmoid(sign * odds), dim=1) for sign in (-1, 1)], dim=1)
        follow = gate[:, 1:]
        return mixed, (1 - follow) * distances[:, 0] + follow * distances[:, 1]

    def _features(self, pictures: Tensor) -> Tensor:
        return cast(Tensor, self.backbone(pictures.flatten(0, 1))[-1])
