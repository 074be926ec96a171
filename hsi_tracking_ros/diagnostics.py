"""The node's state once a second on /diagnostics, written by hand.

The Python `diagnostic_updater` keeps a clock of its own and is wrong under `use_sim_time`: here durations and the
timer come from a steady clock, and only an image's age is taken by the node's clock.
"""
from __future__ import annotations

import math
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from hsi_tracking_ros import qos

OK, WARN, ERROR, STALE = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR, DiagnosticStatus.STALE

Report = tuple[str, bytes, str, Mapping[str, object]]
"""(name, level, message, values) of one DiagnosticStatus"""

_MOST_TEXT = 1000


class Window:
    """The values of the last seconds, by the steady clock.

    Args:
        seconds: how far back.
        limit: values kept at most.
        now: steady clock, seconds.
    """

    def __init__(self, seconds: float = 10.0, limit: int = 2000, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._now = seconds, now
        self._values: deque[tuple[float, float]] = deque(maxlen=limit)
        self._since = now()

    def add(self, value: float = 0.0) -> None:
        """Note a value that belongs to now; nan is left out."""
        if not math.isnan(value):
            self._values.append((self._now(), value))

    def rate_hz(self) -> float:
        """Values a second."""
        values = self._recent()
        if not values:
            return 0.0
        # Over the span the window really covers: less at the start, or where `limit` cut it short.
        span = self._now() - max(self._since, values[0][0] if len(values) == self._values.maxlen else 0.0,
                                 self._now() - self._seconds)
        return len(values) / span if span > 0 else 0.0

    def percentiles(self) -> dict[str, float]:
        """p50, p99 and max; nan without values."""
        values = [value for _, value in self._recent()]
        if not values:
            return dict.fromkeys(('p50', 'p99', 'max'), math.nan)
        p50, p99 = np.percentile(values, [50, 99])
        return {'p50': float(p50), 'p99': float(p99), 'max': max(values)}

    def _recent(self) -> list[tuple[float, float]]:
        oldest = self._now() - self._seconds
        return [entry for entry in list(self._values) if entry[0] >= oldest]


class Diagnostics:
    """Publishes what `collect` reports, once a second.

    Args:
        node: owner of publisher and timer.
        collect: called on the executor for the reports; a status is named `<node>: <name>`.
        hardware_id: of the camera, '' where unknown.
    """

    def __init__(self, node: Node, collect: Callable[[], Iterable[Report]],
                 hardware_id: Callable[[], str] = str) -> None:
        self._node, self._collect, self._hardware_id = node, collect, hardware_id
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', qos.profile('diagnostics'),
                                                qos_overriding_options=qos.overridable())
        # The node's own clock stands still where simulated time is paused.
        self._timer = node.create_timer(1.0, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def publish(self) -> None:
        """Publish now."""
        array = DiagnosticArray()
        array.header.stamp = self._node.get_clock().now().to_msg()
        array.status = [self._status(report) for report in self._collect()]
        self._publisher.publish(array)

    def _status(self, report: Report) -> DiagnosticStatus:
        name, level, message, values = report
        return DiagnosticStatus(
            name=f'{self._node.get_fully_qualified_name().lstrip("/")}: {name}', level=level, message=brief(message),
            hardware_id=brief(self._hardware_id()),
            values=[KeyValue(key=key, value=format_value(value)) for key, value in values.items()])


def format_value(value: object) -> str:
    """As people read it: floats with two decimals, nan as `unknown`."""
    if isinstance(value, float):
        return f'{value:.2f}' if math.isfinite(value) else 'unknown'
    return brief(str(value))


def brief(text: str) -> str:
    """At most 1000 characters of a text that may quote what a message holds: that may be of any length."""
    return text if len(text) <= _MOST_TEXT else f'{text[:_MOST_TEXT]}... ({len(text)} characters)'


def explained(error: BaseException) -> str:
    """An error for a log: what was expected and got, where it says that itself; else where it came from, too."""
    if isinstance(error, (ValueError, FileNotFoundError)):
        return brief(str(error) or type(error).__name__)
    return ''.join(traceback.format_exception(error))


def latency_values(windows: Mapping[str, Window]) -> dict[str, float]:
    """`<name> p50 [ms]` and so on for each window, for the status Latency."""
    return {f'{name} {key} [ms]': value for name, window in windows.items()
            for key, value in window.percentiles().items()}
