from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError

import pytest

from hsi_tracking_ros.worker import Call, DropOldestQueue, Worker


def wait_for(condition, timeout_s=30.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


class Gate:
    """A handler that waits until it is let through."""

    def __init__(self):
        self.open, self.entered, self.seen = threading.Event(), threading.Event(), []

    def __call__(self, item):
        self.entered.set()
        assert self.open.wait(30)
        self.seen.append(item)


@pytest.mark.parametrize(('capacity', 'left', 'dropped'), [(1, [4], 4), (3, [2, 3, 4], 2), (10, [0, 1, 2, 3, 4], 0)])
def test_the_oldest_items_are_dropped_and_counted(capacity, left, dropped):
    queue = DropOldestQueue(capacity)
    complete = [queue.put(item) for item in range(5)]
    assert complete.count(False) == queue.dropped == dropped
    assert len(queue) == len(left)
    assert [queue.get() for _ in left] == left


def test_calls_keep_their_place_and_are_never_dropped():
    queue = DropOldestQueue(1)
    first, second = Call(int), Call(int)
    queue.put_call(first)
    queue.put('a')
    queue.put_call(second)
    queue.put('b')
    assert [queue.get(), queue.get(), queue.get()] == [first, second, 'b']


def test_a_queue_needs_room():
    with pytest.raises(ValueError, match='expected a capacity >= 1, got 0'):
        DropOldestQueue(0)


def test_a_busy_worker_gets_the_latest_item_only():
    gate = Gate()
    worker = Worker(gate)
    worker.put(0)
    assert gate.entered.wait(30)
    for item in range(1, 10):
        worker.put(item)
    assert (worker.dropped, worker.waiting) == (8, 1)
    gate.open.set()
    wait_for(lambda: worker.processed == 2)
    assert gate.seen == [0, 9]
    assert worker.stop()


def test_a_worker_with_room_loses_nothing_and_keeps_the_order():
    seen = []
    worker = Worker(seen.append, capacity=1000)
    for item in range(500):
        worker.put(item)
    wait_for(lambda: worker.processed == 500)
    assert seen == list(range(500))
    assert worker.dropped == 0
    worker.stop()


def test_exceptions_are_counted_with_the_last_reason_and_the_worker_goes_on():
    told, seen = [], []

    def handle(item):
        if item < 0:
            raise ValueError(f'expected an item >= 0, got {item}')
        seen.append(item)

    worker = Worker(handle, on_error=told.append, capacity=10)
    for item in (1, -2, 3, -4, 5):
        worker.put(item)
    wait_for(lambda: worker.processed + worker.failed == 5)
    assert seen == [1, 3, 5]
    assert (worker.failed, worker.last_error) == (2, 'expected an item >= 0, got -4')
    assert [str(error) for error in told] == ['expected an item >= 0, got -2', 'expected an item >= 0, got -4']
    worker.stop()


def test_calls_run_on_the_worker_thread_and_return_results_and_errors():
    worker = Worker(print, name='science')
    assert worker.call(lambda: threading.current_thread().name).result(30) == 'science'
    with pytest.raises(ZeroDivisionError):
        worker.call(divmod, 1, 0).result(30)
    worker.stop()


def test_stop_ends_the_thread_cancels_waiting_calls_and_forgets_items():
    gate = Gate()
    worker = Worker(gate, capacity=5)
    worker.put(1)
    assert gate.entered.wait(30)
    worker.put(2)
    late = worker.call(int)
    threads = threading.active_count()
    threading.Timer(0.05, gate.open.set).start()
    assert worker.stop()
    wait_for(lambda: threading.active_count() <= threads - 1)
    assert gate.seen == [1]
    with pytest.raises(CancelledError):
        late.result(0)
    assert worker.call(int).cancelled()
    assert not worker.put(3)


def test_stop_says_so_when_the_item_in_hand_does_not_end():
    gate = Gate()
    worker = Worker(gate)
    worker.put(1)
    assert gate.entered.wait(30)
    assert not worker.stop(timeout_s=0.01)
    gate.open.set()


def test_the_artificial_slowness_is_before_each_item():
    worker = Worker(lambda item: None, slowdown_s=0.05, capacity=2)
    start = time.monotonic()
    worker.put(1)
    worker.put(2)
    wait_for(lambda: worker.processed == 2)
    assert time.monotonic() - start >= 0.1
    worker.stop()
