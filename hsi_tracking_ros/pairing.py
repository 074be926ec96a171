"""Messages of several topics that belong to one image, brought together by their stamp, exactly."""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any


class StampPairing:
    """Bounded buffers, one a topic; what finds no partner is dropped when its buffer is full.

    Args:
        limits: topic -> messages kept; every topic named here is needed for a match.
        optional: topic -> messages kept; handed out with a match where it is there by then.
    """

    def __init__(self, limits: Mapping[str, int], optional: Mapping[str, int] | None = None) -> None:
        self._limits = {**limits, **(optional or {})}
        self._needed = tuple(limits)
        self._buffers: dict[str, OrderedDict[int, Any]] = {name: OrderedDict() for name in self._limits}
        self.unmatched = 0

    def put(self, topic: str, stamp_ns: int, message: Any) -> dict[str, Any] | None:
        """Store a message.

        Returns:
            topic -> message of this stamp as soon as all that is needed is there, taken out of the buffers;
            optional ones that are missing are None. None before.
        """
        buffer = self._buffers[topic]
        buffer[stamp_ns] = message
        if all(stamp_ns in self._buffers[name] for name in self._needed):
            return {name: messages.pop(stamp_ns, None) for name, messages in self._buffers.items()}
        if len(buffer) > self._limits[topic]:
            buffer.popitem(last=False)
            self.unmatched += topic in self._needed
        return None

    def take_older(self, topic: str, stamp_ns: int) -> list[tuple[int, Any]]:
        """Remove and return what waits on a topic with a stamp before this one, oldest first."""
        buffer = self._buffers[topic]
        return [(stamp, buffer.pop(stamp)) for stamp in sorted(s for s in buffer if s < stamp_ns)]

    def clear(self) -> None:
        """Forget everything."""
        for buffer in self._buffers.values():
            buffer.clear()
