from __future__ import annotations

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
from lifecycle_msgs.msg import State, Transition  # noqa: E402
from lifecycle_msgs.srv import ChangeState, GetState  # noqa: E402
from rcl_interfaces.msg import Log  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402

from hsi_tracking_ros.lifecycle import ManagedNode  # noqa: E402
from hsi_tracking_ros.parameters import Entry  # noqa: E402

UNCONFIGURED, INACTIVE, ACTIVE, FINALIZED = (State.PRIMARY_STATE_UNCONFIGURED, State.PRIMARY_STATE_INACTIVE,
                                             State.PRIMARY_STATE_ACTIVE, State.PRIMARY_STATE_FINALIZED)
TABLE = (Entry('model', 'a', 'which'),)


class Recorder(ManagedNode):
    """Writes down what it is asked to do; fails where told."""

    kind = RuntimeError

    def __init__(self, fails=(), **overrides):
        self.done, self.fails = [], set(fails)
        super().__init__('managed', TABLE, parameter_overrides=[
            Parameter(name, value=value) for name, value in {'autostart': False, **overrides}.items()])

    def _do(self, what):
        self.done.append(what)
        if what in self.fails:
            raise self.kind(f'{what} was told to fail')

    def configure(self):
        self._do('configure')

    def activate(self):
        self._do('activate')

    def deactivate(self):
        self._do('deactivate')

    def cleanup(self):
        self._do('cleanup')


def test_autostart_configures_and_activates_on_the_executor(graph):
    node = graph.add(Recorder(autostart=True))
    assert node.done == []
    graph.spin_until(lambda: node.is_active)
    assert node.done == ['configure', 'activate']


def test_without_autostart_the_node_waits(graph):
    node = graph.add(Recorder())
    graph.spin(0.2)
    assert (node.state_id, node.done) == (UNCONFIGURED, [])


@pytest.mark.parametrize(('fails', 'steps', 'ends', 'done'), [
    ((), ['configure', 'activate', 'deactivate', 'cleanup'], UNCONFIGURED,
     ['configure', 'activate', 'deactivate', 'cleanup']),
    (('configure',), ['configure'], UNCONFIGURED, ['configure', 'cleanup']),
    (('configure', 'cleanup'), ['configure'], FINALIZED, ['configure', 'cleanup', 'deactivate', 'cleanup']),
    (('activate',), ['configure', 'activate'], INACTIVE, ['configure', 'activate', 'deactivate']),
    (('deactivate',), ['configure', 'activate', 'deactivate'], FINALIZED,
     ['configure', 'activate', 'deactivate', 'deactivate', 'cleanup']),
    ((), ['configure', 'activate', 'shutdown'], FINALIZED, ['configure', 'activate', 'deactivate', 'cleanup']),
])
def test_transitions_end_in_the_right_state_and_undo_half_of_the_work(graph, fails, steps, ends, done):
    node = graph.add(Recorder(fails))
    for step in steps:
        getattr(node, f'trigger_{step}')()
    assert node.state_id == ends
    assert node.done == done


def test_an_error_that_passes_frees_everything_and_ends_unconfigured(graph):
    node = graph.add(Recorder(('deactivate',)))
    node.trigger_configure()
    node.trigger_activate()
    original = node._do

    def once(what):
        try:
            original(what)
        finally:
            node.fails.discard(what)
    node._do = once
    node.trigger_deactivate()
    assert node.state_id == UNCONFIGURED
    assert node.done[-2:] == ['deactivate', 'cleanup']
    node.trigger_configure()
    assert node.state_id == INACTIVE


@pytest.mark.parametrize(('kind', 'traced'), [(RuntimeError, True), (ValueError, False), (FileNotFoundError, False)])
def test_the_reason_of_a_failure_is_logged_with_a_traceback_unless_it_speaks_for_itself(graph, kind, traced):
    node = graph.add(Recorder(('configure',)))
    node.kind = kind
    logs = graph.collect(Log, '/rosout')
    graph.spin_until(lambda: node.count_subscribers('/rosout'))
    node.trigger_configure()
    graph.spin_until(lambda: any('configure was told to fail' in log.msg for log in logs))
    log = next(log for log in logs if 'told to fail' in log.msg)
    assert log.level == Log.ERROR
    assert ('Traceback' in log.msg) == ('in _do' in log.msg) == traced
    assert node.failure == 'could not configure: configure was told to fail'


def test_the_services_that_ros2_lifecycle_uses_work(graph):
    node = graph.add(Recorder())
    change = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
    assert graph.call(ChangeState, 'managed/change_state', change).success
    assert graph.call(GetState, 'managed/get_state', GetState.Request()).current_state.label == 'inactive'
    assert node.done == ['configure']


def test_parameters_are_fixed_from_configuration_on(graph):
    node = graph.add(Recorder())
    assert node.set_parameters([Parameter('model', value='b')])[0].successful
    node.trigger_configure()
    assert 'unconfigured' in node.set_parameters([Parameter('model', value='c')])[0].reason
    node.trigger_cleanup()
    assert node.set_parameters([Parameter('model', value='c')])[0].successful
    assert node.parameters['model'] == 'c'


def test_destroying_an_active_node_releases_it(graph):
    node = Recorder()
    node.trigger_configure()
    node.trigger_activate()
    node.destroy_node()
    assert node.done[-2:] == ['deactivate', 'cleanup']
