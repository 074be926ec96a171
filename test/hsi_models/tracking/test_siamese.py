"""The state machine alone, with a matcher that simply measures a bright rectangle."""
from __future__ import annotations

import gc
import math
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.confidence import ScoreModel, StatusThresholds
from hsi_models.tracking.crops import crop
from hsi_models.tracking.matcher import Geometry, Response
from hsi_models.tracking.siamese import SiameseTracker
from hsi_models.tracking.siamese_config import SiameseConfig
from hsi_models.tracking.state import Tracker, TrackStatus
from hsi_models.tracking.template_update import TemplateUpdateConfig

HEIGHT, WIDTH = 120, 200


@dataclass
class Measure:
    """A matcher that finds what is brighter than a half in the first band; nothing is below .02 anywhere."""

    geometry: Geometry = field(default_factory=lambda: Geometry(15, 16))
    proposals: list[tuple[float, float]] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    peak: float = 1.0

    def template(self, frame, box):
        return 'first'

    def renew(self, template, frame, box, weight):
        return f'{template}+'

    def search(self, template, frame, region):
        self.templates.append(template)
        size, n = self.geometry.search_size, self.geometry.cells
        bright = np.argwhere(crop(frame.data[..., 0], region, (size, size)) > 0.5)
        noise = np.random.default_rng(0).random((n, n), np.float32) * 0.02
        if not len(bright):
            return Response(noise, self.geometry.boxes(np.full((4, n, n), 30, np.float32)))
        (y1, x1), (y2, x2) = bright.min(axis=0), bright.max(axis=0) + 1
        points = (np.arange(n) - n // 2) * self.geometry.stride + size / 2
        near = np.hypot(points[None] - (x1 + x2) / 2, points[:, None] - (y1 + y2) / 2)
        score = self.peak * np.exp(-(near / 12) ** 2).astype(np.float32)
        boxes = np.broadcast_to(np.array([x1, y1, x2, y2], np.float32)[:, None, None], (4, n, n))
        return Response(np.maximum(score, 1e-5), boxes)

    def follow(self, template, frame, box, age, contrast):
        return template

    def refine(self, template, response, box, lost=False):
        return box

    def candidates(self, template, frame, box):
        return self.proposals


def frame(box: Box | None, index: int = 0) -> HyperspectralFrame:
    image = np.full((HEIGHT, WIDTH, 4), 0.1, np.float32)
    if box is not None:
        x1, y1, x2, y2 = (round(v) for v in box.corners)
        image[max(y1, 0):y2, max(x1, 0):x2] = (0.9, 0.6, 0.5, 0.4)
    return HyperspectralFrame(image, stamp_ns=(index + 1) * 40_000_000)


START = Box(80, 50, 24, 18)


def started(**options) -> tuple[SiameseTracker, Measure]:
    matcher = Measure(**options.pop('matcher', {}))
    tracker = SiameseTracker(matcher, **options)
    tracker.initialise(frame(START), START)
    return tracker, matcher


def test_it_follows_the_protocol_and_a_target_that_moves_and_grows():
    tracker, _ = started()
    assert isinstance(tracker, Tracker)
    for i in range(1, 30):
        truth = Box.from_centre(92 + 1.5 * i, 59 + 4 * math.sin(i / 5), 24 * 1.01 ** i, 18 * 1.01 ** i)
        state = tracker.update(frame(truth, i))
        assert state.status is TrackStatus.TRACKING
        assert state.box.iou(truth) > 0.75
        assert state.score > 0.6
    assert state.age == 29
    assert state.velocity[0] == pytest.approx(1.5 * 25, rel=0.3)
    assert state.spectral_angle_rad < 0.01
    np.testing.assert_allclose(state.spectrum, [0.9, 0.6, 0.5, 0.4], rtol=1e-5)


def test_of_two_equal_targets_the_nearer_one_is_followed():
    tracker, _ = started()

    class Two(Measure):
        def search(self, template, frame, region):
            first = super().search(template, frame, region)
            return Response(np.maximum(first.score, np.roll(first.score, 5, axis=1)), self.geometry.boxes(
                np.full((4, 15, 15), 30, np.float32)))

    tracker.matcher = Two()
    state = tracker.update(frame(START, 1))
    assert math.dist(state.box.centre, START.centre) < 6


def test_the_size_follows_slowly_and_not_at_all_without_a_rate():
    bigger = Box.from_centre(*START.centre, 36, 27)
    slow = started()[0].update(frame(bigger, 1)).box
    assert START.w < slow.w < bigger.w - 6
    fixed = started(config=SiameseConfig(learning_rate=0))[0].update(frame(bigger, 1)).box
    assert (fixed.w, fixed.h) == pytest.approx((START.w, START.h), rel=1e-4)


class Swelling(Measure):
    """Answers a fifth wider and a tenth higher than what it sees."""

    def search(self, template, frame, region):
        response = super().search(template, frame, region)
        x1, y1, x2, y2 = response.boxes
        width, height = 1.2 * (x2 - x1), 1.1 * (y2 - y1)
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        return Response(response.score, np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2]))


@pytest.mark.parametrize('corrected', [True, False])
def test_a_network_that_answers_too_large_is_corrected_by_the_first_frame(corrected):
    tracker = SiameseTracker(Swelling(), SiameseConfig(first_size=corrected))
    tracker.initialise(frame(START), START)
    for index in range(1, 20):
        box = tracker.update(frame(START, index)).box
    expected = 1.0 if corrected else 1.2
    assert box.w / START.w == pytest.approx(expected, abs=0.03)
    bigger = Box.from_centre(*START.centre, 30, 22)
    for index in range(20, 50):
        box = tracker.update(frame(bigger, index)).box
    assert box.w / bigger.w == pytest.approx(expected, abs=0.05), 'what grows still grows'


def test_a_first_answer_that_is_something_else_corrects_nothing():
    tracker, _ = started(config=SiameseConfig(first_size=True))
    assert tracker._target.bias == pytest.approx((1.0, 1.0), abs=0.06)
    elsewhere = SiameseTracker(Measure(), SiameseConfig(first_size=True))
    elsewhere.initialise(frame(START), Box.from_centre(START.centre[0] + 20, START.centre[1], START.w, START.h))
    assert elsewhere._target.bias == (1.0, 1.0)


def lose(tracker: SiameseTracker, frames: int = 20) -> list[TrackStatus]:
    return [tracker.update(frame(None, i)).status for i in range(1, frames)]


def test_a_target_that_vanishes_is_lost_without_a_box():
    tracker, _ = started()
    statuses = lose(tracker)
    assert statuses[0] is TrackStatus.UNCERTAIN
    assert statuses[-1] is TrackStatus.LOST
    assert statuses.count(TrackStatus.UNCERTAIN) >= tracker.thresholds.lost_frames - 1
    state = tracker.update(frame(None, 20))
    assert state.box is None
    assert state.score < 0.4
    assert state.frames_since_seen == 20


def test_a_lost_target_that_appears_elsewhere_is_found_and_confirmed():
    tracker, _ = started()
    lose(tracker)
    elsewhere = Box(150, 20, 24, 18)
    statuses = []
    for i in range(20, 60):
        state = tracker.update(frame(elsewhere, i))
        statuses.append(state.status)
        if state.status is TrackStatus.TRACKING:
            break
    assert state.box.iou(elsewhere) > 0.5
    assert statuses.count(TrackStatus.LOST) >= tracker.thresholds.found_frames - 1


def test_a_proposal_shortens_the_search():
    tracker, _ = started(matcher={'proposals': [(170.0, 25.0)]})
    lose(tracker)
    target = Box(158, 16, 24, 18)
    statuses = [tracker.update(frame(target, i)).status for i in range(20, 24)]
    assert statuses[tracker.thresholds.found_frames - 1] is TrackStatus.TRACKING


def test_looking_at_several_places_at_once_leaves_no_threads_behind():
    others = set(threading.enumerate())  # of earlier trackers, perhaps about to end

    def searching():
        return [thread for thread in threading.enumerate()
                if thread.name.startswith('search') and thread not in others]

    tracker, _ = started()
    assert not searching(), 'none before there is work'
    lose(tracker)
    assert 0 < len(searching()) <= 2
    del tracker, _
    gc.collect()
    deadline = time.monotonic() + 5
    while searching() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not searching()


def test_a_lost_target_has_the_size_that_it_usually_had():
    hidden = Box(80, 50, 12, 18)
    sizes = []
    for usual in (0, 15):
        tracker, _ = started(config=SiameseConfig(usual_size=usual))
        for i in range(1, 12):
            tracker.update(frame(START if i < 9 else hidden, i))
        lose(tracker, 10)
        sizes.append(tracker.update(frame(None, 40)).best_guess.w)
    assert sizes[0] < 0.85 * START.w
    assert sizes[1] == pytest.approx(START.w, rel=0.05)


def test_a_lost_target_goes_where_the_spectrum_agrees_before_where_the_response_is_higher():
    real = Box(150, 20, 24, 18)

    class Spectrum(Measure):
        def search(self, template, frame, region):
            plain = super().search(template, frame, region)
            here = math.dist(region.centre, real.centre) < 20
            return Response(plain.score * (0.8 if here else 1.0), plain.boxes,
                            np.full((15, 15), 0.9 if here else 0.2, np.float32))

    tracker, _ = started(config=SiameseConfig(usual_size=15))
    lose(tracker)
    tracker.matcher = Spectrum(proposals=[real.centre])
    both = frame(START, 20)
    both.data[20:38, 150:174] = (0.9, 0.6, 0.5, 0.4)
    assert tracker.update(both).best_guess.iou(real) > 0.5


class Faded(Measure):
    """The target's spectrum has all but gone, while its picture answers as ever."""

    tells, contrast = 0.2, 0.1

    def search(self, template, frame, region):
        plain = super().search(template, frame, region)
        return Response(plain.score, plain.boxes, np.full((15, 15), self.contrast, np.float32), tells=self.tells)


@pytest.mark.parametrize(('tells', 'followed'), [(0.2, True), (0.8, False)])
def test_where_the_spectrum_tells_no_place_from_another_a_lost_target_is_followed_and_called_lost(tells, followed):
    score = ScoreModel(contrast=8.0)
    tracker, plain = started(config=SiameseConfig(usual_size=15, stay_below=0.5, score=score))
    tracker.matcher = faded = Faded(proposals=[(20.0, 20.0)])
    faded.tells = tells
    tracker.initialise(frame(START), START)
    for i in range(1, 40):
        truth = Box.from_centre(92 + 1.2 * i, 59, 24, 18)
        seen = frame(truth, i)
        seen.data[11:29, 8:32] = (0.9, 0.6, 0.5, 0.4)       # a look-alike at the proposal
        state = tracker.update(seen)
    assert state.status is TrackStatus.LOST
    assert state.box is None
    assert (state.best_guess.iou(truth) > 0.7) is followed


def test_a_target_that_is_followed_though_lost_is_searched_again_once_nothing_looks_like_it():
    config = SiameseConfig(usual_size=15, stay_below=0.5, score=ScoreModel(contrast=8.0))
    tracker, _ = started(config=config)
    tracker.matcher = Faded()
    tracker.initialise(frame(START), START)
    for i in range(1, 12):
        tracker.update(frame(START, i))
    elsewhere = Box(150, 20, 24, 18)
    tracker.matcher.proposals, tracker.matcher.contrast = [elsewhere.centre], 0.9
    for i in range(12, 16):
        state = tracker.update(frame(elsewhere, i))
    assert state.best_guess.iou(elsewhere) > 0.5


def test_without_a_lost_score_nothing_is_ever_lost():
    tracker, _ = started(thresholds=StatusThresholds(lost_score=0.0))
    assert TrackStatus.LOST not in lose(tracker, 30)


def test_the_template_is_renewed_and_taken_back_when_the_score_falls():
    config = SiameseConfig(update=TemplateUpdateConfig(interval=3, probation=5))
    tracker, matcher = started(config=config)
    for i in range(1, 6):
        tracker.update(frame(START, i))
    assert 'first+' in matcher.templates
    matcher.peak = 0.4
    for i in range(6, 9):
        tracker.update(frame(START, i))
    assert matcher.templates[-1] == 'first'


def test_ten_targets_after_each_other_leave_no_trace():
    tracker, _ = started()
    first = tracker.update(frame(START, 1))
    for _ in range(10):
        lose(tracker, 8)
        tracker.reset()
        with pytest.raises(RuntimeError, match=r'expected initialise\(\) before update'):
            tracker.update(frame(START, 1))
        tracker.initialise(frame(START), START)
    again = tracker.update(frame(START, 1))
    assert (again.box, again.score, again.status) == (first.box, first.score, first.status)


def test_what_cannot_be_used_is_refused_and_changes_nothing():
    tracker, _ = started()
    with pytest.raises(ValueError, match='expected a box inside'):
        tracker.initialise(frame(START), Box(500, 10, 20, 20))
    with pytest.raises(ValueError, match='at least 1 x 1'):
        tracker.initialise(frame(START), Box(50, 10, 0.5, 20))
    with pytest.raises(ValueError, match=r'expected a frame of shape \(120, 200, 4\)'):
        tracker.update(HyperspectralFrame(np.zeros((120, 200, 5), np.float32)))
    broken = frame(START, 1)
    broken.data[:] = np.nan
    with pytest.raises(ValueError, match='expected finite values'):
        tracker.update(broken)
    assert tracker.update(frame(START, 1)).age == 1


@pytest.mark.parametrize(('options', 'message'), [
    ({'window': 1.5}, 'expected window in 0..1, got 1.5'), ({'learning_rate': -1}, 'expected learning_rate in 0..1'),
    ({'penalty': -1}, 'expected penalty >= 0'), ({'minimum_px': 0}, 'minimum_px >= 1')])
def test_bad_configurations_say_why(options, message):
    with pytest.raises(ValueError, match=message):
        SiameseConfig(**options)
