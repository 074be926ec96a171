"""Cameras of recorded sequences: `wavelengths.json` beside the images, else a table by layout."""
from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from hsi_models.camera import MOST_CELLS, Camera
from hsi_models.evaluation.truth import read_json
from hsi_models.frame import Quantity

CAMERA_FILE = 'wavelengths.json'

# IMEC 4x4 VIS, nm, cells of the pattern row by row.
_VIS_NM = (482, 493, 470, 465, 568, 581, 553, 544, 611, 620, 603, 590, 530, 539, 515, 503)
# XIMEA 5x5 NIR, nm: highest point of each of the 25 measured filter responses within 665-975 nm (what a long-pass
# filter leaves), cells row by row, 1 nm grid; a filter whose first order lies below gives its second order.
_NIR_NM = (885, 894, 876, 865, 673, 791, 804, 781, 767, 674, 741, 755, 728, 714, 689, 925, 932, 916, 908, 665,
           844, 855, 835, 823, 940)
# Width of these responses at half of the highest point, nm.
_NIR_FWHM_NM = (11, 12, 12, 12, 5, 6, 8, 7, 8, 6, 9, 8, 6, 6, 6, 19, 17, 15, 16, 4, 7, 9, 7, 9, 19)
# No list is published: even steps over the stated range, in index order; the last cell carries no band.
_REDNIR_NM = (*np.linspace(600.0, 850.0, 15).tolist(), math.nan)
_BIT_DEPTH = 10
_KEYS = {'mosaic', 'centre_nm', 'fwhm_nm', 'bit_depth', 'white_reference_dn', 'dark_reference_dn', 'saturation_dn',
         'quantity', 'nominal', 'model', 'serial', 'exposure_s', 'gain_db'}

_KIND = re.compile(r'(?<![a-z])(?:(red[-_ ]?nir)|(nir)|(vis))(?![a-z])', re.IGNORECASE)


def hotc_camera(kind: str, *, bands_sorted: bool = False) -> Camera:
    """The camera behind the HOTC sequences of one kind.

    Values are dark-subtracted and spectrally corrected, without white calibration: radiance in 10-bit numbers.

    Args:
        kind: `vis` (4 x 4, 16 bands, 465-620 nm), `nir` (5 x 5, 25 bands, 665-940 nm) or `rednir` (4 x 4, 15 bands,
            nominal 600-850 nm).
        bands_sorted: the files hold the bands re-sorted by wavelength, not in the order of the filters (HOTC does
            not say which).

    Raises:
        ValueError: no such kind.
    """
    if kind not in ('vis', 'nir', 'rednir'):
        raise ValueError(f'expected a HOTC camera of vis, nir, rednir, got {kind!r}')
    wavelengths: tuple[float, ...] = {'vis': _VIS_NM, 'nir': _NIR_NM, 'rednir': _REDNIR_NM}[kind]
    fwhm: tuple[float, ...] = _NIR_FWHM_NM if kind == 'nir' else ()
    if bands_sorted:
        order = np.argsort(wavelengths, kind='stable')
        wavelengths = tuple(wavelengths[i] for i in order)
        fwhm = tuple(fwhm[i] for i in order) if fwhm else ()
    side = 5 if kind == 'nir' else 4
    return Camera(model=f'HOTC-{kind.upper()}', wavelengths_nm=wavelengths, fwhm_nm=fwhm, nominal=kind == 'rednir',
                  quantity=Quantity.RADIANCE, bit_depth=_BIT_DEPTH, mosaic_rows=side, mosaic_columns=side)


def kind_from_path(path: Path) -> str | None:
    """`vis`, `nir` or `rednir` as a path says it (`HSI-NIR`, `hsi_rednir`, `vis-car`), the deepest part first."""
    for part in reversed(path.parts[-6:]):
        match = _KIND.search(part)
        if match:
            return 'rednir' if match.group(1) else match.group(0).lower()
    return None


def camera_from_json(path: str | Path) -> Camera:
    """The camera that a `wavelengths.json` describes.

    What a folder of images carries, and what a node is given as `camera_file` where a driver states nothing.

    Keys, at least one of them: `mosaic` [rows, columns] (absent or null: cubes), `centre_nm` [bands] in mosaic order,
    row by row, null for a cell without a band, `fwhm_nm` [bands] or one number, `bit_depth`, and optionally
    `white_reference_dn` and `dark_reference_dn` ([bands] or one number), `saturation_dn`, `quantity`, `nominal`,
    `model`, `serial`, `exposure_s`, `gain_db`. Other keys are left alone.

    Raises:
        ValueError: no such file, no JSON object, none of the keys, a value of the wrong kind, or lists whose lengths
            do not agree.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f'expected a JSON file that describes a camera, got {path}, which is no file')
    record = read_json(path)
    if not isinstance(record, dict):
        raise ValueError(f'{path}: expected an object with mosaic, centre_nm, fwhm_nm, got {type(record).__name__}')
    if not _KEYS & set(record):
        raise ValueError(f'{path}: expected a description of a camera ({", ".join(sorted(_KEYS))}), got '
                         + (f'the keys {", ".join(map(str, record))}'[:120] if record else 'an empty object'))
    try:
        rows, columns = _pattern(record.get('mosaic'))
        bands = rows * columns or len(_numbers(record, 'centre_nm', 0))
        camera = Camera(
            model=str(record.get('model') or ''), serial=str(record.get('serial') or ''),
            wavelengths_nm=_numbers(record, 'centre_nm', 0), fwhm_nm=_numbers(record, 'fwhm_nm', bands),
            nominal=record.get('nominal') is True, quantity=Quantity(record.get('quantity') or 'raw'),
            bit_depth=int(_number(record, 'bit_depth')), saturation=_number(record, 'saturation_dn'),
            exposure_s=_number(record, 'exposure_s'), gain_db=_number(record, 'gain_db'), mosaic_rows=rows,
            mosaic_columns=columns, dark_levels=_numbers(record, 'dark_reference_dn', bands),
            white_levels=_numbers(record, 'white_reference_dn', bands))
        camera.spectral_info(bands)
    except (ValueError, OverflowError) as error:        # JSON knows numbers of any size, and Infinity
        raise ValueError(f'{path}: {error}') from None
    return camera


def camera_to_json(camera: Camera) -> str:
    """A camera as the text of `wavelengths.json`: all of it but its calibration file and what a pixel was made of."""
    record: dict[str, Any] = {
        'model': camera.model, 'serial': camera.serial,
        'mosaic': [camera.mosaic_rows, camera.mosaic_columns] if camera.is_mosaic else None,
        'centre_nm': _json_list(camera.wavelengths_nm), 'fwhm_nm': _json_list(camera.fwhm_nm),
        'nominal': camera.nominal, 'quantity': camera.quantity.value, 'bit_depth': camera.bit_depth,
        'saturation_dn': camera.saturation, 'exposure_s': camera.exposure_s, 'gain_db': camera.gain_db,
        'white_reference_dn': _json_list(camera.white_levels), 'dark_reference_dn': _json_list(camera.dark_levels)}
    kept = {key: value for key, value in record.items() if value not in (None, '', 0, []) or key == 'mosaic'}
    return json.dumps(kept, indent=1) + '\n'


def _json_list(values: tuple[float, ...]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]


def _pattern(value: object) -> tuple[int, int]:
    if value is None:
        return 0, 0
    if not isinstance(value, list) or len(value) != 2 or not all(
            type(side) is int and 0 <= side <= MOST_CELLS for side in value):
        raise ValueError(f'expected mosaic as [rows, columns], each 1..{MOST_CELLS}, got {str(value)[:60]}')
    return value[0], value[1]


def _number(record: dict[str, Any], key: str) -> float:
    value = record.get(key)
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f'expected {key} as a number, got {value!r}')
    return float(value)


def _numbers(record: dict[str, Any], key: str, bands: int) -> tuple[float, ...]:
    """One number a band; a single number stands for each of `bands`."""
    value = record.get(key)
    if value is None:
        return ()
    if isinstance(value, int | float) and not isinstance(value, bool) and bands:
        return (float(value),) * bands
    if not isinstance(value, list) or not all(
            item is None or isinstance(item, int | float) and not isinstance(item, bool) for item in value):
        raise ValueError(f'expected {key} as a list of numbers, got {str(value)[:60]}')
    return tuple(math.nan if item is None else float(item) for item in value)
