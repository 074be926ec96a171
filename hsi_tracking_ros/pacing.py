"""When the next frame is due: rate, pause and step, by the steady clock and without drift."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Tells a playing thread when to go on; controlled from other threads.

    Args:
        rate: media seconds a second; 0: as fast as possible.
        paused: wait for `resume` or `step` before the first frame.
        now: steady clock, s.
    """

    def __init__(self, rate: float = 1.0, *, paused: bool = False, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._paused, self._now = rate, paused, now
        self._steps = 0
        self._stopped = False
        self._credit_s = 0.0
        self._due: float | None = None
        self._changed = threading.Condition()

    @property
    def rate(self) -> float:
        """Media seconds a second; 0: as fast as possible."""
        return self._rate

    @property
    def paused(self) -> bool:
        """True while only `step` lets a frame through."""
        return self._paused

    @property
    def stopped(self) -> bool:
        """True after `stop`."""
        return self._stopped

    def set_rate(self, rate: float) -> None:
        """Change the rate from now on."""
        with self._changed:
            self._rate = rate
            self._changed.notify_all()

    def pause(self, paused: bool) -> None:
        """Pause or go on."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def step(self) -> None:
        """Let one frame through, then stay paused."""
        with self._changed:
            self._paused = True
            self._steps += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """End every `wait`."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def wait(self, interval_s: float, tick: Callable[[float], None] | None = None, tick_s: float = 0.01) -> bool:
        """Wait until media time has gone on by `interval_s` since the last wait, what was done in between included.

        Args:
            interval_s: media time since the last frame.
            tick: called about every `tick_s` with the media seconds gone by, for a simulated clock.
            tick_s: steady seconds.

        Returns:
            False once stopped.
        """
        gone_s, self._credit_s = self._credit_s, 0.0    # what the last wait overslept
        mark = self._now() if self._due is None else self._due
        self._due = None
        while True:
            with self._changed:
                if self._stopped:
                    return False
                if self._steps:
                    self._steps -= 1
                    return True
                now = self._now()
                if self._paused:
                    self._changed.wait()
                    mark = self._now()
                    continue
                if self._rate == 0:
                    return True
                gone_s += (now - mark) * self._rate
                mark = now
                if gone_s >= interval_s:
                    # A frame late is made up for, a stall is not: no burst after it.
                    self._credit_s = min(gone_s - interval_s, interval_s)
                    self._due = now
                    return True
                left_s = (interval_s - gone_s) / self._rate
                self._changed.wait(min(left_s, tick_s) if tick else left_s)
            if tick is not None:
                tick(min(gone_s, interval_s))
