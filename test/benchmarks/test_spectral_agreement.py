"""The agreement of pixels: known where the target's spectrum is, nothing where it is everyone's."""
from __future__ import annotations

import pytest
import torch

from benchmarks.spectral_agreement import agreement
from hsi_models.networks.siamese_network import SiameseInputs
from hsi_models.training.tracking_inputs import TrackingInputs

CENTRES, WIDTHS = torch.linspace(0.1, 0.5, 9), torch.full((9,), 0.03)


def crop(size: int, corners: tuple[int, int, int, int], difference: float) -> SiameseInputs:
    """Grey noise of varying brightness and colour; the target has a little more of one band."""
    generator = torch.Generator().manual_seed(size)
    slope = torch.linspace(-1, 1, 9)[:, None, None]
    cube = 0.4 + 0.2 * torch.rand(1, 1, size, size, generator=generator)
    cube = cube * (1 + 0.05 * slope * torch.randn(1, 1, size, size, generator=generator))
    cube = cube + 0.002 * torch.randn(1, 9, size, size, generator=generator)
    x1, y1, x2, y2 = corners
    cube[:, 4, y1:y2, x1:x2] *= 1 + difference
    return SiameseInputs(cube, cube[:, [7, 4, 1]], CENTRES, WIDTHS)


@pytest.mark.parametrize(('difference', 'least', 'most'), [(0.05, 0.97, 1.0), (0.0, 0.4, 0.6)])
def test_agreement(difference, least, most):
    inputs = TrackingInputs(crop(127, (40, 48, 87, 79), difference), crop(255, (120, 90, 167, 121), difference),
                            torch.tensor([[47.0, 31.0]]), torch.tensor([[120.0, 90.0, 167.0, 121.0]]))
    areas = agreement(iter([inputs]))
    assert least <= areas['whitened spectra'] <= most
    assert least <= areas['stretched composites'] <= most
    assert areas['spectra'] < 0.75
