"""The synthetic scene: equal by seed, true boxes, look-alikes that only the spectrum tells apart."""
from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from hsi_models.colour import band_weights
from hsi_models.data.sequence import Sequence
from hsi_models.data.synthetic import HIDDEN_BELOW, SyntheticSequence, synthetic_camera

SMALL = (96, 160)


def cube(sequence: SyntheticSequence, index: int) -> np.ndarray:
    image, side = sequence.image(index), sequence.camera.mosaic_rows
    if not side:
        return image
    height, width = image.shape
    return image.reshape(height // side, side, width // side, side).transpose(0, 2, 1, 3).reshape(
        height // side, width // side, side * side)


@pytest.mark.parametrize(('camera', 'shape'), [
    ('vis16', (384, 640)), ('rednir15', (384, 640)), ('nir25', (480, 800)), ('vis31', (96, 160, 31)),
    ('visnir61', (96, 160, 61))])
def test_images_are_what_the_camera_describes(camera: str, shape: tuple[int, ...]) -> None:
    sequence = SyntheticSequence(frames=3, size=SMALL, camera=camera)
    assert isinstance(sequence, Sequence)
    image = sequence.image(2)
    assert image.shape == shape
    assert image.dtype == np.uint16
    assert image.max() <= 1023
    bands = len(sequence.camera.wavelengths_nm)
    assert cube(sequence, 2).shape[-1] == bands == len(sequence.camera.fwhm_nm)
    assert len(sequence.camera.dark_levels) == len(sequence.camera.white_levels) == bands
    assert sequence.camera.bit_depth == 10
    assert len(sequence) == 3 == len(sequence.boxes)
    assert sequence.stamp_ns(1) - sequence.stamp_ns(0) == 40_000_000


def test_images_are_equal_for_equal_seed_and_frame_in_any_order() -> None:
    first, second = (SyntheticSequence(seed=3, frames=4, size=SMALL) for _ in range(2))
    expected = [first.image(i) for i in range(4)]
    for i in (3, 0, 2, 1):
        np.testing.assert_array_equal(second.image(i), expected[i])
    assert not np.array_equal(expected[0], SyntheticSequence(seed=4, frames=4, size=SMALL).image(0))
    assert not np.array_equal(expected[0], expected[1])


def test_the_target_is_once_fully_hidden_and_comes_back() -> None:
    boxes = SyntheticSequence(frames=100).boxes
    hidden = np.isnan(boxes[:, 0])
    gone = np.flatnonzero(hidden)
    assert 4 <= len(gone) <= 20
    assert np.all(np.diff(gone) == 1)
    assert not hidden[0]
    assert not hidden[-20:].any()
    assert not np.isnan(SyntheticSequence(frames=100, scene='open').boxes).any()
    assert 0 < HIDDEN_BELOW < 0.5


def test_the_target_moves_and_changes_scale_at_the_size_of_a_drone_video() -> None:
    boxes = SyntheticSequence(frames=100, scene='open').boxes
    sides = np.sqrt(boxes[:, 2] * boxes[:, 3])
    steps = np.linalg.norm(np.diff(boxes[:, :2] + boxes[:, 2:] / 2, axis=0), axis=1)
    assert 20 < sides.min() < sides.max() < 52
    assert sides.max() / sides.min() > 1.25
    assert 1 < np.median(steps) < 12


def test_a_look_alike_has_the_targets_false_colour_but_not_its_spectrum() -> None:
    sequence = SyntheticSequence(frames=1, scene='open')
    camera = sequence.camera
    target, twin = (sequence._paints[name][0] for name in ('target', 'twin'))
    order = camera.band_order(16)
    weights = band_weights(camera.spectral_info(16), 16).T
    for gain in (1.0, np.asarray(camera.white_levels)[order] - 12):
        np.testing.assert_allclose(weights @ (gain * target[order]), weights @ (gain * twin[order]), rtol=1e-4)
    angle = np.degrees(np.arccos(target @ twin / np.linalg.norm(target) / np.linalg.norm(twin)))
    assert angle > 8


def test_the_box_holds_the_target() -> None:
    sequence = SyntheticSequence(frames=1, scene='open', seed=2)
    x, y, w, h = sequence.boxes[0]
    spectra = cube(sequence, 0)[int(y):int(y + h), int(x):int(x + w)].astype(float) - 12
    spectra /= np.asarray(sequence.camera.white_levels) - 12
    paint = sequence._paints['target'][0]
    cosine = spectra @ paint / np.linalg.norm(spectra, axis=-1) / np.linalg.norm(paint)
    assert (cosine > np.cos(np.radians(6))).mean() > 0.3


@pytest.mark.parametrize(('arguments', 'message'), [
    ({'frames': 0}, 'expected frames >= 1, got 0'),
    ({'size': (32, 512)}, r'expected a size of at least 64 x 64 pixels \(H, W\), got 32 x 512'),
    ({'scene': 'moon'}, "expected a scene of demo, open, got 'moon'"),
    ({'camera': 'phone'}, "expected a camera of vis16, .*, got 'phone'")])
def test_bad_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SyntheticSequence(**arguments)  # type: ignore[arg-type]


def test_a_frame_beyond_the_end_is_refused() -> None:
    with pytest.raises(IndexError, match='expected a frame 0..1, got 2'):
        SyntheticSequence(frames=2, size=SMALL).image(2)


def test_rednirs_last_cell_carries_no_band() -> None:
    camera = synthetic_camera('rednir15')
    assert np.isnan(camera.wavelengths_nm[-1])
    assert len(camera.band_order(16)) == 15


def test_no_torch_is_needed() -> None:
    code = "import sys, hsi_models.data.synthetic; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
