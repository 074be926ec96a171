"""Untrained fusion: one colour network on two pictures, false colour and the probability of the target's spectrum.

Everything spectral is estimated on the first frame and computed on the search crop only. How far the probability is
trusted follows from how well it separates the target on the first frame (`Separability`): its weight in the mixture of
scores and boxes, a prior on the score map, and a correction of the box by the component of high probability.
"""
from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.colour import FalseColour
from hsi_models.frame import HyperspectralFrame
from hsi_models.runtime.executor import Executor, State, mix
from hsi_models.tracking.alignment import ALIKE, Alignment
from hsi_models.tracking.box_refinement import BoxRefinement
from hsi_models.tracking.crops import siamese_region, to_crop
from hsi_models.tracking.matcher import Geometry, Response
from hsi_models.tracking.network_matcher import target_score
from hsi_models.tracking.probability import (
    SEPARABLE,
    ProbabilityConfig,
    Separability,
    TargetProbability,
    component_box,
    ramp,
)
from hsi_models.tracking.probability_update import FollowingProbability, UpdateConfig
from hsi_models.tracking.redetection import proposals
from hsi_models.tracking.views import Pixels

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FusionConfig:
    """How far the spectrum is followed; 0 in a share switches its part off.

    Args:
        ok, separable: overlap and held-out separability (`Separability`) at which the probability starts to count, and
            at which it counts fully; its weight is the product of both.
        share: of the probability's stream in scores and boxes, at full weight.
        prior: exponent of the spectral contrast on the score where the target is fully separable.
        refine_weight: weight from which the probable component corrects the box.
        refine_iou: least overlap of component and box.
        refine_share: how far the box follows it, at full weight; 0 switches off a trained refinement, too.
        outline, refine_contrast: overlap (`Separability`), and how far a box stands out as a share of the first one, at
            which a trained refinement starts to be followed, and at which it is fully.
        alike: correlation with the first frame's picture at which the box starts to follow where that fits best, and
            at which it follows fully (`alignment`); 1 or more switches it off.
        redetect_roc: separability from which a lost target is looked for by its spectrum over the whole frame.
        redetect_contrast: how far a place has to stand out to be looked at, as a share of the first frame's box.
        places: of the frame at which it is looked for.
        fit: how the probability is estimated.
        update: how it follows light and surroundings.

    Raises:
        ValueError: a share outside of 0..1, or a range without width.
    """

    ok: tuple[float, float] = (0.65, 0.85)
    separable: tuple[float, float] = SEPARABLE
    share: float = 0.7
    prior: float = 0.5
    refine_weight: float = 0.3
    refine_iou: float = 0.5
    refine_share: float = 0.5
    outline: tuple[float, float] = (0.25, 0.65)
    refine_contrast: tuple[float, float] = (0.3, 0.7)
    alike: tuple[float, float] = ALIKE
    redetect_roc: float = 0.95
    redetect_contrast: float = 0.3
    places: int = 2
    fit: ProbabilityConfig = field(default_factory=ProbabilityConfig)
    update: UpdateConfig = field(default_factory=UpdateConfig)

    def __post_init__(self) -> None:
        for name in ('share', 'refine_weight', 'refine_iou', 'refine_share'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'expected {name} in 0..1, got {getattr(self, name):g}')
        for name in ('ok', 'separable', 'outline', 'refine_contrast', 'alike'):
            if not getattr(self, name)[0] < getattr(self, name)[1]:
                raise ValueError(f'expected {name} as two ascending numbers, got {getattr(self, name)}')
        if not self.prior >= 0:
            raise ValueError(f'expected prior >= 0, got {self.prior:g}')

    def weight(self, separability: Separability) -> float:
        """How far the probability is trusted, 0..1."""
        return ramp(separability.ok, self.ok) * ramp(separability.held_out, self.separable)


@dataclass(frozen=True, eq=False)
class FusionTemplate:
    """Constants of the first frame.

    Args:
        weight: of the probability, 0..1; at 0 false colour alone is in the state.
        tells: how far the spectrum separates the target, 0..1.
        contrast: of the first frame's box, the unit of later ones.
        alignment: the first frame's picture, where boxes follow it.
        outline: what a `BoxRefinement` keeps of the first frame.
    """

    colour: FalseColour
    following: FollowingProbability
    weight: float
    tells: float
    state: State
    contrast: float
    alignment: Alignment | None = None
    outline: State = ()

    @property
    def probability(self) -> TargetProbability:
        """The fit in use."""
        return self.following.probability


@dataclass(frozen=True, eq=False)
class Detail:
    """A search crop as the fusion saw it: false colour (3, S, S) and probability (S, S), both 0..1."""

    image: Floats
    probability: Floats


class FusionMatcher:
    """Follows `Matcher`.

    Args:
        single, double: executors of the same colour network for one and for two pictures at once.
        geometry: of the network.
        config: how far the spectrum is followed.
        refinement: a trained one, instead of the component of high probability; None for the component.
    """

    def __init__(self, single: Executor, double: Executor, geometry: Geometry, config: FusionConfig | None = None,
                 refinement: BoxRefinement | None = None) -> None:
        self.single, self.double, self.geometry, self.config = single, double, geometry, config or FusionConfig()
        self.refinement = refinement

    def template(self, frame: HyperspectralFrame, box: Box) -> FusionTemplate:
        """See `Matcher.template`."""
        following = FollowingProbability.start(frame.data, box, self.config.fit.on(frame), self.config.update)
        separability = following.probability.separability
        weight = self.config.weight(separability)
        tells = ramp(separability.held_out, self.config.separable)
        template = FusionTemplate(FalseColour.fit(frame), following, weight, tells, (), 1.0)
        state, image, p = self._state(template, frame, box)
        size = self.geometry.template_size
        inside = to_crop(box, siamese_region(box), (size, size))
        contrast = box_contrast(p, np.array(inside.corners, np.float32)[:, None, None])
        return replace(template, state=state, contrast=float(contrast[0, 0]),
                       alignment=Alignment.of(image, inside, self.config.alike),
                       outline=self._outline(template, frame, box))

    def _outline(self, template: FusionTemplate, frame: HyperspectralFrame, box: Box) -> State:
        """What a trained refinement keeps; it looks further than the template does where a target is slender."""
        if self.refinement is None:
            return ()
        size = self.geometry.search_size
        region = siamese_region(box, size, self.geometry.template_size)
        pixels = Pixels.around(frame, region, size)
        return self.refinement.learn(pixels.probability(template.probability, region, size),
                                     to_crop(box, region, (size, size)))

    def renew(self, template: FusionTemplate, frame: HyperspectralFrame, box: Box, weight: float) -> FusionTemplate:
        """See `Matcher.renew`."""
        return replace(template, state=mix(template.state, self._state(template, frame, box)[0], weight))

    def _state(self, template: FusionTemplate, frame: HyperspectralFrame, box: Box) -> tuple[State, Floats, Floats]:
        """What the network keeps of a box, and false colour and probability in its crop."""
        size, region = self.geometry.template_size, siamese_region(box)
        pixels = Pixels.around(frame, region, size)
        image = pixels.false_colour(template.colour, region, size)
        p = pixels.probability(template.probability, region, size)
        return self._keep(template, image, p), image, p

    def _keep(self, template: FusionTemplate, image: Floats, p: Floats) -> State:
        if self.config.share * template.weight > 0:
            return self.double.template(np.stack([image, grey_picture(p)]))
        return self.single.template(image[None])

    def search(self, template: FusionTemplate, frame: HyperspectralFrame, region: Box) -> Response:
        """See `Matcher.search`; `detail` is a `Detail`."""
        size = self.geometry.search_size
        pixels = Pixels.around(frame, region, size)
        image = pixels.false_colour(template.colour, region, size)
        p = pixels.probability(template.probability, region, size)
        score, distances = self._respond(template, image, p)
        boxes = self.geometry.boxes(distances)
        contrast = box_contrast(p, boxes)
        detail = Detail(image, p)
        tells = np.float32(template.tells)
        if not tells > 0:
            return Response(score, boxes, detail=detail, tells=0.0)
        score = score * np.clip(contrast, 1e-3, 1) ** (np.float32(self.config.prior) * tells)
        if not template.contrast > 0:
            return Response(score, boxes, detail=detail, tells=template.tells)
        # What separates by half says half as much of a target that does not stand out.
        said = 1 + tells * (contrast / np.float32(template.contrast) - 1)
        return Response(score, boxes, said, detail, template.tells)

    def _respond(self, template: FusionTemplate, image: Floats, p: Floats) -> tuple[Floats, Floats]:
        """Score (n, n) and distances (4, n, n) of both pictures together."""
        second = np.float32(self.config.share * template.weight)
        if second == 0:
            logits, distances = self.single.search(template.state, image[None])
            return target_score(logits[0]), distances[0]
        logits, distances = self.double.search(template.state, np.stack([image, grey_picture(p)]))
        mixture = np.array([1 - second, second], np.float32)
        return np.tensordot(mixture, target_score(logits), 1), np.tensordot(mixture, distances, 1)

    def follow(self, template: FusionTemplate, frame: HyperspectralFrame, box: Box, age: int,
               contrast: float | None) -> FusionTemplate:
        """See `Matcher.follow`: the surroundings' spectra, and the target's where it is sure."""
        update = self.config.update
        if not update.every or age % update.every or not template.tells:
            return template
        sure = contrast is not None and contrast >= update.contrast
        return replace(template, following=template.following.follow(frame.data, box, sure, age))

    def refine(self, template: FusionTemplate, response: Response, box: Box, lost: bool = False) -> Box:
        """The box moved and resized where the target's picture or its probability is known well enough to say how."""
        box = self._refined(template, response.detail.probability, box, lost)
        if template.alignment is None:
            return box
        return template.alignment.correct(response.detail.image, box)

    def _refined(self, template: FusionTemplate, p: Floats, box: Box, lost: bool) -> Box:
        # What is looked for may be anything: it would be made to fit.
        if self.refinement is None or lost or not self.config.refine_share:
            return self._probable(template, p, box)
        trust = self._trust(template, p, box)
        return self.refinement.correct(template.outline, p, box, trust) if trust > 0 else box

    def _trust(self, template: FusionTemplate, p: Floats, box: Box) -> float:
        """How far a trained refinement is followed, 0..1."""
        trust = template.tells * ramp(template.probability.separability.ok, self.config.outline)
        if not trust > 0 or not template.contrast > 0:
            return 0.0
        contrast = box_contrast(p, np.array(box.corners, np.float32)[:, None, None])[0, 0] / template.contrast
        return trust * ramp(float(contrast), self.config.refine_contrast)

    def _probable(self, template: FusionTemplate, p: Floats, box: Box) -> Box:
        """The box drawn towards the component of probability > .5 under it, where that is trusted."""
        if template.weight < self.config.refine_weight or not self.config.refine_share:
            return box
        found = component_box(p, box)
        if found is None or found.iou(box) <= self.config.refine_iou:
            return box
        return box.towards(found, self.config.refine_share * template.weight)

    def candidates(self, template: FusionTemplate, frame: HyperspectralFrame, box: Box) -> list[tuple[float, float]]:
        """The most target-like places of the frame, where the spectrum separates well."""
        return proposals(frame, template.probability, box, self.config.places, self.config.redetect_roc,
                         self.config.redetect_contrast * template.contrast)


def box_contrast(probability: Floats, boxes: Floats, inner: float = 0.7) -> Floats:
    """How far boxes stand out: mean probability of the inner part, less half of that of the ring around.

    Args:
        probability: (S, S), 0..1.
        boxes: corners x1, y1, x2, y2, pixels of `probability`, (4, n, m).
        inner: share of width and height that counts as inside; the ring reaches to twice the box.

    Returns:
        (n, m), -.5..1.
    """
    total = np.asarray(cv2.integral(probability, sdepth=cv2.CV_64F), np.float64)
    inside, whole, wide = (_sum_and_area(total, boxes, factor) for factor in (inner, 1.0, 2.0))
    ring = (wide[0] - whole[0]) / np.maximum(wide[1] - whole[1], 1)
    return np.asarray(inside[0] / np.maximum(inside[1], 1) - 0.5 * ring, np.float32)


def _sum_and_area(total: npt.NDArray[np.float64], boxes: Floats,
                  factor: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sum of the pixels in boxes scaled about their centres, and their number, by the integral image."""
    x1, y1, x2, y2 = boxes
    cx, cy, half_w, half_h = (x1 + x2) / 2, (y1 + y2) / 2, factor * (x2 - x1) / 2, factor * (y2 - y1) / 2
    height, width = total.shape[0] - 1, total.shape[1] - 1
    left, right = (np.clip(np.rint(cx + sign * half_w), 0, width).astype(np.intp) for sign in (-1, 1))
    top, bottom = (np.clip(np.rint(cy + sign * half_h), 0, height).astype(np.intp) for sign in (-1, 1))
    values = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
    return values, ((right - left) * (bottom - top)).astype(np.float64)


def grey_picture(probability: Floats) -> Floats:
    """(S, S), 0..1 -> grey (3, S, S), 0..1."""
    return np.repeat(probability[None], 3, axis=0)
