"""Folders of raw mosaic images: HOTC of all years, and any other snapshot camera with its `wavelengths.json`."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from hsi_models.camera import Camera
from hsi_models.data.cameras import hotc_camera, kind_from_path
from hsi_models.data.folder import FRAME_RATE_HZ, FolderSequence, camera_beside, numbered_files
from hsi_models.data.images_io import read_header, read_single_channel

SUFFIXES = ('.png', '.tif', '.tiff')


class HotcSequence(FolderSequence):
    """Mosaics in numbered PNG or TIFF files of one channel (see `hsi_models.data.sequence.Sequence`).

    The camera comes from `wavelengths.json` where there is one, else from the path: `VIS`, `NIR` or `RedNIR` in a
    folder's name (2023 on), VIS for `<seq>/HSI` (2020).

    Args:
        folder: of the images.
        camera: overrides what the folder says.
        one_based: the ground truth counts pixels from 1.
        bands_sorted: the table's cameras only: the files hold the bands re-sorted by wavelength.
        frame_rate_hz: nominal.

    Raises:
        ValueError: no images, colour images, a camera that is not stated, or a malformed file beside the images.
    """

    def __init__(self, folder: str | Path, *, camera: Camera | None = None, one_based: bool = False,
                 bands_sorted: bool = False, frame_rate_hz: float = FRAME_RATE_HZ) -> None:
        folder = Path(folder)
        self._files = numbered_files(folder, SUFFIXES)
        if not self._files:
            raise ValueError(f'{folder}: expected numbered images ({", ".join(SUFFIXES)}), found none')
        header = read_header(self._files[0])
        if header.channels != 1:
            raise ValueError(f'{self._files[0]}: expected a raw mosaic of one channel, got {header.channels} channels: '
                             'a colour video, or false colour, holds no spectra')
        stated = camera or camera_beside(folder)
        if stated is not None and not stated.is_mosaic:
            raise ValueError(f'{folder}: expected a camera with a mosaic pattern for images of one channel, '
                             'got one without: state mosaic [rows, columns] in wavelengths.json')
        # A pattern from the table is a guess by the path: it has to fit. A stated one may leave a rest at the edge.
        self._fits = stated is None
        super().__init__(folder, len(self._files), stated or _table_camera(folder, bands_sorted), one_based=one_based,
                         frame_rate_hz=frame_rate_hz)
        self._check_size((header.height, header.width), self._files[0])

    def _read(self, index: int) -> npt.NDArray[Any]:
        image = read_single_channel(self._files[index])
        self._check_size(image.shape, self._files[index])
        return image

    def _check_size(self, shape: tuple[int, ...], path: Path) -> None:
        rows, columns = self.camera.mosaic_rows, self.camera.mosaic_columns
        if shape[0] < rows or shape[1] < columns or self._fits and (shape[0] % rows or shape[1] % columns):
            raise ValueError(f'{path}: expected a size that is a multiple of the {rows} x {columns} pattern of '
                             f'{self.camera.model or "the camera"}, got {shape[0]} x {shape[1]}: state the camera in '
                             'wavelengths.json')


def _table_camera(folder: Path, bands_sorted: bool) -> Camera:
    folder = folder.absolute()
    kind = kind_from_path(folder)
    if kind is None and folder.name.lower() == 'hsi':
        kind = 'vis'
    if kind is None:
        raise ValueError(f'{folder}: expected wavelengths.json beside the images (mosaic, centre_nm, fwhm_nm, '
                         'bit_depth), or VIS, NIR or RedNIR in the path, or <sequence>/HSI/, as HOTC is distributed; '
                         'found neither')
    return hotc_camera(kind, bands_sorted=bands_sorted)
