"""Cubes are read as they are distributed, with wavelengths in nm, and damaged files are refused."""
from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from hsi_models.data.cubes import Cube, load_cube
from hsi_models.frame import Quantity

RNG = np.random.default_rng(0)
DATA = RNG.integers(0, 5000, (5, 6, 7)).astype(np.int16)
NM = np.linspace(400, 700, 7)


def test_npz_with_everything(tmp_path):
    np.savez(tmp_path / 'a.npz', cube=DATA, wavelength_nm=NM, fwhm_nm=np.full(7, 9.0), scale=1e-4,
             gt=np.eye(5, 6, dtype=np.uint8), valid=np.ones((5, 6), np.uint8))
    cube = load_cube(tmp_path / 'a.npz')
    np.testing.assert_array_equal(cube.data, DATA)
    np.testing.assert_allclose(cube.reflectance(), DATA * 1e-4, atol=1e-6)
    assert cube.info().quantity is Quantity.REFLECTANCE
    assert cube.wavelengths_nm == tuple(NM)
    assert cube.labels.sum() == 5
    assert cube.valid.dtype == bool
    assert not cube.nominal


@pytest.mark.parametrize(('name', 'key', 'bands', 'first', 'last'), [
    ('PaviaU.mat', 'paviaU', 103, 430, 860), ('Pavia.mat', 'pavia', 102, 430, 860),
    ('Houston.mat', 'Houston', 144, 364, 1046), ('Houston18.mat', 'ori_data', 48, 380, 1050)])
def test_matlab_5_files_of_known_scenes_get_nominal_wavelengths(tmp_path, name, key, bands, first, last):
    data = RNG.integers(0, 8000, (4, 3, bands)).astype(np.uint16)
    scipy.io.savemat(tmp_path / name, {key: data, 'map': np.ones((4, 3), np.uint8)})
    cube = load_cube(tmp_path / name)
    np.testing.assert_array_equal(cube.data, data)
    assert cube.nominal
    assert (cube.wavelengths_nm[0], cube.wavelengths_nm[-1]) == (first, last)
    assert cube.labels.shape == (4, 3)
    assert 0.99 < np.percentile(cube.reflectance(), 99.9) < 1.01


def test_matlab_73_stores_axes_in_reverse(tmp_path):
    h5py = pytest.importorskip('h5py', reason='MATLAB 7.3 needs h5py (the extra `data`)')
    data = RNG.integers(0, 8000, (4, 3, 128)).astype(np.uint16)
    path = tmp_path / 'HyperspecVNIR_Chikusei_20140729.mat'
    with h5py.File(path, 'w', userblock_size=512) as file:
        file['chikusei'] = data.T
    with path.open('r+b') as stream:
        stream.write(b'MATLAB 7.3 MAT-file')
    cube = load_cube(path)
    np.testing.assert_array_equal(cube.data, data)
    assert cube.nominal
    assert (cube.wavelengths_nm[0], cube.wavelengths_nm[-1]) == (363, 1018)
    with h5py.File(path, 'r+') as file:
        file.create_dataset('huge', (10 ** 4, 10 ** 4, 10 ** 3), 'f8')
    with pytest.raises(ValueError, match='header declares'):
        load_cube(path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ValueError, match='truncated or damaged'):
        load_cube(path)


@pytest.mark.parametrize(('unit', 'factor'), [('Nanometers', 1.0), ('Micrometers', 1e-3)])
def test_envi_gives_wavelengths_in_nanometres(tmp_path, unit, factor):
    envi = pytest.importorskip('spectral.io.envi', reason='ENVI needs the library spectral (the extra `data`)')
    envi.save_image(str(tmp_path / 'a.hdr'), DATA, interleave='bil', metadata={
        'wavelength': list(NM * factor), 'wavelength units': unit, 'fwhm': [9.0 * factor] * 7})
    cube = load_cube(tmp_path / 'a.hdr')
    np.testing.assert_array_equal(cube.data, DATA)
    np.testing.assert_allclose(cube.wavelengths_nm, NM)
    np.testing.assert_allclose(cube.fwhm_nm, 9.0)
    data_file = tmp_path / 'a.img'
    data_file.write_bytes(data_file.read_bytes()[:100])
    with pytest.raises(ValueError, match='the data file carries 100'):
        load_cube(tmp_path / 'a.hdr')
    data_file.unlink()
    with pytest.raises(ValueError, match='an ENVI header with its data file'):
        load_cube(tmp_path / 'a.hdr')


@pytest.mark.parametrize('arrangement', ['pages', 'samples'])
def test_tiff_with_a_page_or_a_sample_a_band(tmp_path, arrangement):
    tifffile = pytest.importorskip('tifffile', reason='TIFF cubes need tifffile (the extra `data`)')
    path = tmp_path / 'a.tif'
    if arrangement == 'pages':
        tifffile.imwrite(path, DATA.transpose(2, 0, 1), photometric='minisblack')
    else:
        tifffile.imwrite(path, DATA, photometric='minisblack', planarconfig='contig', extrasamples=[0] * 6)
    np.testing.assert_array_equal(load_cube(path).data, DATA)
    data = path.read_bytes()
    path.write_bytes(data[:len(data) // 2])
    with pytest.raises(ValueError, match='truncated or other file'):
        load_cube(path)


def test_one_page_is_no_cube(tmp_path):
    tifffile = pytest.importorskip('tifffile', reason='TIFF cubes need tifffile (the extra `data`)')
    tifffile.imwrite(tmp_path / 'a.tif', DATA[..., 0])
    with pytest.raises(ValueError, match='more than one band'):
        load_cube(tmp_path / 'a.tif')


def save_npz(**arrays):
    return 'a.npz', lambda path: np.savez(path, **arrays)


@pytest.mark.parametrize(('name', 'write', 'message'), [
    ('a.npz', lambda path: path.write_bytes(b'PK\x03\x04'), 'expected a .npz file'),
    (*save_npz(image=DATA), 'expected the key cube, got image'),
    (*save_npz(cube=DATA[0]), r'cube of numbers \(H, W, C\), got \(6, 7\)'),
    (*save_npz(cube=DATA.astype(str)), 'cube of numbers'),
    (*save_npz(cube=DATA, wavelength_nm=NM[:3]), 'expected 7 wavelengths_nm, one a band, got 3'),
    (*save_npz(cube=DATA, wavelength_nm=-NM), 'finite wavelengths_nm > 0'),
    (*save_npz(cube=DATA, scale=np.array([1, 2])), 'scale as one number'),
    (*save_npz(cube=DATA, gt=np.ones((2, 2))), r'labels of shape \(5, 6\), got \(2, 2\)'),
    ('a.mat', lambda path: path.write_bytes(b'MATLAB 5.0 MAT-file' + bytes(300)), 'expected a MATLAB file'),
    ('a.mat', lambda path: path.write_bytes(b'x'), 'expected a MATLAB file'),
    ('a.mat', lambda path: path.write_bytes(b'MATLAB 7.3 MAT-file'), 'expected a MATLAB 7.3 file'),
    ('PaviaU_gt.mat', lambda path: scipy.io.savemat(path, {'paviaU_gt': np.ones((4, 3))}),
     r'an array \(H, W, C\), got paviaU_gt \(4, 3\)'),
    ('a.hdr', lambda path: path.write_text('nothing'), 'an ENVI header with its data file'),
    ('a.tif', lambda path: path.write_bytes(b'II*\0'), 'TIFF with one page a band'),
    ('a.bin', lambda path: path.write_bytes(b''), 'expected a cube as .npz, .mat, .hdr, .tif, .tiff, got .bin'),
])
def test_a_malformed_file_says_what_is_wrong(tmp_path, name, write, message):
    for library, suffix in (('h5py', 'mat'), ('spectral', 'hdr'), ('tifffile', 'tif')):
        if name.endswith(suffix):
            pytest.importorskip(library, reason=f'.{suffix} needs {library} (the extra `data`)')
    write(tmp_path / name)
    with pytest.raises(ValueError, match=message):
        load_cube(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such file'):
        load_cube(tmp_path / 'a.npz')


def test_a_key_can_be_chosen_and_bands_sorted(tmp_path):
    scipy.io.savemat(tmp_path / 'a.mat', {'big': np.ones((9, 9, 9)), 'small': DATA, 'wavelength': NM[::-1] / 1000})
    cube = load_cube(tmp_path / 'a.mat', key='small')
    ascending = cube.sorted_by_wavelength()
    np.testing.assert_allclose(ascending.wavelengths_nm, NM)
    np.testing.assert_array_equal(ascending.data, DATA[..., ::-1])
    assert ascending.sorted_by_wavelength() is ascending
    with pytest.raises(ValueError, match='expected a cube none, got big, small'):
        load_cube(tmp_path / 'a.mat', key='none')


def test_values_below_zero_and_missing_ones_are_no_reflectance():
    cube = Cube('a', np.array([[[-5.0, np.nan, 2.0]]]), scale=0.1)
    np.testing.assert_allclose(cube.reflectance(), [[[0, 0, 0.2]]])


def test_the_development_cubes(shared_data):
    files = sorted((shared_data / 'hsi_cubes').glob('*.npz'))
    cubes = {path.stem.split('_1')[0]: load_cube(path) for path in files}
    assert len(files) == 13
    for cube in cubes.values():
        assert len(cube.wavelengths_nm) == cube.data.shape[2]
        assert 350 < min(cube.wavelengths_nm) < 430
    assert sum(not cube.nominal for cube in cubes.values()) == 3
    # Oxygen absorbs at 761 nm: a dip there shows that nominal wavelengths are in their right places.
    paris = next(cube for cube in cubes.values() if 'paris' in cube.name)
    spectrum = paris.data.reshape(-1, paris.data.shape[2]).mean(axis=0)
    shoulder, dip, behind = (spectrum[np.abs(np.array(paris.wavelengths_nm) - nm).argmin()] for nm in (750, 761, 775))
    assert dip < 0.85 * min(shoulder, behind)
