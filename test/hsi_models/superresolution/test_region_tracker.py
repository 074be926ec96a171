"""Any tracker on an upscaled search region: the same coordinates outside, larger frames inside."""
from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.registry import create_tracker
from hsi_models.superresolution.factory import create_super_resolver
from hsi_models.superresolution.region_tracker import RegionConfig, UpscaledRegionTracker, enlarge_linearly
from hsi_models.tracking.state import Tracker, TrackState, TrackStatus

BOX = Box(20, 10, 8, 6)


class Brightest:
    """The target is the brightest pixel of the first band; keeps what it was shown."""

    def initialise(self, frame, box):
        if box.clipped(frame.width, frame.height) is None:
            raise ValueError('expected a box inside the frame')
        self.box = box
        return self.update(frame)

    def update(self, frame):
        self.seen = frame
        y, x = np.unravel_index(frame.data[..., 0].argmax(), frame.data.shape[:2])
        lost = frame.data[..., 0].max() < 500
        box = self.box if lost else Box.from_centre(x + 0.5, y + 0.5, self.box.w, self.box.h)
        self.box = box
        return TrackState(None if lost else box, box, 0.5, TrackStatus.LOST if lost else TrackStatus.TRACKING,
                          frame.data[y, x].astype(np.float32), box_std=(1.0,) * 4, velocity=(10.0, 0.0))

    def reset(self):
        self.box = None


def frame(x=24, y=13, height=60, width=80, bands=5, dtype=np.uint16):
    data = np.random.default_rng(0).integers(50, 200, (height, width, bands)).astype(dtype)
    if x is not None:
        data[y, x] = 1000
    return HyperspectralFrame(data, SpectralInfo(saturation=1023), stamp_ns=5)


def tracker(name='bicubic', scale=2, **config):
    return UpscaledRegionTracker(Brightest(), create_super_resolver(name, scale), RegionConfig(**config))


@pytest.mark.parametrize('scale', [2, 4])
def test_boxes_go_in_and_out_in_pixels_of_the_frame(scale):
    wrapped = tracker(scale=scale)
    assert isinstance(wrapped, Tracker)
    state = wrapped.initialise(frame(), BOX)
    assert state.box.centre == pytest.approx((24.5, 13.5), abs=0.5)
    assert (state.box.w, state.box.h) == (BOX.w, BOX.h)
    state = wrapped.update(frame(30, 20))
    assert state.box.centre == pytest.approx((30.5, 20.5), abs=0.5)
    assert state.box_std == (1 / scale,) * 4
    assert state.velocity == (10 / scale, 0)
    assert wrapped.tracker.seen.data.shape == (60 * scale, 80 * scale, 5)
    assert wrapped.tracker.seen.data.dtype == np.uint16
    assert wrapped.tracker.seen.info == frame().info
    assert wrapped.tracker.seen.stamp_ns == 5
    assert wrapped.tracker.seen.upscaling == scale


def test_around_the_last_box_is_super_resolved_and_the_rest_interpolated():
    wrapped = tracker(reach=1.0)
    wrapped.initialise(frame(), BOX)
    wrapped.update(frame(40, 30))
    given, seen = frame(40, 30).data, wrapped.tracker.seen.data
    plain = enlarge_linearly(given, 2)
    rows, columns = np.nonzero((seen != plain).any(axis=2))
    # the square that was searched in the first frame, around the box that came out of it
    side = 2.008 * math.sqrt((8 + 7) * (6 + 7))
    assert rows.min() == pytest.approx(0, abs=3)
    assert rows.max() == pytest.approx(2 * (13.5 + side / 2), abs=4)
    assert columns.min() == pytest.approx(2 * (24.5 - side / 2), abs=4)
    assert columns.max() == pytest.approx(2 * (24.5 + side / 2), abs=4)
    top, bottom, left, right = rows.min() // 2, rows.max() // 2 + 1, columns.min() // 2, columns.max() // 2 + 1
    expected = create_super_resolver('bicubic', 2).upscale(given[top:bottom, left:right])
    inner = (slice(8, -8), slice(8, -8))
    np.testing.assert_array_equal(seen[2 * top:2 * bottom, 2 * left:2 * right][inner], expected[inner])


def test_a_lost_target_is_looked_for_all_over_the_frame():
    wrapped = tracker()
    wrapped.initialise(frame(), BOX)
    lost = wrapped.update(frame(None))
    assert lost.box is None
    assert lost.best_guess.centre == pytest.approx((24.5, 13.5), abs=0.5)
    assert wrapped.update(frame(75, 55)).box.centre == pytest.approx((75.5, 55.5), abs=0.5)


def test_all_crops_share_the_subspace_of_the_first_frame(monkeypatch):
    resolver = create_super_resolver('cst_eigen', 2)
    seen = []
    upscale = resolver.upscale
    monkeypatch.setattr(resolver, 'upscale',
                        lambda cube, subspace=None: seen.append(subspace) or upscale(cube, subspace))
    wrapped = UpscaledRegionTracker(Brightest(), resolver)
    wrapped.initialise(frame(), BOX)
    wrapped.update(frame(26, 14))
    assert seen[0] is not None
    assert seen[0] is seen[1]


def test_a_large_target_is_given_the_frames_as_they_are():
    wrapped = tracker(largest_px=6.0)
    given = frame()
    assert wrapped.initialise(given, BOX).box.centre == (24.5, 13.5)
    assert wrapped.scale == 1
    assert wrapped.tracker.seen is given


def test_a_target_that_grows_too_large_is_no_longer_super_resolved():
    wrapped = tracker(largest_px=7.0)
    wrapped.initialise(frame(), BOX)
    wrapped.tracker.box = Box(0, 0, 40, 40)
    wrapped.update(frame())
    wrapped.update(frame())
    np.testing.assert_array_equal(wrapped.tracker.seen.data, enlarge_linearly(frame().data, 2))


def test_a_box_that_the_tracker_refuses_leaves_the_target_and_its_enlargement():
    class Picky(Brightest):
        def initialise(self, frame, box):
            if box.w > 60:
                raise ValueError('expected a smaller box')
            return super().initialise(frame, box)

    wrapped = tracker(largest_px=20)
    wrapped.tracker = Picky()
    wrapped.initialise(frame(), BOX)
    with pytest.raises(ValueError, match='a smaller box'):
        wrapped.initialise(frame(), Box(5, 5, 70, 50))      # large: would not be enlarged
    assert wrapped.scale == 2
    assert wrapped.update(frame(30, 20)).box.centre == pytest.approx((30.5, 20.5), abs=0.5)


def test_the_protocol_refuses_what_it_should():
    wrapped = tracker()
    with pytest.raises(RuntimeError, match='initialise'):
        wrapped.update(frame())
    with pytest.raises(ValueError, match='inside the 80 x 60 frame'):
        wrapped.initialise(frame(), Box(200, 10, 5, 5))
    wrapped.initialise(frame(), BOX)
    with pytest.raises(ValueError, match=r'shape \(60, 80, 5\) as at initialisation, got \(50, 80, 5\)'):
        wrapped.update(frame(height=50))
    assert wrapped.update(frame(30, 20)).box.centre == pytest.approx((30.5, 20.5), abs=0.5)
    wrapped.reset()
    with pytest.raises(RuntimeError, match='initialise'):
        wrapped.update(frame())


def test_values_that_are_not_finite_around_the_target_are_refused_and_the_target_stays():
    wrapped = tracker()
    wrapped.initialise(frame(dtype=np.float32), BOX)
    bad = frame(30, 20, dtype=np.float32)
    bad.data[15, 25] = np.nan
    with pytest.raises(ValueError, match='finite'):
        wrapped.update(bad)
    assert wrapped.update(frame(30, 20, dtype=np.float32)).box is not None


@pytest.mark.parametrize('config', [{'reach': 0.0}, {'largest_px': -1.0}])
def test_configurations_that_upscale_nothing_are_refused(config):
    with pytest.raises(ValueError, match='expected reach > 0 and largest_px > 0'):
        RegionConfig(**config)


@pytest.mark.parametrize('bands', [1, 16, 130, 200])
def test_any_number_of_bands_is_enlarged_with_centres_on_centres(bands):
    ramp = np.repeat(np.arange(12, dtype=np.float32)[None, :, None], 5, 0) * np.ones(bands, np.float32)
    large = enlarge_linearly(ramp, 2)
    assert large.shape == (10, 24, bands)
    np.testing.assert_allclose(large[3, 1:-1, 0], np.arange(0.25, 11, 0.5))
    np.testing.assert_array_equal(large[..., -1], large[..., 0])


def test_a_small_target_is_followed_by_spectral_dcf(small_scene):
    frames, boxes = small_scene
    wrapped = UpscaledRegionTracker(create_tracker('spectral_dcf'), create_super_resolver('back_projection', 2))
    wrapped.initialise(frames[0], boxes[0])
    overlaps = [wrapped.update(item).best_guess.iou(box) for item, box in zip(frames[1:], boxes[1:], strict=True)]
    assert np.mean(overlaps) > 0.6


@pytest.fixture
def small_scene():
    """A target of 12 x 10 pixels with a spectrum of its own, moving over a textured background."""
    rng = np.random.default_rng(1)
    background = 300 + 200 * cv2.resize(rng.random((12, 16), np.float32), (120, 90), interpolation=cv2.INTER_CUBIC)
    shape = np.linspace(0.7, 1.3, 8, dtype=np.float32)
    frames, boxes = [], []
    for i in range(12):
        cube = background[..., None] * shape
        x, y = 30 + 2 * i, 40 + i
        cube[y:y + 10, x:x + 12] = 400 * shape[::-1]
        noisy = cube + rng.normal(0, 3, cube.shape)
        frames.append(HyperspectralFrame(noisy.clip(0, 1023).astype(np.uint16), SpectralInfo(saturation=1023),
                                         stamp_ns=40_000_000 * (i + 1)))
        boxes.append(Box(x, y, 12, 10))
    return frames, boxes
