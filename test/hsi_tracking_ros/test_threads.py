"""Threads of the libraries that calculate: as few as pay, unless the user says otherwise."""
from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hsi_tracking_ros import threads
from hsi_tracking_ros.share import share_file


@pytest.mark.parametrize(('chosen', 'wanted'), [({}, 1), ({'OPENBLAS_NUM_THREADS': '2'}, 2)])
def test_products_of_matrices_take_one_thread_unless_the_user_says_so(chosen, wanted):
    code = ('import ctypes, numpy, sys\n'
            'from hsi_tracking_ros import threads\n'
            'core = getattr(numpy, "_core", None) or numpy.core\n'
            'library = ctypes.CDLL(core._multiarray_umath.__file__)\n'
            'name = next((n for n in threads.BLAS_SETTERS if hasattr(library, n)), None)\n'
            'if name is None: sys.exit(9)\n'
            'getattr(library, name)(2) if sys.argv[1] == "2" else None\n'
            'threads.one_for_numpy()\n'
            'print(getattr(library, name.replace("_set_", "_get_"))())')
    environment = {name: value for name, value in os.environ.items() if name not in threads.BLAS_VARIABLES}
    process = subprocess.run([sys.executable, '-c', code, str(wanted)], capture_output=True, text=True,
                             env=environment | chosen, cwd=share_file('package.xml').parent)
    if process.returncode == 9:
        pytest.skip('numpy computes with another library than OpenBLAS here')
    assert process.stdout.split() == [str(wanted)], process.stderr


@pytest.mark.parametrize(('cores', 'given', 'set_to'), [(1, None, '1'), (2, None, '1'), (4, None, None), (2, '2', '2')])
def test_torch_takes_one_thread_where_there_are_two(monkeypatch, cores, given, set_to):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda process: set(range(cores)), raising=False)
    monkeypatch.setenv('OMP_NUM_THREADS', given or '')      # to be put back
    if given is None:
        monkeypatch.delenv('OMP_NUM_THREADS')
    assert threads.one_for_torch_on_two_cores() == (given is None and set_to is not None)
    assert os.environ.get('OMP_NUM_THREADS') == set_to
