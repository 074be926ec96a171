from __future__ import annotations

import math
import time

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402

from hsi_tracking_ros.diagnostics import OK, WARN, Diagnostics, Window, format_value, latency_values  # noqa: E402


class Time:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_window_knows_the_rate_from_the_start_and_forgets_the_old():
    clock = Time()
    window = Window(10.0, now=clock)
    assert window.rate_hz() == 0.0
    for _ in range(50):
        clock.now += 0.04
        window.add()
    assert window.rate_hz() == pytest.approx(25.0)
    clock.now += 8.0
    assert window.rate_hz() == pytest.approx(5.0)
    clock.now += 10.0
    assert window.rate_hz() == 0.0


def test_a_window_that_is_full_still_knows_the_rate():
    clock = Time()
    window = Window(10.0, limit=100, now=clock)
    for _ in range(1000):
        clock.now += 0.001
        window.add()
    assert window.rate_hz() == pytest.approx(1000.0, rel=0.02)


def test_percentiles():
    window = Window()
    assert all(math.isnan(value) for value in window.percentiles().values())
    for value in (*range(1, 101), math.nan):
        window.add(float(value))
    assert window.percentiles() == pytest.approx({'p50': 50.5, 'p99': 99.01, 'max': 100.0})
    assert latency_values({'age': window})['age max [ms]'] == 100.0


@pytest.mark.parametrize(('value', 'text'), [(1.234, '1.23'), (math.nan, 'unknown'), (3, '3'), ('x', 'x'),
                                             (True, 'True')])
def test_values_are_written_for_people(value, text):
    assert format_value(value) == text


def test_the_state_comes_once_a_second_even_where_simulated_time_stands_still(graph):
    node = graph.add(rclpy.create_node('watched', namespace='/drone',
                                       parameter_overrides=[Parameter('use_sim_time', value=True)]))
    arrays = graph.collect(DiagnosticArray, '/diagnostics')
    Diagnostics(node, lambda: [('Input', WARN, 'no image', {'rate [Hz]': 0.0}), ('Compute', OK, 'cpu', {})],
                lambda: 'serial 7')
    start = time.monotonic()
    graph.spin_until(lambda: len(arrays) >= 2)
    seconds = time.monotonic() - start
    assert seconds > 1.9
    assert len(arrays) <= seconds + 0.1
    first, second = arrays[0].status
    assert (first.name, first.level, first.message, first.hardware_id) == ('drone/watched: Input', WARN, 'no image',
                                                                           'serial 7')
    assert [(value.key, value.value) for value in first.values] == [('rate [Hz]', '0.00')]
    assert second.name == 'drone/watched: Compute'
