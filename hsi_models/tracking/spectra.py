"""Spectra of pixels, cleaned of noise by a blur and of brightness by their norm."""
from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]
_CHANNELS = 64      # OpenCV ends at 128


def blurred(image: Float, sigma: float) -> Float:
    """Gaussian blur of any number of bands; (H, W, C) -> (H, W, C)."""
    if sigma < 0.3:      # the kernel is a single pixel
        return image
    radius = max(1, round(2.5 * sigma))
    kernel = (2 * radius + 1, 2 * radius + 1)
    out = np.empty_like(image)
    for first in range(0, image.shape[-1], _CHANNELS):
        part = cv2.GaussianBlur(image[..., first:first + _CHANNELS], kernel, sigma, borderType=cv2.BORDER_REPLICATE)
        out[..., first:first + _CHANNELS] = part.reshape(*image.shape[:2], -1)     # cv2 drops an axis of length 1
    return out


def unit_spectra(image: Float) -> tuple[Float, Float]:
    """Spectra (..., C) divided by their norm (zero stays zero), and the norm (...)."""
    norm = np.sqrt(np.einsum('...c,...c->...', image, image))
    return image / np.maximum(norm, np.float32(1e-12))[..., None], norm


def blurred_pixels(image: npt.NDArray[Any], rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp],
                   sigma: float) -> Float:
    """Blurred values at a grid of pixels only, (R, K, C)."""
    height, width = image.shape[:2]
    radius = max(1, round(2.5 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    out = np.zeros((len(rows), len(columns), image.shape[2]), np.float32)
    for dy, weight_y in zip(range(-radius, radius + 1), kernel, strict=True):
        line = image[np.clip(rows + dy, 0, height - 1)]
        for dx, weight_x in zip(range(-radius, radius + 1), kernel, strict=True):
            out += np.float32(weight_y * weight_x) * line[:, np.clip(columns + dx, 0, width - 1)]
    return out
