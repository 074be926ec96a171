"""Labels and losses of the Siamese trackers, against their definitions."""
from __future__ import annotations

import math

import pytest
import torch

from hsi_models.networks.layers.bimm import SelfExpression
from hsi_models.networks.layers.saam import SAAM
from hsi_models.networks.siamese_network import fuse
from hsi_models.training.losses_tracking import (
    TrackingLossConfig,
    classification_loss,
    distance_targets,
    ellipse_labels,
    iou_loss,
    reconstruction_loss,
    sample_cells,
    spectral_angle_awareness_loss,
    tracking_loss,
)

BOX = torch.tensor([[95.5, 103.5, 159.5, 151.5]])       # 64 x 48 around (127.5, 127.5), the middle cell
NAN_BOX = torch.full((1, 4), math.nan)


class TestEllipseLabels:
    def test_by_hand(self):
        """Points 8 pixels apart; inner semi-axes 16 and 12, outer 32 and 24."""
        labels = ellipse_labels(BOX)[0]
        along_x = [labels[12, 12 + k].item() for k in range(6)]      # 0, 8, 16 in; 24, 32 between; 40 out
        along_y = [labels[12 + k, 12].item() for k in range(5)]      # 0, 8 in; 16, 24 between; 32 out
        assert along_x == [1, 1, 1, -1, -1, 0]
        assert along_y == [1, 1, -1, -1, 0]
        assert labels[13, 13] == 1          # (8/16)^2 + (8/12)^2 = .69
        assert labels[13, 14] == -1         # (16/16)^2 + (8/12)^2 > 1
        assert labels[15, 15] == 0          # (24/32)^2 + (24/24)^2 > 1
        assert int((labels == 1).sum()) == 11

    def test_against_the_definition_point_by_point(self):
        x1, y1, x2, y2 = box = (60.0, 90.0, 131.0, 117.0)
        labels = ellipse_labels(torch.tensor([box]))[0]
        for row in range(25):
            for column in range(25):
                dx = (column - 12) * 8 + 127.5 - (x1 + x2) / 2
                dy = (row - 12) * 8 + 127.5 - (y1 + y2) / 2
                inner = (dx / ((x2 - x1) / 4)) ** 2 + (dy / ((y2 - y1) / 4)) ** 2
                outer = (dx / ((x2 - x1) / 2)) ** 2 + (dy / ((y2 - y1) / 2)) ** 2
                assert labels[row, column] == (1 if inner <= 1 else 0 if outer > 1 else -1)

    def test_without_a_target_all_is_background(self):
        assert bool((ellipse_labels(NAN_BOX) == 0).all())


def test_distances_of_the_middle_cell():
    assert distance_targets(BOX)[0, :, 12, 12].tolist() == [32, 24, 32, 24]


@pytest.mark.parametrize(('box', 'positives'), [(BOX, 11), (torch.tensor([[20.0, 20.0, 235.0, 235.0]]), 16),
                                                (NAN_BOX, 0)])
def test_16_of_64_cells(box, positives):
    labels = ellipse_labels(box)
    positive, negative = sample_cells(labels, 16, 64, torch.Generator().manual_seed(0))
    assert int(positive.sum()) == positives
    assert int(negative.sum()) == 64 - positives
    assert bool((labels[positive] == 1).all())
    assert bool((labels[negative] == 0).all())


def test_sampling_is_random_and_repeatable():
    labels = ellipse_labels(BOX)
    first, again, other = (sample_cells(labels, 16, 64, torch.Generator().manual_seed(seed))[1] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_cross_entropy_counts_both_classes_alike():
    labels = ellipse_labels(BOX)
    positive, negative = sample_cells(labels, 16, 64)
    cls = torch.zeros(1, 2, 25, 25)
    assert float(classification_loss(cls, positive, negative)) == pytest.approx(math.log(2))
    cls[:, 1] = torch.where(labels == 1, 20.0, -20.0)
    assert float(classification_loss(cls, positive, negative)) == pytest.approx(0, abs=1e-6)


def test_iou_loss():
    targets, positive = distance_targets(BOX), ellipse_labels(BOX) == 1
    assert float(iou_loss(targets.clamp_min(1), targets, positive)) == pytest.approx(0, abs=1e-6)
    reg = torch.full_like(targets, 1.0)
    only_middle = torch.zeros_like(positive)
    only_middle[0, 12, 12] = True
    assert float(iou_loss(reg, targets, only_middle)) == pytest.approx(1 - 4 / (64 * 48))


class TestSpectralAngleAwarenessLoss:
    labels = ellipse_labels(BOX)

    def angle_map(self, positive_rad: float, negative_rad: float) -> torch.Tensor:
        angle = torch.where(self.labels == 1, positive_rad, negative_rad)
        return (1 - angle * 2 / math.pi)[:, None]

    @pytest.mark.parametrize(('positive', 'negative', 'loss'), [(0.1, 0.4, 0.0), (0.1, 0.6, 0.0), (0.1, 0.3, 0.1),
                                                                (0.5, 0.5, 0.3), (0.6, 0.1, 0.8)])
    def test_zero_where_separated_by_the_margin(self, positive, negative, loss):
        value = spectral_angle_awareness_loss(self.angle_map(positive, negative), self.labels, 0.3)
        assert float(value) == pytest.approx(loss, abs=1e-5)

    def test_decreases_when_features_are_trained(self):
        mixing = torch.nn.Conv2d(8, 8, 1)
        template, search = torch.randn(1, 8, 7, 7), torch.randn(1, 8, 31, 31)
        search[..., 12:19, 12:19] = template + 0.5 * torch.randn(1, 8, 7, 7)
        optimiser = torch.optim.Adam(mixing.parameters(), lr=3e-2)
        losses = []
        for _ in range(60):
            loss = spectral_angle_awareness_loss(SAAM()(mixing(template), mixing(search)), self.labels, 0.3)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert losses[-1] < 0.8 * losses[0]

    def test_zero_without_a_target(self):
        assert float(spectral_angle_awareness_loss(self.angle_map(0.5, 0.5), ellipse_labels(NAN_BOX), 0.3)) == 0


def test_reconstruction_by_hand():
    spectra = torch.tensor([[[1.0, 2.0], [2.0, 4.0]]])
    exact = torch.tensor([[[0.0, 0.5], [2.0, 0.0]]])
    assert float(reconstruction_loss(SelfExpression((exact,), spectra))) == 0
    none = torch.zeros(1, 2, 2)
    assert float(reconstruction_loss(SelfExpression((none,), spectra))) == pytest.approx((1 + 4 + 4 + 16) / 2)


def test_total_is_finite_with_negative_pairs_and_so_are_gradients():
    cls = torch.randn(2, 3, 2, 25, 25, requires_grad=True)
    reg = (torch.rand(2, 3, 4, 25, 25) * 50 + 1).requires_grad_()
    outputs = fuse(cls, reg, torch.full((2, 3), 1 / 3), torch.rand(2, 1, 25, 25))
    terms = tracking_loss(outputs, torch.cat([BOX, NAN_BOX]), TrackingLossConfig())
    terms['total'].backward()
    assert set(terms) == {'total', 'cls', 'reg', 'branches', 'angle'}
    torch.testing.assert_close(terms['total'], sum(value for name, value in terms.items() if name != 'total'))
    assert cls.grad is not None
    assert reg.grad is not None
    assert bool(torch.isfinite(cls.grad).all())
    assert bool(torch.isfinite(reg.grad).all())
    assert float(reg.grad[1].abs().max()) == 0      # nothing to regress where there is no target


def test_more_positives_than_samples_are_refused():
    with pytest.raises(ValueError, match='got 65 of 64'):
        TrackingLossConfig(positives=65)
