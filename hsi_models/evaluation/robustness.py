"""First boxes that are a little wrong: what an operator's hand does to a tracker."""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hsi_models.boxes import Box

SHIFT = 0.1
SHIFTS: Mapping[str, tuple[int, int]] = {
    'shift_left': (-1, 0), 'shift_right': (1, 0), 'shift_up': (0, -1), 'shift_down': (0, 1),
    'shift_left_up': (-1, -1), 'shift_right_up': (1, -1), 'shift_left_down': (-1, 1), 'shift_right_down': (1, 1)}
SCALES: Mapping[str, float] = {'scale_80': 0.8, 'scale_90': 0.9, 'scale_110': 1.1, 'scale_120': 1.2}
PERTURBATIONS = (*SHIFTS, *SCALES)
"""Names of the twelve perturbations, also the sub-folders in which their results are looked for."""

JITTER = 0.12
JITTERS = tuple(f'jitter_{seed}' for seed in range(1, 6))
"""Likewise of five first boxes drawn by an unsure hand, see `jittered_box`."""


def perturbed_boxes(box: Box, width: float | None = None, height: float | None = None) -> dict[str, Box]:
    """The twelve first boxes of spatial robustness evaluation (SRE; Wu et al., CVPR 2013).

    Eight shifts by 10 % of the target's size along the axes and the diagonals, and four scales about the
    centre: .8, .9, 1.1 and 1.2.

    Args:
        box: the true first box, pixels.
        width, height: of the image, pixels; where given, boxes are clipped to it.

    Returns:
        name of the perturbation -> box, in the order of `PERTURBATIONS`.

    Raises:
        ValueError: a perturbed box lies outside the image altogether.
    """
    boxes = {name: Box(box.x + dx * SHIFT * box.w, box.y + dy * SHIFT * box.h, box.w, box.h)
             for name, (dx, dy) in SHIFTS.items()}
    boxes |= {name: Box.from_centre(*box.centre, box.w * scale, box.h * scale) for name, scale in SCALES.items()}
    if width is None or height is None:
        return boxes
    clipped = {name: one.clipped(width, height) for name, one in boxes.items()}
    outside = [name for name, one in clipped.items() if one is None]
    if outside:
        raise ValueError(f'expected a box inside the image of {width:g} x {height:g} px, got {box}; '
                         f'outside after {", ".join(outside)}')
    return {name: one for name, one in clipped.items() if one is not None}


def jittered_box(box: Box, seed: int) -> Box:
    """A first box off by up to `JITTER` of the target's size in position, and by up to that share in size.

    Args:
        box: the true first box.
        seed: of the four numbers, uniform and independent.
    """
    dx, dy, dw, dh = np.random.default_rng(seed).uniform(-JITTER, JITTER, 4)
    return Box.from_centre(box.centre[0] + dx * box.w, box.centre[1] + dy * box.h, box.w * (1 + dw), box.h * (1 + dh))


def wrong_first_box(name: str, box: Box, width: float, height: float, salt: int = 0) -> Box:
    """The first box of one of `PERTURBATIONS` or `JITTERS`, inside of the image.

    Args:
        name: which.
        box: the true first box, pixels.
        width, height: of the image.
        salt: makes the jitter of one sequence differ from that of the next.

    Raises:
        ValueError: an unknown name, or a box that lies outside altogether.
    """
    if name in PERTURBATIONS:
        return perturbed_boxes(box, width, height)[name]
    if name not in JITTERS:
        raise ValueError(f'expected one of {", ".join([*PERTURBATIONS, *JITTERS])}, got {name!r}')
    inside = jittered_box(box, 1000 * int(name.rpartition('_')[2]) + salt).clipped(width, height)
    if inside is None:
        raise ValueError(f'expected a box inside the image of {width:g} x {height:g} px, got {box}; '
                         f'outside after {name}')
    return inside
