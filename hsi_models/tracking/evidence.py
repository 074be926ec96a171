"""What the target probability tells a correlation filter: where the target can be, how large it is, if it is seen."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.appearance import Appearance, View
from hsi_models.tracking.crops import to_crop, to_frame
from hsi_models.tracking.probability import component_box, ramp

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EvidenceConfig:
    """How far the probability is followed; contrasts are in units of that of the first frame.

    Args:
        prior: exponent of the contrast on the filter's response, at full separability; 0 for none.
        prior_roc: separability at which this starts, and at which it is full.
        reach: sigma of the displacement that goes with it, in units of sqrt(w * h): look-alikes are further away.
        outline: overlap of the probable component with the first box (`Separability.ok`) at which the probability
            starts to be trusted to show the target's outline, and at which it is fully.
        refine_weight: trust from which probability judges the answer and its component corrects the box.
        refine_share: how far it does, at weight 1.
        refine_step: most that it changes a side in a frame, natural logarithm.
        clear: contrast from which a component is believed that overlaps the box by less than half, and a place that
            was found by its spectrum alone.
        unclear: contrast below which the size is kept and nothing is learned.
        unclear_frames: so many of these in a row, and the target is looked for elsewhere.
        redetect_roc: separability from which it is looked for by its spectrum, over the whole frame.

    Raises:
        ValueError: values out of range.
    """

    prior: float = 0.5
    prior_roc: tuple[float, float] = (0.9, 0.99)
    reach: float = 0.5
    outline: tuple[float, float] = (0.45, 0.85)
    refine_weight: float = 0.25
    refine_share: float = 0.8
    refine_step: float = 0.1
    clear: float = 0.6
    unclear: float = 0.4
    unclear_frames: int = 5
    redetect_roc: float = 0.95

    def __post_init__(self) -> None:
        if not self.prior >= 0 or not self.reach > 0 or not self.refine_step > 0:
            raise ValueError('expected prior >= 0, reach > 0 and refine_step > 0, got '
                             f'{self.prior:g}, {self.reach:g} and {self.refine_step:g}')
        for name in ('prior_roc', 'outline'):
            if not getattr(self, name)[0] < getattr(self, name)[1]:
                raise ValueError(f'expected {name} as two ascending numbers, got {getattr(self, name)}')
        if not self.unclear <= self.clear:
            raise ValueError(f'expected unclear <= clear, got {self.unclear:g} and {self.clear:g}')


@dataclass(frozen=True, eq=False)
class Evidence:
    """How well the probability showed the target on the first frame, and what follows from it later.

    Args:
        config: how far it is followed.
        first: contrast of the first frame's box.
        roc: separability there.
        weight: how far the probability is trusted to show the target's outline, 0..1.
    """

    config: EvidenceConfig
    first: float
    roc: float
    weight: float

    @classmethod
    def on(cls, appearance: Appearance, view: View, box: Box, config: EvidenceConfig) -> Evidence:
        """Measure on the first frame."""
        separability = appearance.probability.separability
        weight = ramp(separability.ok, config.outline) * ramp(separability.roc, config.prior_roc)
        return cls(config, view.contrast(box), separability.roc, weight)

    @property
    def exponent(self) -> float:
        """Of the contrast on the response; 0 where the spectrum says nothing about the place."""
        return self.config.prior * ramp(self.roc, self.config.prior_roc) if self.first > 0 else 0.0

    @property
    def shows_outline(self) -> bool:
        """Whether the probability may judge the answer and correct the box."""
        return self.first > 0 and self.weight >= self.config.refine_weight

    def contrast(self, view: View, box: Box) -> float:
        """How far a box stands out, 1 as on the first frame; nan where the spectrum says nothing about the place."""
        return view.contrast(box) / self.first if self.exponent else math.nan

    def prior(self, view: View, target: Box, near: bool) -> Float | None:
        """Factor on the response, 0..1, (cells, cells); None for 1 everywhere.

        Args:
            view: the search square.
            target: gives the size.
            near: whether the target is expected near the middle.
        """
        if not self.exponent:
            return None
        likely = np.clip(view.standing_out(target) / np.float32(self.first), 1e-3, 1)
        if near:
            count = len(likely)
            offset = (np.arange(count) - (count - 1) / 2) * view.region.w / count / math.sqrt(target.area)
            falling = np.exp(-0.5 * (offset / self.config.reach) ** 2).astype(np.float32)
            likely *= falling * falling[:, None]
        out: Float = likely ** np.float32(self.exponent)
        return out

    def refined(self, view: View, box: Box, frame: HyperspectralFrame) -> Box:
        """The box moved and resized towards the component of probability > .5 under it, where trusted."""
        if not self.shows_outline:
            return box
        size = (view.probability.shape[0], view.probability.shape[1])
        found = component_box(view.probability, to_crop(box, view.region, size))
        if found is None:
            return box
        x1, y1, x2, y2 = found.corners
        whole = min(x1, y1) > 0 and x2 < size[1] and y2 < size[0]      # at the edge it has no surroundings to judge by
        found = to_frame(found, view.region, size)
        if found.iou(box) <= 0.5 and not (whole and self.contrast(view, found) >= self.config.clear):
            return box
        share = self.config.refine_share * self.weight
        centre = [own + share * (other - own) for own, other in zip(box.centre, found.centre, strict=True)]
        least, most = math.exp(-self.config.refine_step), math.exp(self.config.refine_step)
        width, height = (min(own * min(max((other / own) ** share, least), most), 2.0 * limit) for own, other, limit
                         in ((box.w, found.w, frame.width), (box.h, found.h, frame.height)))
        return Box.from_centre(centre[0], centre[1], width, height)
