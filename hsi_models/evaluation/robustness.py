"""First boxes that are a little wrong: what an operator's hand does to a tracker."""
from __future__ import annotations

from collections.abc import Mapping

from hsi_models.boxes import Box

SHIFT = 0.1
SHIFTS: Mapping[str, tuple[int, int]] = {
    'shift_left': (-1, 0), 'shift_right': (1, 0), 'shift_up': (0, -1), 'shift_down': (0, 1),
    'shift_left_up': (-1, -1), 'shift_right_up': (1, -1), 'shift_left_down': (-1, 1), 'shift_right_down': (1, 1)}
SCALES: Mapping[str, float] = {'scale_80': 0.8, 'scale_90': 0.9, 'scale_110': 1.1, 'scale_120': 1.2}
PERTURBATIONS = (*SHIFTS, *SCALES)
"""Names of the twelve perturbations, also the sub-folders in which their results are looked for."""


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
