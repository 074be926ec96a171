"""Cameras come from wavelengths.json or from the table, and survive writing and reading."""
from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from hsi_models.camera import Camera
from hsi_models.data.cameras import camera_from_json, camera_to_json, hotc_camera, kind_from_path
from hsi_models.frame import Quantity


@pytest.mark.parametrize(('kind', 'pattern', 'bands', 'low', 'high'), [
    ('vis', 4, 16, 465, 620), ('nir', 5, 25, 665, 940), ('rednir', 4, 15, 600, 850)])
def test_the_table_s_cameras(kind, pattern, bands, low, high):
    camera = hotc_camera(kind)
    info = camera.spectral_info(pattern ** 2)
    assert (camera.mosaic_rows, camera.mosaic_columns) == (pattern, pattern)
    assert len(info.wavelengths_nm) == bands
    assert info.is_sorted
    assert (info.wavelengths_nm[0], info.wavelengths_nm[-1]) == (low, high)
    assert info.quantity is Quantity.RADIANCE
    assert info.saturation == 1023
    assert info.nominal == (kind == 'rednir')


def test_the_last_cell_of_rednir_carries_no_band():
    assert math.isnan(hotc_camera('rednir').wavelengths_nm[-1])


@pytest.mark.parametrize('kind', ['vis', 'nir'])
def test_re_sorted_files_have_ascending_wavelengths(kind):
    plain, re_sorted = hotc_camera(kind), hotc_camera(kind, bands_sorted=True)
    assert list(re_sorted.wavelengths_nm) == sorted(plain.wavelengths_nm)
    assert sorted(zip(re_sorted.wavelengths_nm, re_sorted.fwhm_nm, strict=False)) \
        == sorted(zip(plain.wavelengths_nm, plain.fwhm_nm, strict=False))
    assert re_sorted.band_order(len(plain.wavelengths_nm)).tolist() == list(range(len(plain.wavelengths_nm)))


def test_the_nir_table_is_read_off_the_measured_responses(shared_data):
    responses = scipy.io.loadmat(shared_data / 'sensor_responses' / 'Xemia_25.mat')['Spectral_Profiles']
    nm = np.arange(400, 1001)
    seen = (nm >= 665) & (nm <= 975)
    assert nm[seen][responses[:, seen].argmax(axis=1)].tolist() == list(hotc_camera('nir').wavelengths_nm)


@pytest.mark.parametrize(('path', 'kind'), [
    ('training/HSI-VIS/ball', 'vis'), ('validation/HSI-NIR/car', 'nir'), ('x/HSI-RedNIR/rednir1', 'rednir'),
    ('HSI-NIR-Falsecolor/park/img/park', 'nir'), ('hsi_rednir/a', 'rednir'), ('data/vis-car', 'vis'),
    ('souvenir/visitor', None), ('ball/HSI', None),
])
def test_the_kind_is_read_from_the_path(path, kind):
    assert kind_from_path(Path(path)) == kind


FULL = Camera(model='MQ022', serial='7', wavelengths_nm=(620, 500, 560, math.nan), fwhm_nm=(12, 10, 11, math.nan),
              mosaic_rows=2, mosaic_columns=2, bit_depth=10, saturation=1000.0, quantity=Quantity.RADIANCE,
              nominal=True, dark_levels=(1, 2, 3, 0), white_levels=(900, 800, 700, 0), exposure_s=0.008, gain_db=3.0)


@pytest.mark.parametrize('camera', [FULL, Camera(), Camera(wavelengths_nm=(400, 500)), hotc_camera('rednir')])
def test_a_camera_survives_writing_and_reading(tmp_path, camera):
    (tmp_path / 'wavelengths.json').write_text(camera_to_json(camera))
    back = camera_from_json(tmp_path / 'wavelengths.json')
    assert str(back) == str(camera)        # nan differs from itself
    assert 'NaN' not in camera_to_json(camera)


def test_single_numbers_stand_for_all_bands(tmp_path):
    path = tmp_path / 'wavelengths.json'
    path.write_text(json.dumps({'mosaic': [2, 2], 'centre_nm': [500, 510, 520, 530], 'fwhm_nm': 10, 'bit_depth': 10,
                                'white_reference_dn': 800, 'made_by': 'another tool'}))
    camera = camera_from_json(path)
    assert camera.fwhm_nm == (10,) * 4
    assert camera.white_levels == (800,) * 4
    assert camera.full_scale == 1023


@pytest.mark.parametrize(('record', 'message'), [
    ([1, 2], 'expected an object'),
    ({}, r'expected a description of a camera \(bit_depth, centre_nm, .*\), got an empty object'),
    ({'camera_matrix': [], 'image_width': 640}, 'got the keys camera_matrix, image_width'),
    ({'mosaic': [4, 4], 'centre_nm': [500] * 15}, 'expected 16 wavelengths_nm for a 4 x 4 mosaic, got 15'),
    ({'mosaic': [2, 2], 'centre_nm': [500] * 4, 'fwhm_nm': [1, 2]}, 'expected per-band lists of one length'),
    ({'mosaic': [1000, 1000]}, r'each 1..16, got \[1000, 1000\]'),
    ({'mosaic': [17, 17]}, r'each 1..16, got \[17, 17\]'),
    ({'mosaic': [10 ** 9, 10 ** 9], 'fwhm_nm': 10}, 'each 1..16'),
    ({'centre_nm': [500, 10 ** 400]}, 'too large'),
    ({'centre_nm': [500], 'bit_depth': math.inf}, 'infinity'),
    ({'mosaic': [4]}, r'mosaic as \[rows, columns\]'),
    ({'mosaic': [4, 0]}, 'got 4 x 0'),
    ({'mosaic': [-4, -4]}, r'mosaic as \[rows, columns\]'),
    ({'centre_nm': ['a']}, 'centre_nm as a list of numbers'),
    ({'centre_nm': [500, -1]}, 'finite wavelengths_nm > 0'),
    ({'centre_nm': [500], 'bit_depth': 'ten'}, "bit_depth as a number, got 'ten'"),
    ({'centre_nm': [500], 'bit_depth': 99}, 'bit_depth 0..32'),
    ({'centre_nm': [500], 'quantity': 'colour'}, 'not a valid Quantity'),
])
def test_a_malformed_description_is_refused_with_the_file_s_name(tmp_path, record, message):
    path = tmp_path / 'wavelengths.json'
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=message) as error:
        camera_from_json(path)
    assert 'wavelengths.json' in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match='expected a JSON file that describes a camera, got .*nowhere.json'):
        camera_from_json(tmp_path / 'nowhere.json')


def test_text_that_is_no_json_is_refused(tmp_path):
    (tmp_path / 'wavelengths.json').write_text('{"mosaic": [4,')
    with pytest.raises(ValueError, match='expected JSON'):
        camera_from_json(tmp_path / 'wavelengths.json')


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="vis, nir, rednir, got 'swir'"):
        hotc_camera('swir')
