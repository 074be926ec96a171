"""Stands for camera and operator in the system tests: publishes a sequence, writes down the answers as JSON."""
from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from hsi_models.boxes import Box
from hsi_tracking_ros import qos, transport
from hsi_tracking_ros.image_codec import to_message
from hsi_tracking_ros.messages import header_message, info_from_camera, init_message, stamp_ns
from hsi_tracking_ros.msg import HyperspectralInfo, TrackedTargetArray
from hsi_tracking_ros.sequences import open_any_sequence
from hsi_tracking_ros.srv import SetTarget

BAD = ({'encoding': 'bgr8'}, {'data': b'123'}, {'step': 3}, {'height': 0}, {'height': 4_000_000_000},
       {'encoding': '16UC7'})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rate', type=float, default=25.0)
    parser.add_argument('--frames', type=int, default=75)
    parser.add_argument('--size', type=int, nargs=2, default=(256, 512), help='of the synthetic scene')
    parser.add_argument('--sequence', default='', help='another one than the synthetic scene')
    parser.add_argument('--no-info', action='store_true', help='a driver that publishes images alone')
    parser.add_argument('--profile', default='image')
    parser.add_argument('--bad', action='store_true', help='an unacceptable image before each good one')
    args = parser.parse_args()
    height, width = args.size
    scene = open_any_sequence(args.sequence or f'synthetic:open?frames=12&size={height}x{width}')
    there = [scene.image(i) for i in range(len(scene))]
    images = there + there[-2:0:-1]         # there and back again: no jump of the target
    transport.prepare()
    rclpy.init()
    node = rclpy.create_node('feeder')
    publisher = node.create_publisher(Image, 'image', qos.profile(args.profile))
    if not args.no_info:
        node.create_publisher(HyperspectralInfo, 'hyperspectral_info', qos.profile('info')).publish(
            info_from_camera(scene.camera))
    set_target = node.create_client(SetTarget, 'tracker/set_target')
    answers, diagnostics = {}, []
    node.create_subscription(TrackedTargetArray, 'tracker/targets', lambda message: answers.setdefault(
        stamp_ns(message.header.stamp), (time.time_ns(), message)), qos.profile('every_frame'))
    node.create_subscription(DiagnosticArray, '/diagnostics', lambda array: diagnostics.append(array) if any(
        status.name.startswith('tracker:') for status in array.status) else None, qos.profile('diagnostics'))
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def spin(seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            executor.spin_once(timeout_sec=left)

    def spin_until(condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                sys.exit(what)
            spin(0.02)

    # a busy machine takes long to load what a node needs
    spin_until(lambda: publisher.get_subscription_count() and set_target.service_is_ready()
               and node.count_publishers('/tracker/targets'), 80.0, 'no tracker came')
    spin(0.3)
    x, y, w, h = scene.boxes[0] * np.array([scene.camera.mosaic_columns, scene.camera.mosaic_rows] * 2)
    # Asked before the first image, and answered: the request waits for it.
    asked = set_target.call_async(SetTarget.Request(target=init_message(Box(x, y, w, h), id=3)))
    spin_until(asked.done, 30.0, 'the tracker did not answer to the request')
    stamps = []
    start = time.monotonic()
    for i in range(args.frames):
        spin(max(0.0, start + i / args.rate - time.monotonic()))
        if args.bad:        # before the good one: its answer then says that the bad one was looked at
            message = to_message(images[0][:64, :64], header_message(time.time_ns(), 'camera'))
            for name, value in BAD[i % len(BAD)].items():
                setattr(message, name, value)
            publisher.publish(message)
            spin(0.5 / args.rate)
        header = header_message(time.time_ns(), 'camera')
        stamps.append(stamp_ns(header.stamp))
        publisher.publish(to_message(images[i % len(images)], header))
    last = (0, time.monotonic())
    while stamps[-1] not in answers and time.monotonic() < last[1] + 10.0:     # as long as answers come
        spin(0.05)
        if len(answers) > last[0]:
            last = len(answers), time.monotonic()
    # Diagnostics of after the last answer; once a second where the machine is not busy.
    ended = time.time_ns()
    spin_until(lambda: diagnostics and stamp_ns(diagnostics[-1].header.stamp) > ended, 20.0, 'no diagnostics came')
    found = {status.name.split(': ')[1]: {value.key: value.value for value in status.values} | {
        'message': status.message} for status in (diagnostics[-1].status if diagnostics else ())}
    rows = [[stamp, (answers[stamp][0] - stamp) * 1e-6, answers[stamp][1].frames_dropped,
             [[t.id, t.status, t.x, t.y, t.width, t.height] for t in answers[stamp][1].targets]]
            for stamp in sorted(answers)]
    json.dump({'sent': stamps, 'answers': rows, 'diagnostics': found}, sys.stdout)
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == '__main__':
    main()
