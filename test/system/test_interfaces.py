"""Every message and the service cross two processes over Fast DDS, also between the pip and the colcon build."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hsi_tracking_ros.processes import free_domain_id

PEER = Path(__file__).with_name('interface_peer.py')
MESSAGES = ('info', 'target', 'init', 'targets')

pytestmark = pytest.mark.system


def pip_environment():
    """The environment of this interpreter: messages of the pip install, no source checkout in the way."""
    pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
    env = {key: value for key, value in os.environ.items() if key != 'PYTHONPATH'}
    return env | {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}


def colcon_environment(repository):
    """The environment of `. install/setup.sh` on top of it; the wheels would shuffle the library path."""
    setup = repository / 'build' / 'colcon' / 'install' / 'setup.sh'
    if not setup.is_file():
        pytest.skip('needs the colcon build: scripts/colcon_build')
    env = pip_environment()
    text = subprocess.run(['sh', '-c', '. "$0" && env -0', str(setup)], env=env | {'AMENT_PREFIX_PATH': sys.prefix},
                          cwd=setup.parent, check=True, capture_output=True, text=True).stdout
    env = dict(item.split('=', 1) for item in text.split('\0') if '=' in item)
    libraries = [str(setup.parent / 'hsi_tracking_ros' / 'lib'), f'{sys.prefix}/lib',
                 *map(str, Path(sys.prefix).glob('lib/python*/site-packages/ros_*.libs'))]
    return env | {'LD_LIBRARY_PATH': os.pathsep.join(libraries), '_ROS_WHEELS_BOOTSTRAP_COMPLETE': '1'}


def exchange(serving, asking, tmp_path):
    """Run both sides on a domain of their own; returns what `ask` printed."""
    domain = {'ROS_DOMAIN_ID': str(free_domain_id())}
    server = subprocess.Popen([sys.executable, PEER, 'serve'], env=serving | domain, cwd=tmp_path)
    try:
        done = subprocess.run([sys.executable, PEER, 'ask'], env=asking | domain, cwd=tmp_path, check=True,
                              capture_output=True, text=True, timeout=150)
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) == 0
    return json.loads(done.stdout)


def assert_understood(report):
    assert report['echoed'] == dict.fromkeys(MESSAGES, True)
    assert report['answers'] == [[False, 'expected width > 0, got 0.0'], [True, '']]


def test_two_processes_exchange_every_interface(tmp_path):
    env = pip_environment()
    report = exchange(env, env, tmp_path)
    assert_understood(report)
    assert set(report['hashes']) == set(MESSAGES)


@pytest.mark.parametrize('colcon_serves', [True, False], ids=['colcon_serves', 'pip_serves'])
def test_pip_and_colcon_builds_understand_each_other(repository, tmp_path, colcon_serves):
    colcon, pip = colcon_environment(repository), pip_environment()
    serving, asking = (colcon, pip) if colcon_serves else (pip, colcon)
    report = exchange(serving, asking, tmp_path)
    assert_understood(report)
    install = str(repository / 'build' / 'colcon' / 'install')
    for path in (report['messages_from'], *report['libraries']):
        assert path.startswith(install) != colcon_serves, f'loaded the wrong build: {path}'


def test_type_hashes_of_both_builds_are_equal(repository, tmp_path):
    colcon, pip = colcon_environment(repository), pip_environment()
    first = exchange(pip, pip, tmp_path)['hashes']
    second = exchange(colcon, colcon, tmp_path)['hashes']
    assert first == second
    assert all('RIHS01' in value or 'TypeHash' in value for value in first.values())
