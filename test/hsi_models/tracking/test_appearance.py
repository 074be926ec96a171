"""What the filter sees is centred, independent of exposure, and measured where the box is."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.frame import HyperspectralFrame, SpectralInfo
from hsi_models.tracking.appearance import Appearance, AppearanceConfig

CONFIG = AppearanceConfig()


@pytest.mark.parametrize('bands', [1, 2, 3, 16, 61])
@pytest.mark.parametrize('size', [(8, 8), (24, 20), (90, 70)])
def test_shapes_do_not_depend_on_bands_or_size(make_scene, bands: int, size: tuple[int, int]) -> None:
    scene = make_scene(bands=bands, size=size)
    box = scene.box(0)
    view = Appearance.fit(scene.frame(0), box, CONFIG).view(scene.frame(0), box.centre, box)
    assert view.features.shape[1:] == (32, 32)
    assert view.features.shape[0] == 9 + 1 + 1 + min(3, bands)
    assert view.scale_maps.shape[1:] == (64, 64)
    assert view.probability.shape == (128, 128)
    for maps in (view.features, view.scale_maps, view.probability, view.patch):
        assert maps.dtype == np.float32
        assert np.isfinite(maps).all()


def test_the_target_lies_in_the_middle_of_the_view(make_scene) -> None:
    scene = make_scene(camouflaged=True)
    frame, box = scene.frame(0), scene.box(0)
    view = Appearance.fit(frame, box, CONFIG).view(frame, box.centre, box)
    rows, columns = np.nonzero(view.probability > 0.5)
    assert np.median(rows) == pytest.approx(63.5, abs=1.5)
    assert np.median(columns) == pytest.approx(63.5, abs=1.5)
    assert view.region.centre == pytest.approx(box.centre)
    assert view.contrast(box) > 0.7
    assert view.contrast(Box(box.x + 40, box.y, box.w, box.h)) < 0.2


def test_the_map_of_contrasts_says_what_a_box_there_does(make_scene) -> None:
    scene = make_scene(camouflaged=True)
    frame, box = scene.frame(0), scene.box(0)
    view = Appearance.fit(frame, box, CONFIG).view(frame, box.centre, box)
    contrast = view.standing_out(box)
    assert contrast.shape == (32, 32)
    cell = view.region.w / 32
    for row, column in ((16, 16), (13, 18), (16, 9)):
        there = Box.from_centre(view.region.x + (column + 0.5) * cell, view.region.y + (row + 0.5) * cell, box.w, box.h)
        assert contrast[row, column] == pytest.approx(view.contrast(there), abs=0.12)


def test_exposure_does_not_matter(make_scene) -> None:
    scene = make_scene()
    frame, box = scene.frame(0), scene.box(0)
    darker = HyperspectralFrame((frame.as_float() * 0.5).astype(np.float32), SpectralInfo())
    appearance = Appearance.fit(frame, box, CONFIG)
    one, other = (appearance.view(image, box.centre, box) for image in (frame, darker))
    np.testing.assert_allclose(one.features, other.features, atol=0.02)


def test_the_spectrum_is_that_of_the_box(make_scene) -> None:
    scene = make_scene()
    frame, box = scene.frame(0), scene.box(0)
    view = Appearance.fit(frame, box, CONFIG).view(frame, (box.centre[0] + 7, box.centre[1] - 5), box)
    expected = frame.as_float()[int(box.y):int(box.y + box.h), int(box.x):int(box.x + box.w)].mean(axis=(0, 1))
    np.testing.assert_allclose(view.spectrum(box), expected, rtol=0.1)


def test_geometry_out_of_range_is_named() -> None:
    with pytest.raises(ValueError, match='an even cell_px >= 2, got 4, 32 and 3'):
        AppearanceConfig(cell_px=3)
