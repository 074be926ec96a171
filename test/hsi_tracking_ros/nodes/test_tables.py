"""The parameters of every node are in the documentation, as they are declared."""
from __future__ import annotations

import importlib

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from hsi_tracking_ros.lifecycle import AUTOSTART  # noqa: E402
from hsi_tracking_ros.parameters import markdown  # noqa: E402


@pytest.mark.parametrize(('node', 'of_base'), [
    ('tracker_node', (AUTOSTART,)), ('calibration_node', (AUTOSTART,)), ('super_resolution_node', (AUTOSTART,)),
    ('visualiser_node', ()), ('player_node', ()), ('evaluator_node', ())])
def test_the_documentation_has_the_table_of_parameters(repository, node, of_base):
    table = importlib.import_module(f'hsi_tracking_ros.nodes.{node}').TABLE
    text = (repository / 'docs' / 'nodes.md').read_text()
    section = text[text.index(f'## {node}\n'):].split('\n## ')[0]
    assert markdown((*of_base, *table)) in section
