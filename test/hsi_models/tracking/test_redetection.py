"""A lost target is looked for where its spectrum is, and on a spiral that covers the surroundings."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.tracking.probability import TargetProbability
from hsi_models.tracking.redetection import spectral_candidate, spiral_candidate


@pytest.mark.parametrize('size', [(24, 20), (9, 8)])
@pytest.mark.parametrize('where', [(5, 70), (120, 10), (100, 90)])
def test_the_spectrum_finds_the_target_anywhere(make_scene, size: tuple[int, int], where: tuple[int, int]) -> None:
    scene = make_scene(size=size, camouflaged=True)
    probability = TargetProbability.fit(scene.frame(0).data, scene.box(0))
    box = Box(*where, *size)
    found = spectral_candidate(scene.frame(1, box=box), probability, box)
    assert np.hypot(found[0] - box.centre[0], found[1] - box.centre[1]) < 0.25 * np.sqrt(box.area)


def test_the_spiral_widens_and_stays_inside(make_scene) -> None:
    scene = make_scene()
    frame, box = scene.frame(0), scene.box(0)
    points = [spiral_candidate(frame, box.centre, box, index) for index in range(1, 40)]
    assert all(0 <= x <= frame.width and 0 <= y <= frame.height for x, y in points)
    distances = [np.hypot(x - box.centre[0], y - box.centre[1]) for x, y in points]
    assert distances[0] < distances[20]
    near = [np.hypot(x - box.centre[0] - 40, y - box.centre[1] + 30) for x, y in points]
    assert min(near) < 1.5 * np.sqrt(box.area)      # no hole in it
