"""Lets a service callback wait for another thread while the executor goes on."""
from __future__ import annotations

from concurrent.futures import Future as ThreadFuture
from typing import Any

from rclpy.executors import Executor
from rclpy.task import Future


async def finished(work: ThreadFuture[Any], executor: Executor) -> Any:
    """Await what another thread does; to be used in an `async` callback of a node on this executor.

    Returns:
        The work's result.

    Raises:
        RuntimeError: it was cancelled; else whatever the work raised.
    """
    done: Future[None] = Future(executor=executor)
    # As a task: a result that is set from another thread does not wake an executor.
    work.add_done_callback(lambda _: executor.create_task(done.set_result, None))
    await done
    if work.cancelled():
        raise RuntimeError('expected the node to stay active, it was deactivated')
    return work.result()
