"""BIMM and its parts: the paper's formulas, constraints at every step, agreement with non-negative least squares."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import nnls
from scipy.stats import spearmanr

from hsi_models.mosaic import mosaic_to_cube
from hsi_models.networks.layers.band_grouping import group_bands, group_count, groups_by_importance
from hsi_models.networks.layers.bimm import BIMM, SelfExpression
from hsi_models.networks.layers.cem import CEM
from hsi_models.networks.layers.channel_weight_refinement import ChannelWeightRefinement, zero_diagonal
from hsi_models.networks.layers.sdub import SDUB, channel_shuffle
from hsi_models.networks.layers.sem import SEM
from hsi_models.networks.layers.sgrm import SGRM
from hsi_models.training.losses_tracking import reconstruction_loss

FORMS = {'paper': {}, 'gradient': {'rank': 4, 'steps': 4, 'gradient': True}}


def least_squares(spectra: np.ndarray) -> np.ndarray:
    """min |X - C X|, C >= 0, zero diagonal, row by row."""
    bands = len(spectra)
    coefficients = np.zeros((bands, bands))
    for band in range(bands):
        others = [i for i in range(bands) if i != band]
        coefficients[band, others] = nnls(spectra[others].T, spectra[band])[0]
    return coefficients


def cube_of_unequal_bands(bands: int) -> torch.Tensor:
    """A common pattern and one of each band's own, under gains that differ: importance is well defined."""
    rng = np.random.default_rng(1)
    pattern = rng.uniform(0.2, 1, (8, 8, 1)) + 0.3 * rng.uniform(0, 1, (8, 8, bands))
    cube = pattern * rng.permutation(np.linspace(0.4, 1.2, bands))
    return torch.tensor(cube.repeat(4, 0).repeat(4, 1), dtype=torch.float32).permute(2, 0, 1)[None]


def keeps_the_constraints(solution: SelfExpression) -> bool:
    return all(float(step.detach().min()) >= 0 and float(step.detach().diagonal(dim1=1, dim2=2).abs().max()) == 0
               for step in solution.steps)


def fit(bimm: BIMM, cube: torch.Tensor, centres: torch.Tensor) -> list[float]:
    """Losses of a short fit to one cube."""
    optimiser = torch.optim.Adam(bimm.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        solution = bimm(cube, centres)
        assert keeps_the_constraints(solution)
        loss = reconstruction_loss(solution)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def rank_agreement(bimm: BIMM, cube: torch.Tensor, centres: torch.Tensor) -> float:
    solution = bimm.eval()(cube, centres)
    best = least_squares(solution.spectra[0].double().numpy())
    return float(spearmanr(best.sum(1), solution.importance[0].detach().numpy())[0])


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('bands', [3, 8, 31])
def test_coefficients_are_non_negative_with_zero_diagonal_at_every_step(form, bands):
    bimm = BIMM(**FORMS[form])
    torch.nn.init.normal_(bimm.refinement.perceptron[-1].weight)
    solution = bimm(torch.rand(2, bands, 127, 127), torch.linspace(0, 1, bands))
    assert len(solution.steps) == 1 + bimm.refinement.steps
    assert all(coefficients.shape == (2, bands, bands) for coefficients in solution.steps)
    assert keeps_the_constraints(solution)
    torch.testing.assert_close(solution.importance, solution.coefficients.sum(2))


@pytest.mark.parametrize('form', FORMS)
def test_importance_agrees_in_rank_with_least_squares_after_a_short_fit(form):
    cube, centres = cube_of_unequal_bands(8), torch.linspace(0, 1, 8)
    bimm = BIMM(**FORMS[form])
    losses = fit(bimm, cube, centres)
    assert losses[-1] < losses[0]
    assert rank_agreement(bimm, cube, centres) > 0.8


@pytest.mark.parametrize('scene', ['mei_shanghai_5_0', 'room_scene_colorchecker_testborad_prefix_6'])
def test_importance_agrees_in_rank_with_least_squares_on_a_real_camera(shared_data, scene):
    """The 16 bands of a snapshot camera resemble each other: least squares' row sums differ by a few per cent only."""
    mosaic = cv2.imread(str(shared_data / 'real_mosaics' / f'{scene}.tif'), cv2.IMREAD_UNCHANGED)
    part = mosaic_to_cube(mosaic, 4, 4)[96:160, 224:288].astype(np.float32) / 255
    cube, centres = torch.from_numpy(part).permute(2, 0, 1)[None].contiguous(), torch.linspace(0, 1, 16)
    bimm = BIMM(**FORMS['gradient'])
    losses = fit(bimm, cube, centres)
    assert losses[-1] < losses[0]
    assert rank_agreement(bimm, cube, centres) > 0.7


def test_the_importance_of_every_count_from_3_to_128_groups_all_bands():
    bimm = BIMM(**FORMS['gradient']).eval()
    with torch.no_grad():
        for bands in range(3, 129):
            cube = torch.rand(1, bands, 16, 16)
            importance = bimm(cube, torch.linspace(0, 1, bands)).importance
            grouping = group_bands(cube, importance, groups_by_importance(importance))
            assert grouping.shares.shape == (1, group_count(bands))
            assert float(grouping.shares.sum()) == pytest.approx(1, abs=1e-5)
            # Each composite is one band a channel, and each band is in one of them.
            used = grouping.projection[0] != 0
            assert bool((used.sum(dim=1) == 1).all())
            assert bool(used.any(dim=0).all()), bands


def test_gain_of_the_camera_does_not_matter():
    bimm = BIMM().eval()
    cube, centres = torch.rand(1, 8, 64, 64), torch.linspace(0, 1, 8)
    torch.testing.assert_close(bimm(0.01 * cube, centres).coefficients, bimm(cube, centres).coefficients)


class TestChannelWeightRefinement:
    def test_is_the_papers_formula(self):
        layer = ChannelWeightRefinement()
        torch.nn.init.normal_(layer.perceptron[-1].weight)
        initial = zero_diagonal(torch.rand(1, 5, 5))
        update = layer.perceptron(4 * initial[..., None])[..., 0] / 4
        expected = F.relu(zero_diagonal(initial - update))
        torch.testing.assert_close(layer(initial, torch.eye(5)[None])[0], expected)

    def test_acts_on_each_entry_alone(self):
        """Re-ordered bands give re-ordered coefficients, in both forms."""
        order = torch.tensor([3, 0, 4, 1, 2])
        spectra = torch.rand(1, 5, 40)
        gram = spectra @ spectra.transpose(1, 2)
        initial = zero_diagonal(torch.rand(1, 5, 5))
        for gradient in (False, True):
            layer = ChannelWeightRefinement(3, gradient)
            torch.nn.init.normal_(layer.perceptron[-1].weight)
            moved = layer(initial[:, order][:, :, order], gram[:, order][:, :, order])[-1]
            torch.testing.assert_close(moved, layer(initial, gram)[-1][:, order][:, :, order])

    def test_untrained_gradient_steps_descend_to_the_solution(self):
        spectra = cube_of_unequal_bands(6)[0, :, ::4, ::4].flatten(1)
        gram = (spectra @ spectra.T)[None]
        layer = ChannelWeightRefinement(400, gradient=True)
        steps = layer(zero_diagonal(torch.full((1, 6, 6), 0.2)), gram)
        errors = [float((spectra - step[0] @ spectra).square().sum().detach()) for step in steps]
        best = least_squares(spectra.double().numpy())
        assert all(b <= a + 1e-5 for a, b in zip(errors, errors[1:], strict=False))
        assert errors[-1] < 1.05 * float((spectra - torch.tensor(best).float() @ spectra).square().sum())

    def test_no_steps_are_refused(self):
        with pytest.raises(ValueError, match='at least 1 refinement step, got 0'):
            ChannelWeightRefinement(0)


class TestEncoderParts:
    def test_cem_formula(self):
        cem, x = CEM(8), torch.randn(1, 8, 3, 4, 4)
        band = x[0, :, 1]
        gate = F.softplus(cem.perceptron(band.mean(dim=(1, 2))) + cem.perceptron(band.amax(dim=(1, 2))))
        torch.testing.assert_close(cem(x)[0, :, 1], band * gate[:, None, None])

    def test_sem_formula(self):
        sem, x = SEM(), torch.randn(1, 8, 3, 9, 9)
        flat = x.reshape(1, 24, 9, 9)
        saliency = torch.cat([flat.amax(1, keepdim=True), flat.mean(1, keepdim=True)], dim=1)
        gate = torch.sigmoid(F.conv2d(saliency, sem.convolution.weight, sem.convolution.bias, padding=3))
        torch.testing.assert_close(sem(x), x * gate[:, :, None])


class TestDecoderParts:
    def test_sdub_doubles_the_size(self):
        assert SDUB(16, 8)(torch.rand(2, 16, 5, 6)).shape == (2, 8, 10, 12)

    def test_shuffle_mixes_the_groups(self):
        x = torch.arange(8.0).view(1, 8, 1, 1)
        assert channel_shuffle(x, 4).flatten().tolist() == [0, 2, 4, 6, 1, 3, 5, 7]

    def test_sgrm_formula_and_alignment(self):
        sgrm = SGRM(8).eval()
        encoder, decoder = torch.randn(1, 8, 15, 15), torch.randn(1, 8, 14, 14)
        aligned = F.interpolate(decoder, size=(15, 15), mode='bilinear', align_corners=False)
        gate = sgrm.attention(F.relu(sgrm.encoder(encoder) + sgrm.decoder(aligned)))
        assert gate.shape == (1, 1, 15, 15)
        torch.testing.assert_close(sgrm(encoder, decoder), aligned * gate)

    def test_widths_that_the_shuffle_cannot_split_are_refused(self):
        with pytest.raises(ValueError, match='multiple of 4 groups, got 6'):
            SDUB(6, 3)
