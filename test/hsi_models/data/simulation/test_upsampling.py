"""Colour to reflectance: exact round trip, energy kept, one colour many spectra, one material one spectrum."""
from __future__ import annotations

import torch

from hsi_models.data.simulation.upsampling import (
    draw_materials,
    draw_materials_batch,
    linear_from_srgb,
    load_basis,
    reflectance,
    resize,
)


def picture(seed: int = 0, size: int = 24) -> torch.Tensor:
    return torch.rand((1, 3, size, size), generator=torch.Generator().manual_seed(seed))


def seen(planes: torch.Tensor) -> torch.Tensor:
    """The colour of coefficient planes, by way of their spectra."""
    basis = load_basis()
    return torch.einsum('cl,lp,bphw->bchw', basis.rgb_from_reflectance, basis.spectra, planes)


def test_primaries_are_smooth_conserve_energy_and_give_each_colour_back() -> None:
    basis = load_basis()
    torch.testing.assert_close(basis.rgb_from_reflectance @ basis.primaries, torch.eye(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(basis.primaries.sum(dim=1), torch.ones(61), atol=1e-6, rtol=0)
    assert basis.primaries.min() > -1e-3
    assert basis.primaries.max() < 1 + 1e-3
    assert basis.primaries.diff(dim=0).abs().max() < 0.4


def test_no_residual_changes_a_colour() -> None:
    basis = load_basis()
    assert (basis.rgb_from_reflectance @ basis.residuals).abs().max() < 1e-5
    rgb = picture()
    planes = draw_materials(rgb, torch.Generator().manual_seed(1), strength=1.5).planes(rgb)
    torch.testing.assert_close(seen(planes), rgb, atol=1e-4, rtol=1e-4)


def test_one_colour_has_many_spectra() -> None:
    rgb = picture()
    first, second = (reflectance(draw_materials(rgb, torch.Generator().manual_seed(seed)).planes(rgb))
                     for seed in (1, 2))
    assert (first - second).abs().mean() > 0.03
    assert first.min() >= 0
    assert first.max() <= 1


def test_a_material_keeps_its_spectrum_through_a_clip_whatever_its_brightness() -> None:
    rgb = picture()
    materials = draw_materials(rgb, torch.Generator().manual_seed(1))
    planes = materials.planes(rgb)
    moved = materials.planes(rgb.roll((5, 3), (2, 3)))
    torch.testing.assert_close(moved, planes.roll((5, 3), (2, 3)))
    dim = materials.planes(0.97 * rgb)
    cosine = torch.nn.functional.cosine_similarity(reflectance(dim), reflectance(planes), dim=1)
    assert cosine.quantile(0.1) > 0.995


def test_white_stays_white_and_black_black() -> None:
    rgb = torch.ones((1, 3, 2, 2))
    planes = torch.cat([rgb, torch.zeros((1, 10, 2, 2))], dim=1)
    torch.testing.assert_close(reflectance(planes), torch.ones((1, 61, 2, 2)), atol=1e-5, rtol=0)
    materials = draw_materials(picture(), torch.Generator().manual_seed(1))
    assert reflectance(materials.planes(0 * rgb)).abs().max() == 0


def test_a_batch_has_materials_of_its_own_for_each_picture() -> None:
    rgb = picture().expand(2, -1, -1, -1)
    planes = draw_materials_batch(rgb, torch.Generator().manual_seed(1)).planes(rgb)
    assert planes.shape == (2, 13, 24, 24)
    torch.testing.assert_close(seen(planes), rgb, atol=1e-4, rtol=1e-4)
    assert (planes[0] - planes[1]).abs().mean() > 0.01


def test_srgb_is_decoded_by_the_standard() -> None:
    decoded = linear_from_srgb(torch.tensor([0, 10, 128, 255], dtype=torch.uint8))
    torch.testing.assert_close(decoded, torch.tensor([0.0, 0.0030353, 0.2158605, 1.0]), atol=1e-6, rtol=0)


def test_shrinking_keeps_the_mean() -> None:
    rgb = picture()
    torch.testing.assert_close(resize(rgb, (6, 6)).mean(), rgb.mean())
