"""A snapshot camera: noise, saturation, cross-talk and the offset of its photosites are what they are said to be."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hsi_models.data.simulation.cameras import nominal_camera
from hsi_models.data.simulation.illumination import GRID_NM
from hsi_models.data.simulation.snapshot import SnapshotCamera


def camera(**options: object) -> SnapshotCamera:
    return replace(nominal_camera('vis'), **options)  # type: ignore[arg-type]


def test_white_under_the_reference_light_gives_the_white_levels() -> None:
    cam = camera()
    matrix = cam.matrix(np.ones((len(GRID_NM), 1)), exposure=0.5)
    np.testing.assert_allclose(matrix[:, 0], cam.white_levels(0.5))
    assert matrix.max() == pytest.approx(0.5 * 1023)


def test_noise_is_shot_and_read_noise_of_the_stated_electrons() -> None:
    cam = camera(full_well_electrons=8000.0, read_noise_electrons=15.0)
    for level in (30.0, 500.0):
        image = cam.digitise(torch.full((200_000,), level), torch.Generator().manual_seed(0))
        per_electron = 1023 / 8000
        expected = per_electron * level + (15 * per_electron) ** 2 + 1 / 12      # the last: quantisation
        assert float(image.var()) == pytest.approx(expected, rel=0.03)
        assert float(image.mean()) == pytest.approx(level, abs=0.1)


def test_values_are_whole_saturate_and_are_equal_by_seed() -> None:
    signal = torch.linspace(-50, 1500, 1000)
    first, second = (camera().digitise(signal, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(first, first.round())
    assert first.min() == 0
    assert first.max() == 1023
    assert torch.equal(camera().digitise(signal, None), signal.round().clamp(0, 1023))


def test_each_photosite_looks_past_its_neighbour_by_a_fraction_of_a_cell() -> None:
    cam = camera(stray_light=0.0)
    ramp = torch.arange(32.0).expand(1, 16, 32, 32)
    shifts = (cam.focus(ramp) - ramp)[0, :, 16, 16].reshape(4, 4)
    torch.testing.assert_close(shifts, torch.tensor([-0.375, -0.125, 0.125, 0.375]).expand(4, 4), atol=1e-4, rtol=0)
    assert torch.equal(replace(cam, parallax=False).focus(ramp), ramp)


def test_stray_light_lifts_the_dark_and_keeps_the_mean() -> None:
    picture = torch.zeros((1, 16, 20, 20))
    picture[..., :10] = 400.0
    spread = camera(stray_light=0.05, parallax=False).focus(picture)
    assert float(spread[0, 0, 0, 19]) == pytest.approx(0.05 * 200)
    torch.testing.assert_close(spread.mean(), picture.mean())


def test_cross_talk_mixes_neighbours_and_keeps_the_energy() -> None:
    clean, leaky = camera(cross_talk=0.0), camera(cross_talk=0.1)
    np.testing.assert_allclose(leaky.effective_responses().sum(), clean.effective_responses().sum())
    assert leaky.effective_responses()[0].max() < clean.effective_responses()[0].max()
    around = clean.responses[[1, 3, 4, 12]].mean(axis=0)         # of the first photosite, the pattern repeating
    np.testing.assert_allclose(leaky.effective_responses()[0], 0.9 * clean.responses[0] + 0.1 * around)


def test_corners_are_darker_and_the_pattern_stays() -> None:
    pattern = camera(response_spread=0.0, vignetting=0.3).fixed_pattern((20, 30), torch.Generator().manual_seed(0))
    assert float(pattern[0, 10, 15]) > 0.99
    assert float(pattern[0, 0, 0]) == pytest.approx(0.7)
    uneven = camera(vignetting=0.0, response_spread=0.02).fixed_pattern((40, 40), torch.Generator().manual_seed(0))
    assert float(uneven.std()) == pytest.approx(0.02, rel=0.05)


def test_the_description_names_the_bands() -> None:
    description = nominal_camera('nir').description(0.7)
    assert (description.mosaic_rows, description.bit_depth) == (5, 10)
    assert len(description.wavelengths_nm) == len(description.fwhm_nm) == len(description.white_levels) == 25
    centres = np.array(nominal_camera('vis').description().wavelengths_nm)
    np.testing.assert_allclose(centres[:4], (482, 493, 470, 465), atol=4)


def test_responses_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r'expected responses of shape \(C, 61\), got \(16, 60\)'):
        camera(responses=np.ones((16, 60)))
    with pytest.raises(ValueError, match='expected 16 responses for a 4 x 4 mosaic, got 9'):
        camera(responses=np.ones((9, 61)))
