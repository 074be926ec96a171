"""Runs one node as a process: transport prepared, clean end on SIGINT and SIGTERM, exit code 0."""
from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Callable, Sequence

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node

from hsi_tracking_ros import transport

DONE, FAILED, REFUSED = 0, 1, 2
LOOKS_ON = 10       # niceness of what looks on: it must not take the processor from what is looked at
_LOOK_S = 1.0       # at the context: a signal between two waits may wake neither (seen once with rmw_fastrtps)


def run_node(create: Callable[[], Node], args: Sequence[str] | None = None, *, niceness: int = 0) -> int:
    """Create the node, spin it until a signal or a shutdown of the context, destroy it.

    Args:
        create: makes the node; a ValueError from it (parameters out of range, say) is logged in one line.
        args: command line for rclpy, without the program's name; None: that of the process.
        niceness: by how much the process gives way to others.

    Returns:
        Exit code: 0 after SIGINT, SIGTERM or a shutdown; 2 for refused arguments or parameters; 1 for an error.
    """
    os.nice(niceness)
    notes = transport.prepare()
    try:
        rclpy.init(args=None if args is None else list(args))
    except Exception as error:      # rcl's own, for a parameter file that is missing or no YAML
        get_logger(create.__name__).fatal(f'expected ROS arguments that can be read, got: {error}')
        return REFUSED
    try:
        with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
            return _spin(create, notes)
        return DONE
    finally:
        rclpy.try_shutdown()


def _spin(create: Callable[[], Node], notes: Sequence[str]) -> int:
    log = get_logger(create.__name__)
    try:
        node = create()
    except ValueError as error:
        log.fatal(str(error))
        return REFUSED
    except Exception:
        if rclpy.ok():
            raise
        return DONE                 # a signal while it was made
    try:
        for note in notes:
            node.get_logger().warning(note)
        # EventsExecutor never dispatches here, and the nodes have one callback at a time anyway.
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        while executor.context.ok():
            executor.spin_once(timeout_sec=_LOOK_S)
        return DONE
    except Exception as error:
        if isinstance(error, ExternalShutdownException) or not node.context.ok():
            return DONE             # a signal: what fails now fails because the context is gone
        log.fatal(traceback.format_exc())
        return FAILED
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            node.destroy_node()

