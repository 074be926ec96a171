"""Inputs of a training step: as large as the network's, in false colour as the tracker makes it."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from hsi_models.colour import FalseColour
from hsi_models.data.simulation.cameras import nominal_camera
from hsi_models.data.simulation.pairs import PairConfig, PairSimulator
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.networks.siamese_network import RESPONSE_SIZE, response_points
from hsi_models.training import tracking_inputs as module
from hsi_models.training.tracking_inputs import pairs_of_side, tracking_inputs
from hsi_models.training.tracking_validation import best_overlap

CONFIG = PairConfig(twin=0.0, cover=0.0, blur=0.0, hidden=0.0, zoom=0.0, turn_rad=0.0, shift=0.0, light_change=0.0)


@pytest.fixture
def simulator():
    generator = torch.Generator().manual_seed(0)
    small = torch.randint(40, 120, (4, 3, 12, 12), generator=generator, dtype=torch.uint8)
    pictures = torch.nn.functional.interpolate(small.float(), (96, 96)).to(torch.uint8)
    pictures[:, :, 38:58, 38:58] = torch.tensor([200, 90, 60], dtype=torch.uint8)[None, :, None, None]
    return PairSimulator(pictures, torch.tensor([[38.0, 38.0, 20.0, 20.0]]).expand(4, 4), CONFIG)


def test_crops_show_the_target_at_one_scale(simulator):
    pairs = simulator.with_config(pairs_of_side(CONFIG, 96)).draw(3, 4, nominal_camera('vis'))
    inputs = tracking_inputs(pairs, 4)
    assert inputs.template.cube.shape == (3, 16, 127, 127)
    assert inputs.search.cube.shape == (3, 16, 255, 255)
    assert inputs.search.false_colour.shape == (3, 3, 255, 255)
    torch.testing.assert_close(inputs.box_size, torch.full((3, 2), 63.5), atol=0.1, rtol=0)
    torch.testing.assert_close(inputs.boxes, torch.tensor([[95.75, 95.75, 159.25, 159.25]]).expand(3, 4), atol=0.1,
                               rtol=0)
    centre = inputs.search.false_colour[:, :, 120:136, 120:136].mean(dim=(2, 3))
    outside = inputs.search.false_colour[:, :, :60].mean(dim=(2, 3))
    assert (centre[:, 0] - centre[:, 2] > outside[:, 0] - outside[:, 2] + 0.1).all()        # a red target


def test_false_colour_is_that_of_the_tracker_where_the_stretch_is_not_widened(simulator, monkeypatch):
    class Plain:
        def random(self, size=()):
            return np.ones(size)

        def uniform(self, low, high, size):
            return np.ones(size)

    pairs = simulator.with_config(pairs_of_side(CONFIG, 255)).draw(1, 4, nominal_camera('vis'))
    monkeypatch.setattr(module.np.random, 'default_rng', lambda seed: Plain())
    inputs = tracking_inputs(pairs, 4)
    info = SpectralInfo(tuple(pairs.wavelengths_nm.tolist()))
    first, later = (HyperspectralFrame(cube[0].permute(1, 2, 0).contiguous().numpy(), info)
                    for cube in (pairs.template, pairs.search))
    colour = FalseColour.fit(first)
    for found, frame in ((inputs.template, first), (inputs.search, later)):
        expected = torch.from_numpy(colour.apply(frame)).permute(2, 0, 1) / 255
        assert (found.false_colour[0] - expected).abs().max() < 0.025       # 4096 levels there


def test_bands_are_described_with_widths_without_and_not_at_all(simulator):
    pairs = simulator.with_config(pairs_of_side(CONFIG, 32)).draw(1, 4)
    even = torch.linspace(0, 1, len(pairs.fwhm_nm))
    kinds = set()
    for seed in range(40):
        search = tracking_inputs(pairs, seed).search
        if torch.equal(search.centres, even):
            kinds.add('unknown')
            torch.testing.assert_close(search.widths, torch.gradient(even)[0])
            continue
        torch.testing.assert_close(search.centres, (pairs.wavelengths_nm - 400) / 600)
        stated = torch.allclose(search.widths, pairs.fwhm_nm / 600)
        kinds.add('stated' if stated else 'derived')
        assert stated or torch.allclose(search.widths, torch.gradient(search.centres)[0])
    assert kinds == {'unknown', 'stated', 'derived'}


def test_the_overlap_is_that_of_the_best_cell_and_nan_without_a_target():
    points = response_points()
    box = torch.tensor([[100.0, 90.0, 160.0, 150.0]])
    reg = torch.cat([points[None] - box[:, :2, None, None], box[:, 2:, None, None] - points[None]], dim=1)
    reg[:, :, 0, 0] = 10.0
    cls = torch.zeros(1, 2, RESPONSE_SIZE, RESPONSE_SIZE)
    cls[:, 1, 12, 12] = 1.0
    assert float(best_overlap(cls, reg, box)) == pytest.approx(1)
    cls[:, 1, 0, 0] = 2.0
    assert float(best_overlap(cls, reg, box)) == 0
    assert best_overlap(cls, reg, box * torch.nan).isnan().all()
