"""A box from one clicked point: the most stable region of similar spectrum and brightness around it."""
from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.crops import crop
from hsi_models.tracking.spectra import blurred, unit_spectra


@dataclass(frozen=True)
class PointConfig:
    """How a point becomes a box.

    Args:
        window_px: side of the square around the point that is looked at; the box is never larger.
        minimum_px: smallest side of a region that is believed.
        default_px: side of the square that is given where no region stands out.
        levels: thresholds tried.
        instability: largest relative growth of the area over four levels that counts as a region.
    """

    window_px: int = 128
    minimum_px: int = 9
    default_px: int = 24
    levels: int = 24
    instability: float = 0.8

    def __post_init__(self) -> None:
        if not 2 <= self.minimum_px <= self.default_px <= self.window_px:
            raise ValueError('expected 2 <= minimum_px <= default_px <= window_px, got '
                             f'{self.minimum_px}, {self.default_px}, {self.window_px}')


def box_from_point(frame: HyperspectralFrame, point: tuple[float, float], config: PointConfig | None = None) -> Box:
    """The box of what lies under a point.

    Pixels are compared with the point by spectral angle and by brightness. The region of the point is grown at
    rising thresholds; the largest one whose area is stable from level to level is taken, after the maximally
    stable extremal regions of Matas et al., BMVC 2002. A region that reaches the edge of the window or does not
    stand out gives the default box around the point.

    Args:
        frame: (H, W, C).
        point: (x, y), pixels (pixel i covers [i, i + 1)).
        config: sizes and thresholds.

    Returns:
        a box that holds the point, within the frame.

    Raises:
        ValueError: the point lies outside the frame, or values around it are not finite or too large to be squared.
    """
    config = config or PointConfig()
    x, y = point
    height, width = frame.height, frame.width
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(f'expected a point inside the {width} x {height} frame, got ({x:g}, {y:g})')
    side = config.window_px
    left, top = math.floor(x) - side // 2, math.floor(y) - side // 2
    patch = crop(frame, Box(left, top, side, side), (side, side))
    if not np.isfinite(patch).all():
        raise ValueError(f'expected finite values around the point ({x:g}, {y:g}), got nan or inf')
    # Beyond the edge there is nothing to grow into.
    rows, columns = top + np.arange(side), left + np.arange(side)
    inside = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))
    with np.errstate(over='ignore', invalid='ignore'):
        distance = _distance(patch, (side // 2, side // 2))
    if not np.isfinite(distance).all():
        raise ValueError(f'expected values around the point ({x:g}, {y:g}) whose squares fit float32, got up to '
                         f'{np.abs(patch).max():g}: scale the image')
    distance[~inside] = np.inf
    box = _stable_region(distance, (side // 2, side // 2), config)
    if box is None:
        box = Box.from_centre(x - left, y - top, config.default_px, config.default_px)
    clipped = Box(box.x + left, box.y + top, box.w, box.h).clipped(width, height)
    assert clipped is not None      # the point is inside both
    return clipped


def _distance(patch: npt.NDArray[np.float32], seed: tuple[int, int]) -> npt.NDArray[np.float64]:
    """How unlike the seed each pixel is: spectral angle and log brightness, each in units of its spread."""
    unit, norm = unit_spectra(blurred(patch, 0.8))
    row, column = seed
    template = unit[row - 1:row + 2, column - 1:column + 2].mean(axis=(0, 1), dtype=np.float64)
    template /= max(float(np.linalg.norm(template)), 1e-12)
    angle = np.arccos(np.clip(unit @ template, -1, 1))
    brightness = np.log(norm + np.float32(1e-3 * norm.max() + 1e-12))
    brightness = np.abs(brightness - brightness[row - 1:row + 2, column - 1:column + 2].mean())
    out: npt.NDArray[np.float64] = np.hypot(angle / max(float(np.median(angle)), 1e-6),
                                            brightness / max(float(np.median(brightness)), 1e-6))
    return out


def _stable_region(distance: npt.NDArray[np.float64], seed: tuple[int, int], config: PointConfig) -> Box | None:
    """Box of the seed's largest region whose area is stable; None where there is none."""
    low, high = np.quantile(distance[np.isfinite(distance)], (0.005, 0.6))
    regions: list[tuple[int, Box]] = []
    for level in np.geomspace(max(low, 0.05 * high, 1e-6), max(high, 1e-6), config.levels):
        mask = cv2.morphologyEx((distance <= level).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
        label = labels[seed]
        if label == 0:
            continue
        x, y, w, h, area = (int(v) for v in stats[label])
        if x == 0 or y == 0 or x + w == distance.shape[1] or y + h == distance.shape[0]:
            break       # grown into the surroundings
        if min(w, h) >= config.minimum_px:
            regions.append((area, Box(x, y, w, h)))
    best = None
    for (before, _), (area, box), (after, _) in zip(regions, regions[2:], regions[4:], strict=False):
        if (after - before) / area < config.instability:
            best = box      # the largest: a smaller stable region is a part of the thing
    return best
