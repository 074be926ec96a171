"""Each case in a process of its own: `run_node` owns rclpy's global context and the signals."""
from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from hsi_tracking_ros.processes import free_domain_id, node_environment

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
from hsi_tracking_ros.runner import LOOKS_ON  # noqa: E402

pytestmark = pytest.mark.system

PROGRAM = '''
import os, signal, sys, threading
import rclpy
from rclpy.node import Node
from hsi_tracking_ros.runner import run_node

class Probe(Node):
    def __init__(self):
        {refuse}
        super().__init__('probe')
        self.create_timer(0.05, self.tick)
    def tick(self):
        {tick}
    def destroy_node(self):
        print('destroyed', flush=True)
        super().destroy_node()

sys.exit(run_node(Probe, sys.argv[1:]))
'''


@pytest.mark.parametrize(('changes', 'arguments', 'code', 'says'), [
    ({'tick': 'os.kill(os.getpid(), signal.SIGINT)'}, (), 0, ()),
    ({'tick': 'os.kill(os.getpid(), signal.SIGTERM)'}, (), 0, ()),
    ({'tick': 'self.context.try_shutdown()'}, (), 0, ()),
    ({'refuse': 'rclpy.shutdown()'}, (), 0, ()),
    ({'tick': 'raise ValueError("a bug")'}, (), 1, ('Traceback', 'a bug')),
    ({'refuse': 'raise ValueError("expected a, got b")'}, (), 2, ('expected a, got b',)),
    ({}, ('--ros-args', '--params-file', '/nowhere.yaml'), 2, ('expected ROS arguments that can be read',)),
])
def test_how_a_process_ends(changes, arguments, code, says):
    program = textwrap.dedent(PROGRAM).format(**{'refuse': 'pass', 'tick': 'pass', **changes})
    process = subprocess.run([sys.executable, '-c', program, *arguments], env=node_environment(free_domain_id()),
                             capture_output=True, text=True, timeout=90)
    assert process.returncode == code, process.stderr
    assert all(text in process.stderr for text in says)
    if 'Traceback' not in says:
        assert 'Traceback' not in process.stderr
    assert ('destroyed' in process.stdout) == ('refuse' not in changes and code != 2)


def test_what_looks_on_gives_way_by_itself():
    program = textwrap.dedent(PROGRAM).replace('sys.argv[1:])', 'sys.argv[1:], niceness=LOOKS_ON)').replace(
        'import run_node', 'import LOOKS_ON, run_node').format(
        refuse='pass', tick='print(os.nice(0), flush=True); os.kill(os.getpid(), signal.SIGINT)')
    process = subprocess.run([sys.executable, '-c', program], env=node_environment(free_domain_id()),
                             capture_output=True, text=True, timeout=90)
    assert process.returncode == 0, process.stderr
    assert process.stdout.split()[0] == str(min(os.nice(0) + LOOKS_ON, 19))
