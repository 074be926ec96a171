"""The ring `node` of the benchmark: one tracker node in this process, one image after the other through its topics."""
from __future__ import annotations

import time
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from hsi_models.data.sequence import Sequence
from hsi_models.offline import first_box
from hsi_models.profiling import peak_memory_mb, percentiles
from hsi_models.runtime.options import NetworkOptions
from hsi_tracking_ros import qos
from hsi_tracking_ros.image_codec import to_message
from hsi_tracking_ros.messages import header_message, info_from_camera
from hsi_tracking_ros.msg import HyperspectralInfo, TrackedTargetArray
from hsi_tracking_ros.nodes.tracker_node import TrackerNode

ANSWER_TIMEOUT_S = 60.0


def measure_node(tracker: str, sequence: Sequence, *, device: str = 'cpu', network: NetworkOptions | None = None,
                 frames: int = 100) -> dict[str, Any]:
    """Send each image when the one before was answered: the node's throughput, codec and transport included.

    Call after `transport.prepare()`; uses a context of its own.

    Raises:
        ValueError: unknown tracker, no initial box.
        TimeoutError: no answer.
    """
    count = min(frames, len(sequence))
    images = [sequence.image(index) for index in range(count)]
    camera = sequence.camera
    box = first_box(sequence).scaled(*camera.pixel_size)
    context = rclpy.Context()
    rclpy.init(context=context)
    executor = SingleThreadedExecutor(context=context)
    overrides = {'tracker': tracker, 'device': device, 'every_frame': True, 'max_gap_s': 0.0,
                 'init_box': ','.join(repr(float(value)) for value in box), **(network or NetworkOptions()).chosen}
    node = TrackerNode(context=context, parameter_overrides=[Parameter(k, value=v) for k, v in overrides.items()])
    peer = rclpy.create_node('benchmark', context=context)
    answers: list[float] = []
    peer.create_subscription(TrackedTargetArray, 'tracker/targets', lambda _: answers.append(time.perf_counter()),
                             qos.profile('targets'))
    peer.create_publisher(HyperspectralInfo, 'hyperspectral_info', qos.profile('info')).publish(
        info_from_camera(camera))
    publisher = peer.create_publisher(Image, 'image', qos.profile('every_frame'))
    executor.add_node(node)
    executor.add_node(peer)

    def wait(ready: Any) -> None:
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f'expected {count} answers of the tracker node, got {len(answers)}')
            executor.spin_once(timeout_sec=0.05)

    try:
        wait(lambda: publisher.get_subscription_count() and peer.count_publishers('tracker/targets'))
        frame_ms: list[float] = []
        for index, image in enumerate(images):
            message = to_message(image, header_message(sequence.stamp_ns(index), 'camera'))
            start = time.perf_counter()
            publisher.publish(message)
            wait(lambda expected=index + 1: len(answers) >= expected)
            frame_ms.append(1e3 * (answers[-1] - start))
        weights_sha256 = node.weights_sha256
    finally:
        executor.shutdown()
        node.destroy_node()
        peer.destroy_node()
        context.try_shutdown()
    steady = frame_ms[1:]
    return {'tracker': tracker, 'frames': len(steady), 'fps': round(1e3 * len(steady) / sum(steady), 1),
            'frame_ms': percentiles(steady), 'peak_memory_mb': round(peak_memory_mb(), 1),
            'weights_sha256': weights_sha256}
