"""The target probability image separates by the shape of the spectrum alone, whatever the light and the bands."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.tracking.probability import (
    Separability,
    TargetProbability,
    component_box,
    roc_area,
    sigmoid,
)


def scene(bands: int = 16, box: Box | None = None, noise: float = 0.01, seed: int = 0) -> np.ndarray:
    """Random brightness, one spectrum for the background, another one, 15 degrees away, inside the box."""
    rng = np.random.default_rng(seed)
    axis = np.linspace(0, 3, bands)
    image = rng.uniform(0.2, 0.9, (60, 80, 1)) * (1 + 0.3 * np.cos(axis))
    if box is not None:
        x, y, w, h = (int(v) for v in box)
        image[y:y + h, x:x + w] = rng.uniform(0.2, 0.9, (h, w, 1)) * (1 + 0.3 * np.cos(axis + 1.2))
    return (image + rng.normal(0, noise, image.shape)).astype(np.float32)


BOX = Box(30, 20, 20, 16)


@pytest.mark.parametrize('bands', [3, 16, 61, 128])
def test_the_target_stands_out(bands: int) -> None:
    model = TargetProbability.fit(scene(bands, BOX), BOX)
    p = model.apply(scene(bands, BOX, seed=1))
    assert p.shape == (60, 80)
    assert p.dtype == np.float32
    assert p[23:33, 33:47].mean() > 0.9
    p[18:38, 28:52] = 0
    assert p.mean() < 0.1
    assert model.separability.roc > 0.98
    assert model.separability.ok > 0.75
    assert model.separability.weight > 0.6


def test_brightness_means_nothing() -> None:
    image = scene(box=BOX)
    model = TargetProbability.fit(image, BOX)
    shading = np.linspace(0.3, 1.5, 80, dtype=np.float32)[:, None]
    np.testing.assert_allclose(model.apply(image * np.float32(7)), model.apply(image), atol=1e-3)
    assert abs(model.apply(image * shading) - model.apply(image)).mean() < 0.01


def test_without_a_difference_it_claims_none() -> None:
    separability = TargetProbability.fit(scene(), BOX).separability
    assert separability.roc < 0.89      # a hundred blurred pixels of noise are told apart a little
    assert separability.weight == 0


def test_few_pixels_are_enough() -> None:
    box = Box(30, 20, 8, 8)
    p = TargetProbability.fit(scene(box=box), box).apply(scene(box=box, seed=1))
    assert p[22:26, 32:36].mean() > 0.9


@pytest.mark.parametrize('damage', ['constant band', 'dead bands', 'saturated target', 'black corner'])
def test_damaged_input_gives_finite_probabilities(damage: str) -> None:
    image = scene(box=BOX)
    if damage == 'constant band':
        image[..., 3] = 0.5
    elif damage == 'dead bands':
        image[..., :15] = 0
    elif damage == 'saturated target':
        image[20:36, 30:50] = 1
    else:
        image[:20, :20] = 0
    p = TargetProbability.fit(image, BOX).apply(image)
    assert np.isfinite(p).all()
    assert p.min() >= 0
    assert p.max() <= 1
    if damage == 'black corner':
        assert (p[:17, :17] == 0).all()     # no light, no evidence


def test_integers_are_as_good_as_floats() -> None:
    image = scene(box=BOX)
    counts = (image * 600).clip(0, 1023).round().astype(np.uint16)
    model = TargetProbability.fit(counts, BOX)
    assert model.apply(counts.astype(np.float32))[23:33, 33:47].mean() > 0.9


def test_a_box_over_the_edge_learns_from_what_is_inside() -> None:
    image = scene(box=Box(0, 0, 20, 16))
    assert TargetProbability.fit(image, Box(-10, -8, 30, 24)).apply(image)[4:12, 4:16].mean() > 0.8


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match='expected a box that shows a pixel of the 80 x 60 frame, got'):
        TargetProbability.fit(scene(), Box(200, 200, 10, 10))
    image = scene(box=BOX)
    image[25, 35, 2] = np.nan
    with pytest.raises(ValueError, match='expected finite values .* got nan or inf'):
        TargetProbability.fit(image, BOX)


def test_weight_asks_for_both_signs_of_separation() -> None:
    assert Separability(roc=1.0, ok=0.9, held_out=0.5).weight == 1
    assert Separability(roc=1.0, ok=0.6, held_out=1.0).weight == 0
    assert Separability(roc=0.9, ok=0.9, held_out=1.0).weight == 0


def test_what_separates_on_fitted_pixels_alone_is_told_from_what_separates() -> None:
    box = Box(25, 15, 20, 20)
    nothing, something = (TargetProbability.fit(scene(128, there, noise=0.05), box).separability
                          for there in (None, box))
    assert min(nothing.roc, something.roc) > 0.99     # about as many bands as pixels inside
    assert nothing.held_out < 0.7
    assert something.held_out > 0.99


@pytest.mark.parametrize('box', [Box(30, 20, 1, 1), Box(30, 20, 2, 1), Box(0, 0, 80, 60)])
def test_targets_without_pixels_to_hold_out_have_a_number_too(box: Box) -> None:
    assert 0 <= TargetProbability.fit(scene(box=box), box).separability.held_out <= 1


def test_roc_area() -> None:
    assert roc_area(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
    assert roc_area(np.array([1.0]), np.array([1.0])) == 0.5
    assert roc_area(np.array([]), np.array([1.0])) == 0.5


def test_sigmoid_does_not_overflow() -> None:
    np.testing.assert_allclose(sigmoid(np.array([-1e5, 0, 1e5], np.float32)), [0, 0.5, 1])


def test_the_component_under_the_box_is_taken() -> None:
    p = np.zeros((30, 40), np.float32)
    p[5:15, 5:12] = 0.9
    p[2:28, 30:38] = 0.9
    assert component_box(p, Box(6, 6, 8, 8)) == Box(5, 5, 7, 10)
    assert component_box(p, Box(16, 16, 8, 8)) is None
    assert component_box(p, Box(100, 100, 8, 8)) is None
