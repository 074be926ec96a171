"""Dynamic template update of BCR-Net: when a template is renewed, from what, and how that is undone.

Source: BCR-Net section 3.1 names a dynamic template update and states no rule; this one is ours, and other networks may
use it too.

- When: after `interval` frames, in a frame that is surely tracked: its score is at least `confident` times the running
  mean of the scores, and its spectral angle to the first template is small.
- From what: the first template's state and that of a crop around the present box, mixed by `weight`; always with the
  first, so that errors do not add up. Band grouping and brightness level stay the first's.
- How undone: where within `probation` frames the score falls below `undo` times what it was at the update, the state
  before the update is taken back; and no new attempt is made before another `interval`.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Action(Enum):
    """What to do with the template after a frame."""

    KEEP = 'keep'
    UPDATE = 'update'
    UNDO = 'undo'


@dataclass(frozen=True)
class TemplateUpdateConfig:
    """The rule's numbers.

    Args:
        interval: frames between two attempts; 0 switches the update off.
        confident: least score, in units of its running mean.
        max_angle_rad: largest spectral angle between target and first template; nan passes (not measured).
        probation: frames after an update in which it may be undone.
        undo: score in units of the one at the update, below which it is undone.
        weight: share of the new template, 0..1.
        memory: share of a new score in the running mean, 0..1.
    """

    interval: int = 25
    confident: float = 0.95
    max_angle_rad: float = 0.15
    probation: int = 10
    undo: float = 0.7
    weight: float = 0.4
    memory: float = 0.1

    def __post_init__(self) -> None:
        if self.interval < 0 or self.probation < 0:
            raise ValueError(f'expected interval and probation >= 0 frames, got {self.interval} and {self.probation}')
        for name in ('weight', 'memory'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'expected {name} in 0..1, got {getattr(self, name):g}')


@dataclass(frozen=True)
class TemplateUpdate:
    """Memory of the rule; `step` returns the next one, nothing is changed in place.

    Args:
        config: the rule's numbers.
        mean_score: running mean of the scores.
        frames_since: frames since the last update, undo or initialisation.
        score_at_update: score in the frame of the update on probation, None where none is.
    """

    config: TemplateUpdateConfig
    mean_score: float = 0.0
    frames_since: int = 0
    score_at_update: float | None = None

    def step(self, score: float, spectral_angle_rad: float, tracking: bool) -> tuple[TemplateUpdate, Action]:
        """Judge one frame.

        Args:
            score: the network's score of this frame, 0..1.
            spectral_angle_rad: between the target now and the first template; nan where not measured.
            tracking: the status is TRACKING.

        Returns:
            the memory for the next frame, and what to do now.
        """
        config = self.config
        mean = score if self.frames_since == 0 and self.mean_score == 0.0 \
            else (1 - config.memory) * self.mean_score + config.memory * score
        after = replace(self, mean_score=mean, frames_since=self.frames_since + 1)
        if self.score_at_update is not None:
            if score < config.undo * self.score_at_update:
                return replace(after, frames_since=0, score_at_update=None), Action.UNDO
            if after.frames_since > config.probation:
                after = replace(after, score_at_update=None)
        sure = tracking and score >= config.confident * mean and not spectral_angle_rad > config.max_angle_rad
        due = 0 < config.interval <= after.frames_since and after.score_at_update is None
        if due and sure:
            return replace(after, frames_since=0, score_at_update=score), Action.UPDATE
        return after, Action.KEEP
