"""The allocator of a process that handles large images: it keeps its blocks, and takes them before the first image.

Everything here is glibc's; elsewhere nothing happens.
"""
from __future__ import annotations

import ctypes
from typing import Any

from hsi_tracking_ros.parameters import Entry

RESERVED_MB = 192
RESERVE = Entry('reserve_mb', RESERVED_MB, 'memory taken from the system at start, for images to come; 0: none', 'MB',
                low=0, high=65536)

# glibc's mallopt: it hands blocks over 32 MB back to the kernel and faults them in again at every copy, which costs
# 28 ms instead of 1.4 ms for 35 MB; one arena, because every thread's arena would keep such blocks of its own.
MALLOPT = ((-3, 1 << 30),       # M_MMAP_THRESHOLD
           (-1, 2 ** 31 - 1),   # M_TRIM_THRESHOLD
           (-2, 64 << 20),      # M_TOP_PAD
           (-8, 1))             # M_ARENA_MAX


_kept = False


def keep_large_blocks() -> bool:
    """Tell glibc to keep large freed blocks, for the rest of the process; False on another C library."""
    global _kept
    libc = _libc()
    _kept = libc is not None and all([libc.mallopt(parameter, value) for parameter, value in MALLOPT])
    return _kept


def reserve(megabytes: int) -> bool:
    """Take so much memory from the system now, each page of it, and leave it to the allocator for what comes.

    A page that is touched for the first time is an affair of the kernel: 13 us on a virtual machine, 14 ms for an
    image of 4.2 MB, until as many are there as are kept (`history`). Real-time programs do the same with their heap.

    Returns:
        False where the allocator does not keep freed blocks (`keep_large_blocks`), or there is not as much.
    """
    libc = _libc()
    if not megabytes or libc is None or not _kept:
        return False
    block = libc.malloc(megabytes << 20)
    if not block:
        return False
    libc.memset(block, 1, megabytes << 20)
    libc.free(block)
    return True


def _libc() -> Any:
    """The C library, its functions typed; None where it is not glibc."""
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt.restype = ctypes.c_int
    except (OSError, AttributeError, TypeError):
        return None
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.memset.argtypes, libc.free.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t], [ctypes.c_void_p]
    return libc
