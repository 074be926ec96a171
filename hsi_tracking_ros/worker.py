"""One thread that does the work, behind a queue that never grows: the oldest item is dropped and counted."""
from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Item = TypeVar('Item')


@dataclass(frozen=True, eq=False)
class Call:
    """A function to run in its place among the items, and where its result goes."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    future: Future[Any] = field(default_factory=Future)

    def run(self) -> None:
        """Run it, unless it was cancelled."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self.function(*self.arguments))
        except BaseException as error:      # the caller's to judge
            self.future.set_exception(error)


class DropOldestQueue(Generic[Item]):
    """First in, first out, of at most `capacity` items; capacity 1 is a latest-value slot.

    Calls wait in the same line and are never dropped.
    """

    def __init__(self, capacity: int = 1) -> None:
        if capacity < 1:
            raise ValueError(f'expected a capacity >= 1, got {capacity}')
        self._capacity = capacity
        self._entries: deque[Item | Call] = deque()
        self._items = 0
        self._closed = False
        self._changed = threading.Condition()
        self.dropped = 0

    def __len__(self) -> int:
        return self._items

    def put(self, item: Item) -> bool:
        """Append an item; False if the oldest had to go for it, or if the queue is closed."""
        with self._changed:
            if self._closed:
                return False
            full = self._items == self._capacity
            if full:
                del self._entries[next(i for i, entry in enumerate(self._entries) if not isinstance(entry, Call))]
                self.dropped += 1
            else:
                self._items += 1
            self._entries.append(item)
            self._changed.notify()
        return not full

    def put_call(self, call: Call) -> None:
        """Append a call; it is cancelled where the queue is closed."""
        with self._changed:
            if self._closed:
                call.future.cancel()
                return
            self._entries.append(call)
            self._changed.notify()

    def get(self) -> Item | Call | None:
        """Wait for the next entry; None once closed."""
        with self._changed:
            while not self._entries and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            entry = self._entries.popleft()
            self._items -= not isinstance(entry, Call)
            return entry

    def clear(self) -> None:
        """Forget the items (not counted as dropped), keep the calls."""
        with self._changed:
            self._entries = deque(entry for entry in self._entries if isinstance(entry, Call))
            self._items = 0

    def close(self) -> None:
        """End every `get`, forget the items, cancel the calls."""
        with self._changed:
            self._closed = True
            for entry in self._entries:
                if isinstance(entry, Call):
                    entry.future.cancel()
            self._entries.clear()
            self._items = 0
            self._changed.notify_all()


class Worker(Generic[Item]):
    """Handles items and calls one after another on a thread of its own, from construction to `stop`.

    Args:
        handle: called with each item on the worker thread; what it raises is counted and reported, the worker
            goes on.
        on_error: called on the worker thread with each exception of `handle`.
        capacity: items that may wait; 1: the latest only.
        slowdown_s: sleep before each item, for tests of overload.
        name: of the thread.
    """

    def __init__(self, handle: Callable[[Item], None], *, on_error: Callable[[Exception], None] | None = None,
                 capacity: int = 1, slowdown_s: float = 0.0, name: str = 'worker') -> None:
        self._handle, self._on_error, self._slowdown_s = handle, on_error, slowdown_s
        self._queue: DropOldestQueue[Item] = DropOldestQueue(capacity)
        self.processed = 0
        self.failed = 0
        self.last_error = ''
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Items that had to go because the worker was busy."""
        return self._queue.dropped

    @property
    def waiting(self) -> int:
        """Items in the queue."""
        return len(self._queue)

    def put(self, item: Item) -> bool:
        """Hand an item over; False if the oldest waiting one was dropped for it."""
        return self._queue.put(item)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Run a function on the worker thread, in its place among the items; cancelled if the worker stops first."""
        call = Call(function, arguments)
        self._queue.put_call(call)
        return call.future

    def clear(self) -> None:
        """Forget the waiting items."""
        self._queue.clear()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """End the thread after the item in hand; waiting items are forgotten, waiting calls cancelled.

        Returns:
            False if the item in hand took longer than `timeout_s`; the thread ends after it.
        """
        self._queue.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            if isinstance(entry, Call):
                entry.run()
            else:
                self._work(entry)
            del entry       # an image of megabytes must not live until the next one

    def _work(self, item: Item) -> None:
        if self._slowdown_s:
            time.sleep(self._slowdown_s)
        try:
            self._handle(item)
            self.processed += 1
        except Exception as error:
            self.failed += 1
            self.last_error = str(error) or type(error).__name__
            if self._on_error is not None:
                self._on_error(error)
