"""Matchers that are one network: on false colour alone (NanoTrack), or on cube and false colour (SSF-Net, BCR-Net)."""
from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.band_positions import band_positions
from hsi_models.boxes import Box
from hsi_models.colour import FalseColour
from hsi_models.frame import HyperspectralFrame
from hsi_models.runtime.executor import Executor, State, mix
from hsi_models.tracking.alignment import ALIKE, Alignment
from hsi_models.tracking.crops import siamese_region, to_crop
from hsi_models.tracking.matcher import Geometry, Response
from hsi_models.tracking.probability import SEPARABLE, ProbabilityConfig, TargetProbability, ramp
from hsi_models.tracking.redetection import proposals
from hsi_models.tracking.views import Pixels, planes

Floats = npt.NDArray[np.float32]
_REDETECT_ROC = 0.95        # as for auto


def target_score(logits: Floats, surest: float = math.inf) -> Floats:
    """Softmax of background and target: logits (..., 2, n, n) -> probability of the target (..., n, n).

    Args:
        logits: of background and target.
        surest: the difference of the two that the best cell has at most, all others lowered with it: where many cells
            are sure, their probabilities no longer differ, and penalties alone would choose among them.
    """
    odds = logits[..., 1, :, :] - logits[..., 0, :, :]
    if math.isfinite(surest):
        odds = odds - np.maximum(odds.max(axis=(-2, -1), keepdims=True) - np.float32(surest), 0)
    score: Floats = 0.5 + 0.5 * np.tanh(0.5 * odds)
    return score


@dataclass(frozen=True, eq=False)
class _Template:
    """False colour, further constants, picture and spectra of the first frame, and the network's state."""

    colour: FalseColour
    constants: tuple[Floats, ...]
    state: State
    alignment: Alignment | None = None
    probability: TargetProbability | None = None

    @property
    def tells(self) -> float:
        """How well the spectrum tells the target from other places, 0..1; 1 where nobody asked."""
        return 1.0 if self.probability is None else ramp(self.probability.separability.held_out, SEPARABLE)


class _SingleNetwork:
    """What needs no more than the network: no proposals, and nothing that follows."""

    def __init__(self, executor: Executor, geometry: Geometry, surest: float = math.inf) -> None:
        self.executor, self.geometry, self.surest = executor, geometry, surest

    def follow(self, template: Any, frame: HyperspectralFrame, box: Box, age: int, contrast: float | None) -> Any:
        """The same template."""
        return template

    def refine(self, template: Any, response: Response, box: Box, lost: bool = False) -> Box:
        """The same box."""
        return box

    def candidates(self, template: Any, frame: HyperspectralFrame, box: Box) -> list[tuple[float, float]]:
        """None."""
        return []

    def _search(self, template: _Template, *inputs: Floats, detail: Any = None) -> Response:
        logits, distances, *contrast = self.executor.search(template.state, *inputs)
        return Response(target_score(logits[0], self.surest), self.geometry.boxes(distances[0]),
                        contrast[0][0, 0] if contrast else None, detail, template.tells)


class FalseColourMatcher(_SingleNetwork):
    """A colour tracker on false colour whose constants are fitted on the first frame; follows `Matcher`.

    Args:
        executor: of a network with input `false_colour`.
        geometry: of the network.
        surest: see `target_score`.
    """

    def template(self, frame: HyperspectralFrame, box: Box) -> _Template:
        """See `Matcher.template`."""
        colour = FalseColour.fit(frame)
        return _Template(colour, (), self._state(colour, frame, box))

    def renew(self, template: _Template, frame: HyperspectralFrame, box: Box, weight: float) -> _Template:
        """See `Matcher.renew`."""
        return replace(template, state=mix(template.state, self._state(template.colour, frame, box), weight))

    def search(self, template: _Template, frame: HyperspectralFrame, region: Box) -> Response:
        """See `Matcher.search`."""
        size = self.geometry.search_size
        return self._search(template,
                            Pixels.around(frame, region, size).false_colour(template.colour, region, size)[None])

    def _state(self, colour: FalseColour, frame: HyperspectralFrame, box: Box) -> State:
        size, region = self.geometry.template_size, siamese_region(box)
        return self.executor.template(Pixels.around(frame, region, size).false_colour(colour, region, size)[None])


class HyperspectralMatcher(_SingleNetwork):
    """A network on cube and false colour, of any number of bands; follows `Matcher`.

    Args:
        executor: of a network with the inputs of `runtime.paths.network_paths`.
        geometry: of the network.
        alike: correlation with the first frame's picture at which the box starts to follow where that fits best, and
            at which it follows fully (`alignment`); 1 or more switches it off.
        surest: see `target_score`.
        places: most places of the frame that are proposed for a lost target, by its spectrum; 0: none.
    """

    def __init__(self, executor: Executor, geometry: Geometry | None = None,
                 alike: tuple[float, float] = ALIKE, surest: float = math.inf, places: int = 0) -> None:
        super().__init__(executor, geometry or Geometry(), surest)
        self.alike, self.places = alike, places

    def template(self, frame: HyperspectralFrame, box: Box) -> _Template:
        """See `Matcher.template`."""
        template = _Template(FalseColour.fit(frame), band_positions(frame.info, frame.bands), ())
        inputs, inside = self._template_inputs(template, frame, box)
        probability = TargetProbability.fit(frame.data, box, ProbabilityConfig().on(frame)) if self.places else None
        return replace(template, state=self.executor.template(*inputs), probability=probability,
                       alignment=Alignment.of(inputs[1][0], inside, self.alike))

    def renew(self, template: _Template, frame: HyperspectralFrame, box: Box, weight: float) -> _Template:
        """See `Matcher.renew`."""
        recent = self.executor.renew(template.state, *self._template_inputs(template, frame, box)[0])
        return replace(template, state=mix(template.state, recent, weight))

    def search(self, template: _Template, frame: HyperspectralFrame, region: Box) -> Response:
        """See `Matcher.search`."""
        crops = self._crops(template, frame, region, self.geometry.search_size)
        return self._search(template, *crops, detail=crops[1][0])

    def refine(self, template: _Template, response: Response, box: Box, lost: bool = False) -> Box:
        """The box moved and resized where the target's picture is known well enough to say how."""
        return box if template.alignment is None else template.alignment.correct(response.detail, box)

    def candidates(self, template: _Template, frame: HyperspectralFrame, box: Box) -> list[tuple[float, float]]:
        """The most target-like places of the frame, where the spectrum separates well."""
        if template.probability is None:
            return []
        return proposals(frame, template.probability, box, self.places, _REDETECT_ROC)

    def _template_inputs(self, template: _Template, frame: HyperspectralFrame, box: Box) -> tuple[list[Floats], Box]:
        """What the network takes, and the target's box in it."""
        size, region = self.geometry.template_size, siamese_region(box)
        inside = to_crop(box, region, (size, size))
        return [*self._crops(template, frame, region, size), np.array([[inside.w, inside.h]], np.float32)], inside

    def _crops(self, template: _Template, frame: HyperspectralFrame, region: Box, size: int) -> list[Floats]:
        """Cube (1, C, S, S) and false colour (1, 3, S, S), 0..1, and the constants of the bands."""
        pixels = Pixels.around(frame, region, size)
        cube = planes(pixels.crop(pixels.values, region, size)) / np.float32(frame.scale)
        return [cube[None], pixels.false_colour(template.colour, region, size)[None], *template.constants]
