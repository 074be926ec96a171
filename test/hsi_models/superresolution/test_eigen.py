"""Eigen-images: any band count, deterministic signs, scale free, and exact in what the low resolution says."""
from __future__ import annotations

import pytest
import torch

from hsi_models.superresolution.degradation import back_project, degrade
from hsi_models.superresolution.eigen import fit_subspace, upscale_eigen


def cube_of_rank(rank, bands=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    spectra = torch.rand(bands, rank, generator=generator)
    return torch.einsum('cr,rhw->chw', spectra, torch.rand(rank, 9, 7, generator=generator))[None]


def test_enough_components_keep_the_whole_cube():
    cube = cube_of_rank(3)
    subspace = fit_subspace(cube, 5)
    again = subspace.synthesise_detail(subspace.analyse(cube)) + subspace.mean[..., None, None]
    torch.testing.assert_close(again, cube, atol=1e-5, rtol=0)
    assert not subspace.axes[..., 3:].any()


def test_eigen_images_have_unit_variance_and_falling_deviation():
    subspace = fit_subspace(cube_of_rank(4), 4)
    images = subspace.analyse(cube_of_rank(4))
    torch.testing.assert_close(images.flatten(-2).std(-1, correction=0), torch.ones(1, 4), atol=1e-4, rtol=0)
    assert (subspace.deviation.diff() <= 0).all()


def test_signs_are_deterministic_and_frames_of_a_batch_apart():
    cubes = torch.cat([cube_of_rank(4, seed=i) for i in range(3)])
    together = fit_subspace(cubes, 4)
    for i in range(3):
        torch.testing.assert_close(fit_subspace(cubes[i:i + 1], 4).axes[0], together.axes[i], atol=1e-5, rtol=0)
    turned = fit_subspace(cubes.flip(-1), 4)
    torch.testing.assert_close(turned.axes, together.axes, atol=1e-4, rtol=0)
    assert (together.axes.sum(-2) >= 0).all()


@pytest.mark.parametrize('bands', [1, 3, 16])
def test_fewer_bands_than_components(bands):
    cube = cube_of_rank(3, bands)
    subspace = fit_subspace(cube, 10)
    assert subspace.axes.shape == (1, bands, 10)
    assert torch.isfinite(subspace.analyse(cube)).all()


@pytest.mark.parametrize('value', [0.0, 5.0])
def test_a_constant_cube_has_no_axes(value):
    cube = torch.full((1, 4, 5, 5), value)
    subspace = fit_subspace(cube, 2)
    assert not subspace.axes.any()
    assert not subspace.analyse(cube).any()


def test_whatever_the_network_says_the_result_degrades_to_the_input():
    cube = cube_of_rank(3)
    large = upscale_eigen(lambda images: torch.randn(1, 4, 18, 14), cube, fit_subspace(cube, 4), 2)
    torch.testing.assert_close(degrade(large, 2), cube, atol=1e-5, rtol=0)
    assert (large - back_project(cube, 2)).abs().max() > 0.01
