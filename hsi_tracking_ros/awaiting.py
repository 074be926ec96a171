"""Lets a service callback wait for another thread while the executor goes on."""
from __future__ import annotations

from concurrent.futures import Future as ThreadFuture
from typing import Any

from rclpy.executors import Executor
from rclpy.task import Future


async def finished(work: ThreadFuture[Any], executor: Executor | None) -> Any:
    """Await what another thread does; to be used in an `async` callback of a node on this executor.

    Returns:
        The work's result.

    Raises:
        RuntimeError: it was cancelled; else whatever the work raised.
    """
    assert executor is not None     # a callback runs on one
    done: Future[None] = Future(executor=executor)

    def finish(_: ThreadFuture[Any]) -> None:
        # Set first, then wake. An executor that looks at this coroutine before the result is there and is not woken
        # after it sleeps for good: while a callback waits, nothing else of its group wakes it, not even a timer.
        done.set_result(None)
        executor.wake()
    work.add_done_callback(finish)
    await done
    if work.cancelled():
        raise RuntimeError('expected the node to stay active, it was deactivated')
    return work.result()
