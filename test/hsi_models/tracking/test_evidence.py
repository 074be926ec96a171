"""The probability weighs, sizes and finds where spectra separate, and is silent where they do not."""
from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.tracking.appearance import Appearance, AppearanceConfig, View
from hsi_models.tracking.evidence import Evidence, EvidenceConfig

CONFIG = EvidenceConfig()


def seen(scene, centre: tuple[float, float] | None = None) -> tuple[View, Evidence]:
    """A look at the first frame around a centre, and the evidence of its box."""
    frame, box = scene.frame(0), scene.box(0)
    appearance = Appearance.fit(frame, box, AppearanceConfig())
    first = Evidence.on(appearance, appearance.view(frame, box.centre, box), box, CONFIG)
    return appearance.view(frame, centre or box.centre, box), first


def test_the_prior_is_highest_on_a_camouflaged_target(make_scene) -> None:
    scene = make_scene(camouflaged=True)
    box = scene.box(0)
    view, evidence = seen(scene, (box.centre[0] - 12, box.centre[1] + 8))
    prior = evidence.prior(view, box, near=False)
    assert prior is not None
    assert prior.shape == (32, 32)
    assert 0 <= prior.min() < 0.1 < 0.9 < prior.max() <= 1
    rows, columns = np.nonzero(prior > 0.95 * prior.max())
    cell = view.region.w / 32
    assert view.region.x + (columns.mean() + 0.5) * cell == pytest.approx(box.centre[0], abs=cell)
    assert view.region.y + (rows.mean() + 0.5) * cell == pytest.approx(box.centre[1], abs=cell)


def test_a_near_target_is_preferred_to_a_far_one_of_the_same_spectrum(make_scene) -> None:
    scene = make_scene(camouflaged=True)
    view, evidence = seen(scene)
    size = len(view.probability)
    twins = np.zeros_like(view.probability)
    twins[:, :] = np.roll(view.probability, size // 4, axis=1) + np.roll(view.probability, -size // 16, axis=1)
    view = replace(view, probability=np.clip(twins, 0, 1))
    near, free = (evidence.prior(view, scene.box(0), near) for near in (True, False))
    assert near is not None
    assert free is not None
    close, far = (16, 14), (16, 24)     # rows and columns, cells
    assert free[far] == pytest.approx(free[close], rel=0.1)
    assert near[far] < 0.7 * near[close]


def test_a_spectrum_that_says_nothing_is_not_asked(make_scene) -> None:
    scene = make_scene(bands=1)
    view, evidence = seen(scene)
    box = Box.from_centre(*scene.box(0).centre, 10, 10)
    assert evidence.exponent == 0
    assert evidence.prior(view, scene.box(0), near=True) is None
    assert math.isnan(evidence.contrast(view, box))
    assert evidence.refined(view, box, scene.frame(0)) == box


@pytest.mark.parametrize('factor', [0.5, 2.0])
def test_a_box_of_the_wrong_size_is_corrected_step_by_step(make_scene, factor: float) -> None:
    scene = make_scene(camouflaged=True)
    view, evidence = seen(scene)
    truth, frame = scene.box(0), scene.frame(0)
    box = Box.from_centre(*truth.centre, truth.w * factor, truth.h * factor)
    assert box.iou(truth) < 0.5
    after = evidence.refined(view, box, frame)
    assert abs(math.log(after.w / box.w)) <= CONFIG.refine_step + 1e-6
    for _ in range(12):
        after = evidence.refined(view, after, frame)
    assert after.iou(truth) > 0.75


def test_an_outline_that_fits_the_first_box_by_half_moves_the_box_by_less(make_scene) -> None:
    scene = make_scene(camouflaged=True)
    frame, box = scene.frame(0), scene.box(0)
    appearance = Appearance.fit(frame, box, AppearanceConfig())
    view = appearance.view(frame, box.centre, box)
    small = Box.from_centre(*box.centre, box.w * 0.9, box.h * 0.9)
    moved, weights = [], []
    for ok in (1.0, 0.65, 0.45):
        separability = replace(appearance.probability.separability, ok=ok)
        half = replace(appearance, probability=replace(appearance.probability, separability=separability))
        evidence = Evidence.on(half, view, box, CONFIG)
        weights.append(evidence.weight)
        moved.append(evidence.refined(view, small, frame).w - small.w)
    assert weights == pytest.approx([1.0, 0.5, 0.0], abs=0.02)
    assert moved[0] > moved[1] > moved[2] == 0


def test_a_component_that_does_not_stand_out_is_not_followed(make_scene) -> None:
    scene = make_scene(camouflaged=True)
    view, evidence = seen(scene)
    flooded = replace(view, probability=np.ones_like(view.probability))
    assert evidence.refined(flooded, scene.box(0), scene.frame(0)) == scene.box(0)


@pytest.mark.parametrize(('options', 'message'), [
    ({'prior': -1.0}, 'prior >= 0, reach > 0 and refine_step > 0, got -1'),
    ({'prior_roc': (0.9, 0.9)}, 'two ascending numbers'),
    ({'outline': (0.9, 0.5)}, 'expected outline as two ascending numbers'),
    ({'unclear': 0.7}, 'unclear <= clear, got 0.7 and 0.6'),
])
def test_values_out_of_range_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EvidenceConfig(**options)
