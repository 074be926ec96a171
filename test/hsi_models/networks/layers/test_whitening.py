"""Inverse square roots by matrix products against an eigendecomposition."""
from __future__ import annotations

import pytest
import torch

from hsi_models.networks.layers.whitening import inverse_root


def covariance(nodes: int, decades: float) -> torch.Tensor:
    """Two covariances whose variances span so many powers of ten."""
    torch.manual_seed(nodes)
    vectors = torch.linalg.qr(torch.randn(2, nodes, nodes, dtype=torch.float64))[0]
    variances = torch.logspace(0, -decades, nodes, dtype=torch.float64)
    return (vectors * variances @ vectors.mT).float()


@pytest.mark.parametrize('nodes', [3, 16, 61, 128])
@pytest.mark.parametrize('decades', [0, 3, 8])
@pytest.mark.parametrize('scale', [1e-6, 1.0, 1e4])
def test_is_the_inverse_root_of_the_shrunk_covariance(nodes, decades, scale):
    given = scale * covariance(nodes, decades)
    root = inverse_root(given, 1e-12 * scale).double()
    mean = given.double().diagonal(dim1=1, dim2=2).mean(dim=1)[:, None, None]
    shrunk = given.double() + 0.003 * mean * torch.eye(nodes)
    torch.testing.assert_close(root @ shrunk @ root, torch.eye(nodes).double().expand(2, -1, -1), rtol=0, atol=0.02)
    torch.testing.assert_close(root, root.mT, rtol=1e-3, atol=1e-3 * float(root.abs().max()))


def test_the_floor_bounds_what_nothing_varies_in():
    root = inverse_root(torch.zeros(1, 8, 8), 0.01)
    torch.testing.assert_close(root[0], torch.eye(8) * (0.01 * 0.003) ** -0.5, rtol=1e-3, atol=1e-2)
