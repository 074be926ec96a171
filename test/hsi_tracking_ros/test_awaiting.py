"""Services that wait for the worker answer, also where nothing but them wakes the executor: in their own process."""
from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from hsi_tracking_ros.awaiting import finished  # noqa: E402


@pytest.mark.parametrize('work_s', [0.0, 0.001, 0.02])
def test_an_executor_that_spins_without_a_timeout_goes_on(graph, work_s):
    node, pool = rclpy.create_node('waits'), ThreadPoolExecutor(1)
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    async def answer(request, response):
        response.message = await finished(pool.submit(lambda: time.sleep(work_s) or 'done'), executor)
        return response
    node.create_service(Trigger, 'wait', answer)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    try:
        client = graph.peer.create_client(Trigger, 'wait')
        graph.spin_until(client.service_is_ready)
        for _ in range(30):
            future = client.call_async(Trigger.Request())
            graph.spin_until(future.done)
            assert future.result().message == 'done'
    finally:
        executor.shutdown()
        thread.join(30)
        node.destroy_node()
        pool.shutdown()


def test_what_goes_wrong_is_raised_and_what_is_cancelled_is_told(ros):
    executor, pool = SingleThreadedExecutor(), ThreadPoolExecutor(1)

    def outcome(work):
        task = executor.create_task(finished, work, executor)
        end = time.monotonic() + 30
        while not task.done():
            assert time.monotonic() < end
            with contextlib.suppress(Exception):    # of the task, which keeps it
                executor.spin_once(timeout_sec=0.1)
        return task.exception()
    assert isinstance(outcome(pool.submit(divmod, 1, 0)), ZeroDivisionError)
    busy = threading.Event()
    pool.submit(busy.wait, 30)
    waiting = pool.submit(int)
    waiting.cancel()
    assert 'it was deactivated' in str(outcome(waiting))
    busy.set()
    pool.shutdown()
    executor.shutdown()
