"""The target probability image, kept up to date: surroundings follow from frame to frame, the target when it is sure.

A fit on the first frame fades when light changes or the target turns, and knows no surroundings but those of the start.
The spectra of the first frame always stay among the samples: what is learned later can bend the fit, not replace it.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.tracking.probability import ProbabilityConfig, TargetProbability, fit_spectra, near_samples, samples

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class UpdateConfig:
    """How the fit follows.

    Args:
        every: frames between two fits; 0 for never, the default: following did not pay on validation.
        spectra: most spectra kept of each kind.
        memory: share of the remembered spectra that a fit leaves in place, the others are of its frame, 0..1.
        target: share of recent spectra in the target's part of a fit, 0..1.
        surroundings: share of recent spectra in the surroundings' part, 0..1.
        contrast: least contrast of the box, 1 = as on the first frame, for the target's spectra to be taken.
        newton_steps: of a fit.
    """

    every: int = 0
    spectra: int = 200
    memory: float = 0.7
    target: float = 0.4
    surroundings: float = 0.5
    contrast: float = 0.6
    newton_steps: int = 6

    def __post_init__(self) -> None:
        if self.every < 0 or self.spectra < 8:
            raise ValueError(f'expected every >= 0 and spectra >= 8, got {self.every} and {self.spectra}')
        for name in ('memory', 'target', 'surroundings'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'expected {name} in 0..1, got {getattr(self, name):g}')


@dataclass(frozen=True, eq=False)
class FollowingProbability:
    """A probability and what it is fitted on; a new one each time, nothing is changed in place.

    Args:
        probability: the fit in use.
        first_target, first_near, first_far: spectra of the first frame: target, ring, whole frame, (N, C).
        target, near: spectra of later frames; empty before the first update.
        config: how it follows.
        fit: how it is fitted.
    """

    probability: TargetProbability
    first_target: Float
    first_near: Float
    first_far: Float
    target: Float
    near: Float
    config: UpdateConfig
    fit: ProbabilityConfig

    @classmethod
    def start(cls, image: npt.NDArray[Any], box: Box, fit: ProbabilityConfig,
              config: UpdateConfig) -> FollowingProbability:
        """Fit on the first frame; arguments and errors as `TargetProbability.fit`."""
        spectra = samples(image, box, fit)
        target, near, far = (_some(kind, config.spectra, 0) for kind in spectra)
        none = np.empty((0, image.shape[2]), np.float32)
        probability = TargetProbability.of_samples(spectra, image, box, fit)
        return cls(probability, target, near, far, none, none, config, fit)

    def follow(self, image: npt.NDArray[Any], box: Box, sure: bool, age: int) -> FollowingProbability:
        """The same with what a later frame shows around a box.

        Args:
            image: the frame, (H, W, C), unit of the first.
            box: where the target is believed to be, pixels.
            sure: whether the spectra inside the box are the target's.
            age: number of the frame.
        """
        target, near = near_samples(image, box, self.fit)
        if not len(near):
            return self
        after = replace(
            self, near=_mixed(self.near, near, self.config, age),
            target=_mixed(self.target, target, self.config, age) if sure and len(target) else self.target)
        return replace(after, probability=after._fitted())

    def _fitted(self) -> TargetProbability:
        new_target = self.config.target if len(self.target) else 0.0
        parts = ((self.first_target, 0.5 * (1 - new_target), 1.0), (self.target, 0.5 * new_target, 1.0),
                 (self.first_near, 0.25 * (1 - self.config.surroundings), 0.0),
                 (self.near, 0.25 * self.config.surroundings + 0.125, 0.0), (self.first_far, 0.125, 0.0))
        config = replace(self.fit, newton_steps=self.config.newton_steps)
        weights, bias = fit_spectra([(kind, share, label) for kind, share, label in parts if len(kind)], config)
        return replace(self.probability, weights=weights, bias=bias)


def _some(spectra: Float, most: int, age: int) -> Float:
    """At most so many of them, chosen at random by the number of the frame."""
    if len(spectra) <= most:
        return spectra
    return spectra[np.random.default_rng(age).choice(len(spectra), most, replace=False)]


def _mixed(old: Float, new: Float, config: UpdateConfig, age: int) -> Float:
    """Remembered spectra with a part of them replaced by new ones."""
    kept = _some(old, round(config.memory * config.spectra), age)
    return np.concatenate([kept, _some(new, config.spectra - len(kept), age)])
