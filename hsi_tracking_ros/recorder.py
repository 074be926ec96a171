"""Records topics into a bag as the bytes that came, without deserialising them."""
from __future__ import annotations

import queue
import threading
import time
from collections.abc import Collection
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.exceptions import InvalidTopicNameException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from hsi_tracking_ros.bags import PACKAGE, BagWriter
from hsi_tracking_ros.interfaces import message_class, require_type_name
from hsi_tracking_ros.memory import RESERVED_MB, reserve

# Reliability and durability are asked for by what a topic is, never by what its publisher happens to offer.
RCLError = rclpy_implementation.RCLError
RELIABLE_TYPES = {f'{PACKAGE}/msg/HyperspectralInfo', f'{PACKAGE}/msg/TargetInit', f'{PACKAGE}/msg/TrackedTargetArray',
                  'diagnostic_msgs/msg/DiagnosticArray', 'visualization_msgs/msg/MarkerArray'}
LATCHED_TYPES = {f'{PACKAGE}/msg/HyperspectralInfo'}
LATCHED_TOPICS = {'/tf_static', '/robot_description'}
OF_ROS = {'/rosout', '/parameter_events'}
IMAGE_TYPE = 'sensor_msgs/msg/Image'
QUEUE_MESSAGES = 100
_MOST_LEFT = 1000        # messages of a topic that are still taken at the end, however fast more come


class Recorder(Node):
    """Subscribes to topics as they appear; a thread of its own writes.

    Args:
        writer: an empty bag.
        topics: names, absolute or relative to the namespace, or NAME:TYPE, which is subscribed to before anyone
            publishes; none: all but ROS's own and pictures for people. What is of no message type known here is left
            out and told once.
        reliable: record images as reliable, too: an every-frame evaluation.
        limit: end after so many images; 0: on a signal.

    Raises:
        ValueError: no such name of a topic or of a type.
    """

    def __init__(self, writer: BagWriter, topics: Collection[str] = (), *, reliable: bool = False, limit: int = 0,
                 **kwargs: Any) -> None:
        super().__init__('recorder', **kwargs)
        self._writer, self._reliable, self._limit = writer, reliable, limit
        self._wanted: set[str] = set()
        self._recorded: dict[str, Subscription[Any]] = {}
        self._images = 0
        self.lost = 0
        self.refused: dict[str, str] = {}
        try:
            given = dict(map(self._parse, topics))
        except ValueError:
            self.destroy_node()
            raise
        self._queue: queue.Queue[tuple[str, bytes, int] | None] = queue.Queue(QUEUE_MESSAGES)
        self._thread = threading.Thread(target=self._write, name='recorder', daemon=True)
        self._thread.start()
        for name, type_name in given.items():
            self._wanted.add(name)
            if type_name:
                self._record(name, type_name)
        reserve(RESERVED_MB)
        self._find()
        self.create_timer(0.1, self._find, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def destroy_node(self) -> None:
        """Write what waits and complete the bag."""
        if hasattr(self, '_thread') and self._thread.is_alive():    # a shutdown of the context comes here, too
            self._take_the_rest()
            self._queue.put(None)
            self._thread.join()
            self._writer.close()
        super().destroy_node()

    def _parse(self, topic: str) -> tuple[str, str]:
        name, separator, type_name = topic.partition(':')
        if separator:
            require_type_name(type_name)
        try:
            return self.resolve_topic_name(name), type_name
        except (InvalidTopicNameException, RCLError) as error:
            raise ValueError(f'expected the name of a topic, got {name!r}: {error}') from error

    def _find(self) -> None:
        for name, types in self.get_topic_names_and_types():
            wanted = name in self._wanted if self._wanted else self._is_default(name)
            if wanted and name not in self._recorded and name not in self.refused:
                self._record(name, types[0])

    @staticmethod
    def _is_default(name: str) -> bool:
        return name not in OF_ROS and '/overlay' not in name and not name.endswith('/transition_event')

    def _record(self, name: str, type_name: str) -> None:
        latched = type_name in LATCHED_TYPES or name in LATCHED_TOPICS
        is_image = type_name == IMAGE_TYPE
        reliable = latched or type_name in RELIABLE_TYPES or (is_image and self._reliable)
        profile = QoSProfile(
            depth=20 if is_image else 1000,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)
        try:
            message_type = message_class(type_name)
            self._writer.add_topic(name, type_name, latched=latched, reliable=reliable)
        except ValueError as error:
            self.refused[name] = str(error)
            self.get_logger().error(f'cannot record {name}: {error}')
            return
        self._recorded[name] = self.create_subscription(
            message_type, name, lambda data: self._store(name, data, is_image), profile, raw=True)
        self.get_logger().info(f'records {name} ({type_name})')

    def _store(self, name: str, data: bytes, is_image: bool) -> None:
        try:
            self._queue.put_nowait((name, data, time.time_ns()))
        except queue.Full:
            self.lost += 1
            return
        self._images += is_image
        if self._limit and self._images >= self._limit:
            self.context.try_shutdown()

    def _take_the_rest(self) -> None:
        """What had come when a signal ended the executor: a busy machine is some messages behind."""
        for name, subscription in self._recorded.items() if not self._limit else ():
            with subscription.handle:
                for _ in range(_MOST_LEFT):
                    if (taken := subscription.handle.take_message(subscription.msg_type, True)) is None:
                        break       # type: ignore[unreachable]     # rclpy leaves this out
                    self._queue.put((name, taken[0], time.time_ns()))

    def _write(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                self._writer.write(*item)
            except Exception as error:      # a full disk, say: tell, and go on counting
                self.lost += 1
                if self.lost == 1:
                    self.get_logger().error(f'cannot write: {error}')
