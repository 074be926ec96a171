"""What a Siamese tracker needs of its network: a template of the first frame, and a response to a search crop."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.crops import siamese_region

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Geometry:
    """Sizes of a Siamese network, pixels of its crops; column j of n stands for x = (j - n // 2) * stride + S / 2.

    Args:
        cells: side n of the response map, odd.
        stride: distance of two cells.
        template_size, search_size: sides of the crops; both show the same scale.
    """

    cells: int = 25
    stride: int = 8
    template_size: int = 127
    search_size: int = 255

    def boxes(self, distances: Floats) -> Floats:
        """Corners x1, y1, x2, y2 of boxes (4, n, n) from distances l, t, r, b (4, n, n); pixels of the search crop."""
        steps = ((np.arange(self.cells) - self.cells // 2) * self.stride + self.search_size / 2).astype(np.float32)
        x, y = steps[None], steps[:, None]
        left, top, right, bottom = distances
        return np.stack([x - left, y - top, x + right, y + bottom])


@dataclass(frozen=True, eq=False)
class Response:
    """What a matcher says of one search crop.

    Args:
        score: (n, n), 0..1, how much each cell looks like the target.
        boxes: (4, n, n), corners x1, y1, x2, y2, pixels of the search crop.
        contrast: (n, n), how far the spectrum inside of each cell's box stands out, 1 = as on the first frame; None
            where it tells nothing.
        detail: what the matcher needs for `refine`.
        tells: how well the spectrum tells the target from other places, 0..1, the same for every frame of a target.

    Raises:
        ValueError: a score or box that is not finite.
    """

    score: Floats
    boxes: Floats
    contrast: Floats | None = None
    detail: Any = None
    tells: float = 1.0

    def __post_init__(self) -> None:
        wrong = ~(np.isfinite(self.score) & np.isfinite(self.boxes).all(axis=0))
        if wrong.any():
            raise ValueError(f'expected finite scores and boxes from the network, got nan or inf in {wrong.sum()} of '
                             f'{wrong.size} cells: its weights do not fit, or need a higher precision')


def size_penalty(boxes: Floats, before: Box, strength: float) -> Floats:
    """exp(-k (r s - 1)), r and s >= 1 the changes of aspect and of size with context (SiamRPN, section 4.3).

    Args:
        boxes: corners, (4, n, n).
        before: the box of the frame before, same unit.
        strength: k.

    Returns:
        (n, n), 0..1; 1 where size and aspect stay.
    """
    width, height = np.maximum(boxes[2] - boxes[0], 1e-3), np.maximum(boxes[3] - boxes[1], 1e-3)
    margin = (width + height) / 2
    side, side_before = np.sqrt((width + margin) * (height + margin)), siamese_region(before).w
    change = _either_way(side / side_before) * _either_way(width / height / (before.w / before.h))
    penalty: Floats = np.exp(-strength * (change - 1))
    return penalty


def _either_way(ratio: Floats) -> Floats:
    return np.maximum(ratio, 1 / ratio)


class Matcher(Protocol):
    """Finds a template in search crops; stateless, so that one network serves many targets."""

    @property
    def geometry(self) -> Geometry:
        """Sizes of its crops and response."""
        ...

    def template(self, frame: HyperspectralFrame, box: Box) -> Any:
        """What is kept of the target: everything estimated on the first frame."""
        ...

    def search(self, template: Any, frame: HyperspectralFrame, region: Box) -> Response:
        """Where the template is in the crop of `region` (pixels of the frame)."""
        ...

    def renew(self, template: Any, frame: HyperspectralFrame, box: Box, weight: float) -> Any:
        """The first frame's template moved towards what a box of a later frame shows, by `weight` 0..1; what is to
        hold for a whole sequence (false colour, band groups, probability) stays the first frame's."""
        ...

    def follow(self, template: Any, frame: HyperspectralFrame, box: Box, age: int, contrast: float | None) -> Any:
        """The template with what a matcher keeps current (light, surroundings) taken from a frame.

        Args:
            template: in use.
            frame: number `age` since the first.
            box: where the target is believed to be, pixels of the frame; it is not LOST.
            contrast: of the box, see `Response`, where the target is TRACKING; None where it is not.
        """
        ...

    def refine(self, template: Any, response: Response, box: Box, lost: bool = False) -> Box:
        """A better box near the chosen one, both in pixels of the search crop; the same box where none is known.

        Args:
            template: in use.
            response: that the box was chosen in.
            box: the chosen one.
            lost: whether the target is looked for, so that anything may be in the box.
        """
        ...

    def candidates(self, template: Any, frame: HyperspectralFrame, box: Box) -> list[tuple[float, float]]:
        """Centres, pixels of the frame, at which a lost target should be looked for besides; may be empty."""
        ...
