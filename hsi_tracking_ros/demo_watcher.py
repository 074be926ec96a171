"""What the demo itself sees of its graph: pictures, answers and diagnostics."""
from __future__ import annotations

import math
import time
from types import TracebackType
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage

from hsi_tracking_ros import transport
from hsi_tracking_ros.messages import stamp_ns
from hsi_tracking_ros.msg import TrackedTargetArray
from hsi_tracking_ros.refusals import refusal
from hsi_tracking_ros.target_outputs import STAGES

KEPT = QoSProfile(depth=1000)
DEFAULT_RATE_HZ = 25.0


class Watcher:
    """A node of the calling process; spun by hand."""

    def __init__(self) -> None:
        self.pictures: list[tuple[int, bytes]] = []
        """(stamp_ns, JPEG)"""
        self.statuses: dict[str, dict[str, Any]] = {}
        """last of each, by name: level, message, values"""
        self.refusal = ''
        """which node could not be configured, and why"""
        self.ages_ms: list[float] = []
        """of the targets when they were published, against the stamp of their image; without those of unknown age"""
        self._answered: set[int] = set()
        self._latency: dict[str, str] = {}      # last known values: those of the tracker cover some seconds only

    def __enter__(self) -> Watcher:
        transport.prepare()
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)     # Ctrl-C is the caller's
        self._node = rclpy.create_node('demo')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._node.create_subscription(CompressedImage, 'visualiser/overlay/compressed', self._on_picture, KEPT)
        self._node.create_subscription(TrackedTargetArray, 'tracker/targets', self._on_targets, KEPT)
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, KEPT)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown()

    def spin(self, seconds: float) -> None:
        """Take in messages for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def _on_picture(self, message: CompressedImage) -> None:
        self.pictures.append((stamp_ns(message.header.stamp), bytes(message.data)))

    def _on_targets(self, message: TrackedTargetArray) -> None:
        self._answered.add(stamp_ns(message.header.stamp))
        if math.isfinite(message.pipeline_latency_ms):
            self.ages_ms.append(message.pipeline_latency_ms)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.refusal = self.refusal or refusal(message)
        for status in message.status:
            self.statuses[status.name] = {'level': int.from_bytes(status.level, 'little'), 'message': status.message,
                                          'values': {pair.key: pair.value for pair in status.values}}
            if status.name == 'tracker: Latency':
                self._latency.update({pair.key: pair.value for pair in status.values if pair.value != 'unknown'})

    def value(self, status: str, key: str, default: str = '') -> str:
        """One value of the last diagnostics."""
        return str(self.statuses.get(status, {}).get('values', {}).get(key, default))

    @property
    def answers(self) -> int:
        """Images the tracker answered."""
        return len(self._answered)

    @property
    def total(self) -> int:
        """Frames that will be played; 0: not known yet."""
        return int(self.value('player: Playback', 'to play', '0'))

    @property
    def finished(self) -> bool:
        """True once the player has sent its last frame."""
        return self.value('player: Playback', 'state') == 'finished'

    @property
    def player_failed(self) -> str:
        """Why the player stopped, '' where it has not."""
        status = self.statuses.get('player: Playback', {})
        return str(status['message']) if self.value('player: Playback', 'state') == 'failed' else ''

    @property
    def complete(self) -> bool:
        """True when the tracker counts what the player sent, and everything answered is drawn."""
        frames = self.frames()
        lost = self._count(f'{self._chain[0]}: Input', 'lost by middleware')
        return 0 < frames['sent'] <= frames['received'] + lost \
            and len({stamp for stamp, _ in self.pictures}) >= self.answers >= frames['received'] - frames['dropped']

    def _count(self, status: str, key: str) -> int:
        return int(self.value(status, key, '0'))

    def frames(self) -> dict[str, int]:
        """Frames that were sent, came to the tracker, and were dropped there because it was busy; with a
        super-resolver before the tracker: came to that one, and were dropped by either."""
        return {'sent': self._count('player: Playback', 'sent'),
                'received': self._count(f'{self._chain[0]}: Input', 'received'),
                'dropped': sum(self._count(f'{name}: Input', 'dropped busy') for name in self._chain)}

    @property
    def _chain(self) -> list[str]:
        """The nodes that an image goes through before it is answered."""
        return [*(['super_resolution'] if 'super_resolution: Input' in self.statuses else []), 'tracker']

    @property
    def frame_rate_hz(self) -> float:
        """Nominal rate of the sequence."""
        return float(self.value('player: Playback', 'nominal rate [Hz]', str(DEFAULT_RATE_HZ)))

    def summary(self) -> dict[str, Any]:
        """What diagnostics say, as the report wants it."""
        def milliseconds(key: str) -> float | None:
            return float(self._latency[key]) if key in self._latency else None
        weights = self.value('tracker: Compute', 'weights sha256', 'none')
        return {
            'frames': {**self.frames(), 'answered': self.answers, 'drawn': len({stamp for stamp, _ in self.pictures})},
            'stages_ms': {stage: milliseconds(f'{stage} p50 [ms]') for stage in STAGES},
            'tracker': self.value('tracker: Compute', 'tracker'),
            'weights_sha256': weights if len(weights) == 64 else None,
            'sequence': self.value('player: Playback', 'source'),
            'diagnostics': dict(sorted(self.statuses.items()))}
