"""Rounds, limits and restarts of a source, and the window of unanswered images; no topics involved."""
from __future__ import annotations

import threading
import time
from itertools import islice

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
from hsi_tracking_ros.pacing import Pace  # noqa: E402
from hsi_tracking_ros.player_sources import SourceFrame  # noqa: E402
from hsi_tracking_ros.playing import AnswerWindow, Playing  # noqa: E402


class Frames:
    name, frame_rate_hz, info, has_requests = 'frames', 25.0, b'', False

    def __init__(self, stamps, fail_at=None):
        self._stamps, self._fail_at = stamps, fail_at

    def __len__(self):
        return len(self._stamps)

    def frames(self):
        for index, stamp in enumerate(self._stamps):
            if index == self._fail_at:
                raise ValueError('the bag is truncated here')
            yield SourceFrame(index, stamp, b'image')


def fast(stamps=(1, 2, 3), **options):
    return Playing(Frames(stamps), Pace(0.0), **options)


def indices(frames):
    return [frame.index for frame in frames]


def test_a_round_and_again():
    playing, rounds = fast(), iter([True, True, False])
    assert indices(playing.frames(lambda: next(rounds))) == [0, 1, 2] * 3
    assert playing.rounds == 2


def test_reading_begins_when_asked_and_nothing_is_left_out():
    read = threading.Event()

    class Told(Frames):
        def frames(self):
            read.set()
            return super().frames()
    playing = Playing(Told((1, 2, 3)), Pace(0.0))
    playing.read_ahead()
    assert read.wait(10.0), 'before anybody asks for a frame'
    assert indices(playing.frames(lambda: playing.rounds < 1)) == [0, 1, 2] * 2


def test_limit():
    playing = fast(limit=2)
    assert len(playing) == 2
    assert indices(playing.frames(lambda: False)) == [0, 1]


def test_restart_begins_with_the_first_frame():
    playing = fast()
    frames = playing.frames(lambda: False)
    assert indices(islice(frames, 2)) == [0, 1]
    playing.restart()
    assert indices(frames) == [0, 1, 2]


def test_stop_ends_it():
    playing = fast(range(1000))
    frames = playing.frames(lambda: True)
    next(frames)
    playing.pace.stop()
    assert indices(frames) == []


def test_what_cannot_be_read_is_raised_to_the_player():
    playing = Playing(Frames([1, 2, 3], fail_at=2), Pace(0.0))
    with pytest.raises(ValueError, match='the bag is truncated here'):
        indices(playing.frames(lambda: False))


@pytest.mark.parametrize(('stamps', 'frame_rate_hz', 'wanted'), [
    ([0, 10 ** 9, 4 * 10 ** 9], 0.0, [0.0, 1.0, 3.0]),        # as recorded
    ([5, 5, 3], 0.0, [0.0, 0.04, 0.04]),                      # stamps that stand or go back: nominal
    ([0, 10 ** 9, 4 * 10 ** 9], 10.0, [0.0, 0.1, 0.1])])      # as asked for
def test_when_frames_are_due(stamps, frame_rate_hz, wanted):
    playing, waited = fast(stamps, frame_rate_hz=frame_rate_hz), []
    playing.pace.wait = lambda interval_s, tick=None: waited.append(interval_s) or True
    indices(playing.frames(lambda: False))
    assert waited == pytest.approx(wanted)


def wait_for(condition, timeout_s=30.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_window_lets_so_many_out_and_one_more_an_answer():
    window, out = AnswerWindow(2, 60.0), []

    def send():
        for stamp in range(5):
            assert window.admit() == 0
            window.sent(stamp)
            out.append(stamp)
    thread = threading.Thread(target=send)
    thread.start()
    wait_for(lambda: len(out) == 2)
    window.answer(99)           # of something else
    thread.join(0.1)
    assert out == [0, 1]
    window.answer(1)            # the one before it is done, too: it was rejected, say
    wait_for(lambda: len(out) == 4)
    thread.join(0.1)
    assert out == [0, 1, 2, 3]
    window.answer(2)
    thread.join(30.0)
    assert out == [0, 1, 2, 3, 4]


def test_window_gives_up_without_answers():
    window = AnswerWindow(1, 0.05)
    window.sent(1)
    assert window.admit() == 1
    assert window.drain() == 0


def test_closing_ends_the_wait():
    window = AnswerWindow(1, 60.0)
    window.sent(1)
    thread = threading.Thread(target=window.admit)
    thread.start()
    window.close()
    thread.join(30.0)
    assert not thread.is_alive()
