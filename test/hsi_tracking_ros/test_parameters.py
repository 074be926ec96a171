from __future__ import annotations

import math

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
from rcl_interfaces.msg import ParameterType  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402

from hsi_tracking_ros.parameters import Entry, Parameters, markdown  # noqa: E402

TABLE = (Entry('threshold', 0.5, 'share', low=0.0, high=1.0, runtime=True),
         Entry('history', 30, 'images', low=1, high=100),
         Entry('device', 'cpu', 'where', choices=('cpu', 'cuda')),
         Entry('calibrate', True, 'whether'),
         Entry('name', '', 'any'))
THRESHOLD, HISTORY, DEVICE, CALIBRATE, NAME = TABLE
SCALE = Entry('scale', 2, 'by how much', choices=(2, 4))


@pytest.mark.parametrize(('entry', 'value', 'result'), [
    (THRESHOLD, 0.0, 0.0), (THRESHOLD, 1, 1.0), (HISTORY, 100, 100), (DEVICE, 'cuda', 'cuda'), (SCALE, 4, 4),
    (CALIBRATE, False, False), (NAME, 'x', 'x')])
def test_good_values_come_back_in_the_type_of_the_table(entry, value, result):
    checked = entry.check(value)
    assert checked == result
    assert type(checked) is type(entry.default)


@pytest.mark.parametrize(('entry', 'value', 'says'), [
    (THRESHOLD, 1.5, "parameter 'threshold': expected a number 0..1, got 1.5"),
    (THRESHOLD, math.nan, 'got nan'), (THRESHOLD, 'high', "got 'high'"), (THRESHOLD, True, 'got True'),
    (HISTORY, 0, "parameter 'history': expected an integer 1..100, got 0"), (HISTORY, 2.0, 'got 2.0'),
    (HISTORY, True, 'got True'), (HISTORY, None, 'got None'),
    (SCALE, 5, "parameter 'scale': expected one of 2, 4, got 5"),
    (SCALE, '2', "parameter 'scale': expected one of 2, 4, got '2'"),
    (DEVICE, 'tpu', "parameter 'device': expected one of cpu, cuda, got 'tpu'"),
    (CALIBRATE, 1, "parameter 'calibrate': expected true or false, got 1"),
    (NAME, 3, "parameter 'name': expected a string, got 3")])
def test_bad_values_are_refused_with_expected_and_got(entry, value, says):
    with pytest.raises(ValueError, match=says):
        entry.check(value)


def test_units_and_half_open_ranges_are_told():
    assert Entry('gap', 1.0, '', 's', low=0.0).expected == 'a number >= 0 s'
    assert Entry('gap', 1, '', high=3).expected == 'an integer <= 3'
    with pytest.raises(ValueError, match='expected a number >= 2'):
        Entry('gap', 1.0, '', low=2.0)


def make(overrides=None, **options):
    node = rclpy.create_node('tuned', parameter_overrides=[Parameter(k, value=v) for k, v in (overrides or {}).items()])
    try:
        return node, Parameters(node, TABLE, **options)
    except ValueError:
        node.destroy_node()
        raise


def test_overrides_are_taken_over(graph):
    node, parameters = make({'threshold': 1, 'history': 7, 'use_sim_time': False,
                             'qos_overrides./image.subscription.depth': 3})
    graph.add(node)
    assert dict(parameters) == {'threshold': 1.0, 'history': 7, 'device': 'cpu', 'calibrate': True, 'name': ''}
    assert node.get_parameter('threshold').value == 1.0
    described = node.describe_parameter('threshold')
    assert described.type == ParameterType.PARAMETER_DOUBLE
    assert described.floating_point_range[0].to_value == 1.0
    assert described.description == 'share'


@pytest.mark.parametrize(('overrides', 'says'), [
    ({'treshold': 0.1}, r"expected a parameter of node 'tuned' \(calibrate, device, history, name, threshold\), "
                        r"got 'treshold'; did you mean 'threshold'\?"),
    ({'zzz': 1}, r"got 'zzz'$"),
    ({'history': 101}, 'expected an integer 1..100, got 101'),
    ({'device': 5}, 'expected one of cpu, cuda, got 5')])
def test_unknown_or_bad_overrides_are_refused_at_start(graph, overrides, says):
    with pytest.raises(ValueError, match=says):
        make(overrides)


def test_a_runtime_parameter_changes_and_the_node_is_told(graph):
    told = []
    node, parameters = make(on_change=told.append)
    graph.add(node)
    assert node.set_parameters([Parameter('threshold', value=0.75)])[0].successful
    assert parameters['threshold'] == 0.75
    assert told == [{'threshold': 0.75}]


@pytest.mark.parametrize(('name', 'value', 'says'), [
    ('threshold', 2.0, 'threshold'), ('history', 5, 'read-only'), ('device', 'cuda', 'read-only')])
def test_what_is_refused_at_run_time_changes_nothing(graph, name, value, says):
    node, parameters = make()
    graph.add(node)
    before = dict(parameters)
    result = node.set_parameters([Parameter(name, value=value)])[0]
    assert not result.successful
    assert says in result.reason
    assert dict(parameters) == before


def test_values_that_do_not_go_together_are_refused_at_start_and_later(graph):
    def validate(values):
        if values['threshold'] * 100 > values['history']:
            raise ValueError(f'expected threshold <= history / 100, got {values["threshold"]} and {values["history"]}')
    with pytest.raises(ValueError, match='expected threshold <= history / 100, got 0.5 and 30'):
        make(validate=validate)
    node, parameters = make({'history': 60}, validate=validate)
    graph.add(node)
    refused = node.set_parameters([Parameter('threshold', value=0.7)])[0]
    assert refused.reason == 'expected threshold <= history / 100, got 0.7 and 60'
    assert parameters['threshold'] == 0.5


def test_fixed_parameters_of_a_lifecycle_node_can_be_set_only_while_unlocked(graph):
    locked = True
    node, parameters = make(locked=lambda: locked)
    graph.add(node)
    result = node.set_parameters([Parameter('device', value='cuda')])[0]
    assert not result.successful
    assert 'while the node is unconfigured' in result.reason
    locked = False
    assert node.set_parameters([Parameter('device', value='cuda')])[0].successful
    assert parameters['device'] == 'cuda'
    refused = node.set_parameters([Parameter('device', value='tpu')])[0]
    assert refused.reason == "parameter 'device': expected one of cpu, cuda, got 'tpu'"


def test_the_documentation_has_a_row_for_each_parameter():
    lines = markdown(TABLE).splitlines()
    assert len(lines) == len(TABLE) + 2
    assert '| `threshold` | float | `0.5` | a number 0..1 | any time | share |' in lines
