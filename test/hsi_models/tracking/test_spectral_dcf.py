"""The tracker without weights: follows, knows when it does not, and finds its target again."""
from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.tracking.confidence import StatusThresholds
from hsi_models.tracking.spectral_dcf import SpectralDcf, create
from hsi_models.tracking.state import Tracker, TrackState, TrackStatus


def follow(tracker: SpectralDcf, scene, count: int) -> list[TrackState]:
    return [tracker.initialise(scene.frame(0), scene.box(0)),
            *(tracker.update(frame) for frame, _ in scene.frames(count))]


@pytest.mark.parametrize('camouflaged', [False, True])
@pytest.mark.parametrize('bands', [3, 16, 61])
def test_a_moving_target_is_followed(make_scene, bands: int, camouflaged: bool) -> None:
    scene = make_scene(bands=bands, camouflaged=camouflaged)
    states = follow(SpectralDcf(), scene, 15 if bands > 16 else 30)
    overlap = [state.best_guess.iou(scene.box(i)) for i, state in enumerate(states)]
    assert np.mean(overlap) > 0.75
    assert min(overlap) > 0.6
    assert all(state.status is TrackStatus.TRACKING for state in states)
    assert all(state.score > 0.5 for state in states)


def test_a_target_of_eight_pixels_is_followed(make_scene) -> None:
    scene = make_scene(size=(8, 8))
    states = follow(SpectralDcf(), scene, 25)
    assert np.mean([state.best_guess.iou(scene.box(i)) for i, state in enumerate(states)]) > 0.6


def test_a_state_says_what_was_seen(make_scene) -> None:
    scene = make_scene()
    states = follow(SpectralDcf(), scene, 8)
    last = states[-1]
    assert isinstance(SpectralDcf(), Tracker)
    assert (last.age, last.frames_since_seen) == (7, 0)
    assert last.velocity[0] == pytest.approx(1.5 / 0.04, abs=25)
    truth = scene.target.mean(axis=(0, 1)) * 600
    np.testing.assert_allclose(last.spectrum, truth, rtol=0.1)     # in the unit of the frame
    assert 0 <= last.spectral_angle_rad < 0.05
    assert math.isnan(states[0].velocity[0])


def test_a_target_that_is_gone_is_lost_and_found_again_elsewhere(make_scene) -> None:
    scene = make_scene(camouflaged=True)
    tracker = SpectralDcf()
    follow(tracker, scene, 15)
    gone = [tracker.update(scene.frame(i, visible=False)) for i in range(15, 35)]
    assert gone[-1].status is TrackStatus.LOST
    assert gone[-1].box is None
    assert gone[-1].score < 0.4
    assert gone[-1].frames_since_seen >= 15
    assert gone[-1].spectrum.size == 0
    assert math.isnan(gone[-1].spectral_angle_rad)
    elsewhere = Box(15, 85, 24, 20)
    back = [tracker.update(scene.frame(i, box=elsewhere)) for i in range(35, 50)]
    assert back[-1].status is TrackStatus.TRACKING
    assert back[-1].box is not None
    assert back[-1].box.iou(elsewhere) > 0.6


def test_a_target_that_reappears_elsewhere_is_found_before_it_counts_as_lost(make_scene) -> None:
    scene = make_scene(camouflaged=True)
    tracker = SpectralDcf(thresholds=replace(StatusThresholds(), lost_frames=1000))
    follow(tracker, scene, 15)
    elsewhere = Box(15, 85, 24, 20)
    states = [tracker.update(scene.frame(i, box=elsewhere)) for i in range(15, 35)]
    assert all(state.status is not TrackStatus.LOST for state in states)
    assert states[-1].best_guess.iou(elsewhere) > 0.6
    assert states[-1].status is TrackStatus.TRACKING


def test_a_wrong_size_is_set_right_by_the_spectrum(make_scene) -> None:
    scene, tracker = make_scene(camouflaged=True, size=(24, 20)), SpectralDcf()
    follow(tracker, scene, 5)
    assert tracker._target is not None
    box = tracker._target.box
    tracker._target.box = Box.from_centre(*box.centre, 0.55 * box.w, 0.55 * box.h)
    for i in range(5, 25):
        state = tracker.update(scene.frame(i))
    assert state.best_guess.iou(scene.box(24)) > 0.6


def test_a_target_that_leaves_the_image_is_lost(make_scene) -> None:
    scene = make_scene()
    tracker = SpectralDcf()
    follow(tracker, scene, 5)
    states = [tracker.update(scene.frame(i, box=Box(60 + 5 * i, 50, 24, 20))) for i in range(5, 45)]
    assert states[-1].status is TrackStatus.LOST
    assert states[-1].box is None


def test_the_same_frames_give_the_same_boxes(make_scene) -> None:
    one, other = (follow(SpectralDcf(), make_scene(), 10) for _ in range(2))
    assert [tuple(state.best_guess) for state in one] == [tuple(state.best_guess) for state in other]
    assert [state.score for state in one] == [state.score for state in other]


def test_initialising_again_leaves_nothing_of_the_first_target(make_scene) -> None:
    used, scene = SpectralDcf(), make_scene()
    follow(used, make_scene(seed=5), 12)
    again, fresh = follow(used, scene, 6), follow(SpectralDcf(), make_scene(), 6)
    assert [tuple(state.best_guess) for state in again] == [tuple(state.best_guess) for state in fresh]


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'float32'])
def test_the_unit_of_the_values_does_not_matter(make_scene, dtype: str) -> None:
    scene, tracker = make_scene(), SpectralDcf()
    factor = {'uint8': 255 / 1023, 'uint16': 1.0, 'float32': 1 / 1023}[dtype]

    def converted(frame: HyperspectralFrame) -> HyperspectralFrame:
        return HyperspectralFrame((frame.data * factor).astype(dtype), SpectralInfo(saturation=1023 * factor),
                                  stamp_ns=frame.stamp_ns)

    tracker.initialise(converted(scene.frame(0)), scene.box(0))
    for frame, box in scene.frames(10):
        assert tracker.update(converted(frame)).best_guess.iou(box) > 0.6


def test_thresholds_change_while_tracking(make_scene) -> None:
    tracker, scene = SpectralDcf(), make_scene()
    assert follow(tracker, scene, 4)[-1].status is TrackStatus.TRACKING
    tracker.thresholds = replace(StatusThresholds(), tracking_score=1.0, uncertain_score=1.0)
    assert tracker.update(scene.frame(4)).status is TrackStatus.UNCERTAIN


def test_update_before_initialise_is_refused(make_scene) -> None:
    tracker, scene = SpectralDcf(), make_scene()
    with pytest.raises(RuntimeError, match=r'initialise\(\) before update\(\)'):
        tracker.update(scene.frame(0))
    follow(tracker, scene, 2)
    tracker.reset()
    with pytest.raises(RuntimeError, match=r'initialise\(\) before update\(\)'):
        tracker.update(scene.frame(2))


def test_frames_of_another_shape_are_refused(make_scene) -> None:
    tracker = SpectralDcf()
    follow(tracker, make_scene(bands=16), 2)
    with pytest.raises(ValueError, match=r'shape \(120, 160, 16\) as at initialisation, got \(120, 160, 25\)'):
        tracker.update(make_scene(bands=25).frame(2))


@pytest.mark.parametrize(('box', 'message'), [
    (Box(500, 10, 20, 20), r'a box inside the 160 x 120 frame, got \(500.0'),
    (Box(-30, 10, 20, 20), 'a box inside the 160 x 120 frame'),
    (Box(50, 50, 0.5, 20), 'at least 1 x 1 pixels, got 0.5 x 20'),
])
def test_a_box_without_a_target_is_refused(make_scene, box: Box, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpectralDcf().initialise(make_scene().frame(0), box)


def test_values_that_are_not_finite_are_refused_and_harm_nothing(make_scene) -> None:
    scene, tracker = make_scene(), SpectralDcf()

    def with_nan(index: int) -> HyperspectralFrame:
        data = scene.frame(index).as_float().copy()
        data[50:60, 60:70, 3] = np.nan
        return HyperspectralFrame(data, stamp_ns=index)

    with pytest.raises(ValueError, match='expected finite values .* got nan or inf'):
        tracker.initialise(with_nan(0), scene.box(0))
    tracker.initialise(HyperspectralFrame(scene.frame(0).as_float(), stamp_ns=1), scene.box(0))
    with pytest.raises(ValueError, match=r'expected finite values below 1e\+15 around the target, '
                                         'got nan, inf or larger in 100 pixels'):
        tracker.update(with_nan(1))
    state = tracker.update(HyperspectralFrame(scene.frame(2).as_float(), stamp_ns=2))
    assert state.best_guess.iou(scene.box(2)) > 0.6


@pytest.mark.parametrize('data', [np.zeros((60, 80, 16), np.uint16), np.full((60, 80, 16), 1023, np.uint16),
                                  np.zeros((9, 7, 4), np.float32)])
def test_frames_without_any_structure_do_no_harm(data: np.ndarray) -> None:
    tracker, frame = SpectralDcf(), HyperspectralFrame(data)
    tracker.initialise(frame, Box(1, 1, 5, 5))
    state = tracker.update(frame)
    assert 0 <= state.score <= 1
    assert all(math.isfinite(value) for value in state.best_guess)


def test_a_target_among_lights_in_the_dark_is_followed() -> None:
    rng = np.random.default_rng(0)
    lights = np.where(rng.random((120, 160, 1)) < 0.02, 10.0 ** rng.uniform(-5, 0, (120, 160, 1)), 0) * rng.random(8)
    target, tracker = rng.random((12, 12, 8)), SpectralDcf()

    def frame(index: int) -> HyperspectralFrame:
        data = lights.astype(np.float32)
        data[50:62, 40 + index:52 + index] = target
        return HyperspectralFrame(data, stamp_ns=index)

    tracker.initialise(frame(0), Box(40, 50, 12, 12))
    states = [tracker.update(frame(index)) for index in range(1, 15)]
    assert states[-1].best_guess.iou(Box(54, 50, 12, 12)) > 0.8


def test_unknown_options_are_refused() -> None:
    assert create(learn_peak=0.5).config.learn_peak == 0.5
    assert create(thresholds=StatusThresholds(lost_frames=9)).thresholds.lost_frames == 9
    with pytest.raises(ValueError, match=r'options of spectral_dcf \(appearance, .*\), got learn_rate'):
        create(learn_rate=0.1)
