"""spectral_dcf: a correlation filter on spatial features and the target's spectrum; needs no weights and no GPU.

Per frame: the filter answers in a search square around the last centre, a one-dimensional filter estimates the
scale, and both adapt. Where the first frame showed that spectra separate target and surroundings, the target
probability weighs the filter's answers, its component corrects the box, and a target that does not stand out for some
frames is looked for elsewhere, as is a lost one. Bad frames teach nothing.
"""
from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.appearance import Appearance, AppearanceConfig, View
from hsi_models.tracking.confidence import (
    Cues,
    RunningMedian,
    ScoreModel,
    StatusMachine,
    StatusThresholds,
    peak_to_sidelobe_ratio,
)
from hsi_models.tracking.correlation import CorrelationFilter, FilterConfig, ScaleConfig, ScaleFilter, peak
from hsi_models.tracking.evidence import Evidence, EvidenceConfig
from hsi_models.tracking.redetection import spectral_candidate, spiral_candidate
from hsi_models.tracking.state import TrackState, TrackStatus


@dataclass(frozen=True)
class SpectralDcfConfig:
    """Configuration of `SpectralDcf`.

    Args:
        appearance: what the filters see.
        filter: the translation filter.
        scale: the scale filter.
        score: from cues to confidence.
        evidence: how far the target probability is followed.
        learn_peak: relative peak from which a frame is learned from.
        minimum_px: smallest side of a box.
    """

    appearance: AppearanceConfig = field(default_factory=AppearanceConfig)
    filter: FilterConfig = field(default_factory=FilterConfig)
    scale: ScaleConfig = field(default_factory=ScaleConfig)
    score: ScoreModel = field(default_factory=ScoreModel)
    evidence: EvidenceConfig = field(default_factory=EvidenceConfig)
    learn_peak: float = 0.8
    minimum_px: float = 3.0


@dataclass(eq=False)
class _Target:
    """What is known of the target; replaced as a whole when a new one is initialised."""

    appearance: Appearance
    filter: CorrelationFilter
    scale_filter: ScaleFilter
    box: Box
    template: npt.NDArray[np.float32]
    shape: tuple[int, ...]
    stamp_ns: int
    evidence: Evidence
    unclear: int = 0
    velocity: tuple[float, float] = (math.nan, math.nan)
    age: int = 0
    unseen: int = 0
    lost_frames: int = 0
    lost_at: tuple[float, float] = (0.0, 0.0)
    peaks: RunningMedian = field(default_factory=RunningMedian)


@dataclass(frozen=True, eq=False)
class _Answer:
    """What the filter found in one search square; `contrast` as in `Evidence.contrast`."""

    view: View
    centre: tuple[float, float]
    value: float
    contrast: float
    cues: Cues
    score: float


class SpectralDcf:
    """Tracker without weights; follows the `Tracker` protocol.

    Args:
        config: how it works, fixed for its life.
        thresholds: of the status; `thresholds` may be replaced at any time.
    """

    def __init__(self, config: SpectralDcfConfig | None = None, thresholds: StatusThresholds | None = None) -> None:
        self.config = config or SpectralDcfConfig()
        self._machine = StatusMachine(thresholds)
        self._target: _Target | None = None

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
            frame: (H, W, C), any number of bands.
            box: the target, pixels of `frame`; may reach over its edge.

        Raises:
            ValueError: the box lies outside the frame or is smaller than a pixel, or values are not finite.
        """
        box.require_inside(frame.width, frame.height)
        if min(box.w, box.h) < 1:
            raise ValueError(f'expected a box of at least 1 x 1 pixels, got {box.w:g} x {box.h:g}')
        appearance = Appearance.fit(frame, box, self.config.appearance)
        geometry = self.config.appearance
        unit = geometry.cells / geometry.search_factor / math.sqrt(box.area)    # cells a pixel
        view = appearance.view(frame, box.centre, box)
        target = _Target(
            appearance,
            CorrelationFilter((geometry.cells, geometry.cells), (box.h * unit, box.w * unit), self.config.filter),
            ScaleFilter(self.config.scale),
            box, view.spectrum(box), frame.shape, frame.stamp_ns,
            Evidence.on(appearance, view, box, self.config.evidence))
        self._learn(target, view, box)
        target.peaks.add(float(target.filter.respond(view.features).max()))
        self._target = target
        self._machine.reset()
        return self._state(target, frame, 1.0, target.template, 0.0)

    def update(self, frame: HyperspectralFrame) -> TrackState:
        """Find the target in the next frame.

        Raises:
            RuntimeError: not initialised.
            ValueError: the frame has another shape than the first, or values around the target that are not
                finite; the tracker stays as it was.
        """
        target = self._target
        if target is None:
            raise RuntimeError('expected initialise() before update(), got no target')
        if frame.shape != target.shape:
            raise ValueError(f'expected a frame of shape {target.shape} as at initialisation, got {frame.shape}')
        lost = self._machine.status is TrackStatus.LOST
        named = self._named(target, frame) if lost else None
        answer = self._search(target, frame, named) if lost else self._ask(target, frame, target.box.centre)
        limits = self.config.evidence
        unclear = target.unclear + 1 if answer.contrast < limits.unclear else 0
        if unclear > limits.unclear_frames and not lost:
            named = self._named(target, frame)
        clear = unclear > limits.unclear_frames and named is not None and named.contrast >= limits.clear
        found = named if clear else None
        answer = found or answer
        learns = answer.cues.relative_peak >= self.config.learn_peak and not answer.contrast < limits.unclear
        box, view = target.box, answer.view
        moved = found is not None or not lost or answer.score >= self.thresholds.uncertain_score
        if moved:
            box = Box.from_centre(*answer.centre, box.w, box.h)
            view = target.appearance.view(frame, box.centre, box)
            if learns:
                box = target.evidence.refined(view, self._scaled(target, view, box, frame), frame)
        previous = target.box.centre
        status = self._machine.update(answer.score, answer.cues)
        angle, spectrum = (math.nan, np.zeros(0, np.float32)) if status is TrackStatus.LOST \
            else self._spectrum(target, view, box)
        target.box = box
        target.unclear = unclear
        target.age += 1
        target.unseen = 0 if status is TrackStatus.TRACKING else target.unseen + 1
        elapsed_s = (frame.stamp_ns - target.stamp_ns) * 1e-9
        target.stamp_ns = frame.stamp_ns
        if status is TrackStatus.LOST or lost or found is not None or elapsed_s <= 0:
            target.velocity = (math.nan, math.nan)
        else:
            target.velocity = ((box.centre[0] - previous[0]) / elapsed_s, (box.centre[1] - previous[1]) / elapsed_s)
        if status is TrackStatus.LOST and not lost:
            target.lost_frames, target.lost_at = 0, box.centre
        if status is not TrackStatus.LOST:
            target.peaks.add(answer.value)
            if learns:
                self._learn(target, view, box)
        return self._state(target, frame, answer.score, spectrum, angle)

    def _ask(self, target: _Target, frame: HyperspectralFrame, centre: tuple[float, float]) -> _Answer:
        """What the filter says about the search square around a centre."""
        view = target.appearance.view(frame, centre, target.box)
        response = target.filter.respond(view.features)
        prior = target.evidence.prior(view, target.box, self._machine.status is not TrackStatus.LOST
                                      and not target.unclear)
        if prior is not None:
            response *= prior
        row, column, value = peak(response)
        cell = view.region.w / response.shape[1]
        found = (min(max(view.region.x + column * cell, 0.0), float(frame.width)),
                 min(max(view.region.y + row * cell, 0.0), float(frame.height)))
        box = Box.from_centre(*found, target.box.w, target.box.h)
        contrast = target.evidence.contrast(view, box)
        # A lost target may be anywhere, but has to stay where it was found.
        free = self._machine.status is TrackStatus.LOST and not self._machine.is_confirming
        cues = Cues(
            relative_peak=value / max(target.peaks.value, 1e-6),
            psr=peak_to_sidelobe_ratio(response, *divmod(int(response.argmax()), response.shape[1])),
            spectral_angle_rad=self._spectrum(target, view, box)[0],
            jump=0.0 if free else math.dist(found, target.box.centre) / math.sqrt(box.area),
            contrast=contrast if target.evidence.shows_outline else math.nan)
        return _Answer(view, found, value, contrast, cues, self.config.score.score(cues))

    def _named(self, target: _Target, frame: HyperspectralFrame) -> _Answer | None:
        """The answer at the most target-like place of the frame; None where the spectrum cannot name one."""
        if target.evidence.roc < self.config.evidence.redetect_roc:
            return None
        return self._ask(target, frame, spectral_candidate(frame, target.appearance.probability, target.box))

    def _search(self, target: _Target, frame: HyperspectralFrame, named: _Answer | None) -> _Answer:
        """The best answer among the last place, a widening search, and what the spectrum names."""
        target.lost_frames += 1
        centres = [target.box.centre, spiral_candidate(frame, target.lost_at, target.box, target.lost_frames)]
        answers = [self._ask(target, frame, centre) for centre in centres]
        return max([*answers, named] if named else answers, key=lambda answer: answer.score)

    def _scaled(self, target: _Target, view: View, box: Box, frame: HyperspectralFrame) -> Box:
        """The box resized by what the scale filter says, within sensible limits."""
        factor = target.scale_filter.estimate(self._scale_features(target, view, box))
        least = self.config.minimum_px / min(box.w, box.h)
        most = max(1.0, min(2 * frame.width / box.w, 2 * frame.height / box.h))
        factor = min(max(factor, min(1.0, least)), most)
        return Box.from_centre(*box.centre, box.w * factor, box.h * factor)

    def _spectrum(self, target: _Target, view: View, box: Box) -> tuple[float, npt.NDArray[np.float32]]:
        """Angle to the template, rad, and mean spectrum of a box."""
        spectrum = view.spectrum(box)
        norm = float(np.linalg.norm(spectrum)) * float(np.linalg.norm(target.template))
        if norm <= 0:
            return math.nan, spectrum
        return math.acos(min(1.0, max(-1.0, float(spectrum @ target.template) / norm))), spectrum

    def _learn(self, target: _Target, view: View, box: Box) -> None:
        """Adapt both filters to a view whose centre is that of the box."""
        target.filter.learn(view.features)
        target.scale_filter.learn(self._scale_features(target, view, box))

    def _scale_features(self, target: _Target, view: View, box: Box) -> npt.NDArray[np.float32]:
        pixel = view.scale_maps.shape[1] / view.region.w
        return target.scale_filter.features(view.scale_maps, (box.h * pixel, box.w * pixel))

    def _state(self, target: _Target, frame: HyperspectralFrame, score: float,
               spectrum: npt.NDArray[np.float32], angle: float) -> TrackState:
        status = self._machine.status
        return TrackState(
            box=None if status is TrackStatus.LOST else target.box, best_guess=target.box, score=score, status=status,
            spectrum=spectrum * np.float32(frame.scale), spectral_angle_rad=angle, velocity=target.velocity,
            age=target.age, frames_since_seen=target.unseen)


def create(device: str = 'cpu', **options: Any) -> SpectralDcf:
    """A tracker for the registry; `options` are fields of `SpectralDcfConfig`, and `thresholds`.

    Args:
        device: ignored, it runs on the CPU.
        options: e.g. `learn_peak=0.5`, `thresholds=StatusThresholds(...)`.

    Raises:
        ValueError: an unknown option.
    """
    del device
    thresholds = options.pop('thresholds', None)
    known = [item.name for item in fields(SpectralDcfConfig)]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(f'expected options of spectral_dcf ({", ".join([*known, "thresholds"])}), '
                         f'got {", ".join(unknown)}')
    return SpectralDcf(SpectralDcfConfig(**options), thresholds)
