"""The batched probability image is the tracker's."""
import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.tracking.probability import ProbabilityConfig, Separability, TargetProbability
from hsi_models.training.target_probability import (
    component_overlap,
    fit_probability,
    held_out_areas,
    unit_spectra,
)

BOXES = ((20.0, 24.0, 24.0, 16.0), (22.0, 20.0, 18.0, 26.0))


def _views(contrast: float) -> torch.Tensor:
    """(2, 9, 64, 64): noise around one spectrum, the target's another one."""
    rng = np.random.default_rng(3)
    spectrum, other = 0.5 + rng.random(9), rng.standard_normal(9)
    views = np.empty((2, 9, 64, 64), np.float32)
    for index, (x, y, w, h) in enumerate(BOXES):
        cube = np.tile(spectrum[:, None, None], (1, 64, 64)) * (0.5 + rng.random((64, 64)))
        cube[:, int(y):int(y + h), int(x):int(x + w)] *= (1 + contrast * other)[:, None, None]
        views[index] = cube + 0.05 * rng.standard_normal(cube.shape)
    return torch.from_numpy(views)


def test_it_agrees_with_the_tracker_of_one_frame() -> None:
    config, views = ProbabilityConfig(max_samples=64 * 64), _views(0.15)
    spectra = unit_spectra(views, config.blur_px)
    batch = fit_probability(spectra, torch.tensor(BOXES), config)
    images = batch.apply(spectra)
    overlap = component_overlap(images, torch.tensor(BOXES))
    for index, box in enumerate(BOXES):
        cube = np.ascontiguousarray(views[index].numpy().transpose(1, 2, 0))
        single = TargetProbability.fit(cube, Box(*box), config)
        assert np.corrcoef(images[index].numpy().ravel(), single.apply(cube).ravel())[0, 1] > 0.995
        assert abs(float(batch.roc[index]) - single.separability.roc) < 0.02
        assert abs(overlap[index] - single.separability.ok) < 0.15


@pytest.mark.parametrize('contrast', [0.0, 0.05, 0.15])
def test_pixels_that_were_not_fitted_separate_as_in_the_tracker(contrast: float) -> None:
    config, views = ProbabilityConfig(max_samples=64 * 64), _views(contrast)
    found = held_out_areas(unit_spectra(views, config.blur_px), torch.tensor(BOXES), config)
    for index, box in enumerate(BOXES):
        cube = np.ascontiguousarray(views[index].numpy().transpose(1, 2, 0))
        single = TargetProbability.fit(cube, Box(*box), config).separability.held_out
        assert abs(float(found[index]) - single) < 0.08, (float(found[index]), single)


def test_without_a_difference_nothing_separates() -> None:
    config, views = ProbabilityConfig(), _views(0.0)
    spectra, boxes = unit_spectra(views, config.blur_px), torch.tensor(BOXES)
    batch = fit_probability(spectra, boxes, config)
    assert float(batch.roc.max()) < 0.85
    assert all(Separability(*one, held_out=0.0).weight == 0 for one in
               zip(batch.roc.tolist(), component_overlap(batch.apply(spectra), boxes), strict=True))


def test_each_target_is_fitted_on_its_own() -> None:
    config, views = ProbabilityConfig(), _views(0.1)
    boxes = torch.tensor(BOXES)
    both = fit_probability(unit_spectra(views, 0.8), boxes, config)
    alone = fit_probability(unit_spectra(views[1:], 0.8), boxes[1:], config)
    torch.testing.assert_close(both.weights[1:], alone.weights, rtol=1e-3, atol=1e-3)
