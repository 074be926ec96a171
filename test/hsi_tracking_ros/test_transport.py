from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from hsi_tracking_ros import optional, share, transport
from hsi_tracking_ros.share import share_file

KILTED, JAZZY = transport.PROFILE_VARIABLES


@pytest.fixture
def clean(monkeypatch):
    for variable in (*transport.PROFILE_VARIABLES, 'RMW_IMPLEMENTATION'):
        monkeypatch.delenv(variable, raising=False)
    return monkeypatch


@pytest.mark.parametrize(('major', 'variable'), [(9, KILTED), (7, JAZZY)])
def test_the_profile_is_set_by_the_variable_of_the_distribution(clean, major, variable):
    clean.setattr(transport, 'rclpy_major', lambda: major)
    clean.setattr(transport.shutil, 'disk_usage', lambda path: SimpleNamespace(free=1 << 40))
    assert transport.use_large_segment() == ''
    assert os.environ[variable].endswith('config/fastdds_large_images.xml')
    assert len([name for name in transport.PROFILE_VARIABLES if name in os.environ]) == 1


@pytest.mark.parametrize(('name', 'value'), [(KILTED, '/mine.xml'), (JAZZY, '/mine.xml'),
                                             ('RMW_IMPLEMENTATION', 'rmw_cyclonedds_cpp')])
def test_what_the_user_has_set_stays(clean, name, value):
    clean.setenv(name, value)
    assert transport.use_large_segment() == ''
    assert os.environ[name] == value
    assert sum(variable in os.environ for variable in transport.PROFILE_VARIABLES) == (name != 'RMW_IMPLEMENTATION')


def test_a_small_shared_memory_is_told_and_not_used(clean):
    clean.setattr(transport.shutil, 'disk_usage', lambda path: SimpleNamespace(free=64 << 20))
    assert 'expected at least 512 MB free in /dev/shm for large images, got 64 MB' in transport.use_large_segment()
    assert not any(variable in os.environ for variable in transport.PROFILE_VARIABLES)


def test_the_profile_is_the_size_that_the_code_believes():
    root = ElementTree.parse(share_file(transport.PROFILE)).getroot()
    sizes = [int(element.text) for element in root.iter() if element.tag.endswith('segment_size')]
    assert sizes == [transport.SEGMENT_BYTES]


def test_preparing_finds_the_prefix_and_keeps_one_that_is_set(clean):
    for setting in ('keep_large_blocks', 'one_for_numpy', 'one_for_torch_on_two_cores'):    # this process goes on
        clean.setattr(transport, setting, lambda: True)
    clean.delenv('AMENT_PREFIX_PATH', raising=False)
    transport.prepare()
    assert os.environ['AMENT_PREFIX_PATH'] == sys.prefix
    clean.setenv('AMENT_PREFIX_PATH', '/opt/ros')
    transport.prepare()
    assert os.environ['AMENT_PREFIX_PATH'] == '/opt/ros'


def test_shipped_files_are_found_in_the_checkout_and_in_an_install(tmp_path, monkeypatch):
    assert share_file('config/tracker.yaml').is_file()
    installed = tmp_path / 'share' / 'hsi_tracking_ros' / 'config' / 'x.yaml'
    installed.parent.mkdir(parents=True)
    installed.touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'/nowhere{os.pathsep}{tmp_path}')
    assert share_file('config/x.yaml') == installed
    monkeypatch.setattr(share, '__file__', str(tmp_path / 'lib' / 'share.py'))
    with pytest.raises(FileNotFoundError, match='expected config/y.yaml in /nowhere'):
        share_file('config/y.yaml')


def test_missing_packages_are_named_with_what_is_off(monkeypatch):
    def no_import(name):
        raise ImportError(name)
    monkeypatch.setattr(optional.importlib, 'import_module', no_import)
    assert optional.missing_modules(('vision_msgs.msg',)) == ['vision_msgs is not installed: ~/detections is off']
    assert len(optional.missing_modules()) == 3


def test_a_cv_bridge_without_its_compiled_part_counts_as_missing(monkeypatch):
    def half_installed(name):
        if name != 'cv_bridge':
            raise ImportError(name)
        return SimpleNamespace()
    monkeypatch.setattr(optional.importlib, 'import_module', half_installed)
    assert optional.optional_module('cv_bridge') is None


def test_only_listed_packages_are_optional():
    with pytest.raises(ValueError, match="expected one of cv_bridge, .*, got 'torch'"):
        optional.optional_module('torch')
