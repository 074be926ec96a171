"""Corrects a box: where a target's edges are, learned from what the first frame showed of it.

Ours. It sees two pictures of a box with as much again around it, the first frame's and a later one's: the probability
that a pixel's spectrum is the target's. Out come place and size in units of the box, and how sure they are, as the
scale of a Laplace distribution (Kendall and Gal, NeurIPS 2017, section 3): where nothing shows the edges, nothing is
moved. Fed with false colour besides it learned more slowly, and no better boxes.
"""
from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

SIDE = 64
"""Pixels along each side of its pictures."""
NUMBERS = 4
"""x, y in units of width and height; natural logarithms of width and height."""

_WIDTH = 32
_NARROW, _WIDE = -5.0, 2.0      # of the logarithm of the scale: nothing is known better than to .007 of a side


class BoxRefiner(nn.Module):
    """First and later half; stateless."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, _WIDTH, 5, 2, 2)
        self.later = nn.Conv2d(1, _WIDTH, 5, 2, 2, bias=False)
        self.features = nn.Sequential(
            nn.ReLU(), nn.Conv2d(_WIDTH, _WIDTH, 3, 2, 1), nn.ReLU(), nn.Conv2d(_WIDTH, 2 * _WIDTH, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(2 * _WIDTH, 2 * _WIDTH, 3, 1, 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(2 * _WIDTH * (SIDE // 8) ** 2, 3 * _WIDTH), nn.ReLU(), nn.Linear(3 * _WIDTH, 2 * NUMBERS))
        last = cast(nn.Linear, self.features[-1])
        nn.init.zeros_(last.weight)     # at first nothing is moved, and nothing is sure
        with torch.no_grad():
            last.bias.copy_(torch.tensor([0.0] * NUMBERS + [-2.0] * NUMBERS))

    def template(self, pictures: Tensor) -> tuple[Tensor]:
        """What is kept of the first frame's picture.

        Args:
            pictures: (B, 1, SIDE, SIDE), 0..1, of twice the box.
        """
        return (self.first(pictures - 0.5),)

    def search(self, pictures: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """How a box has to be corrected.

        Args:
            pictures: of a later frame, as in `template`.
            first: of `template`.

        Returns:
            corrections (B, NUMBERS), and the scale of each (B, NUMBERS), > 0, in the same units.
        """
        out = self.features(first + self.later(pictures - 0.5))
        return out[:, :NUMBERS], torch.exp(out[:, NUMBERS:].clamp(_NARROW, _WIDE))
