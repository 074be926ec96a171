"""The frames of a source, each when it is due: in rounds, at a rate, until told otherwise."""
from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from hsi_tracking_ros.pacing import Pace
from hsi_tracking_ros.player_sources import Prefetch, Source, SourceFrame


class Playing:
    """Plays on the caller's thread; `pace`, `restart` and `stop` belong to other ones.

    Args:
        source: what is played.
        pace: when the next frame is due.
        prefetch: frames read ahead; the first one waits until so many are ready.
        limit: end a round after so many frames; 0: all.
        frame_rate_hz: at rate 1; 0: as the stamps say.
    """

    def __init__(self, source: Source, pace: Pace, *, prefetch: int = 8, limit: int = 0,
                 frame_rate_hz: float = 0.0) -> None:
        self.source, self.pace = source, pace
        self.rounds = 0
        self._prefetch, self._limit, self._frame_rate_hz = prefetch, limit, frame_rate_hz
        self._restart = False
        self._ahead: Prefetch | None = None

    def __len__(self) -> int:
        """Frames of one round."""
        return min(self._limit, len(self.source)) if self._limit else len(self.source)

    def read_ahead(self) -> None:
        """Begin to read the first round now, while there is time: a simulated scene takes a second to build."""
        self._ahead = self._ahead or Prefetch(self.source.frames(), self._prefetch)

    def restart(self) -> None:
        """Begin again instead of the next frame."""
        self._restart = True

    def frames(self, again: Callable[[], bool], tick: Callable[[int], None] | None = None) -> Iterator[SourceFrame]:
        """Frames when they are due.

        Args:
            again: asked at the end of a round whether to begin anew.
            tick: called between frames with the time of the recording, ns.
        """
        while True:
            yield from self._round(tick)
            if self.pace.stopped or not (self._restart or again()):
                return
            self.rounds += 1

    def _round(self, tick: Callable[[int], None] | None) -> Iterator[SourceFrame]:
        self._restart = False
        self.read_ahead()
        assert self._ahead is not None
        prefetch, self._ahead = self._ahead, None
        try:
            while not prefetch.ready and not self.pace.stopped:
                time.sleep(0.01)
            last: int | None = None
            for _ in range(len(self)):
                frame = prefetch.get()
                if frame is None or not self._wait(last, frame.stamp_ns, tick) or self._restart:
                    return
                last = frame.stamp_ns
                yield frame
        finally:
            prefetch.close()

    def _wait(self, last: int | None, stamp: int, tick: Callable[[int], None] | None) -> bool:
        if last is None:
            return self.pace.wait(0.0)
        interval_s = (stamp - last) * 1e-9
        if self._frame_rate_hz or interval_s <= 0:      # stamps that do not advance say nothing of the rate
            interval_s = 1.0 / (self._frame_rate_hz or self.source.frame_rate_hz)
        return self.pace.wait(interval_s, tick and (lambda gone_s: tick(last + round(gone_s * 1e9))))


class AnswerWindow:
    """Images under way to a tracker: how many may go out before the first of them is answered.

    Args:
        size: images under way at a time.
        timeout_s: without any answer for so long, those under way are given up.
    """

    def __init__(self, size: int, timeout_s: float) -> None:
        self._size, self._timeout_s = size, timeout_s
        self._under_way: deque[int] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def admit(self) -> int:
        """Wait until another image may go out; returns how many were given up for it."""
        return self.drain(self._size - 1)

    def sent(self, stamp_ns: int) -> None:
        """Note an image that goes out."""
        with self._changed:
            self._under_way.append(stamp_ns)

    def drain(self, left: int = 0) -> int:
        """Wait until at most `left` images are without an answer; returns how many were given up."""
        with self._changed:
            while len(self._under_way) > left and not self._closed:
                before = len(self._under_way)
                if not self._changed.wait(self._timeout_s) and len(self._under_way) == before:
                    self._under_way.clear()
                    return before
        return 0

    def answer(self, stamp_ns: int) -> None:
        """An answer came: this image, and those sent before it, are done."""
        with self._changed:
            if stamp_ns in self._under_way:
                while self._under_way.popleft() != stamp_ns:
                    pass
                self._changed.notify_all()

    def close(self) -> None:
        """End every wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
