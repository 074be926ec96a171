"""Spectral embedding: the same spectrum through any camera gives about the same nodes."""
from __future__ import annotations

import pytest
import torch

from hsi_models.networks.layers.spectral_embedding import SpectralEmbedding, resampling_matrix


def spectrum(centres: torch.Tensor) -> torch.Tensor:
    return 0.4 + 0.3 * torch.sin(7 * centres) + 0.2 * centres


@pytest.mark.parametrize('bands', [3, 8, 15, 16, 25, 31, 61, 128])
def test_flat_stays_flat_and_nothing_is_left_out(bands):
    weights, positions = resampling_matrix(torch.linspace(0.1, 0.4, bands), torch.full((bands,), 0.02), 16)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(16))
    assert float(weights.min()) >= 0
    assert float(weights.sum(dim=0).min()) > 0.02
    assert positions[[0, -1]].tolist() == pytest.approx([0.1, 0.4])


@pytest.mark.parametrize('bands', [15, 25, 61, 128])
def test_nodes_do_not_depend_on_the_sampling(bands):
    def nodes(count: int) -> torch.Tensor:
        centres = torch.linspace(0.0, 1.0, count)
        weights, _ = resampling_matrix(centres, torch.full((count,), 0.02), 16)
        return weights @ spectrum(centres)

    assert float((nodes(bands) - nodes(400)).abs().max()) < 0.05
    assert float(nodes(bands).std()) > 0.1


def test_uneven_bands_do_not_pull():
    """Bands crowded at one end count for the part of the spectrum that they cover, not by their number."""
    crowded = torch.cat([torch.linspace(0.0, 0.2, 40), torch.linspace(0.25, 1.0, 16)])
    weights, positions = resampling_matrix(crowded, torch.full((56,), 0.02), 16)
    even, _ = resampling_matrix(torch.linspace(0, 1, 200), torch.full((200,), 0.02), 16)
    assert float((weights @ crowded - even @ torch.linspace(0, 1, 200)).abs().max()) < 0.03
    assert float((weights @ crowded - positions).abs()[1:-1].max()) < 0.05


def test_wide_bands_blur_more():
    centres = torch.linspace(0, 1, 61)
    narrow, wide = (resampling_matrix(centres, torch.full((61,), width), 16)[0] for width in (0.01, 0.2))
    assert float(wide.max()) < float(narrow.max())


def test_bands_at_one_wavelength_are_taken():
    weights, _ = resampling_matrix(torch.tensor([0.1, 0.2, 0.2, 0.2, 0.3]), torch.full((5,), 0.02), 16)
    assert bool(torch.isfinite(weights).all())
    assert float(weights[:, 2].max()) > 0


CENTRES, WIDTHS = torch.linspace(0.1, 0.4, 8), torch.full((8,), 0.03)


def embedded(cube: torch.Tensor, template: torch.Tensor, whiten: bool = True) -> torch.Tensor:
    embedding = SpectralEmbedding(16, whiten)
    return embedding(cube, CENTRES, WIDTHS, embedding.reference(template, CENTRES, WIDTHS))


@pytest.mark.parametrize('whiten', [False, True])
def test_features(whiten):
    cube = torch.rand(2, 8, 5, 6) + 0.1
    features, darker = embedded(cube, cube, whiten), embedded(0.9 * cube, cube, whiten)
    assert features.shape == (2, 16, 3, 5, 6)
    torch.testing.assert_close(darker[:, :, 1], 0.9 * features[:, :, 1])                # intensity: light counts
    torch.testing.assert_close(features[0, :, 2, 0, 0], torch.linspace(0.1, 0.4, 16))   # position
    change = (darker - features)[:, :, 0].norm() / features[:, :, 0].norm()
    assert float(change) < (0.04 if whiten else 0.001)                                  # shape: it hardly does


def test_shapes_of_the_template_are_white():
    """What tells its spectra apart has variance 1 in every direction that the camera can see, and mean about 0."""
    torch.manual_seed(0)
    cube = (0.5 + torch.tensor([[0.2], [0.002]]) @ torch.randn(1, 2000)).repeat(4, 1).reshape(1, 8, 40, 50)
    cube = cube + 0.02 * torch.randn(1, 8, 40, 50)
    shapes = embedded(cube, cube)[0, :, 0].flatten(1)
    variances = torch.linalg.eigvalsh(torch.cov(shapes))
    assert float(shapes.mean(dim=1).abs().max()) < 0.1
    assert variances[-7:].tolist() == pytest.approx([1.0] * 7, abs=0.15)                # one of 8 was the length


def test_a_small_difference_of_spectra_becomes_a_large_angle():
    """A target that differs by 3 % in one band, before surroundings whose brightness and colour vary by much more."""
    torch.manual_seed(0)
    colour = torch.linspace(-1, 1, 8)[:, None, None]
    cube = 0.4 + 0.2 * torch.rand(1, 1, 40, 40) * (1 + 0.3 * colour * torch.randn(1, 1, 40, 40))
    cube = cube + 0.002 * torch.randn(1, 8, 40, 40)
    inside = torch.zeros(40, 40, dtype=torch.bool)
    inside[12:28, 12:28] = True
    cube[:, 3, inside] *= 1.03

    def separation(whiten: bool) -> float:
        shapes = torch.nn.functional.normalize(embedded(cube, cube, whiten)[0, :, 0], dim=0)
        agreement = torch.einsum('k,khw->hw', shapes[:, inside].mean(dim=1), shapes)
        return float((agreement[inside].quantile(0.1) > agreement[~inside]).float().mean())

    assert separation(whiten=True) > 0.95
    assert separation(whiten=False) < 0.6


@pytest.mark.parametrize('value', [0.0, 0.3])
def test_an_even_template_gives_features_that_float16_holds(value):
    features = embedded(torch.rand(1, 8, 9, 9), torch.full((1, 8, 9, 9), value))
    assert bool(torch.isfinite(features).all())
    assert float(features[:, :, 0].abs().max()) < 65504
