"""Runs one OpenCV tracker in a Python of its own: frames come on standard input, boxes go to standard output.

Started by `opencv.py`; needs numpy and an OpenCV with the contributed modules, nothing else of this project.
Protocol: a line of JSON {"height", "width", "box"} starts (box: x, y, w, h) or, without a box, continues; then
height x width x 3 bytes, B, G, R; the answer is a line of JSON: x, y, w, h, or null where the tracker gives up.
"""
import json
import sys

import cv2
import numpy as np


def main() -> None:
    """Serve until standard input ends."""
    cv2.setNumThreads(1)
    create = getattr(cv2, f'Tracker{sys.argv[1]}_create')
    tracker = create()
    while line := sys.stdin.buffer.readline():
        head = json.loads(line)
        shape = head['height'], head['width'], 3
        image = np.frombuffer(sys.stdin.buffer.read(int(np.prod(shape))), np.uint8).reshape(shape)
        if head['box'] is not None:
            cv2.setRNGSeed(0)
            tracker = create()
            tracker.init(image, tuple(round(value) for value in head['box']))
            answer = head['box']
        else:
            found, box = tracker.update(image)
            answer = [float(value) for value in box] if found else None
        print(json.dumps(answer), flush=True)


main()
