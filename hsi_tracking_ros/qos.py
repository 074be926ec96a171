"""Every QoS profile of the package by name; each can be overridden by `qos_overrides.*` parameters."""
from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

EVERY_FRAME_DEPTH = 1000

# name: (reliable, latched, depth)
PROFILES = {
    'image': (False, False, 1),             # the newest counts: a camera never waits for a reader
    'every_frame': (True, False, EVERY_FRAME_DEPTH),  # evaluation: results must not depend on speed
    'image_out': (True, False, 5),          # serves both kinds of reader
    'info': (True, True, 1),                # hyperspectral_info: late joiners get it
    'camera_info': (False, False, 5),
    'init': (True, False, 5),
    'targets': (True, False, 10),
    'detections': (True, False, 10),
    'markers': (True, False, 10),
    'overlay': (True, False, 1),
    'debug': (False, False, 5),
    'diagnostics': (True, False, 10),
    'truth': (True, False, 10),             # a dataset's true boxes
    'clock': (False, False, 1),             # as rclpy subscribes to /clock
}


def profile(name: str) -> QoSProfile:
    """A fresh profile (rclpy writes overrides into it).

    Raises:
        ValueError: no such name.
    """
    if name not in PROFILES:
        raise ValueError(f'expected a QoS profile of {", ".join(PROFILES)}, got {name!r}')
    reliable, latched, depth = PROFILES[name]
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)


def overridable() -> QoSOverridingOptions:
    """To pass as `qos_overriding_options`: history, depth and reliability become start-up parameters."""
    return QoSOverridingOptions.with_default_policies()
