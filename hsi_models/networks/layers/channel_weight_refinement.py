"""Channel weight refinement of BIMM: from a first guess of the coefficients to the refined ones.

Source: BCR-Net section 3.2.3: C = ReLU(Diag0(C0 - eta MLP(C0))), a perceptron that sees one entry at a time, so that
any band count works, and one step. Not stated; ours: entries enter and leave in units of 1 / (C - 1), so that they mean
the same at any band count; two hidden layers of 16; eta is learned; and, behind `gradient`, the true gradient of
|X - C X|^2 as a second input and as the start of the update, which turns several steps into learned projected gradient
descent.
"""
from __future__ import annotations

import torch
from torch import Tensor, nn


def zero_diagonal(matrix: Tensor) -> Tensor:
    """Diag0: (B, C, C) with its diagonal set to 0."""
    return matrix * (1 - torch.eye(matrix.shape[-1], device=matrix.device, dtype=matrix.dtype))


class ChannelWeightRefinement(nn.Module):
    """Steps that keep C >= 0 and diag C = 0.

    Args:
        steps: of refinement; 1 in the paper.
        gradient: show the true gradient to the perceptron.
        hidden: width of the perceptron.
    """

    def __init__(self, steps: int = 1, gradient: bool = False, hidden: int = 16) -> None:
        super().__init__()
        if steps < 1:
            raise ValueError(f'expected at least 1 refinement step, got {steps}')
        self.steps, self.gradient = steps, gradient
        last = nn.Linear(hidden, 1)
        self.perceptron = nn.Sequential(nn.Linear(2 if gradient else 1, hidden), nn.ReLU(), nn.Linear(hidden, hidden),
                                        nn.ReLU(), last)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.log_eta = nn.Parameter(torch.zeros(steps))

    def forward(self, initial: Tensor, gram: Tensor) -> list[Tensor]:
        """Refine.

        Args:
            initial: C0 (B, C, C), >= 0, zero diagonal.
            gram: X X^T (B, C, C) of the spectra.

        Returns:
            The coefficients after each step; the last ones are the result.
        """
        unit = 1.0 / (initial.shape[-1] - 1)
        lipschitz = gram.diagonal(dim1=1, dim2=2).sum(-1)[:, None, None].clamp_min(1e-12)
        steps, current = [], initial
        for step in range(self.steps):
            entries = [current / unit]
            if self.gradient:
                entries.append((torch.matmul(current, gram) - gram) / lipschitz / unit)
            seen = torch.stack(entries, dim=-1).to(self.log_eta.dtype)
            update = self.perceptron(seen)[..., 0].to(current.dtype)
            if self.gradient:
                update = update + entries[1]
            current = torch.relu(zero_diagonal(current - self.log_eta[step].exp().to(current.dtype) * unit * update))
            steps.append(current)
        return steps
