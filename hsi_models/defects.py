"""What replaces the defective pixels of a camera: the good ones nearest to them."""
from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

MOST_DEFECTIVE = 0.5
"""Share of a band's pixels that may be defective."""
_FAR = 8        # pixels: beyond, one good pixel replaces a defective one
_AT_ONCE = 1 << 14


def neighbours(defective: npt.NDArray[np.bool_]) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Flat indices (N,) of defective values and (K, N) of the good ones that replace them, grouped by K.

    Args:
        defective: (H, W, C).

    Raises:
        ValueError: more than half of the pixels of a band are defective.
    """
    bands = defective.shape[2]
    groups: dict[int, list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]] = {}
    for band in range(bands):
        bad = np.ascontiguousarray(defective[..., band])
        share = float(bad.mean())
        if share > MOST_DEFECTIVE:
            raise ValueError(f'expected at least one good pixel in each band and at most {MOST_DEFECTIVE:.0%} of a '
                             f'band defective, got {share:.3g} of band {band}: take the references again')
        for targets, sources in _nearest(bad):
            groups.setdefault(len(sources), []).append((targets * bands + band, sources * bands + band))
    return [(np.concatenate([targets for targets, _ in group]), np.concatenate([sources for _, sources in group], 1))
            for group in groups.values()]


def _nearest(bad: npt.NDArray[np.bool_]) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Flat indices (N,) of the bad pixels of a band and (K, N) of the good ones nearest to them, by K and distance.

    Nearest are all good pixels on the smallest square around the pixel that has any; beyond `_FAR` pixels, one.
    """
    if not bad.any():
        return
    height, width = bad.shape
    radii = cv2.distanceTransform(bad.view(np.uint8), cv2.DIST_C, 3)
    padded = np.pad(~bad, _FAR).reshape(-1)
    row = width + 2 * _FAR
    for radius in range(1, _FAR + 1):
        steps = np.arange(-radius, radius + 1)
        square = np.stack(np.meshgrid(steps, steps, indexing='ij'), -1).reshape(-1, 2)
        ring = square[np.abs(square).max(1) == radius]
        found = np.flatnonzero(radii == radius)
        for start in range(0, len(found), _AT_ONCE):
            targets = found[start:start + _AT_ONCE]
            centres = (targets // width + _FAR) * row + targets % width + _FAR
            good = padded[centres[:, None] + ring @ [row, 1]]
            counts = good.sum(1)
            for count in np.unique(counts):
                here = counts == count
                yield targets[here], (targets[here, None] + ring @ [width, 1])[good[here]].reshape(-1, count).T
    far = np.flatnonzero(radii > _FAR)
    if len(far):
        _, labels = cv2.distanceTransformWithLabels(bad.view(np.uint8), cv2.DIST_L2, 5,
                                                    labelType=cv2.DIST_LABEL_PIXEL)
        good_at = np.flatnonzero(~bad)
        place = np.zeros(int(labels.max()) + 1, np.intp)
        place[labels.reshape(-1)[good_at]] = good_at
        yield far, place[labels.reshape(-1)[far]][None]
