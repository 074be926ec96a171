"""The Siamese core at its limits: odd boxes, odd frames, answers that are no numbers; an error that helps, or a sane
state."""
from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.runtime.eager import EagerExecutor
from hsi_models.runtime.export import build_network
from hsi_models.runtime.paths import network_paths
from hsi_models.tracking.matcher import Geometry, Response
from hsi_models.tracking.network_matcher import HyperspectralMatcher
from hsi_models.tracking.siamese import SiameseTracker
from hsi_models.tracking.siamese_config import SiameseConfig
from hsi_models.tracking.state import TrackState, TrackStatus
from hsi_models.tracking.template_update import TemplateUpdateConfig

HEIGHT, WIDTH = 60, 80
INFO = SpectralInfo((500.0, 550.0, 600.0, 650.0), saturation=1000)
START = Box(30, 20, 16, 12)


def frame(index: int = 0, shape: tuple[int, ...] = (HEIGHT, WIDTH, 4), info: SpectralInfo = INFO) -> HyperspectralFrame:
    cube = np.random.default_rng(0).integers(100, 900, shape).astype(np.uint16)
    return HyperspectralFrame(cube, info, stamp_ns=(index + 1) * 40_000_000)


@dataclass
class Scripted:
    """A matcher that sees the target in the middle of every crop, `shift` pixels beside it, with a given score."""

    geometry: Geometry = field(default_factory=Geometry)
    score: float = 0.9
    shift: float = 0.0
    renewed: int = 0
    refuses: bool = False

    def template(self, frame, box):
        return 'first'

    def renew(self, template, frame, box, weight):
        if self.refuses:
            raise ValueError('expected finite values around the target')
        self.renewed += 1
        return f'renewed {self.renewed}'

    def follow(self, template, frame, box, age, contrast):
        return template

    def search(self, template, frame, region):
        n = self.geometry.cells
        score = np.random.default_rng(1).random((n, n), np.float32) * 1e-3
        score[n // 2, n // 2] = self.score
        distances = np.full((4, n, n), 30, np.float32)
        distances[[0, 2]] += np.array([-self.shift, self.shift], np.float32)[:, None, None]
        return Response(score, self.geometry.boxes(distances))

    def refine(self, template, response, box, lost=False):
        return box

    def candidates(self, template, frame, box):
        return []


def started(box: Box = START, config: SiameseConfig | None = None) -> tuple[SiameseTracker, Scripted]:
    matcher = Scripted()
    tracker = SiameseTracker(matcher, config)
    tracker.initialise(frame(), box)
    return tracker, matcher


def same(one: TrackState, other: TrackState) -> bool:
    return (one.best_guess, one.score, one.status, one.age, one.frames_since_seen) == (
        other.best_guess, other.score, other.status, other.age, other.frames_since_seen)


@pytest.mark.parametrize('score', [math.nan, math.inf])
@pytest.mark.parametrize('seen', [0.9, 0.001], ids=['tracking', 'lost'])
def test_answers_that_are_no_numbers_are_refused_and_change_nothing(score: float, seen: float):
    """A twin that never meets them goes the same way."""
    (tracker, matcher), (twin, other) = started(), started()
    matcher.score = other.score = seen
    for i in range(1, 15):
        if i in (3, 12):
            matcher.score = score
            for call, arguments in ((tracker.update, (frame(i),)), (tracker.initialise, (frame(i), START))):
                with pytest.raises(ValueError, match='expected finite scores and boxes from the network, got nan or '
                                                     'inf in 1 of 625 cells'):
                    call(*arguments)
            matcher.score = seen
        state = tracker.update(frame(i))
        assert same(state, twin.update(frame(i)))
    assert state.status is (TrackStatus.TRACKING if seen == 0.9 else TrackStatus.LOST)


@pytest.mark.parametrize(('other', 'got'), [
    ((HEIGHT, WIDTH, 5), r'\(60, 80, 5\)'), ((HEIGHT, WIDTH, 3), r'\(60, 80, 3\)'),
    ((HEIGHT * 2, WIDTH * 2, 4), r'\(120, 160, 4\)'), ((HEIGHT, WIDTH - 1, 4), r'\(60, 79, 4\)')])
def test_another_size_or_band_count_amid_a_sequence_is_refused_and_changes_nothing(other, got):
    tracker, _ = started()
    with pytest.raises(ValueError, match=rf'expected a frame of shape \(60, 80, 4\) as at initialisation, got {got}'):
        tracker.update(frame(1, other, SpectralInfo()))
    assert tracker.update(frame(1)).age == 1
    # The way out is a new start.
    assert tracker.initialise(frame(2, other, SpectralInfo()), START).box == START
    assert tracker.update(frame(3, other, SpectralInfo())).age == 1


@pytest.mark.parametrize('box', [Box(-500, 10, 20, 20), Box(WIDTH, 10, 20, 20), Box(10, -20, 20, 20),
                                 Box(10, HEIGHT + 0.1, 20, 20)])
def test_a_box_fully_outside_is_refused(box: Box):
    with pytest.raises(ValueError, match=r'expected a box inside the 80 x 60 frame, got \('):
        SiameseTracker(Scripted()).initialise(frame(), box)


def test_a_target_that_leaves_stays_at_the_edge():
    tracker, matcher = started()
    matcher.shift = -60.0
    for i in range(1, 40):
        state = tracker.update(frame(i))
    assert state.best_guess.centre[0] == 0
    assert state.best_guess.clipped(WIDTH, HEIGHT) is not None


def test_a_template_that_cannot_be_renewed_stays():
    config = SiameseConfig(update=TemplateUpdateConfig(interval=3, probation=1))
    tracker, matcher = started(config=config)
    matcher.refuses = True
    for i in range(1, 5):
        assert tracker.update(frame(i)).age == i
    assert matcher.renewed == 0
    matcher.refuses = False
    for i in range(5, 9):
        tracker.update(frame(i))
    assert matcher.renewed == 1


@pytest.fixture(scope='module', params=['ssf_net:fast', 'bcr_net:fast'])
def matcher(request: pytest.FixtureRequest) -> HyperspectralMatcher:
    torch.manual_seed(0)
    return HyperspectralMatcher(EagerExecutor(network_paths(build_network(request.param), bands=4)))


@pytest.mark.parametrize('box', [
    Box(40, 30, 3, 3), Box(40.5, 30.5, 1, 1), Box(0, 0, WIDTH, HEIGHT), Box(-40, -30, 2 * WIDTH, 2 * HEIGHT),
    Box(-10, 20, 16, 12), Box(WIDTH - 2, HEIGHT - 2, 30, 30), Box(2, 30, 76, 2), Box(79, 59, 1, 1)],
    ids=['3 px', '1 px', 'whole frame', 'twice the frame', 'over the left edge', 'over the corner', 'thin', 'last px'])
def test_networks_take_any_box_that_touches_the_frame(matcher: HyperspectralMatcher, box: Box):
    tracker = SiameseTracker(matcher)
    first = tracker.initialise(frame(), box)
    assert (first.box, first.status) == (box, TrackStatus.TRACKING)
    state = tracker.update(frame(1))
    x, y = state.best_guess.centre
    assert 0 <= x <= WIDTH
    assert 0 <= y <= HEIGHT
    assert 3 <= state.best_guess.w <= WIDTH
    assert 3 <= state.best_guess.h <= HEIGHT
    assert 0 <= state.score <= 1
    assert state.spectrum.shape == (4,)
    assert math.isfinite(state.spectral_angle_rad)


def test_weights_that_are_no_numbers_are_named_at_the_start():
    network = build_network('ssf_net:fast')
    with torch.no_grad():
        network.hs_backbone.adjust[0].weight.fill_(math.nan)
    tracker = SiameseTracker(HyperspectralMatcher(EagerExecutor(network_paths(network, bands=4))))
    with pytest.raises(ValueError, match='expected finite scores and boxes .*its weights do not fit'):
        tracker.initialise(frame(), START)


def test_values_that_are_no_numbers_count_only_where_they_are_looked_at(matcher: HyperspectralMatcher):
    cube = np.random.default_rng(0).random((300, 400, 4), np.float32)
    cube[:20, :20] = np.nan
    whole = HyperspectralFrame(cube, replace(INFO, saturation=0))
    tracker = SiameseTracker(matcher)
    assert tracker.initialise(whole, Box(200, 150, 20, 20)).box is not None
    with pytest.raises(ValueError, match='expected finite values'):
        tracker.initialise(whole, Box(15, 15, 20, 20))
