"""The default tracker around its network; the weights here are random: what is tested is how things are connected."""
from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.checkpoint import ModelCard, save_checkpoint
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.networks.auto_net import AutoNet
from hsi_models.networks.box_refiner import BoxRefiner
from hsi_models.tracking.auto_tracker import auto_config, create, measure
from hsi_models.tracking.confidence import Cues, StatusThresholds


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('auto') / 'auto.safetensors'
    save_checkpoint(path, AutoNet().state_dict(), ModelCard('auto', {}), half=True)
    return path


def _frames(bands: int, count: int = 3) -> list[HyperspectralFrame]:
    rng = np.random.default_rng(0)
    frames = []
    for number in range(count):
        cube = rng.normal(400, 12, (64, 80, bands))
        cube[20:34, 30 + number:46 + number] *= 1 + 0.4 * np.sin(np.arange(bands))
        frames.append(HyperspectralFrame(cube.astype(np.uint16), SpectralInfo(tuple(np.linspace(450, 900, bands))),
                                         number * 40_000_000, 'camera', number))
    return frames


@pytest.mark.parametrize('bands', [3, 16, 61])
def test_one_set_of_weights_for_any_camera(weights, bands) -> None:
    tracker, frames = create(weights=weights), _frames(bands)
    tracker.initialise(frames[0], Box(30, 20, 16, 14))
    for frame in frames[1:]:
        state = tracker.update(frame)
        assert np.isfinite(tuple(state.best_guess)).all()
        assert 0 <= state.score <= 1


def test_without_its_spectrum_a_target_is_not_believed_however_much_it_looks_like_it() -> None:
    score, limits = auto_config().score, StatusThresholds()
    seen = Cues(relative_peak=1.0, psr=500.0, spectral_angle_rad=0.01, contrast=1.0)
    assert score.score(seen) > 0.95
    assert score.score(replace(seen, contrast=math.nan)) > 0.95     # where the spectrum tells nothing
    assert score.score(replace(seen, contrast=0.1)) < limits.lost_score
    fading = [score.score(replace(seen, contrast=value)) for value in np.linspace(0, 1, 11)]
    assert fading == sorted(fading)


def test_onnx_agrees_with_eager(weights) -> None:
    pytest.importorskip('onnxruntime')
    answers = []
    for runtime in ('eager', 'onnx'):
        tracker, frames = create(weights=weights, runtime=runtime), _frames(16)
        tracker.initialise(frames[0], Box(30, 20, 16, 14))
        answers.append([tuple(tracker.update(frame).best_guess) for frame in frames[1:]])
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-3)


def test_weights_of_another_network_are_refused(tmp_path) -> None:
    path = tmp_path / 'other.safetensors'
    save_checkpoint(path, {'weight': torch.zeros(3)}, ModelCard('other', {}))
    with pytest.raises(ValueError, match='expected the weights of AutoNet'):
        create(weights=path)


def test_its_cost_is_known() -> None:
    parameters, gmacs = measure(16, 2)
    assert parameters == sum(p.numel() for network in (AutoNet(), BoxRefiner()) for p in network.parameters())
    assert 0.1 < gmacs < 0.4
