"""Spectral libraries are sorted, interpolated inside their range only, and refused when malformed."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.data.libraries import load_library

NM = np.array([400.0, 500.0, 480.0, 600.0])
REFLECTANCE = np.array([[0.1, 0.3, 0.26, 0.5], [0.2, np.nan, 0.2, 0.2]])


def test_spectra_are_sorted_and_interpolated(tmp_path):
    np.savez(tmp_path / 'a.npz', wavelength_nm=NM, reflectance=REFLECTANCE, names=np.array(['one', 'two']))
    library = load_library(tmp_path / 'a.npz')
    assert library.names == ('one', 'two')
    assert library.wavelengths_nm.tolist() == [400, 480, 500, 600]
    np.testing.assert_allclose(library.at([400, 450, 600, 610]),
                               [[0.1, 0.2, 0.5, np.nan], [0.2, 0.2, 0.2, np.nan]], atol=1e-6)


@pytest.mark.parametrize(('arrays', 'message'), [
    ({'wavelength_nm': NM}, 'got none of reflectance, names'),
    ({'wavelength_nm': NM[:2], 'reflectance': REFLECTANCE, 'names': np.array(['a', 'b'])}, r'reflectance \(N, L\)'),
    ({'wavelength_nm': NM, 'reflectance': REFLECTANCE, 'names': np.array(['a'])}, '1 names'),
    ({'wavelength_nm': -NM, 'reflectance': REFLECTANCE, 'names': np.array(['a', 'b'])}, 'ascending wavelengths > 0'),
    ({'wavelength_nm': NM, 'reflectance': REFLECTANCE, 'names': np.array([{}, {}])}, 'pickled Python objects'),
])
def test_a_malformed_library_is_refused(tmp_path, arrays, message):
    np.savez(tmp_path / 'a.npz', **arrays)
    with pytest.raises(ValueError, match=message):
        load_library(tmp_path / 'a.npz')


def test_the_development_libraries(shared_data):
    libraries = {path.stem: load_library(path) for path in (shared_data / 'spectral_libraries').glob('*.npz')}
    assert len(libraries) == 8
    assert len(libraries['usgs_splib06_aviris224']) == 859
    for library in libraries.values():
        spectra = library.at(np.arange(450, 650, 10))
        assert np.isfinite(spectra).all()
        assert spectra.min() > -0.01
        assert spectra.max() < 1.3
