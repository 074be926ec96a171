"""Counts the images a node gets and tells them as the status Input of its diagnostics."""
from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import Image

from hsi_tracking_ros.diagnostics import ERROR, OK, WARN, Report, Window, explained, format_value

IMAGE_TIMEOUT_S = 2.0


@dataclass
class InputReport:
    """Figures of one activation.

    Args:
        topic: resolved name of the image topic, '' before the first activation.
        idle: why no image is expected, '' where they are.
        note: what the user should know of the input.
    """

    topic: str = ''
    idle: str = ''
    note: str = ''
    received: int = 0
    lost: int = 0
    rejected: int = 0
    last_reason: str = ''
    encoding: str = ''
    bands: int = 0
    rate: Window = field(default_factory=Window)
    _last_image_s: float = field(default_factory=time.monotonic)
    _told: int = 0

    def image_received(self, message: Image) -> None:
        """An image arrived."""
        self.received += 1
        self.encoding = message.encoding
        self.rate.add()
        self._last_image_s = time.monotonic()

    def messages_lost(self, event: Any) -> None:
        """The middleware says that it lost messages."""
        self.lost += event.total_count_change

    def reject(self, error: BaseException, node: Node) -> None:
        """Something was refused: count it, and tell each new reason in the node's log."""
        reason = str(error) or type(error).__name__
        new = reason != self.last_reason
        self.rejected += 1
        self.last_reason = reason
        if new and node.context.ok():
            node.get_logger().error(f'rejected: {explained(error)}')

    def collect(self, node: Node, *, dropped: int = 0, waiting: int = 0, failure: str = '') -> Report:
        """The status.

        Args:
            node: asked for the publishers of the image topic.
            dropped: images that had to go because the worker was busy.
            waiting: images in the queue.
            failure: why the node does not work at all, '' where it does.
        """
        endpoints = node.get_publishers_info_by_topic(self.topic) if self.topic else []
        offered = {f'{e.qos_profile.reliability.name} {e.qos_profile.durability.name}'.lower() for e in endpoints}
        silent_s = time.monotonic() - self._last_image_s
        level, message = OK, f'{format_value(self.rate.rate_hz())} Hz'
        if failure:
            level, message = ERROR, failure
        elif self.rejected > self._told:
            level, message = WARN, f'rejected: {self.last_reason}'
        elif self.idle:
            message = self.idle
        elif silent_s > IMAGE_TIMEOUT_S:
            level, message = WARN, f'no image for {silent_s:.0f} s on {self.topic}, publishers: {len(endpoints)}'
        elif self.note:
            level, message = WARN, self.note
        self._told = self.rejected
        return 'Input', level, message, {
            'topic': self.topic, 'publishers': len(endpoints), 'offered QoS': ', '.join(sorted(offered)) or 'none',
            'rate [Hz]': self.rate.rate_hz(), 'received': self.received, 'lost by middleware': self.lost,
            'dropped busy': dropped, 'waiting': waiting, 'rejected': self.rejected,
            'last reason': self.last_reason or 'none', 'encoding': self.encoding or 'unknown',
            'bands': self.bands or 'unknown', 'note': self.note or 'none'}
