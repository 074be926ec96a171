"""Layers: a sprite lies where it is put, at its scale and turn, and covers what is behind."""
from __future__ import annotations

import pytest
import torch

from hsi_models.data.simulation.compose import blob, motion_blur, over, place, smooth_noise

DISC = torch.cat([torch.full((1, 1, 16, 16), 0.5), torch.ones((1, 1, 16, 16))], dim=1)


def put(x: float, y: float, scale: float = 1.0, angle: float = 0.0, sprite: torch.Tensor = DISC) -> torch.Tensor:
    return place(sprite, torch.tensor([[x, y]]), torch.tensor([scale]), torch.tensor([angle]), (60, 80))


@pytest.mark.parametrize(('x', 'y', 'scale'), [(40, 30, 1.0), (20.5, 41.25, 1.5), (60, 12, 0.7)])
def test_a_sprite_lies_where_it_is_put(x: float, y: float, scale: float) -> None:
    opacity = put(x, y, scale)[0, -1]
    rows, columns = torch.meshgrid(torch.arange(60.0) + 0.5, torch.arange(80.0) + 0.5, indexing='ij')
    assert float((opacity * columns).sum() / opacity.sum()) == pytest.approx(x, abs=0.1)
    assert float((opacity * rows).sum() / opacity.sum()) == pytest.approx(y, abs=0.1)
    assert float(opacity.sum()) == pytest.approx((16 * scale) ** 2, rel=0.02)


def test_a_quarter_turn_turns_x_into_y() -> None:
    sprite = torch.zeros((1, 2, 17, 17))
    sprite[:, :, 8, 13:] = 1                                     # a bar to the right
    turned = put(40, 30, angle=torch.pi / 2, sprite=sprite)[0, -1]
    rows = torch.nonzero(turned > 0.3)[:, 0].float().mean()
    assert float(rows) > 32                                      # now below: y points down


def test_over_covers_by_opacity() -> None:
    planes = over(torch.full((1, 1, 60, 80), 0.2), put(40, 30))
    assert float(planes[0, 0, 30, 40]) == pytest.approx(0.5)
    assert float(planes[0, 0, 5, 5]) == pytest.approx(0.2)


def test_motion_blur_spreads_along_the_way_and_keeps_the_amount() -> None:
    still = put(40, 30)
    moved = motion_blur(still, torch.tensor([[8.0, 0.0]]))
    assert float(moved.sum()) == pytest.approx(float(still.sum()), rel=1e-3)
    assert int((moved[0, -1, 30] > 0.05).sum()) > int((still[0, -1, 30] > 0.05).sum()) + 4
    assert int((moved[0, -1, :, 40] > 0.05).sum()) == int((still[0, -1, :, 40] > 0.05).sum())


def test_blobs_fill_their_square_and_differ() -> None:
    shapes = blob(40, torch.Generator().manual_seed(0), batch=3)
    assert shapes.shape == (3, 1, 40, 40)
    assert (shapes[:, 0, 20, 20] > 0.95).all()
    assert (shapes[:, 0, 0, 0] < 0.05).all()
    assert (shapes[0] - shapes[1]).abs().max() > 0.2


def test_noise_is_smooth_and_has_unit_deviation() -> None:
    noise = smooth_noise((1, 2, 64, 64), 8, torch.Generator().manual_seed(0))
    assert float(noise.std()) == pytest.approx(1, abs=0.01)
    assert float(noise.diff(dim=3).std()) < 0.4
