"""From cues to an honest score, and from scores to a status with hysteresis; shared by all trackers."""
from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from hsi_models.tracking.state import TrackStatus


@dataclass(frozen=True)
class StatusThresholds:
    """When a status changes; may be replaced while tracking.

    Args:
        tracking_score: from here on a target that was UNCERTAIN or LOST counts as seen.
        uncertain_score: below it TRACKING becomes UNCERTAIN.
        lost_score: below it for `lost_frames` frames in a row UNCERTAIN becomes LOST.
        lost_frames: frames in a row.
        found_frames: frames in a row that confirm a LOST target before it is TRACKING again.
        max_spectral_angle_rad: a frame with a larger angle to the template does not count as seen.
        max_jump: nor one where the centre moved further, in units of sqrt(w * h) of the target.
        found_contrast: nor, for a LOST target, one where the target probability stands out less, as a share of how it
            stood out on the first frame; without effect where that was not measured.

    Raises:
        ValueError: values out of range, or scores not in the order lost <= uncertain <= tracking.
    """

    tracking_score: float = 0.6
    uncertain_score: float = 0.4
    lost_score: float = 0.25
    lost_frames: int = 5
    found_frames: int = 3
    max_spectral_angle_rad: float = 0.35
    max_jump: float = 2.0
    found_contrast: float = 0.6

    def __post_init__(self) -> None:
        for item in fields(self):
            if not math.isfinite(getattr(self, item.name)):
                raise ValueError(f'expected a finite {item.name}, got {getattr(self, item.name)}')
        if not 0 <= self.lost_score <= self.uncertain_score <= self.tracking_score <= 1:
            raise ValueError('expected 0 <= lost_score <= uncertain_score <= tracking_score <= 1, got '
                             f'{self.lost_score:g}, {self.uncertain_score:g}, {self.tracking_score:g}')
        if self.lost_frames < 1 or self.found_frames < 1:
            raise ValueError('expected lost_frames and found_frames >= 1, got '
                             f'{self.lost_frames} and {self.found_frames}')
        if not 0 <= self.found_contrast <= 1:
            raise ValueError(f'expected found_contrast 0..1, got {self.found_contrast:g}')
        if self.max_spectral_angle_rad <= 0 or self.max_jump <= 0:
            raise ValueError('expected max_spectral_angle_rad and max_jump > 0, got '
                             f'{self.max_spectral_angle_rad:g} and {self.max_jump:g}')


@dataclass(frozen=True)
class Cues:
    """What one frame says about the answer that was found in it.

    Args:
        relative_peak: height of the response over its running median.
        psr: peak-to-sidelobe ratio of the response.
        spectral_angle_rad: between the spectrum under the box and the template's; nan where not measured.
        jump: displacement of the centre in units of sqrt(w * h).
        contrast: mean target probability in the box less that around it, over its value on the first frame;
            nan where the spectrum does not tell the target from its surroundings.
    """

    relative_peak: float
    psr: float
    spectral_angle_rad: float = math.nan
    jump: float = 0.0
    contrast: float = math.nan


@dataclass(frozen=True)
class ScoreModel:
    """Logistic model of P(IoU > .5) given the cues; a cue that was not measured counts as its typical value.

    The defaults were fitted to spectral_dcf on the validation videos and camouflage scenes (Brier score .110 on
    these, .177 for a constant); another tracker needs its own.

    Args:
        bias: log odds at relative peak 1, PSR `typical_psr`, angle 0, no jump, contrast 1.
        peak: per unit of log relative peak.
        psr: per unit of log (PSR / typical_psr), values above it counted as it.
        angle: per 0.1 rad.
        jump: per unit.
        contrast: per unit of (contrast - 1), values above 1 counted as 1.
        typical_psr: of a good frame.
        without_contrast: the model of cues whose contrast was not measured; None: this one.
    """

    bias: float = 3.0
    peak: float = 0.7
    psr: float = 4.9
    angle: float = -0.9
    jump: float = -0.6
    contrast: float = 3.0
    typical_psr: float = 18.0
    without_contrast: ScoreModel | None = None

    def score(self, cues: Cues) -> float:
        """Confidence 0..1."""
        if self.without_contrast is not None and math.isnan(cues.contrast):
            return self.without_contrast.score(cues)
        angle = 0.0 if math.isnan(cues.spectral_angle_rad) else cues.spectral_angle_rad
        contrast = 1.0 if math.isnan(cues.contrast) else min(max(cues.contrast, 0.0), 1.0)
        odds = (self.bias
                + self.peak * math.log(min(max(cues.relative_peak, 0.05), 1.5))
                + self.psr * math.log(min(max(cues.psr, 0.5) / self.typical_psr, 1.0))
                + self.angle * angle / 0.1
                + self.jump * cues.jump
                + self.contrast * (contrast - 1.0))
        return 1.0 / (1.0 + math.exp(-min(max(odds, -30.0), 30.0)))


class StatusMachine:
    """TRACKING, UNCERTAIN or LOST from a stream of scores.

    TRACKING -> UNCERTAIN at once on a low score, so that nothing is learned from a bad frame; back when the
    score is high again; UNCERTAIN -> LOST only after several very low scores in a row; LOST -> TRACKING only
    after several high ones in a row.

    Args:
        thresholds: when; the attribute may be replaced at any time.
    """

    def __init__(self, thresholds: StatusThresholds | None = None) -> None:
        self.thresholds = thresholds or StatusThresholds()
        self.status = TrackStatus.TRACKING
        self._low = 0
        self._high = 0

    def reset(self) -> None:
        """Back to TRACKING, as after an initialisation."""
        self.status, self._low, self._high = TrackStatus.TRACKING, 0, 0

    @property
    def is_confirming(self) -> bool:
        """True while a LOST target was seen in the last frame but not often enough yet."""
        return self.status is TrackStatus.LOST and self._high > 0

    def update(self, score: float, cues: Cues | None = None) -> TrackStatus:
        """Status after the next frame.

        Args:
            score: confidence 0..1.
            cues: of the same frame; angle and jump beyond their limits keep it from counting as seen.
        """
        limits = self.thresholds
        implausible = cues is not None and (
            cues.spectral_angle_rad > limits.max_spectral_angle_rad or cues.jump > limits.max_jump
            or (self.status is TrackStatus.LOST and cues.contrast < limits.found_contrast))
        seen = score >= limits.tracking_score and not implausible
        self._high = self._high + 1 if seen else 0
        self._low = self._low + 1 if score < limits.lost_score else 0
        if self.status is TrackStatus.LOST:
            if self._high >= limits.found_frames:
                self.status = TrackStatus.TRACKING
        elif self._low >= limits.lost_frames:
            self.status = TrackStatus.LOST
        elif seen:
            self.status = TrackStatus.TRACKING
        elif implausible or score < limits.uncertain_score:
            self.status = TrackStatus.UNCERTAIN
        return self.status


class RunningMedian:
    """Median of the last values.

    Args:
        length: values kept; 0: none.
    """

    def __init__(self, length: int = 30) -> None:
        self._values: deque[float] = deque(maxlen=length)

    def add(self, value: float) -> None:
        """Take one more value in."""
        self._values.append(value)

    @property
    def value(self) -> float:
        """The median; nan before the first value."""
        return float(np.median(self._values)) if self._values else math.nan


def peak_to_sidelobe_ratio(response: npt.NDArray[np.floating], row: int, column: int, radius: int = 5) -> float:
    """(peak - mean) / standard deviation of the response outside a square around the peak.

    Bolme et al., CVPR 2010, section 3.5 (there 11 x 11, radius 5).

    Args:
        response: shape (H, W).
        row, column: the peak, cells.
        radius: half side of the square that is left out.

    Returns:
        >= 0; 0 where the square covers the whole map or the sidelobes are constant.
    """
    outside = np.ones(response.shape, bool)
    outside[max(0, row - radius):row + radius + 1, max(0, column - radius):column + radius + 1] = False
    sidelobes = response[outside]
    spread = float(sidelobes.std()) if sidelobes.size else 0.0
    return max(0.0, float((response[row, column] - sidelobes.mean()) / spread)) if spread > 0 else 0.0
