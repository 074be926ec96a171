"""Spatial features of a correlation filter: orientation histograms and averages on a grid of cells."""
from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]


def orientation_histograms(image: Float, cell: int, orientations: int = 9) -> Float:
    """Gradient magnitude by unsigned orientation, averaged over cells (Dalal and Triggs, CVPR 2005).

    Args:
        image: shape (H, W), one channel; H and W are multiples of `cell`.
        cell: side of a cell, pixels.
        orientations: number of directions over pi, with linear weights between neighbours.

    Returns:
        shape (orientations, H / cell, W / cell), >= 0.
    """
    height, width = image.shape
    gx = cv2.filter2D(image, -1, np.array([[-0.5, 0, 0.5]], np.float32), borderType=cv2.BORDER_REPLICATE)
    gy = cv2.filter2D(image, -1, np.array([[-0.5], [0], [0.5]], np.float32), borderType=cv2.BORDER_REPLICATE)
    magnitude, angle = cv2.cartToPolar(gx, gy)
    position = angle * np.float32(orientations / np.pi)
    lower = position.astype(np.int32)
    upper_share = (position - lower) * magnitude
    columns = width // cell
    cells = np.add.outer(np.arange(height) // cell * columns, np.arange(width) // cell).astype(np.int32)
    stride = height // cell * columns
    index = lower * stride + cells
    total = np.bincount(index.ravel(), (magnitude - upper_share).ravel(), (2 * orientations + 2) * stride)
    index += stride
    total += np.bincount(index.ravel(), upper_share.ravel(), (2 * orientations + 2) * stride)
    bins = total.reshape(2 * orientations + 2, height // cell, columns)
    bins[:2] += bins[2 * orientations:]     # an angle of 2 pi is one of 0
    out: Float = (bins[:orientations] + bins[orientations:2 * orientations]).astype(np.float32)
    out *= np.float32(1 / cell ** 2)
    return out


def pooled(maps: Float, cell: int) -> Float:
    """Mean over cells of `cell` x `cell` pixels; (D, H, W) -> (D, H / cell, W / cell)."""
    rows = maps[:, ::cell].copy()
    for offset in range(1, cell):
        rows += maps[:, offset::cell]
    out = rows[..., ::cell].copy()
    for offset in range(1, cell):
        out += rows[..., offset::cell]
    out *= np.float32(1 / cell ** 2)
    return out


def contrast_normalised(histograms: Float, clip: float = 0.4) -> Float:
    """Orientation histograms (D, H, W) relative to the gradient energy around each cell."""
    # cv2.blur adds and subtracts along a row: what should be 0 beside a strong gradient can come out below.
    square = cv2.blur((histograms ** 2).sum(axis=0), (3, 3), borderType=cv2.BORDER_REPLICATE)
    energy = np.sqrt(np.maximum(square, 0))
    floor = np.float32(0.1) * energy.mean() + np.float32(1e-9)
    out: Float = np.minimum(histograms / (energy + floor), np.float32(clip))
    return out
