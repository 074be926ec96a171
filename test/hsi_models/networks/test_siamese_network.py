"""Geometry of the response map and the fusion of branches."""
from __future__ import annotations

import torch

from hsi_models.networks.layers.adjust import centre_crop
from hsi_models.networks.siamese_network import decode_boxes, fuse, response_points


def test_points_are_8_pixels_apart_around_the_centre_of_the_crop():
    points = response_points()
    assert points[:, 12, 12].tolist() == [127.5, 127.5]
    assert points[:, 0, 24].tolist() == [127.5 + 96, 127.5 - 96]


def test_boxes_from_distances():
    reg = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 4, 1, 1).expand(1, 4, 25, 25)
    assert decode_boxes(reg)[0, :, 12, 12].tolist() == [126.5, 125.5, 130.5, 131.5]


def test_centre_crop_keeps_cell_n_half_in_the_middle():
    for cells, size in ((16, 7), (18, 7), (15, 7), (32, 31), (34, 31), (31, 31)):
        grid = torch.arange(cells).float().view(1, 1, 1, cells).expand(1, 1, cells, cells)
        cropped = centre_crop(grid, size)
        assert cropped.shape[-2:] == (size, size)
        assert float(cropped[0, 0, 0, size // 2]) == cells // 2


def test_fusion_is_a_weighted_mean():
    cls, reg = torch.rand(1, 2, 2, 3, 3), torch.rand(1, 2, 4, 3, 3)
    outputs = fuse(cls, reg, torch.tensor([[0.25, 0.75]]))
    torch.testing.assert_close(outputs.cls, 0.25 * cls[:, 0] + 0.75 * cls[:, 1])
    torch.testing.assert_close(outputs.reg, 0.25 * reg[:, 0] + 0.75 * reg[:, 1])
