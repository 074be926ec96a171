"""The degradation and its inverse: agrees with an independent resizer, is linear, and is inverted exactly."""
from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hsi_models.superresolution.degradation import (
    back_project,
    camera_noise,
    degrade,
    enlarge,
    null_space,
    resize_matrix,
)
from hsi_models.superresolution.settings import SCALES


@pytest.mark.parametrize('scale', SCALES)
def test_shrinking_and_enlarging_agree_with_torch(scale):
    image = torch.rand(1, 2, 6 * scale, 5 * scale, generator=torch.Generator().manual_seed(0))
    for ours, size in ((degrade(image, scale), (6, 5)), (enlarge(image, scale), (6 * scale ** 2, 5 * scale ** 2))):
        torch.testing.assert_close(ours, F.interpolate(image, size, mode='bicubic', antialias=True),
                                   atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('scale', SCALES)
@pytest.mark.parametrize('size', [(1, 1), (1, 7), (13, 6)])
def test_back_projection_degrades_to_its_input_and_keeps_constants(scale, size):
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(degrade(back_project(image, scale), scale), image, atol=2e-6, rtol=0)
    torch.testing.assert_close(back_project(torch.full(size, 7.0), scale),
                               torch.full([scale * side for side in size], 7.0), atol=1e-4, rtol=0)


def test_back_projection_is_where_the_classic_iteration_ends():
    low = torch.rand(12, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    image = enlarge(low, 2)
    for _ in range(200):
        image = image + enlarge(low - degrade(image, 2), 2)
    torch.testing.assert_close(back_project(low, 2), image, atol=1e-6, rtol=0)


@pytest.mark.parametrize('scale', SCALES)
def test_the_degradation_does_not_see_the_null_space(scale):
    detail = null_space(torch.randn(4 * scale, 5 * scale, generator=torch.Generator().manual_seed(0)), scale)
    assert degrade(detail, scale).abs().max() < 1e-5
    assert detail.abs().mean() > 0.1


def test_rows_sum_to_one_up_to_the_border():
    for source, target in ((16, 8), (8, 16), (3, 24), (1, 2)):
        np.testing.assert_allclose(resize_matrix(source, target).sum(1), 1)


def test_sides_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match='multiples of 2, got 5 x 4; crop'):
        degrade(torch.zeros(5, 4), 2)


def test_camera_noise_has_the_variance_of_photons_and_repeats():
    cube = torch.full((2, 64, 64), 0.5)
    cube[1] = 1.0
    noisy = camera_noise(np.random.default_rng(0), cube, (8e3, 8e3))
    assert torch.equal(noisy, camera_noise(np.random.default_rng(0), cube, (8e3, 8e3)))
    assert float(noisy[0].std()) == pytest.approx(np.sqrt(0.5 / 8e3), rel=0.1)
    assert float(noisy[0].mean()) == pytest.approx(0.5, abs=1e-3)
