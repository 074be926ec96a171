"""What the allocator keeps and takes, counted in pages that the kernel had to give."""
from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
from hsi_tracking_ros.share import share_file  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='mallopt is glibc')
FAULTS = 'resource.getrusage(resource.RUSAGE_SELF).ru_minflt'


def printed(code):
    environment = {name: value for name, value in os.environ.items() if not name.startswith('MALLOC_')}
    code = f'import resource\nfrom hsi_tracking_ros.memory import keep_large_blocks, reserve\n{code}'
    return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, env=environment,
                          cwd=share_file('package.xml').parent).stdout.split()


def test_large_blocks_are_kept():
    faults = [int(printed(f'{first}\nfor _ in range(10): b"x" * (40 << 20)\nprint({FAULTS})')[0])
              for first in ('assert keep_large_blocks()', '')]
    assert faults[0] < 0.5 * faults[1]


def test_what_is_reserved_costs_later_blocks_no_page():
    images = f'before = {FAULTS}\nkept = [b"x" * (4 << 20) for _ in range(30)]\nprint({FAULTS} - before)'
    with_it, without = (int(printed(f'assert keep_large_blocks()\n{first}\n{images}')[0])
                        for first in ('assert reserve(160)', ''))
    assert without > 0.9 * 30 * (4 << 20) / resource.getpagesize()
    assert with_it < 0.05 * without


def test_nothing_is_reserved_where_blocks_are_given_back():
    said = printed('print(reserve(16), keep_large_blocks(), reserve(0), reserve(16))')
    assert said == ['False', 'True', 'False', 'True']


def test_more_than_there_is_is_not_reserved():
    assert printed('keep_large_blocks()\nresource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n'
                   'print(reserve(4096))') == ['False']
