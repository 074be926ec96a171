"""Where to look for a target that was lost: by its spectrum over the whole frame, else on a widening spiral."""
from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.crops import crop
from hsi_models.tracking.probability import TargetProbability

_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_REACH = 8       # radius of the spiral in units of its spacing
_TARGET_PX = 6      # resolution at which the whole frame is looked at, pixels along sqrt(w * h)


def spectral_candidate(frame: HyperspectralFrame, probability: TargetProbability,
                       target: Box) -> tuple[float, float]:
    """Centre of the target-sized box of the frame that stands out most in the probability image.

    Args:
        frame: the whole frame.
        probability: fitted on the target.
        target: gives the size.

    Returns:
        (x, y), pixels.
    """
    return spectral_candidates(frame, probability, target, 1)[0].centre


def proposals(frame: HyperspectralFrame, probability: TargetProbability, target: Box, count: int,
              least_roc: float, least_contrast: float = -math.inf) -> list[tuple[float, float]]:
    """Centres of `spectral_candidates` that stand out by `least_contrast`; none where the spectrum told target and
    surroundings apart by less than `least_roc` (area under ROC, .5..1)."""
    if probability.separability.roc < least_roc:
        return []
    return [one.centre for one in spectral_candidates(frame, probability, target, count)
            if one.contrast >= least_contrast]


@dataclass(frozen=True)
class Candidate:
    """A place of the frame.

    Args:
        centre: (x, y), pixels.
        contrast: mean probability of a target-sized box there, less half of that around it.
    """

    centre: tuple[float, float]
    contrast: float


def spectral_candidates(frame: HyperspectralFrame, probability: TargetProbability, target: Box,
                        count: int) -> list[Candidate]:
    """The places of the frame that stand out most in the probability image, best first, no two within one target.

    Args:
        frame: the whole frame.
        probability: fitted on the target.
        target: gives the size.
        count: most places.
    """
    step = max(1, int(math.sqrt(target.area) / _TARGET_PX))
    rows, columns = max(1, frame.height // step), max(1, frame.width // step)
    small = crop(frame, Box(0, 0, columns * step, rows * step), (rows, columns))
    p = np.nan_to_num(probability.apply(small, step))       # one nan would spread through the sums below
    inside = (max(1, round(target.w / step)), max(1, round(target.h / step)))
    around = (2 * inside[0] + 1, 2 * inside[1] + 1)
    standing_out = cv2.blur(p, inside, borderType=cv2.BORDER_CONSTANT) \
        - 0.5 * cv2.blur(p, around, borderType=cv2.BORDER_REPLICATE)
    # An even box of cv2.blur lies half a pixel to the left and above.
    shift_x, shift_y = (0.5 * (side % 2) for side in inside)
    found: list[Candidate] = []
    while len(found) < count and np.isfinite(standing_out).any():
        row, column = (int(i) for i in np.unravel_index(int(standing_out.argmax()), standing_out.shape))
        found.append(Candidate(((column + shift_x) * step, (row + shift_y) * step), float(standing_out[row, column])))
        standing_out[max(0, row - inside[1]):row + inside[1] + 1,
                     max(0, column - inside[0]):column + inside[0] + 1] = -np.inf
    return found


def spiral_candidate(frame: HyperspectralFrame, centre: tuple[float, float], target: Box,
                     index: int) -> tuple[float, float]:
    """Point `index` (1, 2, ...) of a sunflower spiral around a centre, 1.5 target sizes apart, inside the frame.

    Args:
        frame: gives the limits.
        centre: where the target was seen last, pixels.
        target: gives the size.
        index: number of the point; starts anew at the end of the spiral.

    Returns:
        (x, y), pixels.
    """
    spacing = 1.5 * math.sqrt(target.area)      # a search square sees about one target size to each side
    reach = min(math.hypot(frame.width, frame.height), _REACH * spacing)
    count = max(1, int((reach / spacing) ** 2))
    radius, angle = spacing * math.sqrt(1 + index % count), index * _GOLDEN_ANGLE
    return (min(max(centre[0] + radius * math.cos(angle), 0.0), float(frame.width)),
            min(max(centre[1] + radius * math.sin(angle), 0.0), float(frame.height)))
