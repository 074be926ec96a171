"""Parameters and states of the node."""
from __future__ import annotations

import gc
import os
import threading

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from rclpy.parameter import Parameter  # noqa: E402

from hsi_models.tracking.confidence import StatusThresholds  # noqa: E402
from hsi_tracking_ros.nodes.tracker_node import TrackerNode  # noqa: E402


def resident_kb():
    gc.collect()
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') // 1024


def test_a_parameter_that_may_change_at_run_time_does_and_the_others_do_not(make_rig):
    rig = make_rig()
    assert rig.node.set_parameters([Parameter('ray_length_m', value=3.0)])[0].successful
    assert not rig.node.set_parameters([Parameter('tracker', value='spectral_dcf')])[0].successful


def test_thresholds_reach_the_tracker_at_start_and_at_run_time(make_rig, bright_spot):
    class Listening(bright_spot):
        thresholds = None
    rig = make_rig(tracker=Listening, **{'status.lost_frames': 9})
    tracker = rig.node._pipeline.tracker
    assert tracker.thresholds == StatusThresholds(lost_frames=9)
    assert rig.node.set_parameters([Parameter('status.tracking_score', value=0.9)])[0].successful
    assert tracker.thresholds == StatusThresholds(lost_frames=9, tracking_score=0.9)
    refused = rig.node.set_parameters([Parameter('status.lost_score', value=0.5)])[0]
    assert 'expected 0 <= lost_score <= uncertain_score' in refused.reason
    assert tracker.thresholds.lost_score == StatusThresholds.lost_score


def test_thresholds_that_contradict_each_other_are_refused_at_start(graph):
    with pytest.raises(ValueError, match='lost_score <= uncertain_score'):
        TrackerNode(parameter_overrides=[Parameter('status.lost_score', value=0.9)])


@pytest.mark.parametrize('parameters', [{'init_box': '1,2,3'}, {'init_box': '1,2,3,0'}])
def test_a_bad_box_ends_unconfigured(make_rig, parameters):
    rig = make_rig(info=False, autostart=False, **parameters)
    rig.node.trigger_configure()
    assert rig.node._state_machine.current_state[1] == 'unconfigured'
    assert rig.node._worker is None


def test_an_unknown_tracker_ends_unconfigured(graph):
    node = graph.add(TrackerNode(parameter_overrides=[Parameter('tracker', value='nonsense'),
                                                      Parameter('autostart', value=False)]))
    node.trigger_configure()
    assert node._state_machine.current_state[1] == 'unconfigured'


def test_weights_of_ones_own_in_the_runtime_and_precision_asked_for(graph, tmp_path):
    torch = pytest.importorskip('torch')
    from hsi_models.checkpoint import ModelCard, save_checkpoint, sha256_of
    from hsi_models.runtime.export import build_network
    torch.manual_seed(0)
    path = tmp_path / 'mine.safetensors'
    save_checkpoint(path, build_network('ssf_net:fast').state_dict(), ModelCard('ssf_net:fast', {}))
    chosen = {'tracker': 'ssf_net', 'weights': str(path), 'runtime': 'eager', 'precision': 'bf16', 'autostart': False}
    node = graph.add(TrackerNode(parameter_overrides=[Parameter(name, value=value) for name, value in chosen.items()]))
    node.trigger_configure()

    def said():
        return next((message, values) for name, _, message, values in node._collect() if name == 'Compute')
    message, compute = said()
    assert message == 'ssf_net:fast'
    assert (compute['runtime'], compute['precision'], compute['weights sha256']) == ('eager', 'bf16', sha256_of(path))
    assert node.weights_sha256 == sha256_of(path)
    node.trigger_cleanup()
    assert said()[0] == 'not configured'


@pytest.mark.parametrize(('chosen', 'reason'), [
    ({'tracker': 'ssf_net', 'weights': '/nowhere.safetensors'}, 'expected a weights file at /nowhere.safetensors'),
    ({'tracker': 'spectral_dcf', 'weights': '/nowhere.safetensors'}, 'which has no network'),
    ({'tracker': 'auto', 'runtime': 'cuda_graph'}, 'expected a CUDA device for CUDA graphs'),
    ({'tracker': 'ssf_net', 'runtime': 'onnx', 'precision': 'fp16'}, 'expected device cpu and precision fp32')])
def test_a_network_that_cannot_be_run_so_ends_unconfigured_with_the_reason(graph, chosen, reason):
    node = graph.add(TrackerNode(parameter_overrides=[
        Parameter(name, value=value) for name, value in {**chosen, 'autostart': False}.items()]))
    node.trigger_configure()
    assert node._state_machine.current_state[1] == 'unconfigured'
    assert reason in node.failure


def test_an_activation_that_fails_half_way_leaves_no_subscription(make_rig):
    rig = make_rig(info=False, autostart=False,
                   **{'qos_overrides./image.subscription.reliability': 'as it comes'})
    rig.node.trigger_configure()
    for _ in range(2):
        rig.node.trigger_activate()
        assert rig.node._state_machine.current_state[1] == 'inactive'
        assert 'as it comes' in rig.node.failure
        assert not any('hyperspectral_info' in one.topic_name for one in rig.node.subscriptions)


def test_twenty_cycles_leave_memory_threads_and_descriptors_flat(make_rig):
    rig = make_rig(info=False, autostart=False, init_box='6,6,10,10')
    rig.describe()

    def cycle():
        for step in ('configure', 'activate'):
            getattr(rig.node, f'trigger_{step}')()
        assert rig.node.is_active
        rig.wait_until_active()
        assert rig.send().targets
        for step in ('deactivate', 'cleanup'):
            getattr(rig.node, f'trigger_{step}')()

    def figures():
        return threading.active_count(), len(os.listdir('/proc/self/fd'))

    for _ in range(3):
        cycle()
    before, growth = figures(), []
    for _ in range(3):      # what leaks grows each time, what the allocator fetches for other reasons once
        memory = resident_kb()
        for _ in range(20):
            cycle()
        assert figures() == before
        growth.append(resident_kb() - memory)
        if growth[-1] < 4096:
            return
    pytest.fail(f'expected no growth over twenty cycles, got {growth} KiB in a row')
