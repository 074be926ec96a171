"""The target probability image for batches on a device: what `tracking.probability` computes for one frame."""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hsi_models.boxes import Box
from hsi_models.tracking.probability import FOLD_STEPS, ProbabilityConfig, component_box

GRID, MIDDLE = 40, 0.36     # surroundings: every n-th pixel, about so many a side; target: every pixel in the middle


@dataclass(frozen=True, eq=False)
class BatchProbability:
    """Fits of B targets, each on its own first view.

    Args:
        weights: of the normalised spectrum, (B, C).
        bias: (B,).
        roc: smaller of the areas under the ROC curves target / ring and target / surroundings, (B,).
    """

    weights: Tensor
    bias: Tensor
    roc: Tensor

    def apply(self, spectra: Tensor) -> Tensor:
        """Unit spectra (B, C, H, W) -> probability (B, H, W)."""
        return torch.sigmoid(torch.einsum('bchw,bc->bhw', spectra, self.weights) + self.bias[:, None, None])


def unit_spectra(cubes: Tensor, sigma: float) -> Tensor:
    """Blurred spectra divided by their norm, (B, C, H, W) -> the same shape."""
    radius, side = max(1, round(2.5 * sigma)), cubes.shape[-1]
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    taps = (kernel / kernel.sum()).tolist()
    smooth = F.pad(cubes, (radius,) * 4, mode='replicate')
    for axis in (-1, -2):       # sums of slices: several times faster on a CPU than a convolution of single planes
        shifted = [smooth.narrow(axis, place, side) for place in range(len(taps))]
        smooth = shifted[0] * taps[0]
        for part, tap in zip(shifted[1:], taps[1:], strict=True):
            smooth.add_(part, alpha=tap)
    norm: Tensor = torch.linalg.vector_norm(smooth, dim=1, keepdim=True)
    return smooth / norm.clamp_min(1e-12)


def fit_probability(spectra: Tensor, boxes: Tensor, config: ProbabilityConfig) -> BatchProbability:
    """Logistic regression of each target: inner ellipse against half ring, half everything outside of the box.

    Args:
        spectra: first views, from `unit_spectra`, (B, C, S, S).
        boxes: of the targets, x, y, w, h in pixels, (B, 4).
        config: see `ProbabilityConfig`.
    """
    drawn = _draw(spectra, boxes, config)
    weights, bias = _fit(drawn, torch.ones_like(drawn.target), config)
    score = drawn.scores(weights, bias)
    roc = torch.minimum(_roc_area(score, drawn.target, drawn.ring), _roc_area(score, drawn.target, drawn.outside))
    return BatchProbability(weights.to(spectra), bias.to(spectra), roc.to(spectra))


def held_out_areas(spectra: Tensor, boxes: Tensor, config: ProbabilityConfig) -> Tensor:
    """`Separability.held_out` of each target: halves of target and ring are scored by a fit on the other ones.

    Arguments as of `fit_probability`; returns (B,), 0..1.
    """
    drawn, config = _draw(spectra, boxes, config), replace(config, newton_steps=FOLD_STEPS)
    lower = _lower_half(drawn.target) | _lower_half(drawn.ring)
    told, areas = [], []
    for held in (lower, ~lower):
        weights, bias = _fit(drawn, drawn.outside & ~drawn.ring | ~held, config)
        score = drawn.scores(weights, bias)
        told.append(score)
        areas.append(_roc_area(score, drawn.target & held, drawn.outside))
    ring = _roc_area(torch.where(lower, told[0], told[1]), drawn.target, drawn.ring)
    return torch.minimum(ring, torch.stack(areas).mean(dim=0)).to(spectra)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Pixels that are fitted on, (B, N, C), and which of them show what, (B, N); the ring is part of the outside."""

    spectra: Tensor
    target: Tensor
    ring: Tensor
    outside: Tensor

    def scores(self, weights: Tensor, bias: Tensor) -> Tensor:
        """Logits of the pixels, (B, N)."""
        return torch.einsum('bnc,bc->bn', self.spectra, weights) + bias[:, None]


def _draw(spectra: Tensor, boxes: Tensor, config: ProbabilityConfig) -> _Drawn:
    """Every pixel in the middle, and every n-th of all."""
    side = spectra.shape[-1]
    edge, step = round((1 - MIDDLE) / 2 * side), max(1, round(side / GRID))
    dense = torch.arange(edge, side - edge, device=spectra.device)
    coarse = torch.arange(step // 2, side, step, device=spectra.device)
    samples = torch.cat([spectra[:, :, axis[:, None], axis].flatten(2) for axis in (dense, coarse)], 2).transpose(1, 2)
    centre, half = boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:] / 2
    grids = [torch.meshgrid(axis + 0.5, axis + 0.5, indexing='ij') for axis in (dense, coarse)]
    y, x = (torch.cat([grid[place].flatten() for grid in grids]) for place in (0, 1))
    u, v = ((place - centre[:, i:i + 1]).abs() / half[:, i:i + 1] for i, place in enumerate((x, y)))
    first = torch.arange(u.shape[1], device=spectra.device) < len(dense) ** 2
    outside = ((u > 1) | (v > 1)) & ~first
    ring = (u <= 1 + 2 * config.ring) & (v <= 1 + 2 * config.ring) & outside
    return _Drawn(samples.double(), (u ** 2 + v ** 2 <= config.inner ** 2) & first, ring, outside)


def _fit(drawn: _Drawn, kept: Tensor, config: ProbabilityConfig) -> tuple[Tensor, Tensor]:
    """Weights (B, C) and biases (B,) on the pixels that are kept, (B, N): half target, half what is not."""
    parts = ((0.5, drawn.target & kept), (0.25, drawn.ring & kept), (0.25, drawn.outside & kept))
    share = torch.stack([part * mask / mask.sum(dim=1, keepdim=True).clamp_min(1) for part, mask in parts]).sum(dim=0)
    share = share / share.sum(dim=1, keepdim=True)
    return _logistic_regression(drawn.spectra, drawn.target.double(), share.double(), config)


def _lower_half(mask: Tensor) -> Tensor:
    """The second half of the pixels of a mask (B, N), row by row."""
    return mask & (2 * mask.cumsum(dim=1) > mask.sum(dim=1, keepdim=True))


def component_overlap(probability: Tensor, boxes: Tensor) -> list[float]:
    """IoU of each box with the component of probability > .5 under it, counted on the CPU: the device is waited for.

    Args:
        probability: of B views, (B, S, S).
        boxes: see `fit_probability`.
    """
    return [_component_iou(image, box) for image, box in zip(probability.cpu().numpy(), boxes.tolist(), strict=True)]


def _logistic_regression(samples: Tensor, labels: Tensor, share: Tensor,
                         config: ProbabilityConfig) -> tuple[Tensor, Tensor]:
    """Weights (B, C) and biases (B,) for samples (B, N, C): Newton's method on whitened values, ridge on the weights.

    Whitened by a Cholesky factor: another whitening differs by a rotation only, which the ridge does not see. Whether
    the factors exist is not asked, which would wait for the device: floor and ridge see to it.
    """
    mean = torch.einsum('bn,bnc->bc', share, samples)
    centred = samples - mean[:, None]
    covariance = torch.einsum('bn,bnc,bnd->bcd', share, centred, centred)
    bands = samples.shape[2]
    eye = torch.eye(bands, dtype=samples.dtype, device=samples.device)
    floor = (1e-6 * covariance.diagonal(dim1=1, dim2=2).sum(dim=1)).clamp_min(1e-12)
    factor = torch.linalg.cholesky_ex(covariance + floor[:, None, None] * eye).L
    inputs = torch.linalg.solve_triangular(factor, centred.transpose(1, 2), upper=False).transpose(1, 2)
    inputs = torch.cat([inputs, torch.ones_like(inputs[:, :, :1])], dim=2)
    penalty = torch.full((bands + 1,), config.ridge, dtype=samples.dtype, device=samples.device)
    penalty[-1] = 1e-6
    solution = torch.zeros_like(inputs[:, 0])
    for _ in range(config.newton_steps):
        p = torch.sigmoid(torch.einsum('bnc,bc->bn', inputs, solution))
        gradient = torch.einsum('bnc,bn->bc', inputs, share * (p - labels)) + penalty * solution
        hessian = torch.matmul(inputs.transpose(1, 2), inputs * (share * p * (1 - p) + 1e-9)[:, :, None])
        solution = solution - torch.linalg.solve_ex(hessian + torch.diag(penalty), gradient).result
    weights = torch.linalg.solve_triangular(factor.transpose(1, 2), solution[:, :-1, None], upper=True)[:, :, 0]
    return weights, solution[:, -1] - (mean * weights).sum(dim=1)


def _roc_area(score: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """How often a positive scores above a negative, (B, N) and masks -> (B,); .5 where one is empty."""
    order = score.argsort(dim=1)
    below = negative.gather(1, order).double().cumsum(dim=1)
    chosen = positive.gather(1, order).double()
    pairs = positive.sum(dim=1) * negative.sum(dim=1)
    return torch.where(pairs > 0, (below * chosen).sum(dim=1) / pairs.clamp_min(1), 0.5)


def _component_iou(probability: np.typing.NDArray[np.float32], box: list[float]) -> float:
    """IoU of the box with the probable component under it, looked for within three times the box."""
    truth = Box(*box)
    side = probability.shape[0]
    x1, y1, x2, y2 = (round(min(max(value, 0), side)) for value in
                      Box.from_centre(*truth.centre, 3 * truth.w, 3 * truth.h).corners)
    local = Box(truth.x - x1, truth.y - y1, truth.w, truth.h)
    found = component_box(probability[y1:y2, x1:x2], local) if x2 > x1 and y2 > y1 else None
    return 0.0 if found is None else found.iou(local)
