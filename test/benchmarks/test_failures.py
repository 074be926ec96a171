"""The picture of failures shows the time in which a target is missed longest."""
from __future__ import annotations

import numpy as np
import pytest

from benchmarks.failures import TILE_PX, Run, draw, longest_run


@pytest.mark.parametrize(('missed', 'run'), [([0, 1, 1, 0, 1], (1, 3)), ([1, 0, 1, 1, 1], (2, 5)), ([0, 0], (0, 0)),
                                             ([1, 1], (0, 2))])
def test_longest_run(missed: list[int], run: tuple[int, int]) -> None:
    assert longest_run(np.array(missed, bool)) == run


def test_frames_around_the_longest_miss_are_drawn() -> None:
    run = Run.of('spectral_dcf', 'synthetic:demo?seed=1&frames=30&size=96x160')
    assert run.auc > 0.5
    image = draw('spectral_dcf', run)
    assert image.dtype == np.uint8
    assert image.shape[1] > 2 * TILE_PX
    run.overlap[:] = 0.8
    run.overlap[10:20] = 0.0
    assert run.moments() == [5, 10, 15, 19, 29]
