"""A graph's nodes that could not be configured, by what they tell in their diagnostics."""
from __future__ import annotations

import os
import sys
import time
from types import TracebackType

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

from hsi_tracking_ros import qos
from hsi_tracking_ros.processes import NodeDiedError

LIFECYCLE_NODES = ('tracker', 'super_resolution')


def refusal(message: DiagnosticArray, namespace: str = '') -> str:
    """Which node of the graph does not work at all, and why; '' where none says so."""
    names = {f'{namespace}/{name}: Input'.strip('/'): name for name in LIFECYCLE_NODES}
    for status in message.status:
        # what a ManagedNode calls its `failure`
        if status.name in names and status.level == DiagnosticStatus.ERROR and status.message.startswith('could not '):
            return f'{names[status.name]} {status.message}'
    return ''


class RefusalWatch:
    """Listens from a context of its own in the calling process; spun by hand.

    Args:
        namespace: of the graph.
    """

    def __init__(self, namespace: str = '') -> None:
        self._namespace = namespace.strip('/')
        self._refusal = ''

    def __enter__(self) -> RefusalWatch:
        os.environ.setdefault('AMENT_PREFIX_PATH', sys.prefix)      # of transport.prepare: no images come here
        self._context = Context()
        rclpy.init(args=[], context=self._context)
        self._node = rclpy.create_node('play', context=self._context, start_parameter_services=False)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics,
                                       qos.profile('diagnostics'))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()

    def spin(self, seconds: float) -> None:
        """Listen for so long.

        Raises:
            NodeDiedError: a node of the graph could not be configured or activated.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)
        if self._refusal:
            raise NodeDiedError(self._refusal)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self._refusal = self._refusal or refusal(message, self._namespace)
