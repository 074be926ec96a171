"""False colour: true colours where visible light is covered, the same on crops and in later frames."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.colour import FalseColour, band_weights, colour_matching
from hsi_models.frame import HyperspectralFrame, Quantity, SpectralInfo

VISIBLE = np.arange(400, 721, 10.0)
HOTC_VIS = (465, 470, 482, 493, 503, 515, 530, 539, 544, 553, 568, 581, 590, 603, 611, 620)


def frame_of(data, nm=(), quantity='raw', saturation=0.0):
    return HyperspectralFrame(np.asarray(data), SpectralInfo(tuple(nm), quantity=quantity, saturation=saturation))


def random_cube(bands, seed=0, dtype=np.uint16):
    return np.random.default_rng(seed).integers(0, 320, (20, 30, bands)).astype(dtype)


@pytest.mark.parametrize(('nm', 'xyz'), [      # CIE 1931 2-degree tables
    (450, (0.3362, 0.0380, 1.7721)), (500, (0.0049, 0.3230, 0.2720)), (550, (0.4334, 0.9950, 0.0087)),
    (600, (1.0622, 0.6310, 0.0008)), (650, (0.2835, 0.1070, 0.0)),
])
def test_colour_matching_is_within_the_fit_s_error_of_the_tables(nm, xyz):
    np.testing.assert_allclose(colour_matching(nm), xyz, atol=0.03)


@pytest.mark.parametrize('nm', [VISIBLE, HOTC_VIS])
@pytest.mark.parametrize(('centre', 'channel'), [(620, 0), (535, 1), (465, 2)])
def test_a_narrow_light_shows_in_its_own_colour(nm, centre, channel):
    # Beside black and white, so that the stretch has something to hold on to.
    light = np.exp(-0.5 * ((np.asarray(nm) - centre) / 15) ** 2)
    cube = np.stack([np.zeros(len(nm)), np.ones(len(nm)), light])[None].astype(np.float32)
    rgb = FalseColour.fit(frame_of(cube, nm, 'reflectance')).apply(cube)[0, 2].astype(int)
    assert rgb.argmax() == channel
    assert rgb[channel] > np.delete(rgb, channel).max() + 40


@pytest.mark.parametrize('nm', [VISIBLE, HOTC_VIS, np.linspace(665, 960, 25), np.linspace(600, 850, 15), ()])
def test_a_flat_spectrum_is_grey(nm):
    bands = len(nm) or 12
    weights = band_weights(SpectralInfo(tuple(nm)), bands)
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    cube = np.linspace(0, 1, 50)[None, :, None].repeat(bands, 2).astype(np.float32)
    rgb = FalseColour.fit(frame_of(cube, nm, 'reflectance')).apply(cube).astype(int)
    assert np.ptp(rgb, axis=2).max() <= 1


def test_near_infrared_thirds_run_from_long_red_to_short_blue():
    weights = band_weights(SpectralInfo(tuple(np.linspace(665, 960, 9))), 9)
    assert [set(np.flatnonzero(column)) for column in weights.T] == [{6, 7, 8}, {3, 4, 5}, {0, 1, 2}]


def test_the_order_of_bands_does_not_matter():
    order = np.random.default_rng(0).permutation(len(VISIBLE))
    np.testing.assert_allclose(band_weights(SpectralInfo(tuple(VISIBLE[order])), len(order)),
                               band_weights(SpectralInfo(tuple(VISIBLE)), len(order))[order])


@pytest.mark.parametrize(('bands', 'columns'), [
    (1, [[1], [1], [1]]), (2, [[0, 1], [0.5, 0.5], [1, 0]]), (3, [[0, 0, 1], [0, 1, 0], [1, 0, 0]]),
])
def test_few_bands(bands, columns):
    np.testing.assert_allclose(band_weights(SpectralInfo(), bands).T, columns)
    assert FalseColour.fit(frame_of(random_cube(bands))).apply(random_cube(bands)).shape == (20, 30, 3)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('nm', [HOTC_VIS, ()])
def test_a_crop_is_coloured_exactly_as_in_the_whole_frame(dtype, nm):
    cube = (random_cube(16) // 2).astype(dtype)
    colour = FalseColour.fit(frame_of(cube, nm))
    whole = colour.apply(cube)
    assert whole.dtype == np.uint8
    assert abs(whole[5:12, 8:9].astype(int) - colour.apply(cube[5:12, 8:9])).max() <= 1
    np.testing.assert_array_equal(colour.apply(frame_of(cube, nm)), whole)


def test_a_later_frame_of_half_the_light_is_darker_not_restretched():
    first = random_cube(16)
    colour = FalseColour.fit(frame_of(first, HOTC_VIS))
    assert colour.apply(first // 2).mean() < 0.8 * colour.apply(first).mean()


def test_small_values_of_a_large_range_fill_the_display():
    rgb = FalseColour.fit(frame_of(random_cube(16), HOTC_VIS, saturation=1023.0)).apply(random_cube(16))
    assert rgb.max() > 220
    assert rgb.min() < 30


def test_raw_stretch_takes_off_the_colour_of_light_and_filters_and_reflectance_keeps_it():
    cube = np.random.default_rng(0).random((30, 30, 1)).astype(np.float32) * np.linspace(1, 3, 16, dtype=np.float32)
    raw = FalseColour.fit(frame_of(cube, HOTC_VIS)).apply(cube).astype(int)
    kept = FalseColour.fit(frame_of(cube, HOTC_VIS, Quantity.REFLECTANCE)).apply(cube).astype(int)
    assert abs(raw[..., 0] - raw[..., 2]).max() <= 4
    assert (kept[..., 0] - kept[..., 2]).mean() > 20


@pytest.mark.parametrize('data', [np.zeros((4, 4, 16), np.uint16), np.full((4, 4, 16), 7, np.uint8),
                                  np.full((4, 4, 16), np.nan, np.float32)])
def test_constant_or_missing_values_do_not_break_it(data):
    assert FalseColour.fit(frame_of(data, HOTC_VIS)).apply(data).shape == (4, 4, 3)


def test_values_that_are_not_finite_become_black_and_leave_the_others_alone():
    cube = random_cube(16, dtype=np.float32)
    colour = FalseColour.fit(frame_of(cube))
    expected = colour.apply(cube)
    cube[3, 4] = np.nan
    expected[3, 4] = 0
    np.testing.assert_array_equal(colour.apply(cube), expected)


def test_another_number_of_bands_is_refused():
    with pytest.raises(ValueError, match=r'\(H, W, 16\) as at the fit, got \(20, 30, 8\)'):
        FalseColour.fit(frame_of(random_cube(16))).apply(random_cube(8))


def test_percentiles_out_of_order_are_refused():
    with pytest.raises(ValueError, match='low < high'):
        FalseColour.fit(frame_of(random_cube(3)), low_percent=60, high_percent=50)
