"""On how many threads a process of this package calculates; what the user has set stays."""
from __future__ import annotations

import ctypes
import os

BLAS_VARIABLES = ('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS')
BLAS_SETTERS = ('scipy_openblas_set_num_threads64_', 'openblas_set_num_threads64_', 'openblas_set_num_threads')
"""of numpy's wheels from 2.0 on, before, and of Debian's libopenblas"""


def one_for_numpy() -> bool:
    """One thread for products of matrices; False where the user has chosen, or numpy does not use OpenBLAS.

    Its threads wait for each other by spinning. They bring a node nothing, and beside other nodes take the processor
    from them.
    """
    if any(variable in os.environ for variable in BLAS_VARIABLES):
        return False
    import numpy as np  # not at the top: `hsi-tracking --help` comes by here

    core = getattr(np, '_core', None) or np.core    # numpy 2, 1
    try:
        library = ctypes.CDLL(core._multiarray_umath.__file__)      # its dependencies are looked through, too
        setter = next(filter(None, (getattr(library, name, None) for name in BLAS_SETTERS)))
    except (OSError, AttributeError, TypeError, StopIteration):
        return False
    setter(1)
    return True


def one_for_torch_on_two_cores() -> bool:
    """One thread for PyTorch where there are two at most, if it is imported after this; False where nothing was set.

    Its threads spin, too: on two hardware threads `ssf_net` made 16 frames/s with one of them and 11 with two,
    `bcr_net` 7.6 and 5.6.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    if cores > 2 or 'OMP_NUM_THREADS' in os.environ:
        return False
    os.environ['OMP_NUM_THREADS'] = '1'
    return True
