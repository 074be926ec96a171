"""Sets a process up for images of many megabytes beside others that do the same.

Shared memory of Fast DDS, an allocator that keeps its blocks, arithmetic on one thread. Each node's `main` calls
`prepare` before `rclpy.init`. Measured at 4.2 MB an image, two processes: 38 ms as it comes, 2.1 ms with the first two
settings (docs/ros.md).
"""
from __future__ import annotations

import ctypes
import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from hsi_tracking_ros.memory import keep_large_blocks
from hsi_tracking_ros.share import share_file

PROFILE = 'config/fastdds_large_images.xml'
PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
"""names of the variable from Kilted on (rclpy 8), and before; either is a complaint to the other"""
SEGMENT_BYTES = 256 << 20
"""of the profile; committed by every participant"""
SHARED_MEMORY = Path('/dev/shm')

BLAS_VARIABLES = ('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS')
BLAS_SETTERS = ('scipy_openblas_set_num_threads64_', 'openblas_set_num_threads64_', 'openblas_set_num_threads')
"""of numpy's wheels from 2.0 on, before, and of Debian's libopenblas"""


def prepare() -> list[str]:
    """Set environment and allocator of this process; what the user has set already stays.

    Returns:
        What could not be set, in words, for the node to log once.
    """
    # The wheels of ROS 2 never set it; without it no share directory is found.
    os.environ.setdefault('AMENT_PREFIX_PATH', sys.prefix)
    keep_large_blocks()
    calculate_alone()
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


def calculate_alone() -> bool:
    """One thread for numpy's products of matrices; False where the user has chosen, or it is not OpenBLAS.

    Its threads wait for each other by spinning. They bring a node nothing, and beside other nodes take the processor
    from them.
    """
    if any(variable in os.environ for variable in BLAS_VARIABLES):
        return False
    core = getattr(np, '_core', None) or np.core    # numpy 2, 1
    try:
        library = ctypes.CDLL(core._multiarray_umath.__file__)      # its dependencies are looked through, too
        setter = next(filter(None, (getattr(library, name, None) for name in BLAS_SETTERS)))
    except (OSError, AttributeError, TypeError, StopIteration):
        return False
    setter(1)
    return True
