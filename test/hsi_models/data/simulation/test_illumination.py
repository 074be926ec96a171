"""Light: the CIE's daylight, and courses that start from the light of the white reference."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.data.simulation.illumination import COURSES, GRID_NM, daylight, illumination_course, planck


@pytest.mark.parametrize(('wavelength_nm', 'd65'), [(400, 82.75), (450, 117.01), (500, 109.35), (600, 90.01),
                                                    (650, 80.03), (700, 71.61)])
def test_daylight_of_6504_k_is_d65(wavelength_nm: int, d65: float) -> None:
    assert 100 * np.interp(wavelength_nm, GRID_NM, daylight(6504)) == pytest.approx(d65, abs=0.5)


def test_the_infrared_goes_on_without_a_step_but_for_water_vapour() -> None:
    spectrum = daylight(5500)
    assert abs(spectrum[GRID_NM == 840] / spectrum[GRID_NM == 820] - 1) < 0.12
    assert spectrum[GRID_NM == 940] < 0.75 * spectrum[GRID_NM == 900]


def test_a_hotter_body_is_bluer() -> None:
    assert planck(6000)[0] / planck(6000)[-1] > planck(2900)[0] / planck(2900)[-1]


@pytest.mark.parametrize('kind', COURSES)
def test_a_course_is_positive_changes_only_where_it_should_and_is_equal_by_seed(kind: str) -> None:
    course = illumination_course(kind, 80, np.random.default_rng(3))
    assert course.shape == (80, len(GRID_NM))
    assert (course > 0.05).all()
    assert (course < 3).all()
    np.testing.assert_array_equal(course, illumination_course(kind, 80, np.random.default_rng(3)))
    change = np.ptp(course.mean(axis=1))
    assert change == 0 if kind == 'steady' else change > 0.05
    colour = course[:, 5] / course[:, 25]
    assert np.ptp(colour) < 1e-9 if kind in ('steady', 'flicker') else np.ptp(colour) > 0.02


def test_a_shadow_is_darker_and_bluer_than_the_sun() -> None:
    course = illumination_course('shadow', 100, np.random.default_rng(0))
    darkest = course.mean(axis=1).argmin()
    assert course[darkest].mean() < 0.65 * course[0].mean()
    assert course[darkest, 5] / course[darkest, 25] > 1.05 * course[0, 5] / course[0, 25]


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="expected an illumination of steady, .*, got 'moon'"):
        illumination_course('moon', 5, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r'expected a daylight of 4000\.\.25000 K, got 3000 K'):
        daylight(3000)
