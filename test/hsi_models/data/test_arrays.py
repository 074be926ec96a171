"""NumPy files as frames and as whole sequences, never unpickled, never trusted beyond what they carry."""
from __future__ import annotations

import io
import os
import struct
import zipfile

import numpy as np
import pytest

from hsi_models.camera import Camera
from hsi_models.data.arrays import ArraySequence, StackSequence, is_stack
from hsi_models.data.cameras import camera_to_json
from hsi_models.data.numpy_files import load_npy, load_npz, npz_members
from hsi_models.data.sequence import Sequence

CUBES = np.random.default_rng(0).integers(0, 900, (3, 6, 7, 5)).astype(np.uint16)
MOSAIC = Camera(mosaic_rows=2, mosaic_columns=2, wavelengths_nm=(500, 510, 520, 530))
NM = np.linspace(500, 600, 5)


def header_of(shape, dtype='<u2'):
    """A `.npy` that declares a shape and carries nothing."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {'descr': dtype, 'fortran_order': False, 'shape': shape})
    return stream.getvalue()


def text_header(text):
    return b'\x93NUMPY\x01\0' + struct.pack('<H', len(text) + 1) + text.encode() + b'\n'


@pytest.mark.parametrize('suffix', ['.npy', '.npz'])
def test_one_array_a_frame(tmp_path, suffix):
    for number, cube in enumerate(CUBES):
        if suffix == '.npy':
            np.save(tmp_path / f'frame_{number}.npy', cube)
        else:
            np.savez_compressed(tmp_path / f'frame_{number}.npz', cube=cube, wavelength_nm=NM)
    (tmp_path / 'groundtruth_rect.txt').write_text('1 2 3 4\n' * 3)
    sequence = ArraySequence(tmp_path)
    assert isinstance(sequence, Sequence)
    np.testing.assert_array_equal(np.stack([sequence.image(i) for i in range(3)]), CUBES)
    assert len(sequence.boxes) == 3
    assert sequence.camera.wavelengths_nm == (tuple(NM) if suffix == '.npz' else ())


def test_mosaics_with_a_description(tmp_path):
    np.savez(tmp_path / '1.npz', np.ones((4, 6), np.uint8))
    (tmp_path / 'wavelengths.json').write_text(camera_to_json(MOSAIC))
    sequence = ArraySequence(tmp_path)
    assert sequence.camera == MOSAIC
    assert sequence.image(0).shape == (4, 6)


def test_doubles_become_float32(tmp_path):
    np.save(tmp_path / '1.npy', CUBES[0] / 7)
    assert ArraySequence(tmp_path).image(0).dtype == np.float32


def test_a_frame_of_another_size_is_refused(tmp_path):
    np.save(tmp_path / '1.npy', CUBES[0])
    np.save(tmp_path / '2.npy', CUBES[0, :3])
    sequence = ArraySequence(tmp_path)
    sequence.image(0)
    with pytest.raises(ValueError, match=r'expected shape \(6, 7, 5\) as the frames before, got \(3, 7, 5\)'):
        sequence.image(1)


def test_a_whole_sequence_in_one_file(tmp_path):
    np.savez(tmp_path / 'walk.npz', cubes=CUBES, boxes=np.array([[1, 2, 3, 4], [0, 0, 0, 0], [5, 6, 7, 8]]),
             wavelength_nm=NM)
    np.save(tmp_path / 'run.npy', CUBES)
    for path in (tmp_path / 'walk.npz', tmp_path / 'run.npy'):
        assert is_stack(path)
        sequence = StackSequence(path)
        assert isinstance(sequence, Sequence)
        assert sequence.name == path.stem
        np.testing.assert_array_equal(sequence.image(2), CUBES[2])
        with pytest.raises(IndexError, match=r'0\.\.2'):
            sequence.image(3)
    walk = StackSequence(tmp_path / 'walk.npz', one_based=True)
    assert walk.boxes[0].tolist() == [0, 1, 3, 4]
    assert np.isnan(walk.boxes[1]).all()
    assert walk.camera.wavelengths_nm == tuple(NM)


def test_a_stack_of_mosaics_needs_a_pattern(tmp_path):
    np.savez(tmp_path / 'a.npz', mosaics=np.ones((3, 4, 6), np.uint16))
    assert StackSequence(tmp_path / 'a.npz', camera=MOSAIC).image(0).shape == (4, 6)
    with pytest.raises(ValueError, match=r'frames of shape \(N, H, W, C\), got \(3, 4, 6\)'):
        StackSequence(tmp_path / 'a.npz')


@pytest.mark.parametrize(('arrays', 'message'), [
    ({'other': CUBES}, 'expected the key cubes, mosaics, frames .* got other'),
    ({'cubes': CUBES, 'boxes': np.ones((2, 4))}, r'expected boxes \(3, 4\) or \(1, 4\), got \(2, 4\)'),
    ({'cubes': CUBES.astype(np.int64)}, 'uint8, uint16 or float32 values, got int64'),
    ({'cubes': CUBES, 'wavelength_nm': np.array([0.0] * 5)}, 'finite and > 0'),
    ({'cubes': CUBES, 'wavelength_nm': NM[:3]}, 'expected 3 bands as the camera describes, got 5'),
    ({'cubes': np.array([{}])}, 'pickled Python objects'),
])
def test_a_malformed_stack_is_refused(tmp_path, arrays, message):
    np.savez(tmp_path / 'a.npz', **arrays)
    with pytest.raises(ValueError, match=message):
        StackSequence(tmp_path / 'a.npz')


@pytest.mark.parametrize(('content', 'message'), [
    (b'', 'none or damaged'),
    (b'text', 'none or damaged'),
    (header_of((4, 4), '|O'), 'pickled Python objects'),
    (header_of((4, 4)) + bytes(31), r'declares \(4, 4\), uint16 = 32 bytes and it carries 31'),
    (header_of((10 ** 6, 10 ** 6, 100)), 'and it carries 0'),
    (header_of((10 ** 18, 10 ** 18)), 'and it carries 0'),
    (header_of((4, 4)).replace(b'(4, 4)', b'(4, 4('), 'a header that is damaged'),
    (text_header('-' * 9000 + '1'), 'a header that is damaged'),
    (text_header("{'descr': '<u2', 'fortran_order': False, 'shape': (True, True)}"), 'damaged: shape .True, True.'),
    (text_header("{'descr': '<u2', 'fortran_order': False, 'shape': (-1, 4)}"), 'damaged'),
    (text_header("{'descr': '<u2', 'fortran_order': False, 'shape': (4,), 1: 2}"), 'a header that is damaged'),
    (text_header("{'descr': '<u2', [1]: False, 'shape': (4,)}"), 'a header that is damaged'),
    (text_header("{'descr': '<U0', 'fortran_order': False, 'shape': (9999999999,)}"), 'values without a size'),
    (b'\x93NUMPY\x02\0' + struct.pack('<I', 1 << 30), 'header of at most 65536 bytes, got one that declares 10737'),
    (b'\x93NUMPY\x02\0' + b'\1', 'none or damaged'),
])
def test_a_npy_that_is_none_is_refused(tmp_path, content, message):
    (tmp_path / 'a.npy').write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_npy(tmp_path / 'a.npy')
    with zipfile.ZipFile(tmp_path / 'a.npz', 'w') as archive:
        archive.writestr('a.npy', content)
    with pytest.raises(ValueError, match='a.npz'):
        load_npz(tmp_path / 'a.npz')


def test_a_member_that_declares_more_than_it_carries_is_refused(tmp_path):
    path = tmp_path / 'a.npz'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('cube.npy', header_of((10 ** 6, 10 ** 6, 100)))
    with pytest.raises(ValueError, match='expected at most 0 bytes in cube.npy'):
        npz_members(path)


def test_a_damaged_archive_is_refused(tmp_path):
    path = tmp_path / 'a.npz'
    np.savez(path, cube=CUBES)
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:len(data) // 2])
    with pytest.raises(ValueError, match='truncated or other file'):
        load_npz(path)
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ValueError, match='truncated or other file|corrupt'):
        load_npz(path)


def test_damage_within_compressed_values_is_refused(tmp_path):
    path = tmp_path / 'a.npz'
    np.savez_compressed(path, cube=np.random.default_rng(0).integers(0, 99, (64, 64, 16)))
    data = bytearray(path.read_bytes())
    for start in range(2000, len(data) - 2000, 3000):
        damaged = data.copy()
        damaged[start:start + 40] = b'\xff' * 40
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match='corrupt'):
            load_npz(path)


def test_an_encrypted_archive_is_refused(tmp_path):
    path = tmp_path / 'a.npz'
    np.savez(path, cube=CUBES)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b'PK\3\4', 6), (b'PK\1\2', 8)):
        data[data.index(mark) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match='encrypted'):
        npz_members(path)


@pytest.mark.parametrize('compression', [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_that_unpack_without_bounds_are_refused(tmp_path, compression):
    with zipfile.ZipFile(tmp_path / 'a.npz', 'w', compression) as archive:
        archive.writestr('a.npy', header_of((2,)) + bytes(4))
    with pytest.raises(ValueError, match='expected a.npy stored or deflated'):
        npz_members(tmp_path / 'a.npz')


def test_only_as_much_is_unpacked_as_was_asked_for(tmp_path):
    np.savez_compressed(tmp_path / 'a.npz', cube=np.zeros((100, 100), np.uint8), other=np.ones(2))
    assert list(load_npz(tmp_path / 'a.npz', 'other', most_bytes=16)) == ['other']
    with pytest.raises(ValueError, match='expected at most 9999 bytes in cube, got arrays of 10000'):
        load_npz(tmp_path / 'a.npz', 'cube', most_bytes=9999)


@pytest.mark.parametrize('load', [load_npy, load_npz, npz_members])
def test_a_pipe_is_refused(tmp_path, load):
    os.mkfifo(tmp_path / 'a')
    with pytest.raises(ValueError, match='expected a regular file'):
        load(tmp_path / 'a')
