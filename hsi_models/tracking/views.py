"""What Siamese trackers look at in a frame: the pixels of a region, false colour, the spectrum of a box."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.colour import FalseColour
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.crops import crop
from hsi_models.tracking.probability import TargetProbability

Floats = npt.NDArray[np.float32]
_OVERSAMPLING = 1.25
_BEYOND = 1e15      # squares of spectra of larger values end in inf


@dataclass(frozen=True, eq=False)
class Pixels:
    """The pixels around a region, whole ones or averages of k x k: spectral arithmetic happens here, on few pixels.

    Args:
        values: (n, n, C), float32, unit of the frame.
        area: what they show, pixels of the frame.
        step: k.
    """

    values: Floats
    area: Box
    step: int

    @classmethod
    def around(cls, frame: HyperspectralFrame, region: Box, size: int) -> Pixels:
        """The pixels that a crop of a square region with side `size` is made of.

        Raises:
            ValueError: values that are not finite, or beyond 1e15.
        """
        step = max(1, math.ceil(region.w / (_OVERSAMPLING * size)))
        count = math.ceil((region.w + 3) / step)
        area = Box(math.floor(region.x) - 1, math.floor(region.y) - 1, count * step, count * step)
        values = crop(frame, area, (count, count))
        if frame.dtype == np.float32 and not max(values.max(), -values.min()) < _BEYOND:    # nan is not less, either
            wrong = np.count_nonzero(~(np.abs(values) < _BEYOND).all(axis=-1))
            raise ValueError(f'expected finite values below {_BEYOND:g} around the target, got nan, inf or larger in '
                             f'{wrong} pixels')
        return cls(values, area, step)

    def crop(self, image: Floats, region: Box, size: int) -> Floats:
        """An image computed on this grid, (n, n, D) or (n, n), as the crop of a region: (size, size, D) or
        (size, size)."""
        local = Box((region.x - self.area.x) / self.step, (region.y - self.area.y) / self.step,
                    region.w / self.step, region.h / self.step)
        return crop(image, local, (size, size))

    def false_colour(self, colour: FalseColour, region: Box, size: int) -> Floats:
        """Crop in false colour, RGB, sRGB, 0..1, (3, size, size)."""
        few = planes(colour.apply(self.values).astype(np.float32)) / np.float32(255)
        return np.stack([self.crop(plane, region, size) for plane in few])      # single planes: five times faster

    def probability(self, fit: TargetProbability, region: Box, size: int) -> Floats:
        """Crop of the target probability, 0..1, (size, size)."""
        return self.crop(fit.apply(self.values, self.step), region, size)


def planes(image: Floats) -> Floats:
    """(H, W, C) to (C, H, W)."""
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def inner_spectrum(frame: HyperspectralFrame, box: Box, inner: float = 0.6) -> Floats:
    """Mean spectrum of the inner part of a box, at least one pixel, (C,), unit of the frame.

    Raises:
        ValueError: values there are not finite.
    """
    x1, y1, x2, y2 = Box.from_centre(*box.centre, box.w * inner, box.h * inner).corners
    top, left = min(max(round(y1), 0), frame.height - 1), min(max(round(x1), 0), frame.width - 1)
    pixels = frame.part(slice(top, max(top + 1, round(y2))), slice(left, max(left + 1, round(x2))))
    mean: Floats = pixels.mean(axis=(0, 1), dtype=np.float32)
    if not np.isfinite(mean).all():
        raise ValueError('expected finite values in the target, got nan or inf')
    return mean
