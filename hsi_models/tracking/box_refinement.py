"""A box corrected by what the first frame showed of its target: what surrounds the network `networks.box_refiner`."""
from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.runtime.executor import Executor, Precision, Runtime, State
from hsi_models.tracking.crops import crop

Floats = npt.NDArray[np.float32]
NAME = 'box_refiner'
REACH, SIDE = 2.0, 64
"""What its network looks at: so many times the box, in so many pixels along each side."""


@dataclass(frozen=True, eq=False)
class BoxRefinement:
    """Draws boxes towards the edges of a target in the probability image.

    Args:
        executor: of `BoxRefiner`.
        usual_error: of the boxes it is given, standard deviation in units of their sides: a correction whose own scale
            is as large counts by half.
    """

    executor: Executor
    usual_error: float = 0.2

    def learn(self, probability: Floats, box: Box) -> State:
        """What is kept of a target.

        Args:
            probability: of the target's spectrum, (S, S), 0..1.
            box: the target, pixels of it.
        """
        return self.executor.template(refiner_picture(probability, box))

    def correct(self, first: State, probability: Floats, box: Box, trust: float = 1.0) -> Box:
        """The box drawn to where its edges seem to be, as far as that can be seen.

        Args:
            first: of `learn`.
            probability: of a later frame.
            box: where the target is believed to be, pixels of it.
            trust: share of the correction that is made, 0..1.

        Raises:
            ValueError: the network gives values that are not finite.
        """
        moves, scales = (value[0].astype(np.float64) for value in
                         self.executor.search(first, refiner_picture(probability, box)))
        if not (np.isfinite(moves).all() and np.isfinite(scales).all()):
            raise ValueError('expected finite corrections of a box, got nan or inf: the weights do not fit, or need a '
                             'higher precision')
        x, y, wider, higher = trust * moves / (1 + (scales / self.usual_error) ** 2)
        return Box.from_centre(box.centre[0] + x * box.w, box.centre[1] + y * box.h,
                               box.w * math.exp(wider), box.h * math.exp(higher))


def refiner_picture(probability: Floats, box: Box) -> Floats:
    """What the network sees of a box, (1, 1, SIDE, SIDE); arguments as for `BoxRefinement.learn`."""
    return crop(probability, Box.from_centre(*box.centre, REACH * box.w, REACH * box.h), (SIDE, SIDE))[None, None]


def shipped_refiner() -> Path:
    """Where the package keeps the weights."""
    from hsi_models.checkpoint import shipped_path

    return shipped_path(NAME)


def create_refinement(weights: Path, *, device: str = 'cpu', runtime: Runtime = 'eager',
                      precision: Precision = 'fp32') -> BoxRefinement:
    """With trained weights.

    Args:
        weights: a file made by `hsi-tracking train box_refiner`.
        device: `cpu` or `cuda[:N]`.
        runtime, precision: see `runtime.paths.create_executor`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: weights of another network, or a runtime that does not exist there.
    """
    from hsi_models.checkpoint import load_weights
    from hsi_models.networks.box_refiner import BoxRefiner
    from hsi_models.runtime.paths import create_executor, refiner_paths

    network = BoxRefiner()
    load_weights(network, weights)
    return BoxRefinement(create_executor(refiner_paths(network), runtime, device=device, precision=precision,
                                         threads=1))
