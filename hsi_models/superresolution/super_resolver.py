"""Super-resolution of whole frames or crops: cube in, finer cube out, tile by tile, same dtype and scale."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hsi_models.runtime.eager import device_of
from hsi_models.superresolution.eigen import SpectralSubspace, fit_subspace

Cube = npt.NDArray[Any]
FIT_PIXELS = 16384
"""A subspace is fitted on a regular grid of about this many pixels of a larger frame."""


@runtime_checkable
class SuperResolver(Protocol):
    """The protocol of every super-resolver."""

    @property
    def scale(self) -> int:
        """Enlargement s of both sides."""
        ...

    def upscale(self, cube: Cube) -> Cube:
        """(H, W, C) -> (s H, s W, C), same dtype, values in the same scale."""
        ...


@dataclass(frozen=True)
class Tiling:
    """How a frame is cut.

    Args:
        size: side of a tile's own area, pixels of low resolution.
        margin: overlap on each side, computed and thrown away, pixels of low resolution.

    Both are multiples of the attention windows' long side (16), so that windows fall alike in every tile.
    """

    size: int = 96
    margin: int = 16

    def __post_init__(self) -> None:
        if self.size < 16 or self.size % 16 or self.margin < 0 or self.margin % 16:
            raise ValueError(f'expected tile size >= 16 and margin >= 0, both multiples of 16, got {self.size} and '
                             f'{self.margin}')

    def cut(self, height: int, width: int) -> Iterator[tuple[slice, slice, slice, slice]]:
        """Own rows and columns of each tile, then its rows and columns with margin."""
        for y in range(0, height, self.size):
            for x in range(0, width, self.size):
                own = slice(y, min(y + self.size, height)), slice(x, min(x + self.size, width))
                yield (*own, slice(max(y - self.margin, 0), min(y + self.size + self.margin, height)),
                       slice(max(x - self.margin, 0), min(x + self.size + self.margin, width)))


class TiledSuperResolver:
    """Runs a function on overlapping tiles; working memory is bounded by the tile, not by the frame.

    Args:
        scale: s.
        enlarge_tile: (1, C, h, w) float32 and the frame's subspace -> (1, C, s h, s w).
        components: eigen-images of the subspace; 0 where `enlarge_tile` needs none.
        device: where tiles are computed.
        bands: band count that `enlarge_tile` is made for; 0 for any.
        tiling: how a frame is cut.
        name, weights_sha256: for reports; None for a model without weights.

    Raises:
        ValueError: no such device here.
    """

    def __init__(self, scale: int, enlarge_tile: Callable[[Tensor, SpectralSubspace | None], Tensor], *,
                 components: int = 0, device: str = 'cpu', bands: int = 0, tiling: Tiling | None = None,
                 name: str = '', weights_sha256: str | None = None) -> None:
        self._scale, self._enlarge_tile, self._components, self._bands = scale, enlarge_tile, components, bands
        self.device, self.tiling = device_of(device), tiling or Tiling()
        self.name, self.weights_sha256 = name, weights_sha256

    @property
    def scale(self) -> int:
        """Enlargement s of both sides."""
        return self._scale

    def fit(self, cube: Cube) -> SpectralSubspace | None:
        """The subspace of a frame, to be handed to `upscale` for other frames or crops of the same scene."""
        check_cube(cube)
        if not self._components:
            return None
        stride = math.ceil(math.sqrt(max(cube.shape[0] * cube.shape[1] / FIT_PIXELS, 1)))
        return fit_subspace(self._to_tensor(cube[::stride, ::stride]), self._components)

    def upscale(self, cube: Cube, subspace: SpectralSubspace | None = None) -> Cube:
        """Enlarge a frame or a crop.

        Args:
            cube: (H, W, C), a number type, finite; any range.
            subspace: of `fit`; by default of this cube.

        Returns:
            (s H, s W, C), same dtype, same scale; integers rounded and limited to what the dtype holds.

        Raises:
            ValueError: no such cube, values that are not finite, or a band count the network is not made for.
        """
        check_cube(cube)
        height, width, bands = cube.shape
        if self._bands and bands != self._bands:
            raise ValueError(f'expected a cube of {self._bands} bands, as this network was trained for, got {bands}; '
                             'cst_eigen takes any number')
        if subspace is None:
            subspace = self.fit(cube)
        elif subspace.mean.shape[-1] != bands:
            raise ValueError(f'expected a subspace of {bands} bands, got one of {subspace.mean.shape[-1]}')
        # a power of two changes no digit of the values, and keeps the arithmetic near 1
        unit = 2.0 ** round(math.log2(max(float(cube.max()), -float(cube.min())) or 1.0))
        if subspace is not None:
            subspace = SpectralSubspace(subspace.mean / unit, subspace.axes,
                                        torch.where(subspace.axes.abs().sum(-2) > 0, subspace.deviation / unit, 1.0))
        s = self._scale
        out: Cube = np.empty((s * height, s * width, bands), cube.dtype)
        for rows, columns, wide_rows, wide_columns in self.tiling.cut(height, width):
            tile = self._to_tensor(cube[wide_rows, wide_columns] / unit)
            with torch.inference_mode():
                large = self._enlarge_tile(tile, subspace)[0]
            y, x = s * (rows.start - wide_rows.start), s * (columns.start - wide_columns.start)
            own = large[:, y:y + s * (rows.stop - rows.start), x:x + s * (columns.stop - columns.start)]
            out[s * rows.start:s * rows.stop, s * columns.start:s * columns.stop] = \
                _as_dtype((own * unit).permute(1, 2, 0).cpu().numpy(), cube.dtype)
        return out

    def _to_tensor(self, cube: Cube) -> Tensor:
        array = np.ascontiguousarray(cube.transpose(2, 0, 1), np.float32)[None]
        return torch.from_numpy(array).to(self.device)


def check_cube(cube: Cube) -> None:
    """Refuse what cannot be super-resolved.

    Raises:
        ValueError: not (H, W, C) with at least one pixel and band, no number type, or values that are not finite.
    """
    if not isinstance(cube, np.ndarray) or cube.ndim != 3 or 0 in cube.shape:
        got = getattr(cube, 'shape', type(cube).__name__)
        raise ValueError(f'expected a cube of shape (H, W, C) with at least one pixel and one band, got {got}')
    if cube.dtype.kind not in 'uif':
        raise ValueError(f'expected a cube of integers or floating-point numbers, got {cube.dtype.name}')
    if cube.dtype.kind == 'f':
        wrong = cube.size - int(np.isfinite(cube).sum())
        if wrong:
            raise ValueError(f'expected finite values, got {wrong} of {cube.size} that are nan or infinite; replace '
                             'them, for example by the median of their neighbours')


def _as_dtype(values: npt.NDArray[np.float32], dtype: np.dtype[Any]) -> Cube:
    if dtype.kind == 'f':
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values.astype(np.float64)), limits.min, limits.max).astype(dtype)
