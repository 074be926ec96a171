"""The matched filter: a peak where the target is, silence where its spectrum is nobody's or everybody's."""
from __future__ import annotations

import pytest
import torch

from hsi_models.networks.layers.spectral_match import (
    match_contrast,
    match_logits,
    match_own,
    match_picture,
    match_pixels,
    match_regions,
    target_filter,
)

SIZE = torch.tensor([[50.0, 40.0]])


def spectra(size: int, corners: tuple[int, int, int, int] | None, strength: float) -> torch.Tensor:
    """White noise; the target has one direction more of it."""
    values = torch.randn(1, 16, size, size, generator=torch.Generator().manual_seed(size))
    if corners is not None:
        x1, y1, x2, y2 = corners
        values[:, 5, y1:y2, x1:x2] += strength
    return values


def found(strength: float, corners: tuple[int, int, int, int] | None = (150, 80, 200, 120)) -> torch.Tensor:
    target = target_filter(spectra(127, (38, 43, 88, 83), strength), SIZE)
    return match_regions(match_pixels(target, spectra(255, corners, strength)))[0, 0]


def test_the_peak_is_where_the_target_is():
    match = found(2.0)
    assert match.shape == (25, 25)
    row, column = divmod(int(match.argmax()), 25)
    assert abs((column - 12) * 8 + 127.5 - 175) <= 8
    assert abs((row - 12) * 8 + 127.5 - 100) <= 8
    assert 0.4 < float(match.max()) < 0.8           # a window is a little larger than this target
    assert float(match[-8:, :8].abs().max()) < 0.05


def test_it_is_as_sure_as_the_spectrum_is_the_targets_own():
    strong, weak, none = (float(found(strength).max()) for strength in (2.0, 0.5, 0.0))
    assert strong > 2 * weak > 4 * max(none, 0.0)


def test_without_a_target_there_is_no_peak():
    assert float(found(2.0, corners=None).abs().max()) < 0.05


def contrast(strength: float, corners: tuple[int, int, int, int] | None = (150, 80, 200, 120)) -> torch.Tensor:
    template = spectra(127, (38, 43, 88, 83), strength)
    target = target_filter(template, SIZE)
    own = match_own(match_pixels(target, template))
    return match_contrast(match_regions(match_pixels(target, spectra(255, corners, strength))), own)[0, 0]


def test_the_contrast_is_one_on_the_target_and_zero_where_nothing_is_like_it():
    found = contrast(2.0)
    assert float(found.max()) == pytest.approx(1, abs=0.1)
    assert float(found[-8:, :8].abs().max()) < 0.1
    assert float(contrast(2.0, corners=None).max()) < 0.1


def test_a_spectrum_that_does_not_tell_the_target_makes_no_contrast():
    found = contrast(0.0)
    assert float((found - 1).abs().max()) < 0.25


def test_a_picture_of_the_answers_is_grey_and_about_standardised():
    template = spectra(127, (38, 43, 88, 83), 2.0)
    picture = match_picture(match_pixels(target_filter(template, SIZE), template))
    assert picture.shape == (1, 3, 127, 127)
    assert torch.equal(picture[:, 0], picture[:, 2])
    assert abs(float(picture.mean())) < 0.5
    assert 0.5 < float(picture.std()) < 1.5
    assert float(picture[..., 50:76, 50:76].mean()) > 1 > 0 > float(picture[..., :20].mean())


def test_logits_start_with_opposite_gains():
    layer = match_logits(3.0)
    found = layer(torch.full((1, 1, 2, 2), 0.5))
    assert found[0, :, 0, 0].tolist() == [-1.5, 1.5]
    assert layer.weight.requires_grad


@pytest.mark.parametrize('box', [[0.4, 90.0], [300.0, 0.2]])
def test_thin_boxes_have_a_pixel(box):
    target = target_filter(spectra(127, (0, 0, 127, 127), 2.0), torch.tensor([box]))
    assert bool(torch.isfinite(target).all())
    assert int(target.argmax()) == 5


def test_in_float16_it_is_float32_inside():
    values = spectra(255, (150, 80, 200, 120), 2.0)
    target = target_filter(spectra(127, (38, 43, 88, 83), 2.0), SIZE)
    half = match_regions(match_pixels(target.half(), values.half()))
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, match_regions(match_pixels(target, values)), rtol=0, atol=0.01)
