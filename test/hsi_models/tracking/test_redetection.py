"""A lost target is looked for where its spectrum is, and on a spiral that covers the surroundings."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.tracking.probability import TargetProbability
from hsi_models.tracking.redetection import spectral_candidate, spectral_candidates, spiral_candidate


@pytest.mark.parametrize('size', [(24, 20), (9, 8)])
@pytest.mark.parametrize('where', [(5, 70), (120, 10), (100, 90)])
def test_the_spectrum_finds_the_target_anywhere(make_scene, size: tuple[int, int], where: tuple[int, int]) -> None:
    scene = make_scene(size=size, camouflaged=True)
    probability = TargetProbability.fit(scene.frame(0).data, scene.box(0))
    box = Box(*where, *size)
    found = spectral_candidate(scene.frame(1, box=box), probability, box)
    assert np.hypot(found[0] - box.centre[0], found[1] - box.centre[1]) < 0.25 * np.sqrt(box.area)


def test_twins_are_two_candidates_and_no_place_is_named_twice(make_scene) -> None:
    scene = make_scene(camouflaged=True)
    box, twin = scene.box(0), Box(20, 80, 24, 20)
    probability = TargetProbability.fit(scene.frame(0).data, box)
    frame = scene.frame(0)
    frame.data[80:100, 20:44] = scene.frame(0, box=twin).data[80:100, 20:44]
    first, second, third = spectral_candidates(frame, probability, box, 3)
    near = {min((box, twin), key=lambda one: np.hypot(*np.subtract(one.centre, found.centre)))
            for found in (first, second)}
    assert near == {box, twin}
    assert first.contrast >= second.contrast > 2 * third.contrast


def test_a_pixel_without_a_value_hides_only_itself(make_scene) -> None:
    scene = make_scene(camouflaged=True)
    frame, box = scene.frame(0), scene.box(0)
    probability = TargetProbability.fit(frame.data, box)
    data = frame.data.astype(np.float32)
    data[2, 3] = np.nan
    first, second = spectral_candidates(replace(frame, data=data), probability, box, 2)
    assert np.hypot(*np.subtract(first.centre, box.centre)) < 0.25 * np.sqrt(box.area)
    assert np.isfinite(second.contrast)


def test_the_spiral_widens_and_stays_inside(make_scene) -> None:
    scene = make_scene()
    frame, box = scene.frame(0), scene.box(0)
    points = [spiral_candidate(frame, box.centre, box, index) for index in range(1, 40)]
    assert all(0 <= x <= frame.width and 0 <= y <= frame.height for x, y in points)
    distances = [np.hypot(x - box.centre[0], y - box.centre[1]) for x, y in points]
    assert distances[0] < distances[20]
    near = [np.hypot(x - box.centre[0] - 40, y - box.centre[1] + 30) for x, y in points]
    assert min(near) < 1.5 * np.sqrt(box.area)      # no hole in it
