"""Rows of OpenCV (KCF, CSRT, MIL) on false colour, run by another Python: their wheel shares cv2 with the runtime's."""
from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.peers.still import boxed
from hsi_models.boxes import Box
from hsi_models.colour import FalseColour
from hsi_models.frame import HyperspectralFrame
from hsi_models.tracking.state import TrackState

WORKER = Path(__file__).with_name('opencv_worker.py')
NAMES = ('KCF', 'CSRT', 'MIL')


class OpenCvTracker:
    """Follows the `Tracker` protocol; where OpenCV gives up, the last box stays.

    Args:
        name: KCF, CSRT or MIL.
        python: interpreter of an environment with opencv-contrib-python-headless.

    Raises:
        ValueError: no such tracker.
        RuntimeError: the other interpreter ends.
    """

    def __init__(self, name: str, python: Path) -> None:
        if name not in NAMES:
            raise ValueError(f'expected a tracker of OpenCV ({", ".join(NAMES)}), got {name!r}')
        self._worker = subprocess.Popen([python, WORKER, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self._colour: FalseColour | None = None
        self._box = Box(0, 0, 1, 1)
        self._age = 0

    def initialise(self, frame: HyperspectralFrame, box: Box) -> TrackState:
        """Fit false colour on the first frame and start."""
        self._colour, self._box, self._age = FalseColour.fit(frame), box, 0
        self._ask(self._colour, frame, box)
        return boxed(box, 0)

    def update(self, frame: HyperspectralFrame) -> TrackState:
        """Ask for the next box."""
        if self._colour is None:
            raise RuntimeError('expected initialise() before update(), got no target')
        answer = self._ask(self._colour, frame, None)
        if answer is not None and min(answer[2:]) > 0:
            self._box = Box(*answer)
        self._age += 1
        return boxed(self._box, self._age)

    def reset(self) -> None:
        """Forget the target; the worker starts anew with the next box."""
        self._colour = None

    def close(self) -> None:
        """End the other interpreter."""
        self._worker.communicate()

    def _ask(self, colour: FalseColour, frame: HyperspectralFrame, box: Box | None) -> list[float] | None:
        stdin, stdout, stderr = self._worker.stdin, self._worker.stdout, self._worker.stderr
        if stdin is None or stdout is None or stderr is None:
            raise RuntimeError('expected a worker with pipes, got one without')
        head = {'height': frame.height, 'width': frame.width, 'box': None if box is None else list(box)}
        image = np.ascontiguousarray(colour.apply(frame)[..., ::-1])
        try:
            stdin.write(json.dumps(head).encode() + b'\n' + image.tobytes())
            stdin.flush()
            answer = stdout.readline()
        except BrokenPipeError:
            answer = b''
        if not answer:
            last = stderr.read().decode(errors='replace').strip().splitlines()
            raise RuntimeError(f'expected a box from OpenCV, got {last[-1] if last else "the end of its process"}')
        found: list[float] | None = json.loads(answer)
        return found
