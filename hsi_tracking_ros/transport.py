"""Sets a process up for images of many megabytes: shared memory of Fast DDS, and an allocator that keeps its blocks.

Each node's `main` calls `prepare` before `rclpy.init`. Measured at 4.2 MB an image, two processes: 38 ms as it
comes, 2.1 ms with both settings (docs/ros.md).
"""
from __future__ import annotations

import ctypes
import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hsi_tracking_ros.share import share_file

PROFILE = 'config/fastdds_large_images.xml'
PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
"""names of the variable from Kilted on (rclpy 8), and before; either is a complaint to the other"""
SEGMENT_BYTES = 256 << 20
"""of the profile; committed by every participant"""
SHARED_MEMORY = Path('/dev/shm')

# glibc's mallopt: it hands blocks over 32 MB back to the kernel and faults them in again at every copy, which costs
# 28 ms instead of 1.4 ms for 35 MB; one arena, because every thread's arena would keep such blocks of its own.
MALLOPT = ((-3, 1 << 30),       # M_MMAP_THRESHOLD
           (-1, 2 ** 31 - 1),   # M_TRIM_THRESHOLD
           (-2, 64 << 20),      # M_TOP_PAD
           (-8, 1))             # M_ARENA_MAX


def prepare() -> list[str]:
    """Set environment and allocator of this process; what the user has set already stays.

    Returns:
        What could not be set, in words, for the node to log once.
    """
    # The wheels of ROS 2 never set it; without it no share directory is found.
    os.environ.setdefault('AMENT_PREFIX_PATH', sys.prefix)
    keep_large_blocks()
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


def keep_large_blocks() -> bool:
    """Tell glibc to keep large freed blocks; False on another C library."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return all([mallopt(parameter, value) for parameter, value in MALLOPT])
