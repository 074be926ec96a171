"""Layouts are recognised, and every malformed folder says what is wrong with it."""
from __future__ import annotations

import os
import struct
import zlib

import cv2
import numpy as np
import pytest

from hsi_models.data.arrays import ArraySequence, StackSequence
from hsi_models.data.cameras import CAMERA_FILE
from hsi_models.data.hotc import HotcSequence
from hsi_models.data.must import MustSequence
from hsi_models.data.open import find_sequences, open_sequence

CUBE = np.ones((6, 7, 5), np.uint16)
CAMERA = '{"mosaic": [4, 4], "bit_depth": 10}'


def png(folder, *names, shape=(16, 32), dtype=np.uint16):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        assert cv2.imwrite(str(folder / name), np.full(shape, number + 1, dtype))


def npy(folder, *names, array=CUBE):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        np.save(folder / name, array)


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


FRAMES = ('0001.png', '0002.png', '0003.png')


def dataset(root):
    """Sequences of all kinds, with false-colour copies and stray files in between."""
    png(root / 'test' / 'ball' / 'HSI', *FRAMES)
    png(root / 'test' / 'ball' / 'RGB', *FRAMES, shape=(4, 8, 3), dtype=np.uint8)
    png(root / 'training' / 'HSI-NIR' / 'park' / 'img' / 'park', *FRAMES, shape=(20, 20))
    png(root / 'training' / 'HSI-NIR-Falsecolor' / 'park' / 'img' / 'park', '0001.jpg', shape=(4, 8, 3), dtype=np.uint8)
    png(root / 'training' / 'HSI-RedNIR' / 'rider', *FRAMES)
    png(root / 'own' / 'garden', *FRAMES)
    text(root / 'own' / 'garden' / CAMERA_FILE, CAMERA)
    npy(root / 'arrays' / 'a', '1.npy', '2.npy')
    npy(root / 'must' / 'HSIData' / 'car', '000001.npy', array=np.ones((4, 5, 8), np.uint8))
    png(root / 'must' / 'HSIJPG' / 'bus', *(f'000001_img{part}.jpg' for part in (1, 2, 3)), shape=(4, 5, 3),
        dtype=np.uint8)
    np.savez(root / 'stack.npz', cubes=np.ones((2, 3, 4, 5), np.uint16))
    text(root / 'readme2.txt', 'text')


EXPECTED = {'arrays/a': ArraySequence, 'must/HSIData/car': MustSequence, 'must/HSIJPG/bus': MustSequence,
            'own/garden': HotcSequence, 'stack.npz': StackSequence, 'test/ball': HotcSequence,
            'training/HSI-NIR/park': HotcSequence, 'training/HSI-RedNIR/rider': HotcSequence}


def test_every_sequence_of_a_dataset_is_found_and_opened_by_its_loader(tmp_path):
    dataset(tmp_path)
    found = find_sequences(tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found] == list(EXPECTED)
    for path, loader in zip(found, EXPECTED.values(), strict=True):
        sequence = open_sequence(path)
        assert type(sequence) is loader
        assert sequence.name == path.stem
        assert len(sequence)
        sequence.image(0)


@pytest.mark.parametrize('path', ['test/ball/HSI', 'training/HSI-NIR/park/img', 'training/HSI-NIR/park/img/park',
                                  'test'])
def test_a_folder_around_or_inside_a_sequence_is_as_good(tmp_path, path):
    dataset(tmp_path)
    assert open_sequence(tmp_path / path).name in ('ball', 'park')
    if path != 'test':
        assert len(find_sequences(tmp_path / path)) == 1


def test_options_reach_the_loader(tmp_path):
    dataset(tmp_path)
    text(tmp_path / 'test' / 'ball' / 'groundtruth_rect.txt', '1 1 3 4\n' * 3)
    sequence = open_sequence(tmp_path / 'test' / 'ball', one_based=True, bands_sorted=True, frame_rate_hz=10)
    assert sequence.boxes[0].tolist() == [0, 0, 3, 4]
    assert list(sequence.camera.wavelengths_nm) == sorted(sequence.camera.wavelengths_nm)
    assert sequence.stamp_ns(1) - sequence.stamp_ns(0) == 100_000_000


def test_other_packages_add_openers_without_being_imported(tmp_path):
    (tmp_path / 'bag').mkdir()
    text(tmp_path / 'bag' / 'metadata.yaml', '')
    dataset(tmp_path)
    sequence = open_sequence(tmp_path / 'stack.npz')
    opener = (lambda path: (path / 'metadata.yaml').is_file(), lambda path: sequence)
    assert open_sequence(tmp_path / 'bag', openers=[opener]) is sequence
    assert tmp_path / 'bag' in find_sequences(tmp_path, openers=[opener])
    with pytest.raises(ValueError, match='got a rosbag2'):
        open_sequence(tmp_path / 'bag')


def png_chunk(kind, body):
    return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))


def boundless_png(folder):
    folder.mkdir(parents=True)
    header = struct.pack('>IIBBBBB', 2 ** 31 - 1, 2 ** 31 - 1, 16, 0, 0, 0, 0)
    (folder / '0001.png').write_bytes(b'\x89PNG\r\n\x1a\n' + png_chunk(b'IHDR', header) + png_chunk(b'IEND', b''))


def boundless_tiff(folder):
    folder.mkdir(parents=True)
    entries = [(256, 4, 2 ** 31), (257, 4, 2 ** 31)]
    body = b''.join(struct.pack('<HHII', tag, kind, 1, value) for tag, kind, value in entries)
    (folder / '0001.tif').write_bytes(b'II*\0' + struct.pack('<IH', 8, len(entries)) + body + bytes(4))


def cut(path, keep):
    data = path.read_bytes()
    path.write_bytes(data[:int(len(data) * keep)])


def with_frames(then):
    def build(root):
        png(root / 's' / 'HSI', *FRAMES)
        then(root / 's')
    return build


def mosaic_png(folder, **arguments):
    png(folder, '0001.png', **arguments)


MALFORMED = {
    'empty folder': (lambda root: None, 'found none'),
    'only text': (lambda root: text(root / 's' / 'a1.txt', 'x'), 'found none'),
    'images without numbers': (lambda root: png(root / 's', 'a.png'), 'found none'),
    'colour png': (lambda root: mosaic_png(root / 's', shape=(8, 8, 3), dtype=np.uint8), 'got colour images'),
    'colour jpg': (lambda root: png(root / 's', '0001.jpg', shape=(8, 8, 3), dtype=np.uint8), 'got colour images'),
    'false colour of hotc': (lambda root: png(root / 'HSI-VIS-FalseColor' / 's', '1.jpg', shape=(8, 8, 3),
                                              dtype=np.uint8), 'found none'),
    'several sequences': (lambda root: [png(root / name / 'HSI', *FRAMES) for name in 'ab'],
                          r'expected one sequence, got 2 \(a.HSI, b.HSI\)'),
    'camera not stated': (lambda root: png(root / 'own', *FRAMES), 'expected wavelengths.json beside the images'),
    'size no multiple': (lambda root: mosaic_png(root / 'HSI', shape=(15, 32)),
                         'a multiple of the 4 x 4 pattern of HOTC-VIS, got 15 x 32'),
    'smaller than a cell': (lambda root: [mosaic_png(root / 's', shape=(3, 3)),
                                          text(root / 's' / CAMERA_FILE, CAMERA)], 'multiple of the 4 x 4'),
    'description of a cube': (lambda root: [mosaic_png(root / 's'), text(root / 's' / CAMERA_FILE, '{"model": "x"}')],
                              'a camera with a mosaic pattern'),
    'description of nothing': (lambda root: [mosaic_png(root / 's'), text(root / 's' / CAMERA_FILE, '{}')],
                               'got an empty object'),
    'description with wrong lengths': (
        lambda root: [mosaic_png(root / 's'), text(root / 's' / CAMERA_FILE, '{"mosaic":[4,4],"centre_nm":[9]}')],
        'expected 16 wavelengths_nm'),
    'description that is no json': (
        lambda root: [mosaic_png(root / 's'), text(root / 's' / CAMERA_FILE, '{')], 'expected JSON'),
    'garbage as png': (lambda root: text(root / 'HSI' / '0001.png', 'hello'), 'expected a PNG, TIFF or JPEG'),
    'empty png': (lambda root: text(root / 'HSI' / '0001.png', ''), 'expected a PNG, TIFF or JPEG'),
    'png cut in the header': (with_frames(lambda s: cut(s / 'HSI' / '0001.png', 0.2)), 'truncated'),
    'png cut in the pixels': (with_frames(lambda s: cut(s / 'HSI' / '0001.png', 0.7)), 'truncated'),
    'png cut before its end': (with_frames(lambda s: cut(s / 'HSI' / '0001.png', 0.95)), 'truncated'),
    'png of 2**62 pixels': (lambda root: boundless_png(root / 'HSI'), 'header that declares 2147483647 x 2147483647'),
    'tiff of 2**62 pixels': (lambda root: boundless_tiff(root / 'HSI'), 'header that declares'),
    'colour in a later frame': (
        with_frames(lambda s: png(s / 'HSI', '0001.png', '0002.png', shape=(16, 32, 3), dtype=np.uint8)
                    or png(s / 'HSI', '0001.png')), 'expected one channel'),
    'size changes': (with_frames(lambda s: png(s / 'HSI', '0002.png', shape=(8, 8)) or None),
                     r'expected shape \(16, 32\) as the frames before, got \(8, 8\)'),
    'a frame is missing': (with_frames(lambda s: (s / 'HSI' / '0003.png').rename(s / 'HSI' / '0004.png')),
                           'evenly numbered frames 1 .. 4, got none with number 3'),
    'a number twice': (with_frames(lambda s: png(s / 'HSI', '01.png')), 'each frame number once, got 1 twice'),
    'two series': (with_frames(lambda s: png(s / 'HSI', 'dark1.png')), 'numbered frames of one sequence, got NUMBER'),
    'truth with text': (with_frames(lambda s: text(s / 'groundtruth_rect.txt', 'a b c d\n' * 3)), 'line 1: expected'),
    'truth with three columns': (with_frames(lambda s: text(s / 'groundtruth_rect.txt', '1 2 3\n' * 3)),
                                 'line 1: expected four numbers'),
    'truth that is empty': (with_frames(lambda s: text(s / 'groundtruth_rect.txt', '')), 'at least one valid box'),
    'truth in binary': (with_frames(lambda s: (s / 'groundtruth_rect.txt').write_bytes(b'\xff\xfe\x80')), 'UTF-8'),
    'npz without its key': (lambda root: np.savez(root / '1.npz', a=CUBE, b=CUBE), 'expected the key cube or mosaic'),
    'npz of objects': (lambda root: np.savez(root / '1.npz', cube=np.array([{}])), 'pickled Python objects'),
    'npy of objects': (lambda root: npy(root, '1.npy', array=np.array([{}])), 'pickled Python objects'),
    'npy cut': (lambda root: [npy(root, '1.npy'), cut(root / '1.npy', 0.8)], 'it carries'),
    'npy without bands': (lambda root: npy(root, '1.npy', array=CUBE[..., 0]), 'state mosaic'),
    'npy of complex numbers': (lambda root: npy(root, '1.npy', array=CUBE * 1j), 'got complex128'),
    'npy of integers': (lambda root: npy(root, '1.npy', array=CUBE.astype(np.int32)), 'got int32'),
    'npy with nan': (lambda root: npy(root, '1.npy', array=CUBE * np.nan), 'finite values'),
    'npy with other bands than described': (
        lambda root: [npy(root, '1.npy'), text(root / CAMERA_FILE, '{"centre_nm": [500, 600]}')],
        'expected 2 bands as the camera describes, got 5'),
    'one text file': (lambda root: text(root / 'a.txt', 'x'), 'found none'),
}


@pytest.mark.parametrize('case', MALFORMED)
def test_a_malformed_folder_says_what_is_wrong(tmp_path, case):
    build, message = MALFORMED[case]
    build(tmp_path)
    with pytest.raises(ValueError, match=message) as error:     # noqa: PT012 (some faults show only in a later frame)
        sequence = open_sequence(tmp_path)
        for index in range(len(sequence)):
            sequence.image(index)
    assert str(tmp_path) in str(error.value) or 'frame 1' in str(error.value)


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such file or folder'):
        open_sequence(tmp_path / 'nothing')
    with pytest.raises(ValueError, match='no such folder'):
        find_sequences(tmp_path / 'nothing')
    with pytest.raises(ValueError, match='found none'):
        find_sequences(tmp_path)
    text(tmp_path / 'a.txt', 'x')
    with pytest.raises(ValueError, match='expected a folder of frames'):
        open_sequence(tmp_path / 'a.txt')


@pytest.mark.parametrize('rows', [2, 4])
def test_truth_of_another_length_is_taken_in_order_with_a_warning(tmp_path, rows):
    with_frames(lambda s: text(s / 'groundtruth_rect.txt', '1 2 3 4\n' * rows))(tmp_path)
    with pytest.warns(UserWarning, match=f'expected 3 rows, one a frame .* got {rows}'):
        sequence = open_sequence(tmp_path)
    assert len(sequence.boxes) == min(rows, len(sequence))


@pytest.mark.parametrize('name', ['0001.npy', '0001.npz', '0001.png'])
def test_a_pipe_is_no_frame_and_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(ValueError, match='expected numbered frames .* found none'):
        open_sequence(tmp_path)
