"""Holds images back until it is known what their bands are."""
from __future__ import annotations

import time
from collections.abc import Callable

from sensor_msgs.msg import Image

from hsi_tracking_ros.image_codec import is_mosaic
from hsi_tracking_ros.worker import DropOldestQueue


class InfoGate:
    """Stands between the image callback and the worker.

    The latched `hyperspectral_info` may arrive a moment after the first images, and then would make a target that
    was begun on them worthless. A mosaic means nothing without its pattern and waits for good; a cube can be
    tracked by band numbers and waits for a moment only, for there are cameras whose drivers state nothing.

    Args:
        pass_on: takes the images.
        capacity: images held; the oldest is dropped and counted.
        grace_s: how long cubes wait.
        now: steady clock, seconds.
    """

    def __init__(self, pass_on: Callable[[Image], object], capacity: int = 1, grace_s: float = 1.0,
                 now: Callable[[], float] = time.monotonic) -> None:
        self._pass_on, self._now = pass_on, now
        self._held: DropOldestQueue[Image] = DropOldestQueue(capacity)
        self._until = now() + grace_s
        self.is_open = False

    @property
    def dropped(self) -> int:
        """Images that had to go while waiting."""
        return self._held.dropped

    def put(self, message: Image) -> bool:
        """Pass an image on; False if it is held back."""
        if not self.is_open and not is_mosaic(message.encoding) and self._now() >= self._until:
            self.open()
        if self.is_open:
            self._pass_on(message)
        else:
            self._held.put(message)
        return self.is_open

    def open(self) -> None:
        """The camera is known: pass on what was held, and everything from now on."""
        self.is_open = True
        while len(self._held):
            self._pass_on(self._held.get())
