"""What is known of a camera: the ROS-free twin of HyperspectralInfo.msg and of `wavelengths.json`."""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hsi_models.frame import Quantity, SpectralInfo
from hsi_models.mosaic import require_cells

MOST_CELLS = 16
"""Along each side of a mosaic's pattern."""


@dataclass(frozen=True)
class Camera:
    """Description of one hyperspectral camera; per-band values in the band order of its image.

    For a mosaic the band order is that of the cells of its pattern, row by row; a cell that carries no
    band (HOTC RedNIR's last) has wavelength nan.

    Args:
        model, serial: as the maker writes them.
        wavelengths_nm, fwhm_nm: nm, one a band; empty where unknown (a list of nan alone becomes empty).
        nominal: the wavelengths are a nominal range, not a calibration.
        quantity: what an image value stands for.
        bit_depth: significant bits of an image value; 0 where unknown.
        saturation: image value at which a band saturates; 0 where unknown.
        mosaic_rows, mosaic_columns: pattern of a snapshot mosaic, 0 for a cube.
        pixel_rows, pixel_columns: of the camera's own image that a pixel of this one covers, where this is a cube made
            of it (4 for one of a 4 x 4 mosaic, 2 for that at twice the size); 0 where this is that image.
        upscaling: factor by which super-resolution enlarged both sides; 0 where it did not.
        dark_levels, white_levels: image value of darkness and of the white reference, one a band; empty
            where unknown.
        exposure_s, gain_db: 0 where unknown.
        calibration_file, calibration_sha256: per-pixel references used, '' where none.

    Raises:
        ValueError: lengths that do not agree, a pattern with one side 0, values out of range.
    """

    model: str = ''
    serial: str = ''
    wavelengths_nm: tuple[float, ...] = ()
    fwhm_nm: tuple[float, ...] = ()
    nominal: bool = False
    quantity: Quantity = Quantity.RAW
    bit_depth: int = 0
    saturation: float = 0.0
    mosaic_rows: int = 0
    mosaic_columns: int = 0
    pixel_rows: float = 0.0
    pixel_columns: float = 0.0
    upscaling: int = 0
    dark_levels: tuple[float, ...] = ()
    white_levels: tuple[float, ...] = ()
    exposure_s: float = 0.0
    gain_db: float = 0.0
    calibration_file: str = ''
    calibration_sha256: str = ''

    def __post_init__(self) -> None:
        object.__setattr__(self, 'quantity', Quantity(self.quantity))
        counts: dict[str, int] = {}
        for name in ('wavelengths_nm', 'fwhm_nm', 'dark_levels', 'white_levels'):
            # one nan for all: tuples compare it by identity, and equal descriptions have to compare equal
            values = tuple(math.nan if math.isnan(value) else value for value in map(float, getattr(self, name)))
            object.__setattr__(self, name, values)
            if values:
                counts[name] = len(values)
        if len(set(counts.values())) > 1:
            raise ValueError(f'expected per-band lists of one length, got {counts}')
        if (self.mosaic_rows == 0) != (self.mosaic_columns == 0) or not 0 <= self.mosaic_rows <= MOST_CELLS \
                or not 0 <= self.mosaic_columns <= MOST_CELLS:
            raise ValueError(f'expected mosaic_rows and mosaic_columns both 0 (cube) or both 1..{MOST_CELLS}, '
                             f'got {self.mosaic_rows} x {self.mosaic_columns}')
        if (self.pixel_rows == 0) != (self.pixel_columns == 0):
            raise ValueError('expected pixel_rows and pixel_columns both 0 (unknown) or both > 0, '
                             f'got {self.pixel_rows:g} x {self.pixel_columns:g}')
        self._check_bands()
        cells = self.mosaic_rows * self.mosaic_columns
        for name, count in counts.items():
            if cells and count != cells:
                raise ValueError(f'expected {cells} {name} for a {self.mosaic_rows} x {self.mosaic_columns} mosaic, '
                                 f'got {count}')
        for name in ('bit_depth', 'saturation', 'exposure_s', 'pixel_rows', 'pixel_columns', 'upscaling'):
            value = float(getattr(self, name))
            if not math.isfinite(value) or value < 0:
                raise ValueError(f'expected {name} >= 0 (0 where unknown), got {value:g}')
        if not 0 <= self.bit_depth <= 32:
            raise ValueError(f'expected bit_depth 0..32 (0 where unknown), got {self.bit_depth}')
        if not math.isfinite(self.gain_db):
            raise ValueError(f'expected a finite gain_db (0 where unknown), got {self.gain_db:g}')
        for name in ('wavelengths_nm', 'fwhm_nm'):
            if all(map(math.isnan, getattr(self, name))):
                object.__setattr__(self, name, ())

    def _check_bands(self) -> None:
        """Raise ValueError for a value that no band has; nan stays: not known."""
        for name in ('wavelengths_nm', 'fwhm_nm', 'dark_levels', 'white_levels'):
            positive = name.endswith('_nm')
            for value in getattr(self, name):
                if math.isinf(value) or positive and value <= 0:
                    raise ValueError(f'expected finite {name}{" > 0" if positive else ""} (nan where not known), '
                                     f'got {value:g}')

    @property
    def is_mosaic(self) -> bool:
        """True where images are raw mosaics."""
        return self.mosaic_rows > 0

    @property
    def pixel_size(self) -> tuple[float, float]:
        """(columns, rows) of the camera's own image that a pixel of the cube covers: (1, 1) for a camera of cubes."""
        columns, rows = self.mosaic_columns or 1, self.mosaic_rows or 1
        return columns * (self.pixel_columns or 1.0), rows * (self.pixel_rows or 1.0)

    def frame_size(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """(columns, rows) of the cube that an image of this shape holds.

        Raises:
            ValueError: not a single pixel of it.
        """
        height, width = require_cells(shape, self.mosaic_rows or 1, self.mosaic_columns or 1)
        return width, height

    @property
    def full_scale(self) -> float:
        """Saturation, else 2**bit_depth - 1, else 0 (unknown)."""
        return self.saturation or (2.0 ** self.bit_depth - 1 if self.bit_depth else 0.0)

    def band_order(self, bands: int) -> npt.NDArray[np.intp]:
        """Indices that sort `bands` image bands by wavelength and leave out cells without a band.

        Raises:
            ValueError: the camera describes another number of bands.
        """
        if not self.wavelengths_nm:
            return np.arange(bands)
        if len(self.wavelengths_nm) != bands:
            raise ValueError(f'expected {len(self.wavelengths_nm)} bands as the camera describes, got {bands}')
        wavelengths = np.asarray(self.wavelengths_nm)
        order = np.argsort(wavelengths, kind='stable')      # nan comes last
        return order[: int(np.isfinite(wavelengths).sum())]

    def spectral_info(self, bands: int) -> SpectralInfo:
        """Info of a cube whose bands went through `band_order`."""
        order = self.band_order(bands)
        return SpectralInfo(
            wavelengths_nm=tuple(self.wavelengths_nm[i] for i in order) if self.wavelengths_nm else (),
            fwhm_nm=tuple(self.fwhm_nm[i] for i in order) if self.fwhm_nm else (),
            quantity=self.quantity, saturation=self.full_scale, nominal=self.nominal)
