"""False colour: the one way of this project to look at a cube, fitted once a sequence so that nothing flickers."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.frame import HyperspectralFrame, Quantity, SpectralInfo

Floats = npt.NDArray[np.float32]

# XYZ to linear sRGB (IEC 61966-2-1).
_XYZ_TO_RGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
# Visible light is covered where each of these ranges (nm; blue, green, red) holds a band.
_VISIBLE_NM = ((420.0, 500.0), (500.0, 580.0), (580.0, 680.0))
_LEVELS = 4096
_HEADROOM = 1.1
_FIT_PIXELS = 65536


def colour_matching(wavelengths_nm: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """CIE 1931 2-degree colour matching functions x, y, z.

    Args:
        wavelengths_nm: nm, (C,).

    Returns:
        (C, 3); multi-lobe Gaussian fit of Wyman, Sloan and Shirley 2013 ("Simple analytic approximations to the
        CIE XYZ color matching functions", JCGT 2(2), section 2.2), within .02 of the tables.
    """
    nm = np.asarray(wavelengths_nm, np.float64)

    def lobe(height: float, centre: float, left: float, right: float) -> npt.NDArray[np.float64]:
        return np.asarray(height * np.exp(-0.5 * ((nm - centre) * np.where(nm < centre, left, right)) ** 2))

    x = lobe(0.362, 442.0, 0.0624, 0.0374) + lobe(1.056, 599.8, 0.0264, 0.0323) + lobe(-0.065, 501.1, 0.0490, 0.0382)
    y = lobe(0.821, 568.8, 0.0213, 0.0247) + lobe(0.286, 530.9, 0.0613, 0.0322)
    z = lobe(1.217, 437.0, 0.0845, 0.0278) + lobe(0.681, 459.0, 0.0385, 0.0725)
    return np.stack([x, y, z], axis=-1)


def band_weights(info: SpectralInfo, bands: int) -> npt.NDArray[np.float64]:
    """Weights of the bands in linear red, green and blue.

    - Visible light covered (a band each in 420-500, 500-580 and 580-680 nm): colour matching functions, integrated
      over the bands by the trapezoidal rule, then linear sRGB.
    - Other known wavelengths (NIR, RedNIR): the range is cut into three equal thirds, the longest is red, the
      shortest blue, and each is the mean of its bands.
    - Unknown wavelengths: the same with band numbers, the first third blue.

    One band gives grey; with two the longer is red, the shorter blue, green their mean. A flat spectrum is grey.

    Args:
        info: meaning of the bands.
        bands: number of bands C.

    Returns:
        (C, 3), each column sums to 1.
    """
    nm = np.asarray(info.wavelengths_nm or np.arange(bands), np.float64)
    if len(nm) != bands:
        raise ValueError(f'expected one wavelength a band ({bands}), got {len(nm)}')
    if info.wavelengths_nm and all(((nm >= low) & (nm < high)).any() for low, high in _VISIBLE_NM):
        order = np.argsort(nm, kind='stable')
        spacing = np.empty(bands)
        spacing[order] = np.gradient(nm[order])
        weights = (colour_matching(nm) * spacing[:, None]) @ _XYZ_TO_RGB.T
        sums = weights.sum(axis=0)
        if (sums > 1e-6 * np.abs(weights).sum(axis=0)).all():
            return np.asarray(weights / sums)
    edges = np.linspace(nm.min(), nm.max(), 4)
    thirds = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        chosen = (nm >= low) & ((nm < high) | (high == edges[-1]))
        if not chosen.any():
            distance = np.abs(nm - (low + high) / 2)
            chosen = distance <= distance.min() * (1 + 1e-9)
        thirds.append(chosen / chosen.sum())
    return np.stack(thirds[::-1], axis=-1)


@dataclass(frozen=True, eq=False)
class FalseColour:
    """Cube to 8-bit sRGB by constants that hold for a whole sequence, and for any crop of it.

    Args:
        matrix: (C, 3): bands to linear red, green, blue, stretched so that 0..1 fills the range.
        offset: (3,), added after the matrix.
    """

    matrix: Floats
    offset: Floats

    @classmethod
    def fit(cls, frame: HyperspectralFrame, *, low_percent: float = 1.0, high_percent: float = 99.0) -> FalseColour:
        """Choose weights by the frame's wavelengths and the stretch by its percentiles.

        Reflectance is stretched alike in all three channels: grey stays grey. Anything else is stretched a channel
        on its own, which takes off the colour of the light and of the filters. A tenth above the upper percentile
        is left for light that grows.

        Args:
            frame: the first frame of the sequence.
            low_percent, high_percent: percentiles that become black and (nearly) white, 0..100.

        Raises:
            ValueError: percentiles out of order.
        """
        if not 0 <= low_percent < high_percent <= 100:
            raise ValueError(f'expected percentiles 0 <= low < high <= 100, got {low_percent:g} and {high_percent:g}')
        weights = band_weights(frame.info, frame.bands)
        pixels = frame.data.reshape(-1, frame.bands)
        step = max(1, len(pixels) // _FIT_PIXELS)
        linear = pixels[::step].astype(np.float64) @ weights
        linear = linear[np.isfinite(linear).all(axis=1)]
        if not len(linear):
            linear = np.zeros((1, 3))
        if frame.info.quantity is Quantity.REFLECTANCE:
            low = np.repeat(np.percentile(linear.mean(axis=1), low_percent), 3)
            high = np.repeat(np.percentile(linear, high_percent), 3)
        else:
            low, high = np.percentile(linear, [low_percent, high_percent], axis=0)
        low = np.maximum(low, 0.0)      # colours outside of sRGB are negative in one channel: not the black point
        # A constant image has no range of its own: take the source's full scale.
        span = np.where(high - low > 1e-6 * frame.scale, (high - low) * _HEADROOM, frame.scale)
        return cls((weights / span).astype(np.float32), (-low / span).astype(np.float32))

    def apply(self, frame: HyperspectralFrame | npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Colours of a frame or of any crop of it.

        Args:
            frame: a frame, or an array (H, W, C) in the unit of the frame this was fitted on.

        Returns:
            RGB, uint8, (H, W, 3), sRGB encoded; values that are not finite become black.

        Raises:
            ValueError: another number of bands than it was fitted on.
        """
        data = frame.data if isinstance(frame, HyperspectralFrame) else np.asarray(frame)
        bands = len(self.matrix)
        if data.ndim != 3 or data.shape[2] != bands:
            raise ValueError(f'expected (H, W, {bands}) as at the fit, got {data.shape}')
        height, width = data.shape[:2]
        linear = data.reshape(-1, bands).astype(np.float32, copy=False) @ (self.matrix * np.float32(_LEVELS - 1))
        # Long rows instead of rows of 3 values: numpy's inner loop is over the last axis.
        rows = linear.reshape(height, width * 3)
        rows += np.tile(self.offset * np.float32(_LEVELS - 1), width)
        # fmax prefers 0 to nan.
        np.minimum(np.fmax(rows, np.float32(0), out=rows), np.float32(_LEVELS - 1), out=rows)
        return np.take(_SRGB, rows.astype(np.uint16)).reshape(height, width, 3)


def _srgb_table() -> npt.NDArray[np.uint8]:
    """Linear 0..4095 to sRGB 0..255 (IEC 61966-2-1)."""
    linear = np.arange(_LEVELS) / (_LEVELS - 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * encoded), np.uint8)


_SRGB = _srgb_table()
