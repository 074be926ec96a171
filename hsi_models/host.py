"""What figures of speed depend on: processor, system, versions; never a machine's name."""
from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import cv2
import numpy as np


def host_facts() -> dict[str, Any]:
    """System, processor, cores this process may use, versions."""
    return {'system': f'{platform.system()} {platform.release()}', 'machine': platform.machine(),
            'cpu': _cpuinfo('model name'),
            'cores': len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count(),
            'python': platform.python_version(), 'numpy': np.__version__, 'opencv': cv2.__version__}


def processor_vendor() -> str:
    """Who made the processor, as it says itself: numerical libraries choose their code by it."""
    return _cpuinfo('vendor_id')


def _cpuinfo(name: str) -> str:
    """An entry of /proc/cpuinfo; what Python knows where there is none."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        lines = []      # not Linux
    return next((line.partition(':')[2].strip() for line in lines if line.startswith(name)), platform.processor())
