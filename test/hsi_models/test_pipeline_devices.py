"""Frames in, boxes out, without ROS, with a network on each device there is."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hsi_models.boxes import Box
from hsi_models.camera import Camera
from hsi_models.pipeline import TrackingPipeline
from hsi_models.registry import create_tracker
from hsi_models.runtime.export import build_network
from hsi_models.superresolution.settings import SuperResolution

CAMERA = Camera(mosaic_rows=4, mosaic_columns=4, bit_depth=10,
                wavelengths_nm=(482, 493, 470, 465, 568, 581, 553, 544, 611, 620, 603, 590, 530, 539, 515, 503))


@pytest.mark.parametrize('name', ['ssf_net', 'bcr_net'])
@pytest.mark.parametrize('device', ['cpu', pytest.param('cuda', marks=pytest.mark.gpu)])
def test_a_network_tracks_through_the_pipeline(tmp_path, device, name):
    if device == 'cuda' and not torch.cuda.is_available():
        pytest.skip('needs a CUDA device')
    torch.manual_seed(0)
    save_file(build_network(f'{name}:fast').state_dict(), tmp_path / 'random.safetensors')
    tracker = create_tracker(name, device=device, weights=tmp_path / 'random.safetensors')
    pipeline = TrackingPipeline(tracker, camera=CAMERA)
    mosaics = np.random.default_rng(0).integers(0, 1023, (2, 256, 256), np.uint16)
    pipeline.process(mosaics[0], stamp_ns=1)
    assert pipeline.initialise(Box(80, 80, 64, 48)).states[0].box == Box(80, 80, 64, 48)
    state, = pipeline.process(mosaics[1], stamp_ns=40_000_001).states
    assert np.isfinite(tuple(state.best_guess)).all()
    assert 0 <= state.score <= 1


@pytest.mark.parametrize('mode', ['crop', 'frame'])
@pytest.mark.parametrize('device', ['cpu', pytest.param('cuda', marks=pytest.mark.gpu)])
def test_what_is_tracked_is_upscaled_on_the_device(device, mode):
    if device == 'cuda' and not torch.cuda.is_available():
        pytest.skip('needs a CUDA device')
    mosaic = np.random.default_rng(0).integers(0, 1023, (256, 320), np.uint16)
    boxes = []
    for where in ('cpu', device):
        pipeline = TrackingPipeline('spectral_dcf', camera=CAMERA, device=where,
                                    super_resolution=SuperResolution(mode, 'cst_eigen'))
        pipeline.process(mosaic, stamp_ns=1)
        pipeline.initialise(Box(80, 80, 64, 48))
        boxes.append(tuple(pipeline.process(mosaic, stamp_ns=40_000_001).states[0].best_guess))
    assert boxes[1] == pytest.approx(boxes[0], abs=0.5)
