"""Fusion: the spectrum is followed as far as the first frame shows that it separates, and not further."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.tracking.box_refinement import BoxRefinement
from hsi_models.tracking.colour_trackers import create_fusion, create_nanotrack
from hsi_models.tracking.crops import siamese_region, to_crop, to_frame
from hsi_models.tracking.fusion import Detail, FusionConfig, FusionMatcher, box_contrast
from hsi_models.tracking.matcher import Geometry, Response
from hsi_models.tracking.probability import Separability

GEOMETRY = Geometry(15, 16)


class Grey:
    """An executor whose score is the mean of the picture around a cell; it counts what it was asked."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def template(self, *inputs):
        return [np.zeros(len(inputs[0]))]

    def renew(self, first, *inputs):
        return self.template(*inputs)

    def search(self, state, *inputs):
        images = inputs[0].mean(axis=1)
        self.batches.append(len(images))
        cells = images[:, 7:247, 7:247].reshape(-1, 15, 16, 15, 16).mean(axis=(2, 4))
        logits = np.stack([-4 * cells, 4 * cells], axis=1)
        return logits, np.full((len(images), 4, 15, 15), 30, np.float32)


def matcher(**options) -> FusionMatcher:
    return FusionMatcher(Grey(), Grey(), GEOMETRY, FusionConfig(**options))


def test_the_contrast_of_boxes_agrees_with_plain_sums():
    p = np.random.default_rng(0).random((60, 80)).astype(np.float32)
    boxes = np.array([[20, 10, 40, 30], [4, 30, 24, 50]], np.float32).T[:, None]
    got = box_contrast(p, boxes)[0]
    for (x1, y1, x2, y2), value in zip(boxes[:, 0].T.astype(int), got, strict=True):
        inside = p[y1 + 3:y2 - 3, x1 + 3:x2 - 3].mean()
        wide = p[y1 - 10:y2 + 10, max(x1 - 10, 0):x2 + 10]
        ring = (wide.sum() - p[y1:y2, x1:x2].sum()) / (wide.size - 400)
        assert value == pytest.approx(inside - 0.5 * ring, abs=1e-5)


def test_the_rule_of_the_first_frame():
    config = FusionConfig(ok=(0.65, 0.85), separable=(0.8, 0.9))
    for held_out, ok, weight in ((1.0, 0.9, 1.0), (0.85, 0.75, 0.25), (0.75, 0.9, 0.0), (1.0, 0.6, 0.0)):
        assert config.weight(Separability(1.0, ok, held_out)) == pytest.approx(weight)


def test_a_camouflaged_target_stands_out_in_the_mixture_and_not_in_colour_alone(make_scene):
    scene = make_scene(camouflaged=True)
    frame, box = scene.frame(0), scene.box(0)
    region = Box.from_centre(*box.centre, 110, 110)
    fused, plain = matcher(), matcher(share=0, prior=0)
    responses = [one.search(one.template(frame, box), frame, region).score for one in (fused, plain)]
    assert fused.double.batches == [2]
    assert fused.single.batches == []
    assert plain.single.batches == [1]
    middle = [response[7, 7] / np.median(response) for response in responses]
    assert middle[0] > 1.5 * middle[1]


def test_a_spectrum_that_tells_by_half_says_half_as_much_of_what_does_not_stand_out(make_scene):
    scene = make_scene(camouflaged=True)
    one = matcher()
    frame, box = scene.frame(0), scene.box(0)
    template = one.template(frame, box)
    assert template.tells == 1
    away = Box(0, 0, 60, 60)        # shows nothing of the target
    sure, half = (one.search(replace(template, tells=tells), frame, away) for tells in (1.0, 0.5))
    assert np.median(sure.contrast) < 0.2
    np.testing.assert_allclose(half.contrast, 1 + 0.5 * (sure.contrast - 1), atol=1e-5)
    here = one.search(template, frame, siamese_region(box, 255)).contrast
    assert here.max() == pytest.approx(1, abs=0.2)
    assert one.search(replace(template, tells=0.0), frame, away).contrast is None


def test_a_target_like_its_surroundings_is_left_to_colour(make_scene):
    scene = make_scene()
    frame = scene.frame(0, visible=False)
    one = matcher()
    template = one.template(frame, Box(70, 50, 24, 20))
    assert template.weight == 0
    one.search(template, frame, Box(30, 10, 100, 100))
    assert one.double.batches == []
    box = Box(100, 100, 50, 50)
    detail = Detail(np.ones((3, 255, 255), np.float32), np.ones((255, 255), np.float32))
    assert one.refine(template, Response(np.ones((15, 15)), np.ones((4, 15, 15)), detail=detail), box) == box


def test_the_box_follows_the_probable_component_only_where_both_overlap(make_scene):
    scene = make_scene(camouflaged=True)
    one = matcher(refine_share=1.0)
    template = one.template(scene.frame(0), scene.box(0))
    assert template.weight > 0.8
    p = np.zeros((255, 255), np.float32)
    p[100:140, 110:170] = 0.9
    response = Response(np.ones((15, 15)), np.ones((4, 15, 15)), detail=Detail(np.zeros((3, 255, 255), np.float32), p))
    truth, near, far = Box(110, 100, 60, 40), Box(116, 104, 60, 40), Box(140, 120, 60, 40)
    assert one.refine(template, response, near).iou(truth) > near.iou(truth) + 0.1
    assert one.refine(template, response, far) == far


class _Moves:
    """An executor of a refinement that moves every box by a tenth of its width, and is sure of it."""

    def template(self, *inputs):
        return list(inputs)

    def search(self, state, *inputs):
        return np.array([[0.1, 0, 0, 0]]), np.full((1, 4), 1e-6)


def test_a_trained_refinement_is_followed_as_far_as_the_first_frame_showed_an_outline(make_scene):
    one = matcher(outline=(0.4, 0.8), refine_contrast=(0.2, 0.6))
    one.refinement = BoxRefinement(_Moves())
    scene, box = make_scene(camouflaged=True), Box(100, 100, 50, 50)
    template = one.template(scene.frame(0), scene.box(0))

    def moved(lost=False, tells=1.0, contrast=1.0, **measured):
        p = np.zeros((255, 255), np.float32)
        p[100:150, 100:150] = contrast * template.contrast
        detail = Detail(np.zeros((3, 255, 255), np.float32), p)
        response = Response(np.ones((15, 15)), np.ones((4, 15, 15)), detail=detail)
        probability = replace(template.probability, separability=replace(template.probability.separability, **measured))
        known = replace(template, tells=tells, following=replace(template.following, probability=probability))
        return one.refine(known, response, box, lost).centre[0] - box.centre[0]

    assert moved(ok=0.9) == pytest.approx(5)
    assert moved(ok=0.6) == pytest.approx(2.5)
    assert moved(ok=0.9, tells=0.5) == pytest.approx(2.5)
    assert moved(ok=0.9, contrast=0.4) == pytest.approx(2.5, abs=0.01)
    nothing = moved(ok=0.4), moved(ok=0.9, tells=0.0), moved(ok=0.9, contrast=0.1)
    assert nothing == (0, 0, 0)
    assert moved(ok=0.9, lost=True) == pytest.approx(0), 'the component, which is the box already'
    one.config = replace(one.config, refine_share=0.0)
    assert moved(ok=0.9) == 0


def test_a_target_that_looks_as_before_is_boxed_to_a_fraction_of_a_pixel(make_scene):
    scene = make_scene()
    for one, least in ((matcher(alike=(0.7, 0.9)), 0.9), (matcher(alike=(1, 2), refine_share=0), 0.0)):
        template = one.template(scene.frame(0), scene.box(0))
        rough = Box.from_centre(scene.box(4).centre[0] + 2, scene.box(4).centre[1] - 1.5, 26, 18)
        region = siamese_region(rough, 255)
        response = one.search(template, scene.frame(4), region)
        found = to_frame(one.refine(template, response, to_crop(rough, region, (255, 255))), region, (255, 255))
        assert found.iou(scene.box(4)) >= least
    assert found.iou(rough) == pytest.approx(1)


def test_a_renewed_template_keeps_the_first_probability(make_scene):
    scene = make_scene(camouflaged=True)
    one = matcher()
    template = one.template(scene.frame(0), scene.box(0))
    renewed = one.renew(template, scene.frame(9), scene.box(9), 0.5)
    assert renewed.probability is template.probability
    assert renewed.colour is template.colour


def test_a_lost_target_is_proposed_where_its_spectrum_is(make_scene):
    scene = make_scene()
    one = matcher()
    template = one.template(scene.frame(0), scene.box(0))
    elsewhere = Box(20, 80, 24, 20)
    centre = one.candidates(template, scene.frame(1, box=elsewhere), scene.box(0))[0]
    assert np.hypot(centre[0] - elsewhere.centre[0], centre[1] - elsewhere.centre[1]) < 6


def test_places_where_nothing_stands_out_are_not_looked_at(make_scene):
    scene = make_scene(camouflaged=True)
    one = matcher()
    template = one.template(scene.frame(0), scene.box(0))
    gone = scene.frame(1, visible=False)
    assert one.candidates(template, gone, scene.box(0)) == []
    assert len(matcher(redetect_contrast=-10).candidates(template, gone, scene.box(0))) == 2
    assert len(one.candidates(template, scene.frame(1), scene.box(0))) >= 1


@pytest.mark.parametrize(('options', 'message'), [
    ({'share': 2}, 'expected share in 0..1, got 2'), ({'prior': -1}, 'expected prior >= 0'),
    ({'ok': (0.9, 0.6)}, 'expected ok as two ascending numbers')])
def test_bad_configurations_say_why(options, message):
    with pytest.raises(ValueError, match=message):
        FusionConfig(**options)


def test_without_weights_there_is_no_tracker():
    for create in (create_fusion, create_nanotrack):
        with pytest.raises(ValueError, match='expected weights=PATH'):
            create()


def test_with_the_published_weights_it_follows_camouflage(make_scene, shared_data: Path):
    scene = make_scene(camouflaged=True)
    tracker = create_fusion(weights=shared_data / 'pretrained' / 'nanotrackv3' / 'weights.safetensors')
    tracker.initialise(scene.frame(0), scene.box(0))
    overlap = [tracker.update(frame).best_guess.iou(box) for frame, box in scene.frames(15)]
    assert np.mean(overlap) > 0.7
    assert len(tracker.weights_sha256) == 64
