"""Networks behind the state machine: what they are shown, and that cameras of any band count fit."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.pipeline import TrackingPipeline
from hsi_models.runtime.eager import EagerExecutor
from hsi_models.runtime.export import build_network
from hsi_models.runtime.paths import network_paths
from hsi_models.tracking.crops import to_crop, to_frame
from hsi_models.tracking.matcher import Geometry
from hsi_models.tracking.network_matcher import FalseColourMatcher, HyperspectralMatcher, target_score
from hsi_models.tracking.siamese import SiameseTracker
from hsi_models.tracking.state import TrackStatus


class Spy:
    """An executor that remembers its inputs and answers with nothing in particular."""

    def __init__(self, cells: int) -> None:
        self.cells, self.seen = cells, []

    def template(self, *inputs):
        self.seen.append(inputs)
        return [np.zeros(1)]

    def renew(self, first, *inputs):
        return self.template(*inputs)

    def search(self, state, *inputs):
        self.seen.append(inputs)
        return np.zeros((1, 2, self.cells, self.cells), np.float32), np.full((1, 4, self.cells, self.cells), 30.0)


def frame(bands: int = 16) -> HyperspectralFrame:
    cube = np.full((90, 120, bands), 100, np.uint16)
    cube[40:60, 50:80] = np.linspace(200, 800, bands)
    return HyperspectralFrame(cube, SpectralInfo(tuple(np.linspace(450, 900, bands)), saturation=1000))


def test_the_score_is_a_softmax():
    logits = np.random.default_rng(0).normal(size=(3, 2, 5, 5)).astype(np.float32)
    np.testing.assert_allclose(target_score(logits), torch.tensor(logits).softmax(1)[:, 1].numpy(), rtol=1e-5)


def test_a_network_sees_the_target_in_the_middle_at_the_scale_of_the_template():
    spy = Spy(25)
    matcher, box = HyperspectralMatcher(spy), Box(50, 40, 30, 20)
    template = matcher.template(frame(), box)
    cube, colour, centres, widths, box_size = spy.seen[0]
    assert (cube.shape, colour.shape) == ((1, 16, 127, 127), (1, 3, 127, 127))
    assert (centres.shape, widths.shape) == ((16,), (16,))
    np.testing.assert_allclose(cube[0, :, 63, 63], np.linspace(0.2, 0.8, 16), atol=1e-3)
    assert 0 <= colour.min() <= colour.max() <= 1
    inside = np.argwhere(cube[0, 0] > 0.15)
    assert np.ptp(inside[:, 1]) + 1 == pytest.approx(box_size[0, 0], abs=2)
    assert np.ptp(inside[:, 0]) + 1 == pytest.approx(box_size[0, 1], abs=2)
    matcher.search(template, frame(), Box(0, 0, 80, 80))
    assert [value.shape for value in spy.seen[1]] == [(1, 16, 255, 255), (1, 3, 255, 255), (16,), (16,)]


def test_a_box_is_corrected_by_the_first_frames_picture_unless_switched_off():
    noise = cv2.GaussianBlur(np.random.default_rng(0).random((90, 120, 16), np.float32), (0, 0), 3)
    scene = HyperspectralFrame((1000 * noise).astype(np.uint16), frame().info)
    truth, near, region = Box(45, 35, 30, 20), Box(47, 34, 31, 20), Box(20, 5, 80, 80)
    crop = (255, 255)
    for alike, corrected in (((0.95, 0.99), True), ((1.0, 2.0), False)):
        matcher = HyperspectralMatcher(Spy(25), alike=alike)
        template = matcher.template(scene, truth)
        response = matcher.search(template, scene, region)
        found = to_frame(matcher.refine(template, response, to_crop(near, region, crop)), region, crop)
        assert (found.iou(truth) > 0.95) == corrected
        assert (found.iou(near) > 0.999) != corrected


def test_renewing_keeps_the_false_colour_of_the_first_frame():
    matcher = FalseColourMatcher(Spy(15), Geometry(15, 16))
    template = matcher.template(frame(), Box(50, 40, 30, 20))
    assert matcher.renew(template, frame(), Box(52, 40, 30, 20), 0.5).colour is template.colour


@pytest.mark.parametrize('name', ['ssf_net:fast', 'bcr_net:fast'])
def test_the_pipeline_runs_a_network_on_cameras_with_different_bands(name: str):
    torch.manual_seed(0)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    executor = EagerExecutor(network_paths(build_network(name), bands=8), device)
    for bands in (8, 31):
        pipeline = TrackingPipeline(SiameseTracker(HyperspectralMatcher(executor)))
        cube = frame(bands).data
        pipeline.initialise(Box(50, 40, 30, 20))
        first = pipeline.process(cube, stamp_ns=1).states[0]
        assert first.status is TrackStatus.TRACKING
        later = pipeline.process(cube, stamp_ns=2).states[0]
        assert np.isfinite(tuple(later.best_guess)).all()
        assert later.spectrum.shape == (bands,)


def test_where_many_cells_are_sure_they_still_differ():
    """A limit for the best cell keeps the order, and leaves responses alone that are not so sure."""
    odds = np.linspace(-4, 20, 25, dtype=np.float32).reshape(1, 5, 5)
    logits = np.stack([-odds / 2, odds / 2], axis=1)
    saturated, limited = target_score(logits), target_score(logits, 3.0)
    assert np.count_nonzero(saturated > 0.99) == 16
    assert np.count_nonzero(limited > 0.9) == 1
    assert np.all(np.diff(limited.ravel()) >= 0)
    assert np.all(np.diff(limited.ravel()[-15:]) > 0)
    np.testing.assert_allclose(limited.max(), 1 / (1 + np.exp(-3)), rtol=1e-5)
    np.testing.assert_array_equal(target_score(0.1 * logits, 3.0), target_score(0.1 * logits))
