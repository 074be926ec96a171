"""Pacing of the player, with a clock that stands still unless told."""
from __future__ import annotations

import threading
import time

import pytest

from hsi_tracking_ros.pacing import Pace


class Clock:
    """Time that goes on by what is waited for, and by a little more: a machine oversleeps."""

    def __init__(self, overslept_s=0.0):
        self.now, self.overslept_s = 0.0, overslept_s

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds + self.overslept_s


def paced(rate, clock):
    pace = Pace(rate, now=clock)
    pace._changed.wait = clock.wait
    return pace


def wait_in_thread(pace, interval_s, results):
    thread = threading.Thread(target=lambda: results.append(pace.wait(interval_s)))
    thread.start()
    return thread


def test_frames_come_at_the_rate_without_drift():
    clock = Clock(overslept_s=0.003)
    pace, due = paced(2.0, clock), []
    for _ in range(25):
        assert pace.wait(0.02)
        due.append(clock.now)
    # each is late by what was overslept last, and not by all that was overslept before
    assert due == pytest.approx([0.01 * (i + 1) + 0.003 for i in range(25)])


def test_what_is_done_between_frames_does_not_slow_them():
    clock = Clock(overslept_s=1e-6)
    pace, due = paced(1.0, clock), []
    for _ in range(25):
        assert pace.wait(0.04)
        due.append(clock.now)
        clock.now += 0.007      # the frame is published
    assert due == pytest.approx([0.04 * (i + 1) for i in range(25)], abs=1e-4)


def test_a_pause_is_not_made_up_for():
    clock = Clock(overslept_s=1e-6)
    pace = paced(1.0, clock)
    assert pace.wait(0.04)
    pace.pause(True)
    clock.now += 5.0
    pace.step()
    assert pace.wait(0.04)
    clock.now += 5.0
    pace.pause(False)
    assert pace.wait(0.04)
    assert clock.now == pytest.approx(0.08 + 10.0, abs=1e-4)


def test_as_fast_as_possible_does_not_wait():
    pace = Pace(0.0)
    start = time.monotonic()
    assert all(pace.wait(10.0) for _ in range(1000))
    assert time.monotonic() - start < 10.0


def test_paused_lets_nothing_through_but_steps():
    pace, results = Pace(0.0, paused=True), []
    thread = wait_in_thread(pace, 1.0, results)
    thread.join(0.05)
    assert thread.is_alive()
    pace.step()
    thread.join(30.0)
    assert results == [True]
    assert pace.paused


def test_stop_ends_a_wait():
    pace, results = Pace(paused=True), []
    thread = wait_in_thread(pace, 1.0, results)
    pace.stop()
    thread.join(30.0)
    assert results == [False]


def test_a_stall_is_not_made_up_for():
    now = [0.0]
    pace = Pace(1.0, now=lambda: now[0])
    ticks = []

    def stall(gone_s):
        ticks.append(gone_s)
        now[0] += 5.0
    assert pace.wait(0.04, stall)
    now_before = now[0]
    assert pace.wait(0.04)          # the credit of at most one interval
    assert now[0] == now_before
    now[0] += 0.0
    results = []
    thread = wait_in_thread(pace, 0.04, results)
    thread.join(0.1)
    assert thread.is_alive(), 'no burst: the third frame has to wait'
    now[0] += 0.05
    pace.set_rate(1.0)              # wakes it
    thread.join(30.0)
    assert results == [True]
    assert ticks[0] == 0.0


def test_ticks_tell_the_media_time():
    clock, ticks = Clock(), []
    pace = paced(0.5, clock)
    pace.wait(0.03, ticks.append, tick_s=0.005)
    assert ticks[:12] == pytest.approx([0.0025 * i for i in range(12)])
    assert 0.0275 <= ticks[-1] <= 0.03
    assert clock.now == pytest.approx(0.06)
