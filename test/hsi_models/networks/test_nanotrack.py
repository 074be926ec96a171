"""NanoTrack v3 as its author's facts state it; with the published weights, where they are, it finds targets."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open

from hsi_models.boxes import Box
from hsi_models.networks.nanotrack import WEIGHTS_SHA256, NanoTrack
from hsi_models.tracking.crops import crop, siamese_region, to_frame
from hsi_models.tracking.matcher import Geometry
from hsi_models.tracking.network_matcher import target_score
from hsi_models.tracking.views import planes


@pytest.fixture(scope='module')
def weights(shared_data: Path) -> Path:
    return shared_data / 'pretrained' / 'nanotrackv3' / 'weights.safetensors'


def test_parameters_and_shapes():
    network = NanoTrack().eval()
    count = [sum(value.numel() for value in part.parameters()) for part in (network.backbone, network.ban_head)]
    assert count == [282_368, 259_078]
    with torch.inference_mode():
        state = network.template(torch.rand(2, 3, 127, 127))
        cls, reg = network.search(torch.rand(2, 3, 255, 255), *state)
    assert [tuple(value.shape) for value in state] == [(2, 64, 96), (2, 96, 4, 4)] * 2
    assert (cls.shape, reg.shape) == ((2, 2, 15, 15), (2, 4, 15, 15))
    assert float(reg.min()) > 0


def test_names_are_the_authors(weights: Path):
    with safe_open(str(weights), 'pt') as file:
        assert set(file.keys()) == set(NanoTrack().state_dict())


def test_a_batch_of_two_is_two_of_one():
    torch.manual_seed(0)
    network, template, search = NanoTrack().eval(), torch.rand(2, 3, 127, 127), torch.rand(2, 3, 255, 255)
    with torch.inference_mode():
        both = network.search(search, *network.template(template))
        alone = [network.search(search[i:i + 1], *network.template(template[i:i + 1])) for i in (0, 1)]
    for i, output in enumerate(both):
        torch.testing.assert_close(output, torch.cat([one[i] for one in alone]), rtol=1e-4, atol=1e-5)


def test_other_weights_are_refused(tmp_path: Path):
    from safetensors.torch import save_file

    path = tmp_path / 'other.safetensors'
    save_file({'x': torch.zeros(1)}, str(path))
    with pytest.raises(ValueError, match=WEIGHTS_SHA256):
        NanoTrack.load(path)
    with pytest.raises(ValueError, match='expected the weights of NanoTrack'):
        NanoTrack.load(path, sha256='')
    with pytest.raises(FileNotFoundError, match='expected a weights file'):
        NanoTrack.load(tmp_path / 'none.safetensors')


@torch.inference_mode()
def test_it_finds_targets_of_real_videos(weights: Path, shared_data: Path):
    network, geometry = NanoTrack.load(weights), Geometry(15, 16)
    overlaps = []
    for name in ('car14', 'girl', 'biker', 'human7', 'drone1', 'goat'):
        folder = shared_data / 'videos' / name
        boxes = [Box(*row) for row in np.loadtxt(folder / 'groundtruth_rect.txt', delimiter=',')[[0, 15]]]
        first, second = (cv2.imread(str(folder / f'{i:04d}.jpg'))[..., ::-1] for i in (1, 16))
        moved = Box(boxes[1].x + 0.3 * boxes[1].w, boxes[1].y - 0.2 * boxes[1].h, boxes[1].w, boxes[1].h)
        region = siamese_region(moved, 255)
        crops = [torch.from_numpy(planes(crop(image, where, (size, size))))[None] / 255 for image, where, size in
                 ((first, siamese_region(boxes[0]), 127), (second, region, 255))]
        cls, reg = network.search(crops[1], *network.template(crops[0]))
        score = target_score(cls[0].numpy())
        row, column = np.unravel_index(int(score.argmax()), score.shape)
        corners = geometry.boxes(reg[0].numpy())[:, row, column]
        found = to_frame(Box.from_corners(*corners), region, (255, 255))
        overlaps.append(found.iou(boxes[1]))
    assert min(overlaps) > 0.5
    assert np.mean(overlaps) > 0.7
