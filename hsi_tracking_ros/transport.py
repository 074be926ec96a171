"""Sets a process up for images of many megabytes beside others that do the same.

Shared memory of Fast DDS, an allocator that keeps its blocks, arithmetic on few threads. Each node's `main` calls
`prepare` before `rclpy.init`. Measured at 4.2 MB an image, two processes: 38 ms as it comes, 2.1 ms with the first two
settings (docs/ros.md).
"""
from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hsi_tracking_ros.memory import keep_large_blocks
from hsi_tracking_ros.share import share_file
from hsi_tracking_ros.threads import one_for_numpy, one_for_torch_on_two_cores

PROFILE = 'config/fastdds_large_images.xml'
PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
"""names of the variable from Kilted on (rclpy 8), and before; either is a complaint to the other"""
SEGMENT_BYTES = 256 << 20
"""of the profile; committed by every participant"""
SHARED_MEMORY = Path('/dev/shm')


def prepare() -> list[str]:
    """Set environment and allocator of this process; what the user has set already stays.

    Returns:
        What could not be set, in words, for the node to log once.
    """
    # The wheels of ROS 2 never set it; without it no share directory is found.
    os.environ.setdefault('AMENT_PREFIX_PATH', sys.prefix)
    keep_large_blocks()
    one_for_numpy()
    one_for_torch_on_two_cores()
    note = use_large_segment()
    return [note] if note else []


def use_large_segment() -> str:
    """Point Fast DDS to the profile with a large shared-memory segment; returns why not, '' where done."""
    middleware = os.environ.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp')
    if 'fastrtps' not in middleware or any(variable in os.environ for variable in PROFILE_VARIABLES):
        return ''
    try:
        free = shutil.disk_usage(SHARED_MEMORY).free
    except OSError:
        free = 0
    if free < 2 * SEGMENT_BYTES:
        return (f'expected at least {2 * SEGMENT_BYTES >> 20} MB free in {SHARED_MEMORY} for large images, got '
                f'{free >> 20} MB: images go through small fragments, best-effort ones may be lost '
                '(a container: --shm-size=2g)')
    try:
        profile = str(share_file(PROFILE))
    except FileNotFoundError as error:
        return str(error)
    os.environ[PROFILE_VARIABLES[int(rclpy_major() < 8)]] = profile
    return ''


def rclpy_major() -> int:
    """First number of rclpy's version; that of Kilted where it is not known."""
    try:
        return int(version('rclpy').split('.')[0])
    except (PackageNotFoundError, ValueError):
        return 9
