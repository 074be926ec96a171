"""The one crop of the project: a region of an image, in continuous coordinates, resampled to a given size.

A region is a `Box` in frame pixels (pixel i covers [i, i + 1)). Crop pixel j of n covers the share
[j / n, (j + 1) / n) of the region, so that centres map to centres and nothing shifts by half a pixel.
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame

Border = Literal['replicate', 'mean']

_REACH, _FEW = 4, 1 << 18       # times the image's pixels, and pixels, that are gathered at most
_FARTHEST = 1 << 40


def crop(image: npt.NDArray[Any] | HyperspectralFrame, region: Box, size: tuple[int, int],
         border: Border = 'replicate') -> npt.NDArray[np.float32]:
    """The part of an image that a region shows, bilinearly resampled, any number of bands.

    A region larger than twice the crop is averaged over whole pixels first, so that nothing aliases.
    cv2.warpAffine is not used: it rounds coordinates to 1/32 pixel and ends at 128 bands.

    Args:
        image: shape (H, W, C) or (H, W), any real dtype; of a deferred frame only what is needed is made.
        region: what to show, pixels of the image; may reach over its edge.
        size: (rows, columns) of the crop.
        border: what lies outside the image: its edge pixels, or its mean spectrum.

    Returns:
        shape (rows, columns, C) or (rows, columns), float32, in the unit of the image.

    Raises:
        ValueError: an image without two or three axes, a size that is not positive, or a region beyond 2**40 pixels.
    """
    if len(image.shape) not in (2, 3) or 0 in image.shape:
        raise ValueError(f'expected an image of shape (H, W) or (H, W, C), got {image.shape}')
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f'expected a crop size of (rows, columns) >= 1, got {size}')
    if border not in ('replicate', 'mean'):
        raise ValueError(f"expected border 'replicate' or 'mean', got {border!r}")
    rows, row_samples = _axis(region.y, region.h, size[0])
    columns, column_samples = _axis(region.x, region.w, size[1])
    if rows.step * columns.step > 1 and len(rows) * len(columns) > max(_REACH * image.shape[0] * image.shape[1], _FEW):
        patch = _average_wide(image, rows, columns, border)
    else:
        patch = _average(_pixels(image, _indices(rows), _indices(columns), border), rows.step, columns.step)
    # Enlarging: along the rows while there are few of them; after that whole rows are copied.
    if size[0] > patch.shape[0]:
        return _interpolate(_interpolate(patch, 1, column_samples), 0, row_samples)
    return _interpolate(_interpolate(patch, 0, row_samples), 1, column_samples)


def to_crop(box: Box, region: Box, size: tuple[int, int]) -> Box:
    """A box of the frame in pixels of the crop of `region` with `size` (rows, columns)."""
    return Box(box.x - region.x, box.y - region.y, box.w, box.h).scaled(size[1] / region.w, size[0] / region.h)


def to_frame(box: Box, region: Box, size: tuple[int, int]) -> Box:
    """A box in pixels of the crop of `region` with `size` (rows, columns) in pixels of the frame."""
    scaled = box.scaled(region.w / size[1], region.h / size[0])
    return Box(scaled.x + region.x, scaled.y + region.y, scaled.w, scaled.h)


def siamese_region(box: Box, size: int = 127, template_size: int = 127, context: float = 0.5) -> Box:
    """The square that a Siamese network sees: the template's, or a wider one of the same scale.

    Template: side sqrt((w + p)(h + p)), p = context * (w + h) (Bertinetto et al. 2016, section 3.1: there
    p = (w + h) / 4 on each side). Search: the same pixel size, `size` / `template_size` times the side.

    Args:
        box: the target, pixels.
        size: crop size, pixels: 127 for the template, 255 for the search.
        template_size: crop size of the template, pixels.
        context: margin in units of w + h.
    """
    margin = context * (box.w + box.h)
    side = math.sqrt((box.w + margin) * (box.h + margin)) * size / template_size
    return Box.from_centre(*box.centre, side, side)


@dataclass(frozen=True)
class _Pixels:
    """Pixels needed along one axis: `count` times `step` of them are averaged, from `first` on."""

    first: int
    count: int
    step: int

    def __len__(self) -> int:
        return self.count * self.step


def _axis(start: float, length: float, count: int) -> tuple[_Pixels, npt.NDArray[np.float64]]:
    """Pixels needed along one axis, sample positions among them after averaging."""
    if max(abs(start), length) > _FARTHEST:
        raise ValueError(f'expected a region within {_FARTHEST} pixels of the image, got {start:g} + {length:g}')
    step = max(1, int(length / count + 1e-9))
    first = math.floor(start + 0.5 * length / count - 0.5 * step)
    samples = (start + (np.arange(count) + 0.5) * (length / count) - first) / step - 0.5
    # A sample on a pixel needs no neighbour: beyond the edge there would be none, and a copy would be made for it.
    needed = int(samples[-1]) + (2 if (samples != np.floor(samples)).any() else 1)
    return _Pixels(first, needed, step), samples


def _indices(pixels: _Pixels) -> npt.NDArray[np.intp]:
    return pixels.first + np.arange(len(pixels))


def _pixels(image: npt.NDArray[Any] | HyperspectralFrame, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp],
            border: Border) -> npt.NDArray[Any]:
    """The pixels at these rows and columns, which may lie outside the image; a view where they do not."""
    height, width = image.shape[:2]
    inner_rows, inner_columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    within = slice(inner_rows[0], inner_rows[-1] + 1), slice(inner_columns[0], inner_columns[-1] + 1)
    patch: npt.NDArray[Any] = image.part(*within) if isinstance(image, HyperspectralFrame) else image[within]
    if patch.shape[:2] == (len(rows), len(columns)):
        return patch
    patch = patch.take(inner_rows - inner_rows[0], 0).take(inner_columns - inner_columns[0], 1)
    if border == 'mean':
        outside = (rows != inner_rows)[:, None] | (columns != inner_columns)
        patch = patch.astype(np.float32)
        whole = image.data if isinstance(image, HyperspectralFrame) else image
        patch[outside] = whole.mean(axis=(0, 1))
    return patch


def _average(patch: npt.NDArray[Any], row_step: int, column_step: int) -> npt.NDArray[np.float32]:
    """Mean of every `row_step` x `column_step` pixels."""
    total: npt.NDArray[np.float32] = patch[::row_step, ::column_step].astype(np.float32)
    for row in range(row_step):     # sums of slices: several times faster than reshape and mean
        for column in range(column_step):
            if row or column:
                total += patch[row::row_step, column::column_step]
    if row_step * column_step > 1:
        total *= np.float32(1.0 / (row_step * column_step))
    return total


def _average_wide(image: npt.NDArray[Any] | HyperspectralFrame, rows: _Pixels, columns: _Pixels,
                  border: Border) -> npt.NDArray[np.float32]:
    """As `_average` of `_pixels`, without the pixels outside the image: memory of the image and of the result."""
    height, width = image.shape[:2]
    parts = [slice(min(max(pixels.first, 0), size - 1), min(max(pixels.first + len(pixels), 1), size))
             for pixels, size in ((rows, height), (columns, width))]
    part = image.part(*parts) if isinstance(image, HyperspectralFrame) else image[tuple(parts)]
    down, across = (_shares(pixels, size, border)[:, part] for pixels, size, part in (
        (rows, height, parts[0]), (columns, width, parts[1])))
    values = part.astype(np.float32).reshape(*part.shape[:2], -1)
    out: npt.NDArray[np.float32] = across @ np.tensordot(down, values, 1)
    if border == 'mean':
        whole = image.data if isinstance(image, HyperspectralFrame) else image
        outside = 1 - np.outer(down.sum(1), across.sum(1))[..., None]
        out += outside * np.asarray(whole.mean(axis=(0, 1)), np.float32)
    return out.reshape(rows.count, columns.count, *part.shape[2:])


def _shares(pixels: _Pixels, size: int, border: Border) -> npt.NDArray[np.float32]:
    """Share of each of an image's `size` pixels along an axis in each average, (count, size)."""
    out = np.zeros((pixels.count, size), np.float32)
    inside = np.arange(size)
    into = (inside - pixels.first) // pixels.step
    known = (into >= 0) & (into < pixels.count)
    out[into[known], inside[known]] = 1 / pixels.step
    if border == 'replicate':
        starts = pixels.first + np.arange(pixels.count) * pixels.step
        out[:, 0] += np.clip(-starts, 0, pixels.step) / pixels.step
        out[:, -1] += np.clip(starts + pixels.step - size, 0, pixels.step) / pixels.step
    return out


def _interpolate(patch: npt.NDArray[np.float32], axis: int,
                 samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Linear interpolation along an axis at positions in pixel indices."""
    lower = samples.astype(np.intp)
    fraction = samples - lower
    if lower[-1] - lower[0] == len(lower) - 1:      # no zoom: slices instead of copies
        near, far = (_slice(patch, axis, int(lower[0]) + i, len(lower)) for i in (0, 1))
        if not fraction.any():
            return near
    else:
        near, far = patch.take(lower, axis), patch.take(lower + 1, axis)
    out: npt.NDArray[np.float32] = far - near
    out *= fraction.astype(np.float32).reshape((-1,) + (1,) * (patch.ndim - 1 - axis))
    out += near
    return out


def _slice(patch: npt.NDArray[np.float32], axis: int, start: int, length: int) -> npt.NDArray[np.float32]:
    """`length` pixels from `start` along an axis, without a copy."""
    return patch[start:start + length] if axis == 0 else patch[:, start:start + length]
