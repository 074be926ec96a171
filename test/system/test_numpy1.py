"""The part without ROS passes its tests on NumPy 1.26, which ROS 2 Jazzy brings; a pure Python install, too."""
from __future__ import annotations

import os
import subprocess
import sys
import venv

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(1700)]


def test_pure_python_install_passes_on_numpy_1(repository, tmp_path):
    if sys.version_info[:2] > (3, 12):
        pytest.skip('NumPy 1.26 has wheels for CPython 3.9 - 3.12 only')
    env = {key: value for key, value in os.environ.items()
           if key not in ('LD_LIBRARY_PATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE', 'PYTHONPATH')}
    env |= {'HSI_ROS_INTERFACES': 'off'}
    venv.create(tmp_path / 'venv', with_pip=True)
    python = tmp_path / 'venv' / 'bin' / 'python'

    def run(*command):
        done = subprocess.run([python, *command], cwd=repository, env=env, capture_output=True, text=True, timeout=1600)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    run('-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-c', 'constraints-numpy1.txt',
        '.', 'pytest', 'pytest-timeout')
    assert run('-c', 'import numpy; print(numpy.__version__)').startswith('1.26')
    # what depends on NumPy; networks and training are torch, and take minutes
    run('-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'test/hsi_models', '--ignore=test/hsi_models/networks',
        '--ignore=test/hsi_models/training', '--ignore=test/hsi_models/runtime',
        '--ignore=test/hsi_models/superresolution', '--ignore=test/hsi_models/tracking/test_network_matcher.py')
    help_text = subprocess.run([tmp_path / 'venv' / 'bin' / 'hsi-tracking', '--help'], env=env, cwd=tmp_path,
                               capture_output=True, text=True, check=True, timeout=60).stdout
    assert 'track' in help_text
