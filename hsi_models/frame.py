"""The one thing that flows: a hyperspectral frame and what its bands mean."""
from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

DTYPES = ('uint8', 'uint16', 'float32')


class Quantity(str, Enum):
    """What a value of a band stands for."""

    RAW = 'raw'
    """digital numbers of the sensor"""
    RADIANCE = 'radiance'
    """proportional to spectral radiance: dark-subtracted, spectrally corrected"""
    REFLECTANCE = 'reflectance'
    """relative to a white reference, 1 = white"""


@dataclass(frozen=True)
class SpectralInfo:
    """What the bands of a frame are, in the order of its last axis.

    Args:
        wavelengths_nm: centre wavelength of each band, nm, (C,); empty where unknown (index order).
        fwhm_nm: full width at half maximum of each band, nm, (C,); empty where unknown.
        quantity: what the values stand for.
        saturation: the value at which a band saturates; 0 where unknown.
        nominal: the wavelengths are a nominal range, not a calibration of this camera.

    Raises:
        ValueError: lengths differ, or a value is not finite and positive.
    """

    wavelengths_nm: tuple[float, ...] = ()
    fwhm_nm: tuple[float, ...] = ()
    quantity: Quantity = Quantity.RAW
    saturation: float = 0.0
    nominal: bool = False

    def __post_init__(self) -> None:
        for name in ('wavelengths_nm', 'fwhm_nm'):
            values = tuple(float(value) for value in getattr(self, name))
            object.__setattr__(self, name, values)
            for value in values:
                if not math.isfinite(value) or value <= 0:
                    raise ValueError(f'expected finite {name} > 0, got {value:g}')
        if self.fwhm_nm and self.wavelengths_nm and len(self.fwhm_nm) != len(self.wavelengths_nm):
            raise ValueError(f'expected one fwhm_nm a wavelength ({len(self.wavelengths_nm)}), got {len(self.fwhm_nm)}')
        object.__setattr__(self, 'quantity', Quantity(self.quantity))
        if not math.isfinite(self.saturation) or self.saturation < 0:
            raise ValueError(f'expected a finite saturation >= 0 (0 where unknown), got {self.saturation:g}')

    @property
    def is_sorted(self) -> bool:
        """True if wavelengths are known and ascending."""
        pairs = zip(self.wavelengths_nm, self.wavelengths_nm[1:], strict=False)
        return bool(self.wavelengths_nm) and all(a <= b for a, b in pairs)

    def select(self, bands: npt.ArrayLike) -> SpectralInfo:
        """The info of the bands with these indices, in this order."""
        indices = [int(i) for i in np.asarray(bands).ravel()]
        return replace(self,
                       wavelengths_nm=tuple(self.wavelengths_nm[i] for i in indices) if self.wavelengths_nm else (),
                       fwhm_nm=tuple(self.fwhm_nm[i] for i in indices) if self.fwhm_nm else ())


class CubeSource(Protocol):
    """What a cube can be made of, whole or in part."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the whole cube."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the cube."""
        ...

    def part(self, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """The pixels of the whole cube at `[rows, columns]`, with the very same values."""
        ...


@dataclass(frozen=True, eq=False)
class HyperspectralFrame:
    """One cube with its meaning and its time.

    A deferred frame (`HyperspectralFrame.deferred`) makes its cube when `data` is asked for first, and until then only
    those pixels that `part` is asked for: a tracker looks at a few around its target.

    Args:
        data: shape (H, W, C), uint8, uint16 or float32.
        info: meaning of the C bands.
        stamp_ns: time of exposure, ns since the epoch of the source's clock.
        frame_id: coordinate frame of the camera (ROS convention), '' where there is none.
        seq: running number given by the source, for reports only.
        upscaling: pixels that a measured one was enlarged to along each side: noise and blur are that many pixels wide.

    Raises:
        ValueError: wrong shape or dtype, no pixels, or a band count that differs from the info's.
    """

    data: npt.NDArray[Any]
    info: SpectralInfo = field(default_factory=SpectralInfo)
    stamp_ns: int = 0
    frame_id: str = ''
    seq: int = 0
    upscaling: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.data, np.ndarray) or self.data.ndim != 3:
            got = getattr(self.data, 'shape', type(self.data).__name__)
            raise ValueError(f'expected frame data of shape (H, W, C), got {got}')
        self._check()

    @classmethod
    def deferred(cls, source: CubeSource, info: SpectralInfo, stamp_ns: int = 0, frame_id: str = '', seq: int = 0,
                 upscaling: int = 1) -> HyperspectralFrame:
        """A frame of what `source` will make; the arguments are the fields, the errors those of a frame."""
        frame = object.__new__(cls)
        frame.__dict__.update(_source=source, info=info, stamp_ns=stamp_ns, frame_id=frame_id, seq=seq,
                              upscaling=upscaling)
        frame._check()
        return frame

    def __getattr__(self, name: str) -> Any:
        """The whole cube of a deferred frame; only called for what is not there yet."""
        if name != 'data' or '_source' not in self.__dict__:
            raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
        data = self.__dict__['_source'].part(slice(None), slice(None))
        return self.__dict__.setdefault('data', data)

    @property
    def _pixels(self) -> npt.NDArray[Any] | CubeSource:
        """Whatever knows shape and dtype, and makes nothing."""
        return cast('npt.NDArray[Any] | CubeSource', self.__dict__.get('data', self.__dict__.get('_source')))

    def part(self, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """`data[rows, columns]`, without making the rest of a deferred frame."""
        known = self._pixels
        return known[rows, columns] if isinstance(known, np.ndarray) else known.part(rows, columns)

    def _check(self) -> None:
        if self.dtype.name not in DTYPES:
            raise ValueError(f'expected frame data as {" or ".join(DTYPES)}, got {self.dtype.name}')
        if 0 in self.shape:
            raise ValueError(f'expected a frame with at least one pixel and one band, got shape {self.shape}')
        for name in ('wavelengths_nm', 'fwhm_nm'):
            count = len(getattr(self.info, name))
            if count not in (0, self.bands):
                raise ValueError(f'expected {self.bands} {name} for a frame of {self.bands} bands, got {count}')

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        height, width, bands = self._pixels.shape
        return int(height), int(width), int(bands)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self._pixels.dtype

    @property
    def height(self) -> int:
        """H, pixels."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """W, pixels."""
        return self.shape[1]

    @property
    def bands(self) -> int:
        """C."""
        return self.shape[2]

    @property
    def scale(self) -> float:
        """The value that stands for full scale: a fixed constant of the source, never of one frame."""
        if self.info.saturation > 0:
            return self.info.saturation
        return 1.0 if self.dtype == np.float32 else float(np.iinfo(self.dtype).max)

    def as_float(self) -> npt.NDArray[np.float32]:
        """Data divided by `scale`: float32, (H, W, C); a fixed factor, so spectra keep their angles."""
        if self.data.dtype == np.float32 and self.scale == 1.0:
            return cast('npt.NDArray[np.float32]', self.data)
        return self.data.astype(np.float32) * np.float32(1.0 / self.scale)

    def sorted_by_wavelength(self) -> HyperspectralFrame:
        """The frame with bands in ascending wavelength; itself where sorted or unknown."""
        if not self.info.wavelengths_nm or self.info.is_sorted:
            return self
        order = np.argsort(self.info.wavelengths_nm, kind='stable')
        return replace(self, data=self.data[..., order], info=self.info.select(order))
