"""The degradation that super-resolution inverts: antialiased bicubic, as an exact linear operator.

One matrix a side. Kernel: Keys' cubic with a = -.5, widened by the scale when shrinking, weights renormalised at
the border: what MATLAB's and Pillow's bicubic resizing do up to the treatment of the border.
"""
from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def cubic_kernel(x: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Keys' cubic convolution kernel, a = -.5, at distances `x` in samples."""
    x = np.abs(x)
    near = 1.5 * x ** 3 - 2.5 * x ** 2 + 1
    far = -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


@lru_cache(maxsize=128)
def resize_matrix(source: int, target: int) -> npt.NDArray[np.float64]:
    """Bicubic resizing of a line of `source` samples to `target` samples: (target, source), rows sum to 1."""
    ratio = source / target
    width = max(ratio, 1.0)
    centres = (np.arange(target) + 0.5) * ratio - 0.5
    weights = cubic_kernel((centres[:, None] - np.arange(source)[None, :]) / width)
    matrix = np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)
    matrix.setflags(write=False)
    return matrix


@lru_cache(maxsize=128)
def inverse_matrix(size: int, scale: int) -> npt.NDArray[np.float64]:
    """Back-projection of a line: (scale * size, size), a right inverse of its degradation; rows sum to 1.

    It is the limit of the classic iteration x <- x + enlarge(y - degrade(x)), reached in one step:
    U (D U)^-1 with U the bicubic enlargement and D the degradation.
    """
    degrade, enlarge = resize_matrix(size * scale, size), resize_matrix(size, size * scale)
    matrix = np.asarray(np.linalg.solve((degrade @ enlarge).T, enlarge.T).T, np.float64)
    matrix[np.abs(matrix) < 1e-12] = 0      # the far tail is subnormal in float32, which is slow
    matrix.setflags(write=False)
    return matrix


def apply_separable(matrix_y: npt.NDArray[np.float64], matrix_x: npt.NDArray[np.float64], image: Tensor) -> Tensor:
    """matrix_y @ image @ matrix_x.T for images (..., H, W) of any floating dtype, on their device."""
    left = torch.as_tensor(matrix_y.copy(), dtype=image.dtype, device=image.device)
    right = torch.as_tensor(matrix_x.T.copy(), dtype=image.dtype, device=image.device)
    return left @ image @ right


def degrade(image: Tensor, scale: int) -> Tensor:
    """Shrink (..., s H, s W) to (..., H, W) by antialiased bicubic.

    Raises:
        ValueError: a side is no multiple of `scale`.
    """
    height, width = image.shape[-2:]
    if height % scale or width % scale:
        raise ValueError(f'expected sides that are multiples of {scale}, got {height} x {width}; crop the image first')
    return apply_separable(resize_matrix(height, height // scale), resize_matrix(width, width // scale), image)


def enlarge(image: Tensor, scale: int) -> Tensor:
    """Bicubic interpolation of (..., H, W) to (..., s H, s W): the baseline."""
    height, width = image.shape[-2:]
    return apply_separable(resize_matrix(height, height * scale), resize_matrix(width, width * scale), image)


def back_project(image: Tensor, scale: int) -> Tensor:
    """Enlarge (..., H, W) to (..., s H, s W) so that `degrade` gives the image back: super-resolution unlearnt."""
    height, width = image.shape[-2:]
    return apply_separable(inverse_matrix(height, scale), inverse_matrix(width, scale), image)


def null_space(detail: Tensor, scale: int) -> Tensor:
    """The part of (..., s H, s W) that `degrade` does not see; adding it to an image changes no observed value."""
    return detail - back_project(degrade(detail, scale), scale)


def camera_noise(rng: np.random.Generator, cube: Tensor, full_well: tuple[float, float] = (3e3, 1.5e4)) -> Tensor:
    """Shot noise, read noise (10 electrons) and the 10-bit converter of a snapshot sensor.

    Args:
        rng: source of everything random.
        cube: (..., C, H, W), about 0..1; its maximum fills the pixel wells.
        full_well: range that the well's capacity is drawn from (log-uniform), electrons.
    """
    peak = max(float(cube.max()), 1e-6)
    electrons = float(np.exp(rng.uniform(*np.log(full_well)))) / peak
    variance = cube.clamp_min(0) / electrons + (10.0 / electrons) ** 2
    noise = torch.from_numpy(rng.standard_normal(cube.shape).astype(np.float32))
    return ((cube + variance.sqrt() * noise) / peak * 1023).round().clamp(0, 1023) / 1023 * peak
