"""The one description of the graph: nodes that exist, parameters they know, topics that meet."""
from __future__ import annotations

import importlib.util
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from hsi_tracking_ros.graph import OPTIONS, VARIANTS, GraphOptions, describe
from hsi_tracking_ros.share import share_file

NODES = {'tracking': ['tracker', 'visualiser'], 'replay': ['tracker', 'visualiser', 'evaluator', 'player'],
         'demo': ['tracker', 'visualiser', 'evaluator', 'player'], 'drone': ['tracker', 'static_transform_publisher']}


def of(specs, name):
    return next(spec for spec in specs if spec.name == name)


@pytest.mark.parametrize('variant', VARIANTS)
def test_nodes_of_each_variant(variant):
    specs = describe(variant)
    assert [spec.name for spec in specs] == NODES[variant]
    for spec in specs:
        if spec.package == 'hsi_tracking_ros':
            assert importlib.util.find_spec(f'hsi_tracking_ros.nodes.{spec.executable}')


@pytest.mark.parametrize('mode', ['', 'crop', 'frame'])
@pytest.mark.parametrize('variant', VARIANTS)
def test_every_parameter_is_one_the_node_declares(variant, mode):
    options = GraphOptions(autostart='false', device='cpu', tracker='spectral_dcf', source='x', use_sim_time='true',
                           weights='/mine.safetensors', runtime='eager', precision='bf16',
                           super_resolution=mode, super_resolver='bicubic', super_resolution_scale='4',
                           init_box='1,2,3,4',
                           camera_file='/camera.json', calibration_file='' if mode == 'frame' else '/references.npz')
    yaml = pytest.importorskip('yaml', reason='needs PyYAML: the extra `ros`')
    pytest.importorskip('hsi_tracking_ros.msg', reason='needs ROS 2 and the generated messages: scripts/setup')
    for spec in describe(variant, options):
        if spec.package != 'hsi_tracking_ros':
            continue
        table = importlib.import_module(f'hsi_tracking_ros.nodes.{spec.executable}').TABLE
        known = {entry.name for entry in table} | {'use_sim_time', 'autostart', 'qos_overrides'}
        assert set(spec.parameters) <= known
        for file in spec.parameter_files:
            for name, content in yaml.safe_load(Path(file).read_text()).items():
                if name in (f'/**/{spec.name}', '/**'):
                    assert set(content['ros__parameters']) <= known, file


def test_options_and_their_values_are_one_list():
    assert [field.name for field in fields(GraphOptions)] == [option.name for option in OPTIONS]
    assert GraphOptions() == GraphOptions(**{option.name: option.default for option in OPTIONS})


def test_what_is_not_asked_for_is_left_to_the_parameter_files():
    tracker = of(describe('tracking'), 'tracker')
    assert tracker.parameters == {'use_sim_time': False}
    chosen = of(describe('tracking', GraphOptions(tracker='spectral_dcf', autostart='false')), 'tracker')
    assert chosen.parameters == {'tracker': 'spectral_dcf', 'autostart': False, 'use_sim_time': False}


def test_a_network_is_the_trackers_alone():
    network = {'weights': '/mine.safetensors', 'runtime': 'cuda_graph', 'precision': 'fp16'}
    specs = describe('tracking', GraphOptions(**network, super_resolution='frame'))
    assert network.items() <= of(specs, 'tracker').parameters.items()
    assert not network.keys() & of(specs, 'super_resolution').parameters.keys()
    with pytest.raises(ValueError, match='expected runtime of eager, cuda_graph, onnx, got'):
        GraphOptions(runtime='tvm')


def test_users_file_and_then_arguments_win():
    spec = of(describe('demo', GraphOptions(params_file='/my.yaml', device='cuda')), 'tracker')
    arguments = spec.ros_arguments
    files = [arguments[i + 1] for i, word in enumerate(arguments) if word == '--params-file']
    assert files == [str(share_file('config/tracker.yaml')), str(share_file('config/demo.yaml')), '/my.yaml']
    assert arguments.index("device:='cuda'") > arguments.index('/my.yaml')


@pytest.mark.parametrize('variant', VARIANTS)
def test_whole_frames_are_upscaled_by_a_node_before_the_tracker_that_agrees_with_it(variant):
    options = GraphOptions(super_resolution='frame', super_resolver='bicubic', super_resolution_scale='4',
                           device='cuda', autostart='false', image_topic='/camera/image')
    specs = describe(variant, options)
    assert [spec.name for spec in specs] == ['super_resolution', *NODES[variant]]
    upscaler, tracker = of(specs, 'super_resolution'), of(specs, 'tracker')
    assert upscaler.parameters == {'device': 'cuda', 'autostart': False, 'model': 'bicubic', 'scale': 4,
                                   'use_sim_time': False}
    assert {name: tracker.parameters[name] for name in ('super_resolution', 'super_resolution_scale')} == {
        'super_resolution': 'frame', 'super_resolution_scale': 4}
    assert upscaler.remappings == tracker.remappings == (('image', '/camera/image'),)
    assert upscaler.respawn == tracker.respawn
    assert str(share_file('config/super_resolution.yaml')) in tracker.parameter_files


def test_the_tracker_that_upscales_inside_needs_no_other_node():
    specs = describe('tracking', GraphOptions(super_resolution='crop'))
    assert [spec.name for spec in specs] == NODES['tracking']
    assert of(specs, 'tracker').parameters == {'super_resolution': 'crop', 'use_sim_time': False}
    assert not any('super_resolution' in file for file in of(specs, 'tracker').parameter_files)


def test_a_camera_file_goes_to_whoever_reads_the_camera():
    options = {'camera_file': '/camera.json', 'calibration_file': '/references.npz'}
    specs = describe('replay', GraphOptions(**options))
    assert {spec.name: {name: value for name, value in spec.parameters.items() if name in options} for spec in specs} \
        == {'tracker': options, 'player': {}} | dict.fromkeys(('visualiser', 'evaluator'),
                                                              {'camera_file': '/camera.json'})
    upscaled = describe('tracking', GraphOptions(camera_file='/camera.json', super_resolution='frame'))
    assert [spec.name for spec in upscaled if 'camera_file' in spec.parameters] == ['super_resolution', 'visualiser']


def test_a_first_box_goes_to_the_tracker_and_the_player_does_not_ask_for_another():
    specs = describe('replay', GraphOptions(init_box='1,2,3,4'))
    assert of(specs, 'tracker').parameters['init_box'] == '1,2,3,4'
    assert of(specs, 'player').parameters['send_init'] is False
    assert 'send_init' not in of(describe('replay'), 'player').parameters


def test_topics_meet_within_a_namespace():
    specs = describe('replay', GraphOptions(namespace='drone1'))
    assert of(specs, 'player').remappings == (('targets', 'tracker/targets'), ('init', 'tracker/init'))
    for name in ('visualiser', 'evaluator'):
        assert of(specs, name).remappings == (('targets', 'tracker/targets'),)
    for spec in specs:
        assert '__ns:=/drone1' in spec.command
        assert not any(target.startswith('/') for _, target in spec.remappings), 'relative, or the namespace is lost'


def test_a_live_camera_is_named_by_its_image_topic():
    for spec in describe('tracking', GraphOptions(image_topic='/camera/image_raw')):
        assert ('image', '/camera/image_raw') in spec.remappings


def test_simulated_time_comes_from_the_player():
    specs = describe('replay', GraphOptions(use_sim_time='true'))
    assert of(specs, 'player').parameters['publish_clock'] is True
    assert 'use_sim_time' not in of(specs, 'player').parameters
    assert all(of(specs, name).parameters['use_sim_time'] for name in ('tracker', 'visualiser', 'evaluator'))


def test_a_drone_flies_without_pictures_and_gets_its_tracker_back():
    specs = describe('drone', GraphOptions(camera_pose='.1 0 -.2 0 1.57 0', base_frame='body', camera_frame='cam'))
    assert of(specs, 'tracker').respawn
    assert of(specs, 'static_transform_publisher').arguments == (
        '--x', '.1', '--y', '0', '--z', '-.2', '--roll', '0', '--pitch', '1.57', '--yaw', '0',
        '--frame-id', 'body', '--child-frame-id', 'cam')


def test_commands_run_our_modules_in_this_python():
    command = of(describe('demo'), 'player').command
    assert command[:3] == [sys.executable, '-m', 'hsi_tracking_ros.nodes.player_node']
    assert command[command.index('--ros-args') + 1:][-2:] == ['-r', 'init:=tracker/init']


def test_rviz_is_for_launch_files_only():
    rviz = of(describe('tracking', GraphOptions(rviz='true')), 'rviz2')
    with pytest.raises(ValueError, match='got rviz2 of rviz2: it is started by launch files only'):
        _ = rviz.command


@pytest.mark.parametrize(('call', 'message'), [
    (lambda: describe('swarm'), "expected a graph of tracking, replay, demo, drone, got 'swarm'"),
    (lambda: GraphOptions(log_level='loud'), "expected log_level of debug, .* got 'loud'"),
    (lambda: GraphOptions(camera_pose='1 2'), 'expected camera_pose as six numbers'),
    (lambda: GraphOptions(init_box='here'), "expected a box as X,Y,W,H .* got 'here'"),
    (lambda: GraphOptions(super_resolution='zoom'), "expected super_resolution of off, crop, frame, got 'zoom'"),
    (lambda: GraphOptions(calibration_file='/x.npz', super_resolution='frame'),
     "expected super_resolution of off, crop with calibration_file, got 'frame'"),
    (lambda: GraphOptions(super_resolution_scale='5'), "expected super_resolution_scale of 2, 3, 4, 8, got '5'")])
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
