"""Template and search: the one state machine of all Siamese trackers, from response map to box, status and score.

A `Matcher` looks (crops, network); this file decides: where to look, which cell of the response to believe (scale
penalty, cosine window), how fast the size may change, and what to say of it (`confidence`). A lost target is looked for
at its last place, on a widening spiral, and where the matcher proposes; the network's score has to confirm it. Where
the spectrum tells no place from another, and something still looks like the target, that is followed, and called LOST.
"""
from __future__ import annotations

import math
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.spectral import spectral_angle
from hsi_models.tracking.confidence import (
    Cues,
    RunningMedian,
    StatusMachine,
    StatusThresholds,
    peak_to_sidelobe_ratio,
)
from hsi_models.tracking.crops import siamese_region, to_crop, to_frame
from hsi_models.tracking.matcher import Matcher, size_penalty
from hsi_models.tracking.redetection import spiral_candidate
from hsi_models.tracking.siamese_config import SiameseConfig
from hsi_models.tracking.state import TrackState, TrackStatus
from hsi_models.tracking.template_update import Action, TemplateUpdate
from hsi_models.tracking.views import inner_spectrum

Floats = npt.NDArray[np.float32]
_SAME = 0.5         # IoU with the given box from which the answer to the first frame is the target
_SEARCHERS = 2      # places of a lost target that are looked at at once


@dataclass(eq=False)
class _Target:
    """What is known of the target; replaced as a whole when a new one is initialised."""

    first: Any
    template: Any
    before: Any
    update: TemplateUpdate | None
    box: Box
    spectrum: Floats
    shape: tuple[int, ...]
    stamp_ns: int
    usual: tuple[RunningMedian, RunningMedian]
    velocity: tuple[float, float] = (math.nan, math.nan)
    age: int = 0
    unseen: int = 0
    lost_frames: int = 0
    lost_at: tuple[float, float] = (0.0, 0.0)
    bias: tuple[float, float] = (1.0, 1.0)
    tells: float = 1.0
    peaks: RunningMedian = field(default_factory=RunningMedian)


@dataclass(frozen=True, eq=False)
class _Answer:
    """What one search crop gave: the new box, the value of the response there, and what it is worth.

    `raw` is the network's own size over that of the box before; `tells` as in `Response`.
    """

    box: Box
    raw: tuple[float, float]
    value: float
    cues: Cues
    score: float
    spectrum: Floats
    tells: float


class SiameseTracker:
    """Follows the `Tracker` protocol.

    Args:
        matcher: crops and network.
        config: how a response becomes a box.
        thresholds: of the status; `thresholds` may be replaced at any time.
        weights_sha256: of the weights inside of the matcher, for reports.
        runtime, precision: that the matcher's network is run in, likewise.
    """

    def __init__(self, matcher: Matcher, config: SiameseConfig | None = None,
                 thresholds: StatusThresholds | None = None, weights_sha256: str | None = None, *,
                 runtime: str = 'eager', precision: str = 'fp32') -> None:
        self.matcher, self.config, self.weights_sha256 = matcher, config or SiameseConfig(), weights_sha256
        self.runtime, self.precision = runtime, precision
        self._machine = StatusMachine(thresholds)
        self._target: _Target | None = None
        self._workers = ThreadPoolExecutor(_SEARCHERS, 'search')        # starts none before there is work
        hann = np.hanning(matcher.geometry.cells + 2)[1:-1]
        self._window = np.outer(hann, hann).astype(np.float32)

    @property
    def thresholds(self) -> StatusThresholds:
        """When the status changes."""
        return self._machine.thresholds

    @thresholds.setter
    def thresholds(self, value: StatusThresholds) -> None:
        self._machine.thresholds = value

    def reset(self) -> None:
        """Forget the target."""
        self._target = None
        self._machine.reset()

    def initialise(self, frame: HyperspectralFrame, box: Box) -> TrackState:
        """Start on a box of a frame.

        Args:
            frame: (H, W, C).
            box: the target, pixels of `frame`; may reach over its edge.

        Raises:
            ValueError: the box lies outside of the frame or is smaller than a pixel, or values (of the frame, or that
                the network gives) are not finite; a target before goes on.
        """
        box.require_inside(frame.width, frame.height)
        if min(box.w, box.h) < 1:
            raise ValueError(f'expected a box of at least 1 x 1 pixels, got {box.w:g} x {box.h:g}')
        spectrum, template = inner_spectrum(frame, box), self.matcher.template(frame, box)
        update = None if self.config.update is None else TemplateUpdate(self.config.update)
        target = _Target(template, template, template, update, box, spectrum, frame.shape, frame.stamp_ns,
                         (RunningMedian(self.config.usual_size), RunningMedian(self.config.usual_size)))
        # What the response to the first frame itself is like: later ones are measured by it.
        answer = self._near(target, frame)
        target.peaks.add(answer.value)
        target.tells = answer.tells
        if self.config.first_size and answer.box.iou(box) > _SAME:
            target.bias = answer.raw
        self._target = target
        self._machine.reset()
        return self._state(target, 1.0, spectrum, 0.0)

    def update(self, frame: HyperspectralFrame) -> TrackState:
        """Find the target in the next frame.

        Raises:
            RuntimeError: not initialised.
            ValueError: the frame has another shape than the first, or values around the target, or that the network
                gives, are not finite; the tracker stays as it was.
        """
        target = self._target
        if target is None:
            raise RuntimeError('expected initialise() before update(), got no target')
        if frame.shape != target.shape:
            raise ValueError(f'expected a frame of shape {target.shape} as at initialisation, got {frame.shape}')
        lost = self._machine.status is TrackStatus.LOST
        answer, followed = self._search(target, frame) if lost else (self._near(target, frame), True)
        status = self._machine.update(answer.score, answer.cues)
        moved = followed or answer.score >= self.thresholds.uncertain_score
        # A lost target that comes out from behind something shows its place before it shows its size.
        whole = followed or not answer.cues.contrast < self._least_contrast()
        elapsed_s = (frame.stamp_ns - target.stamp_ns) * 1e-9
        previous, target.stamp_ns = target.box.centre, frame.stamp_ns
        if moved:
            target.box = answer.box if whole else Box.from_centre(*answer.box.centre, target.box.w, target.box.h)
        target.age += 1
        target.unseen = 0 if status is TrackStatus.TRACKING else target.unseen + 1
        known = elapsed_s > 0 and not lost and status is not TrackStatus.LOST
        target.velocity = ((target.box.centre[0] - previous[0]) / elapsed_s,
                           (target.box.centre[1] - previous[1]) / elapsed_s) if known else (math.nan, math.nan)
        if status is not TrackStatus.LOST:
            target.peaks.add(answer.value)
        elif followed:
            target.lost_frames, target.lost_at = 0, target.box.centre
            width, height = (side.value for side in target.usual)
            if not lost and not math.isnan(width):      # what was seen last may have been half of it
                target.box = Box.from_centre(*target.box.centre, width, height)
        if status is TrackStatus.TRACKING:
            for usual, side in zip(target.usual, (target.box.w, target.box.h), strict=True):
                usual.add(side)
        self._renew(target, frame, answer, status)
        if status is not TrackStatus.LOST:
            target.template = self.matcher.follow(target.template, frame, target.box, target.age,
                                                  answer.cues.contrast if status is TrackStatus.TRACKING else None)
        return self._state(target, answer.score, answer.spectrum, answer.cues.spectral_angle_rad)

    def _near(self, target: _Target, frame: HyperspectralFrame) -> _Answer:
        """The answer where the target was last."""
        return self._ask(target, frame, target.box.centre, lost=False)

    def _search(self, target: _Target, frame: HyperspectralFrame) -> tuple[_Answer, bool]:
        """The best answer for a lost target, and whether it is followed as if it were not lost.

        Looked at are its last place, a widening spiral and the matcher's proposals; see `SiameseConfig.stay_below`.
        """
        def ask(centre: tuple[float, float]) -> Future[_Answer]:
            return self._workers.submit(self._ask, target, frame, centre, lost=True)

        if target.tells < self.config.stay_below:
            near = self._near(target, frame)
            if near.cues.relative_peak >= self.config.stay_peak:
                return near, True
        frames = target.lost_frames + 1
        # Side by side: what a lost target costs more than one that is tracked decides the longest delay.
        answers = [ask(target.box.centre), ask(spiral_candidate(frame, target.lost_at, target.box, frames))]
        try:
            answers += [ask(centre) for centre in self.matcher.candidates(target.template, frame, target.box)]
        finally:
            wait(answers)
        least = self._least_contrast()      # a look-alike may have the better response
        best = max((answer.result() for answer in answers),
                   key=lambda answer: (not answer.cues.contrast < least, answer.score))
        target.lost_frames = frames
        return best, False

    def _least_contrast(self) -> float:
        """From where on the spectrum of a lost target, if it was measured, agrees."""
        return self.thresholds.found_contrast if self.config.usual_size else -math.inf

    def _ask(self, target: _Target, frame: HyperspectralFrame, centre: tuple[float, float], lost: bool) -> _Answer:
        """What the matcher says about the search crop around a centre."""
        geometry, config = self.matcher.geometry, self.config
        before = Box.from_centre(*centre, target.box.w, target.box.h)
        region = siamese_region(before, geometry.search_size, geometry.template_size)
        size = (geometry.search_size, geometry.search_size)
        response = self.matcher.search(target.template, frame, region)
        start = to_crop(before, region, size)
        penalty = size_penalty(response.boxes, start, config.penalty)
        window = 0.0 if lost else config.window     # a lost target may be anywhere in the crop
        blend = (1 - window) * penalty * response.score + window * self._window
        row, column = (int(i) for i in np.unravel_index(int(blend.argmax()), blend.shape))
        value = float(response.score[row, column])
        rate = config.learning_rate * float(penalty[row, column]) * value
        x1, y1, x2, y2 = (float(v) for v in response.boxes[:, row, column])
        width, height = max(x2 - x1, 1.0), max(y2 - y1, 1.0)
        chosen = Box.from_centre((x1 + x2) / 2, (y1 + y2) / 2,
                                 start.w + rate * (width / target.bias[0] - start.w),
                                 start.h + rate * (height / target.bias[1] - start.h))
        refined = self.matcher.refine(target.template, response, chosen, lost)
        box = self._limited(to_frame(refined, region, size), frame)
        spectrum = inner_spectrum(frame, box)
        usual = target.peaks.value
        cues = Cues(
            relative_peak=1.0 if math.isnan(usual) else value / max(usual, 1e-6),
            psr=peak_to_sidelobe_ratio(response.score, row, column, round(config.sidelobe_share * geometry.cells)),
            spectral_angle_rad=float(spectral_angle(spectrum, target.spectrum)),
            jump=0.0 if lost else math.dist(box.centre, target.box.centre) / math.sqrt(target.box.area),
            contrast=math.nan if response.contrast is None else float(response.contrast[row, column]))
        return _Answer(box, (width / start.w, height / start.h), value, cues, config.score.score(cues), spectrum,
                       response.tells)

    def _renew(self, target: _Target, frame: HyperspectralFrame, answer: _Answer, status: TrackStatus) -> None:
        """Renew the template, or take the one before back, where the rule says so."""
        if target.update is None:
            return
        target.update, action = target.update.step(answer.value, answer.cues.spectral_angle_rad,
                                                   status is TrackStatus.TRACKING)
        if action is Action.UPDATE:
            target.before = target.template
            # The crop around the new box may reach beyond the search crop, whose values were seen to be finite.
            with suppress(ValueError):
                target.template = self.matcher.renew(target.first, frame, target.box, target.update.config.weight)
        elif action is Action.UNDO:
            target.template = target.before

    def _limited(self, box: Box, frame: HyperspectralFrame) -> Box:
        """The box with its centre inside of the frame and a sensible size."""
        x, y = (min(max(value, 0.0), float(side)) for value, side in
                zip(box.centre, (frame.width, frame.height), strict=True))
        least = self.config.minimum_px
        return Box.from_centre(x, y, min(max(box.w, least), float(frame.width)),
                               min(max(box.h, least), float(frame.height)))

    def _state(self, target: _Target, score: float, spectrum: Floats, angle: float) -> TrackState:
        status = self._machine.status
        return TrackState(
            box=None if status is TrackStatus.LOST else target.box, best_guess=target.box, score=score, status=status,
            spectrum=spectrum, spectral_angle_rad=angle, velocity=target.velocity, age=target.age,
            frames_since_seen=target.unseen)
