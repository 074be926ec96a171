"""Launch files expand to the commands that the command line starts."""
from __future__ import annotations

import importlib.util

import pytest

from hsi_tracking_ros.graph import OPTIONS, VARIANTS, GraphOptions, describe

# A checkout's own folder `launch` is found under the name `launch`, too: ask for what is in no checkout.
pytestmark = pytest.mark.skipif(importlib.util.find_spec('launch_ros') is None,
                                reason='needs launch and launch_ros: a ROS 2 installation (no wheels of them exist)')

UPSCALED = {'super_resolution': 'frame', 'super_resolver': 'bicubic', 'super_resolution_scale': '4',
            'image_topic': '/camera/image'}
CHOSEN = {'namespace': 'drone1', 'tracker': 'spectral_dcf', 'use_sim_time': 'true', 'log_level': 'debug',
          'camera_file': '/camera.json', 'calibration_file': '/references.npz'}


def load(repository, variant):
    spec = importlib.util.spec_from_file_location(variant, repository / 'launch' / f'{variant}.launch.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


def expand(description, arguments, monkeypatch):
    """The nodes of a launch description with the words of their command lines; nothing is started."""
    from launch import LaunchContext
    from launch.actions import ExecuteLocal
    from launch_ros.actions import Node
    context = LaunchContext()
    context.launch_configurations.update(arguments)
    found, waiting = [], list(description.entities)
    monkeypatch.setattr(ExecuteLocal, 'execute', lambda node, context: found.append(
        (node, [''.join(part.perform(context) for part in word) for word in node.cmd[1:]])))
    while waiting:
        entity = waiting.pop(0)
        if isinstance(entity, Node):
            entity.execute(context)
        else:
            waiting += entity.execute(context) or []
    return found


def words_of(command):
    """Command line without order."""
    return sorted(word for word in command if word != '--ros-args')


@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('arguments', [{}, CHOSEN, {'super_resolution': 'crop'}, UPSCALED],
                         ids=['as shipped', 'chosen', 'region upscaled', 'frames upscaled'])
def test_expansion_equals_the_command_line(repository, variant, arguments, monkeypatch):
    chosen = {name: value for name, value in arguments.items()
              if variant in next(option for option in OPTIONS if option.name == name).variants}
    nodes = expand(load(repository, variant), chosen, monkeypatch)
    specs = describe(variant, GraphOptions(**chosen))
    assert [node.node_executable for node, _ in nodes] == [spec.executable for spec in specs]
    for (_, words), spec in zip(nodes, specs, strict=True):
        if spec.package == 'hsi_tracking_ros':
            assert words_of(words) == words_of(spec.command[3:])


@pytest.mark.parametrize('variant', VARIANTS)
def test_arguments_of_each_launch_file(repository, variant):
    declared = {argument.name for argument in load(repository, variant).get_launch_arguments()}
    assert declared == {option.name for option in OPTIONS if variant in option.variants}
    assert {'namespace', 'params_file', 'use_sim_time', 'autostart', 'device', 'tracker', 'weights', 'runtime',
            'precision', 'super_resolution', 'super_resolver', 'super_resolution_scale', 'log_level'} <= declared
