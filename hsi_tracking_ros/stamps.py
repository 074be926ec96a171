"""Judges the stamps of an image stream: zero, backward, jumped. What it tells apart, a tracker must forget."""
from __future__ import annotations


class StampMonitor:
    """Looks at one stamp after another.

    Args:
        max_gap_s: a stamp later than the one before by more than this is a jump of the clock; 0: never.
    """

    def __init__(self, max_gap_s: float = 0.0) -> None:
        if max_gap_s < 0:
            raise ValueError(f'expected max_gap_s >= 0 (0: off), got {max_gap_s:g}')
        self._max_gap_ns = round(max_gap_s * 1e9)
        self._last: int | None = None

    def look(self, stamp_ns: int) -> str:
        """Why what came before no longer holds; '' while time runs as it should.

        A source that never stamps (all zero) is complained about once, at its first image.
        """
        last, self._last = self._last, stamp_ns
        if stamp_ns == 0:
            return '' if last == 0 else 'expected a stamp > 0, got 0: ages are unknown, images count as they arrive'
        if last is None:
            return ''
        if stamp_ns < last:
            return f'expected a stamp after {last} ns, got {stamp_ns} ns: a looped bag, or a clock set back'
        if self._max_gap_ns and last and stamp_ns - last > self._max_gap_ns:
            return (f'expected a stamp within {self._max_gap_ns / 1e9:g} s of {last} ns, got {stamp_ns} ns: '
                    'a jump of the clock, or a source that paused')
        return ''

    def forget(self) -> None:
        """Start anew: the next stamp is the first."""
        self._last = None
