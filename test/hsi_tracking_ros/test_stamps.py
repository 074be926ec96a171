from __future__ import annotations

import pytest

from hsi_tracking_ros.stamps import StampMonitor

SECOND = 1_000_000_000


@pytest.mark.parametrize(('stamps', 'complaints'), [
    ((1, 2, 3), ('', '', '')),
    ((0, 0, 0), ('stamp > 0', '', '')),
    ((5, 5, 6), ('', '', '')),
    ((5 * SECOND, 6 * SECOND, SECOND, 2 * SECOND), ('', '', 'a looped bag', '')),
    ((5 * SECOND, 0, 0, 6 * SECOND), ('', 'stamp > 0', '', '')),
    ((SECOND, 2 * SECOND, 13 * SECOND, 14 * SECOND), ('', '', 'a jump of the clock', '')),
    ((0, SECOND), ('stamp > 0', '')),
])
def test_what_breaks_the_order_of_time_is_told_once(stamps, complaints):
    monitor = StampMonitor(max_gap_s=10.0)
    for stamp, expected in zip(stamps, complaints, strict=True):
        reason = monitor.look(stamp)
        assert (expected in reason) if expected else reason == ''


def test_gaps_are_no_matter_without_a_limit():
    monitor = StampMonitor(0.0)
    assert [monitor.look(stamp) for stamp in (1, 10 ** 18)] == ['', '']


def test_after_forgetting_the_next_stamp_is_the_first():
    monitor = StampMonitor()
    monitor.look(9)
    monitor.forget()
    assert monitor.look(1) == ''


def test_a_negative_gap_is_refused():
    with pytest.raises(ValueError, match='max_gap_s >= 0'):
        StampMonitor(-1.0)
