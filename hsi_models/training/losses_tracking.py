"""Labels and losses of the Siamese trackers, on the response map of a search crop.

Sources: SiamBAN family (ellipse labels, 16 positives of 64 samples, IoU loss); SSF-Net (SAAL); BCR-Net sections 3.4.1
(sum over groups, reconstruction). Not stated; ours: the margin of SAAL and that it compares all pairs of a positive
and a negative cell of a crop; half of the classification loss for each class (SiamBAN's code does so too).
"""
from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from hsi_models.networks.layers.bimm import SelfExpression
from hsi_models.networks.siamese_network import SiameseOutputs, response_points

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1


@dataclass(frozen=True)
class TrackingLossConfig:
    """Weights and sampling.

    Args:
        positives: most positive cells of a crop that count.
        samples: cells of a crop that count.
        classification, regression: weights (lambda 1 and 2).
        branches: weight of the same losses of each branch, weighted as it counted in the fusion.
        angle: weight of SAAL.
        margin_rad: by which SAAL wants negatives further from the template than positives.
        reconstruction: weight of the self-expression of both crops (SEE-Net's .014).
    """

    positives: int = 16
    samples: int = 64
    classification: float = 1.0
    regression: float = 1.0
    branches: float = 0.5
    angle: float = 1.0
    margin_rad: float = 0.3
    reconstruction: float = 0.014

    def __post_init__(self) -> None:
        if not 0 < self.positives <= self.samples:
            raise ValueError(f'expected 0 < positives <= samples, got {self.positives} of {self.samples}')


def ellipse_labels(boxes: Tensor, points: Tensor | None = None) -> Tensor:
    """Which response cells are target, background, or neither.

    Positive inside the ellipse around the box's centre with semi-axes w / 4 and h / 4, negative outside that with
    w / 2 and h / 2, ignored between; a point on the line belongs to the inside.

    Args:
        boxes: (B, 4), corners x1, y1, x2, y2, pixels of the search crop; a box of nan (the target is not in the
            crop) makes every cell negative.
        points: (2, n, n), x and y that the cells stand for; None for `response_points`.

    Returns:
        (B, n, n), int64: 1, 0 or -1; n is 25 without `points`.
    """
    points = response_points(boxes.device) if points is None else points
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    size = boxes[:, 2:] - boxes[:, :2]
    offset = (points - centre[:, :, None, None]) / size[:, :, None, None]
    radius = (offset ** 2).sum(dim=1)
    return torch.where(radius <= 1 / 16, POSITIVE, torch.where(radius <= 1 / 4, IGNORED, NEGATIVE))


def distance_targets(boxes: Tensor, points: Tensor | None = None) -> Tensor:
    """Distances l, t, r, b (B, 4, n, n) of each cell's point to the edges of boxes (B, 4) of corners, pixels; `points`
    as in `ellipse_labels`."""
    points = response_points(boxes.device) if points is None else points
    return torch.cat([points - boxes[:, :2, None, None], boxes[:, 2:, None, None] - points], dim=1)


def sample_cells(labels: Tensor, positives: int, samples: int,
                 generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Choose at random which cells of each crop count.

    Args:
        labels: (B, H, W), from `ellipse_labels`.
        positives: most positive cells of a crop.
        samples: cells of a crop; negatives fill up.
        generator: of the random numbers, on the labels' device.

    Returns:
        masks of the positive and the negative cells, (B, H, W), bool.
    """
    flat = labels.flatten(1)
    order = torch.rand(flat.shape, generator=generator, device=flat.device)

    def choose(candidates: Tensor, count: Tensor) -> Tensor:
        rank = torch.where(candidates, order, 2.0).argsort(dim=1).argsort(dim=1)
        return (candidates & (rank < count)).reshape(labels.shape)

    positive = choose(flat == POSITIVE, torch.full_like(flat[:, :1], positives))
    chosen = positive.flatten(1).sum(dim=1, keepdim=True)
    return positive, choose(flat == NEGATIVE, samples - chosen)


def classification_loss(cls: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Cross-entropy, half from positive and half from negative cells.

    Args:
        cls: (B, 2, H, W), logits of background and target.
        positive, negative: (B, H, W), masks from `sample_cells`.
    """
    log = F.log_softmax(cls.float(), dim=1)
    return -0.5 * (_masked_mean(log[:, 1], positive) + _masked_mean(log[:, 0], negative))


def iou_loss(reg: Tensor, targets: Tensor, positive: Tensor) -> Tensor:
    """Mean of 1 - IoU over positive cells.

    Args:
        reg, targets: (B, 4, H, W), l, t, r, b distances, pixels; targets > 0 at positive cells.
        positive: (B, H, W), bool.
    """
    reg, targets = reg.float(), torch.where(positive[:, None], targets.float(), 1.0)     # nan has nan gradients
    overlap = torch.minimum(reg, targets).clamp_min(0)
    intersection = (overlap[:, 0] + overlap[:, 2]) * (overlap[:, 1] + overlap[:, 3])
    union = (reg[:, 0] + reg[:, 2]) * (reg[:, 1] + reg[:, 3]) - intersection \
        + (targets[:, 0] + targets[:, 2]) * (targets[:, 1] + targets[:, 3])
    return _masked_mean(1 - intersection / union.clamp_min(1e-6), positive)


def spectral_angle_awareness_loss(angle_map: Tensor, labels: Tensor, margin_rad: float) -> Tensor:
    """SAAL: max(0, angle(anchor, positive) - angle(anchor, negative) + margin), mean over pairs within a crop.

    The anchor is the template region, which the map compares every search region with.

    Args:
        angle_map: (B, 1, H, W), SAAM's agreement s = 1 - (2 / pi) angle.
        labels: (B, H, W), from `ellipse_labels`.
        margin_rad: margin, rad.

    Returns:
        A scalar; 0 where no crop has both kinds of cells.
    """
    angle = (1 - angle_map.float().flatten(1)) * (math.pi / 2)
    flat = labels.flatten(1)
    gap = F.relu(angle[:, :, None] - angle[:, None, :] + margin_rad)
    return _masked_mean(gap, (flat == POSITIVE)[:, :, None] & (flat == NEGATIVE)[:, None, :])


def reconstruction_loss(solution: SelfExpression) -> Tensor:
    """|X - C X|_F^2 / HW, mean over the batch, for one crop (template or search)."""
    residual = solution.spectra - torch.matmul(solution.coefficients, solution.spectra)
    return residual.square().sum(dim=1).mean()


def distillation_loss(cls: Tensor, reg: Tensor, wanted_cls: Tensor, wanted_reg: Tensor,
                      where: Tensor | None = None) -> Tensor:
    """How far answers are from a teacher's: divergence of classes, and of boxes where the teacher sees a target.

    Args:
        cls, wanted_cls: (B, 2, H, W), logits of background and target.
        reg, wanted_reg: (B, 4, H, W), l, t, r, b distances, pixels.
        where: bool (B,), pairs that the teacher speaks of; None for all.
    """
    asked = torch.ones_like(cls[:, 0, 0, 0]) if where is None else where.to(cls.dtype)
    apart = F.kl_div(F.log_softmax(cls.float(), dim=1), F.log_softmax(wanted_cls.float(), dim=1), log_target=True,
                     reduction='none')
    seen = F.softmax(wanted_cls.float(), dim=1)[:, 1:] * asked[:, None, None, None]
    moved = ((reg.float() + 1).log() - (wanted_reg.float() + 1).log()).abs() * seen
    return (apart.sum(dim=(1, 2, 3)) * asked).mean() / 16 + moved.sum() / (4 * seen.sum()).clamp_min(1)


def tracking_loss(outputs: SiameseOutputs, boxes: Tensor, config: TrackingLossConfig,
                  solutions: tuple[SelfExpression, ...] = (),
                  generator: torch.Generator | None = None) -> dict[str, Tensor]:
    """All terms of one batch, weighted, and their sum.

    Args:
        outputs: of `SiameseNetwork.search`.
        boxes: (B, 4), corners of the target, pixels of the search crop; nan for a negative pair.
        config: weights and sampling.
        solutions: BIMM's, of template and search crops.
        generator: of the random sampling, on the boxes' device.

    Returns:
        scalars `total`, `cls`, `reg`, `branches`, and `angle` and `reconstruction` where they apply.
    """
    labels = ellipse_labels(boxes)
    positive, negative = sample_cells(labels, config.positives, config.samples, generator)
    targets = distance_targets(boxes)

    def pair(cls: Tensor, reg: Tensor) -> tuple[Tensor, Tensor]:
        return (config.classification * classification_loss(cls, positive, negative),
                config.regression * iou_loss(reg, targets, labels == POSITIVE))

    terms = dict(zip(('cls', 'reg'), pair(outputs.cls, outputs.reg), strict=True))
    share = outputs.branch_weights.detach().mean(dim=0)
    branches = torch.vmap(lambda cls, reg: sum(pair(cls, reg)), in_dims=1)(outputs.branch_cls, outputs.branch_reg)
    terms['branches'] = config.branches * (share * branches).sum()
    if outputs.angle is not None:
        terms['angle'] = config.angle * spectral_angle_awareness_loss(outputs.angle, labels, config.margin_rad)
    if solutions:
        terms['reconstruction'] = config.reconstruction * torch.stack([reconstruction_loss(s) for s in solutions]).sum()
    return {'total': torch.stack(list(terms.values())).sum(), **terms}


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the masked places; 0 where there is none. nan outside the mask does not matter."""
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp_min(1)
