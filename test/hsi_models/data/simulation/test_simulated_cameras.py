"""Which cameras can be simulated."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hsi_models.data.simulation.cameras import RANGES_NM, measured_camera, nominal_camera, random_camera


@pytest.mark.parametrize('bands', [8, 9, 15, 16, 25, 31, 61])
@pytest.mark.parametrize('kind', RANGES_NM)
def test_a_random_camera_has_its_bands_in_its_range(bands: int, kind: str) -> None:
    camera = random_camera(np.random.default_rng(bands), bands, kind)
    low, high = RANGES_NM[kind]
    centres = np.array(camera.description().wavelengths_nm)
    assert camera.bands == len(centres) == bands
    assert centres.min() > low - 40
    assert centres.max() < high + 40
    assert (camera.responses >= 0).all()
    assert camera.responses.max() == 1.0
    assert camera.mosaic == ((int(bands ** 0.5),) * 2 if bands in (9, 16, 25) else (0, 0))


def test_random_cameras_are_equal_by_seed_and_differ_between_seeds() -> None:
    first, same, other = (random_camera(np.random.default_rng(seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.responses, same.responses)
    assert first.responses.shape != other.responses.shape or not np.allclose(first.responses, other.responses)


@pytest.mark.parametrize(('kind', 'within_nm'), [('vis', 12), ('nir', 15)])
def test_measured_filters_peak_where_the_makers_list_says(kind: str, within_nm: float, shared_data: Path) -> None:
    measured = np.array(measured_camera(kind, shared_data / 'sensor_responses').description().wavelengths_nm)
    stated = np.array(nominal_camera(kind).description().wavelengths_nm)
    assert np.median(np.abs(measured - stated)) < within_nm


def test_bad_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected 8\.\.61 bands and a range of vis, .*, got 7 and 'vis'"):
        random_camera(np.random.default_rng(0), 7, 'vis')
    with pytest.raises(ValueError, match="expected a measured camera of vis, nir, got 'x'"):
        measured_camera('x', tmp_path)
    with pytest.raises(FileNotFoundError, match=r'expected the measured responses .*Xemia_25\.mat, found none'):
        measured_camera('nir', tmp_path)
    with pytest.raises(ValueError, match="expected a nominal camera of vis, nir, got 'x'"):
        nominal_camera('x')
