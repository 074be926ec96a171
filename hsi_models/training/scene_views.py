"""Frames of simulated sequences as `auto` sees them when it tracks, to train with besides pairs of pictures.

A pair is drawn in a moment, and its target's spectrum has just been fitted. In a sequence it fades: things come nearer
and turn, light and spectra drift, others pass in front. Here the probability of each frame is that of the tracker's own
fit on a first frame (`tracking.probability`), in the tracker's own crops.
"""
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hsi_models.boxes import Box
from hsi_models.calibration import Calibration
from hsi_models.colour import FalseColour
from hsi_models.data.open import open_sequence
from hsi_models.data.sequence import Sequence
from hsi_models.evaluation.truth import read_groups
from hsi_models.frame import HyperspectralFrame
from hsi_models.ingest import to_frame
from hsi_models.networks.nanotrack import SEARCH_SIZE, TEMPLATE_SIZE
from hsi_models.tracking.box_refinement import refiner_picture
from hsi_models.tracking.crops import siamese_region, to_crop
from hsi_models.tracking.probability import ProbabilityConfig, TargetProbability
from hsi_models.tracking.views import Pixels

ORDINARY = 'ordinary'
"""Group of sequences whose targets have no spectrum of their own."""

Floats = npt.NDArray[np.float32]
_LEAST_PX = 30.0        # area of a target that is learned from


@dataclass(frozen=True)
class SceneConfig:
    """Sequences, and what is looked at.

    Args:
        folder: sequences with `groups.json` (`hsi-tracking simulate training`); '' for none.
        share: of the batches that show them instead of pairs.
        frames: of a sequence, evenly spread.
        starts: of these, from the first half, that tracking starts on; each later one is seen from each of them.
        box_error: how far the boxes of starts are off at most, share of their sides; that of the first frame is true.
        shift: how far the target is off the middle of the search region at most, in units of its size.
        zoom: how far the size of the region is off at most, logarithm.
        seed: of what is random in this; the views of every step are drawn by that of the training.
    """

    folder: str = ''
    share: float = 0.5
    frames: int = 16
    starts: int = 3
    box_error: float = 0.09
    shift: float = 0.75
    zoom: float = 0.18
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f'expected a share of scenes in 0..1, got {self.share:g}')
        if not 1 <= self.starts < self.frames:
            raise ValueError(f'expected 1 <= starts < frames, got {self.starts} and {self.frames}')
        if not min(self.box_error, self.shift, self.zoom) >= 0:
            raise ValueError('expected box_error, shift and zoom >= 0, got '
                             f'{self.box_error:g}, {self.shift:g} and {self.zoom:g}')

    @property
    def told(self) -> str:
        """What a card says of them; '' where there are none."""
        return f'simulated sequences ({self.share:g} of the batches)' if self.folder else ''


@dataclass(frozen=True, eq=False)
class SceneViews:
    """N later frames of M starts, on a device; pictures are uint8, 255 stands for 1.

    Args:
        templates: false colour and probability of the template crops, (M, 4, 127, 127).
        outlines: what a `BoxRefinement` keeps, (M, 1, SIDE, SIDE).
        separability: roc, ok and held_out of the fits, float32 (M, 3).
        searches: false colour and probability of the search crops, (N, 4, 255, 255).
        corners: of the targets, pixels of these, float32 (N, 4); nan where it is not there.
        start: which start each of them is seen from, int64 (N,).
        ordinary: whether its target has no spectrum of its own, bool (N,).
    """

    templates: Tensor
    outlines: Tensor
    separability: Tensor
    searches: Tensor
    corners: Tensor
    start: Tensor
    ordinary: Tensor

    def __len__(self) -> int:
        return len(self.start)


def load_scene_views(config: SceneConfig, fit: ProbabilityConfig, device: torch.device) -> SceneViews:
    """All views of a folder of sequences, made anew; about a second and 12 MB a sequence.

    Args:
        config: which, and how many.
        fit: how the probability is estimated.
        device: where they stay.

    Raises:
        FileNotFoundError: no such folder, or no `groups.json` in it.
        ValueError: malformed groups or a malformed sequence, or none that can be trained with.
    """
    folder = Path(config.folder)
    groups = read_groups(folder / 'groups.json', (path.name for path in folder.iterdir() if path.is_dir()))
    names = sorted({name for listed in groups.values() for name in listed})
    searches = np.empty((len(names) * config.starts * (config.frames - 1), 4, SEARCH_SIZE, SEARCH_SIZE), np.uint8)
    starts, ordinary, count = list[_Start](), list[bool](), 0
    for number, name in enumerate(names):
        rng = np.random.default_rng([config.seed, number])
        for start, seen in _starts(open_sequence(folder / name), config, fit, rng):
            searches[count:count + len(seen)] = seen
            count += len(seen)
            starts.append(start)
            ordinary.append(name in groups.get(ORDINARY, ()))
    if not starts:
        raise ValueError(f'expected sequences with targets of at least {_LEAST_PX:g} pixels in {folder}, got none')

    def tensor(values: npt.NDArray[np.uint8] | Floats) -> Tensor:
        return torch.from_numpy(values).to(device)

    lengths = torch.tensor([len(start.corners) for start in starts])
    return SceneViews(
        tensor(np.stack([start.template for start in starts])), tensor(np.stack([start.outline for start in starts])),
        tensor(np.stack([start.separability for start in starts])), tensor(searches[:count]),
        tensor(np.concatenate([start.corners for start in starts])),
        torch.arange(len(starts)).repeat_interleave(lengths).to(device),
        torch.tensor(ordinary).repeat_interleave(lengths).to(device))


@dataclass(frozen=True, eq=False)
class _Start:
    """What one start gives to `SceneViews`: a row of the first three, and the corners in its later frames, (n, 4)."""

    template: npt.NDArray[np.uint8]
    outline: npt.NDArray[np.uint8]
    separability: Floats
    corners: Floats


def _starts(sequence: Sequence, config: SceneConfig, fit: ProbabilityConfig,
            rng: np.random.Generator) -> Iterator[tuple[_Start, list[npt.NDArray[np.uint8]]]]:
    """The starts of one sequence with their search crops; none where its target is nowhere large enough."""
    truth = {index: Box(*row) for index, row in enumerate(sequence.boxes)
             if np.isfinite(row).all() and row[2] * row[3] > _LEAST_PX}
    chosen = np.unique(np.linspace(0, len(sequence) - 1, config.frames).round().astype(int)).tolist()
    seen = [index for index in chosen if index in truth]
    if len(seen) < 2:
        return
    references = Calibration.of(sequence.camera, '')
    frames = {index: to_frame(sequence.image(index), sequence.camera, calibration=references) for index in chosen}
    early = [index for index in seen[1:] if index <= len(sequence) / 2]
    others = rng.choice(early, min(len(early), config.starts - 1), replace=False).tolist() if early else []
    for first in [seen[0], *sorted(others)]:
        box = _off(truth[first], 0.0 if first == seen[0] else config.box_error, rng)
        probability = TargetProbability.fit(frames[first].data, box, fit.on(frames[first]))
        views = _Views(FalseColour.fit(frames[first]), probability)
        searches, corners = [], []
        for index in chosen:
            if index == first:
                continue
            nearest = min(seen, key=lambda one: abs(one - index))       # itself where the target can be seen
            region = _region(truth[nearest], config, rng)
            searches.append(views.picture(frames[index], region, SEARCH_SIZE))
            inside = to_crop(truth[nearest], region, (SEARCH_SIZE, SEARCH_SIZE)).corners
            corners.append(np.array(inside if nearest == index else (math.nan,) * 4, np.float32))
        around = siamese_region(box, SEARCH_SIZE, TEMPLATE_SIZE)
        wide = views.picture(frames[first], around, SEARCH_SIZE)[3].astype(np.float32) / 255
        outline = refiner_picture(wide, to_crop(box, around, (SEARCH_SIZE, SEARCH_SIZE)))[0]
        separability = probability.separability
        found = np.array([separability.roc, separability.ok, separability.held_out], np.float32)
        yield _Start(views.picture(frames[first], siamese_region(box), TEMPLATE_SIZE), _bytes(outline), found,
                     np.stack(corners)), searches


@dataclass(frozen=True, eq=False)
class _Views:
    """What a first frame makes of others."""

    colour: FalseColour
    probability: TargetProbability

    def picture(self, frame: HyperspectralFrame, region: Box, size: int) -> npt.NDArray[np.uint8]:
        """False colour and probability, (4, size, size)."""
        pixels = Pixels.around(frame, region, size)
        return _bytes(np.concatenate([pixels.false_colour(self.colour, region, size),
                                      pixels.probability(self.probability, region, size)[None]]))


def _off(box: Box, error: float, rng: np.random.Generator) -> Box:
    """A box with place and sides off by at most `error` of its sides."""
    x, y, wider, higher = error * rng.uniform(-1, 1, 4)
    return Box.from_centre(box.centre[0] + x * box.w, box.centre[1] + y * box.h, box.w * math.exp(wider),
                           box.h * math.exp(higher))


def _region(box: Box, config: SceneConfig, rng: np.random.Generator) -> Box:
    """A search region near a target."""
    zoom = math.exp(config.zoom * rng.uniform(-1, 1))
    x, y = config.shift * math.sqrt(box.area) * rng.uniform(-1, 1, 2)
    return siamese_region(Box.from_centre(box.centre[0] + x, box.centre[1] + y, box.w * zoom, box.h * zoom),
                          SEARCH_SIZE, TEMPLATE_SIZE)


def _bytes(picture: Floats) -> npt.NDArray[np.uint8]:
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
