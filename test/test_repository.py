"""What holds for the repository as a whole: the two commands, who imports what, no foreign traces."""
from __future__ import annotations

import re
import subprocess
import sys

import pytest

NO_ROS = '''
import importlib, pkgutil, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {forbidden}:
            raise ImportError(f'{{name}} must not be imported here')
sys.meta_path.insert(0, Refuse())
package = importlib.import_module({package!r})
names = [{package!r}]
for found in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):
    importlib.import_module(found.name)
    names.append(found.name)
print(len(names))
'''
ROS = {'rclpy', 'launch', 'sensor_msgs', 'std_msgs', 'std_srvs', 'diagnostic_msgs', 'rosbags', 'cv_bridge'}


def run_python(code, repository):
    return subprocess.run([sys.executable, '-c', code], cwd=repository, capture_output=True, text=True, timeout=120)


def test_hsi_models_imports_no_ros(repository):
    done = run_python(NO_ROS.format(package='hsi_models', forbidden=ROS | {'hsi_tracking_ros'}), repository)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10


def test_the_package_and_its_command_line_import_no_ros(repository):
    done = run_python(NO_ROS.format(package='hsi_tracking_ros.cli', forbidden=ROS), repository)
    assert done.returncode == 0, done.stderr


def test_ci_runs_exactly_the_test_command_of_the_readme(repository):
    commands = re.findall(r'^```sh\n(.*?)^```', (repository / 'README.md').read_text(), re.DOTALL | re.MULTILINE)
    assert commands[0].startswith('scripts/setup && .venv/bin/hsi-tracking demo --headless --out ')
    assert commands[1] == 'scripts/test\n'
    assert (repository / '.ci' / 'run').read_text().splitlines()[-1] == 'exec scripts/test'


def test_tracked_tree_is_small_and_carries_no_machine_paths(repository):
    if not (repository / '.git').exists():
        pytest.skip('not a git checkout')
    listed = subprocess.run(['git', 'ls-files', '-z'], cwd=repository, check=True, capture_output=True, text=True)
    files = [repository / name for name in listed.stdout.split('\0') if name]
    assert sum(file.stat().st_size for file in files if file.exists()) < 18e6
    pattern = re.compile(rb'/(?:wo' + rb'rk|ro' + rb'ot)/[a-z.]')
    guilty = [file.name for file in files if file.exists() and pattern.search(file.read_bytes())]
    assert guilty == []


def test_interface_table_is_current(repository):
    done = subprocess.run([sys.executable, 'scripts/interface_docs', '--check'], cwd=repository, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
