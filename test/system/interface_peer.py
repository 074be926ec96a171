"""One side of the interface tests: `serve` echoes every message and answers the service, `ask` checks it.

Run as a script in a process of its own, so that each side can come from another build of the package.
`ask` prints one JSON object: what came back, the type hashes, and where messages and libraries were loaded from.
"""
from __future__ import annotations

import array
import json
import math
import sys
import time
from pathlib import Path

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.qos import DurabilityPolicy, QoSProfile

import hsi_tracking_ros.msg
from hsi_tracking_ros.msg import HyperspectralInfo, TargetInit, TrackedTarget, TrackedTargetArray
from hsi_tracking_ros.srv import SetTarget

QOS = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def examples():
    """One filled message of each type."""
    info = HyperspectralInfo(camera_model='simulated 4x4', wavelengths_nm=[400.5, math.nan, 500.25], quantity=2,
                             saturation=1023.0, bit_depth=10, mosaic_rows=4, mosaic_columns=4, exposure_s=0.01,
                             dark_levels=[1.0, 2.0, 3.0], calibration_file='white.npz', calibration_sha256='0' * 64)
    info.header.stamp.sec, info.header.stamp.nanosec, info.header.frame_id = 1_700_000_000, 999_999_999, 'camera'
    target = TrackedTarget(header=info.header, id=7, status=TrackedTarget.STATUS_UNCERTAIN, has_box=True, x=1 / 3,
                           y=-2.5, width=1e-3, height=1e6, box_std=[0.1, 0.2, 0.3, math.nan], score=0.5,
                           spectrum=array.array('f', [0.1] * 31), age=9, frames_since_seen=3)
    init = TargetInit(header=info.header, id=7, kind=TargetInit.KIND_POINT, x=10.25, y=20.75)
    return {'info': info, 'target': target, 'init': init,
            'targets': TrackedTargetArray(header=info.header, targets=[target, target], frames_dropped=2 ** 40,
                                          pipeline_latency_ms=12.5)}


def serve(node):
    """Echo until shut down."""
    for name, message in examples().items():
        back = node.create_publisher(type(message), f'{name}/back', QOS)
        node.create_subscription(type(message), name, back.publish, QOS)

    def answer(request, response):
        response.accepted = request.target.width > 0
        response.reason = '' if response.accepted else f'expected width > 0, got {request.target.width}'
        return response

    node.create_service(SetTarget, 'set_target', answer)
    while rclpy.ok():
        rclpy.spin_once(node, timeout_sec=1.0)      # a signal between two waits may wake neither


def ask(node, seconds=90.0):
    """Send everything, wait for the echoes and the answer."""
    sent, back = examples(), {}
    publishers = []
    for name, message in sent.items():
        node.create_subscription(type(message), f'{name}/back', lambda m, n=name: back.setdefault(n, m), QOS)
        publishers.append(node.create_publisher(type(message), name, QOS))
        publishers[-1].publish(message)
    client = node.create_client(SetTarget, 'set_target')
    futures = []
    end = time.monotonic() + seconds
    while time.monotonic() < end and (len(back) < len(sent) or not futures or not all(f.done() for f in futures)):
        rclpy.spin_once(node, timeout_sec=0.1)
        if not futures and client.service_is_ready():
            futures = [client.call_async(SetTarget.Request(target=TargetInit(width=width))) for width in (0.0, 5.0)]
    hashes = {name: str(info.topic_type_hash) for name in sent
              for info in node.get_subscriptions_info_by_topic(name)}
    maps = Path('/proc/self/maps').read_text()
    return {
        'echoed': {name: repr(back.get(name)) == repr(message) for name, message in sent.items()},
        'answers': [[f.result().accepted, f.result().reason] for f in futures if f.done()],
        'hashes': hashes,
        'messages_from': hsi_tracking_ros.msg.__file__,
        'libraries': sorted({line.split()[-1] for line in maps.splitlines()
                             if 'libhsi_tracking_ros__rosidl_typesupport' in line}),
    }


def main():
    """Entry point of both sides."""
    rclpy.init()
    node = rclpy.create_node(f'peer_{sys.argv[1]}')
    try:
        if sys.argv[1] == 'serve':
            serve(node)
        else:
            print(json.dumps(ask(node)))
    except (KeyboardInterrupt, ExternalShutdownException):
        pass


if __name__ == '__main__':
    main()
