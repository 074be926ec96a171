"""Bands as numbers for networks: by wavelength where it is known."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.band_positions import band_positions
from hsi_models.frame import SpectralInfo


def test_normalised():
    centres, widths = band_positions(SpectralInfo((400.0, 700.0, 1000.0), (6.0, 6.0, 12.0)), 3)
    assert centres.tolist() == pytest.approx([0, 0.5, 1])
    assert widths.tolist() == pytest.approx([0.01, 0.01, 0.02])


def test_without_fwhm_a_band_is_as_wide_as_its_distance():
    _, widths = band_positions(SpectralInfo((460.0, 490.0, 520.0)), 3)
    assert widths.tolist() == pytest.approx([0.05] * 3)


def test_without_wavelengths_an_even_ramp_and_a_warning():
    with pytest.warns(UserWarning, match='no wavelengths known'):
        centres, widths = band_positions(SpectralInfo(), 5)
    np.testing.assert_allclose(centres, np.linspace(0, 1, 5))
    np.testing.assert_allclose(widths, np.full(5, 0.25))


@pytest.mark.parametrize(('info', 'bands', 'message'), [
    (SpectralInfo((500.0, 490.0, 510.0)), 3, 'ascending wavelength'),
    (SpectralInfo((500.0, 510.0, 520.0)), 4, 'expected 4 wavelengths for 4 bands, got 3'),
    (SpectralInfo(), 2, 'at least 3 bands, got 2'),
])
def test_refuses(info, bands, message):
    with pytest.raises(ValueError, match=message):
        band_positions(info, bands)
