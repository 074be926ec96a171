"""scripts/setup says in one line what is missing and what to do; played on a PATH of stand-ins."""
from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

MACHINE = {
    'uname': 'case $1 in -s) echo Linux;; -m) echo x86_64;; esac',
    'getconf': 'echo glibc 2.36',
    'id': 'echo 1000',
    'sudo': 'exit 1',
    'apt-get': 'echo apt-get "$@" >> "$LOG"',
    'c++': '',
    # answers the version question, accepts the import of venv
    'python3': 'case "$2" in *version_info*) echo 3.12;; esac',
}


@pytest.fixture
def check(tmp_path, repository):
    """Run `scripts/setup` on a machine that differs from a good one by `changes` (None: not installed)."""
    def run(*arguments, **changes):
        bin_dir = tmp_path / 'bin'
        bin_dir.mkdir()
        for name in ('sh', 'sed', 'dirname', 'env', 'cat'):
            (bin_dir / name).symlink_to(shutil.which(name))
        changes = {key.replace('cxx', 'c++').replace('_', '-'): body for key, body in changes.items()}
        for name, body in (MACHINE | changes).items():
            if body is not None:
                (bin_dir / name).write_text(f'#!/bin/sh\n{body}\n')
                (bin_dir / name).chmod(0o755)
        env = {'PATH': str(bin_dir), 'LOG': str(tmp_path / 'log'), 'HOME': os.environ.get('HOME', '/')}
        return subprocess.run(['sh', str(repository / 'scripts' / 'setup'), *arguments], env=env, text=True,
                              capture_output=True, timeout=30)
    return run


def one_line(done):
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_good_machine_misses_nothing(check):
    done = check('--check')
    assert done.returncode == 0
    assert 'nothing is missing' in done.stderr


@pytest.mark.parametrize(('changes', 'expected'), [
    ({'uname': 'case $1 in -s) echo Linux;; -m) echo aarch64;; esac'},
     'needs Linux x86_64, this is Linux aarch64.*colcon.*--without-ros'),
    ({'uname': 'case $1 in -s) echo Darwin;; -m) echo arm64;; esac'}, 'this is Darwin arm64.*--without-ros'),
    ({'getconf': 'echo glibc 2.27'}, 'needs glibc >= 2.28, this is 2.27'),
    ({'getconf': 'exit 1'}, 'another C library'),
    ({'cxx': None}, r'missing: g\+\+. Type: sudo apt-get update && sudo apt-get install -y g\+\+'),
    ({'python3': 'exit 1'}, 'missing: python3-venv. Type: '),
    ({'python3': None}, 'missing: python3 python3-venv. Type: '),
    ({'python3': 'case "$2" in *version_info*) echo 3.9;; esac'}, 'needs Python 3.10 to 3.14, python3 is 3.9'),
])
def test_says_what_is_missing_and_what_to_do(check, changes, expected):
    assert re.search(expected, one_line(check('--check', **changes)))


def test_installs_what_is_missing_where_it_may(check, tmp_path):
    python = 'case "$*" in *ensurepip*) [ -e "$LOG" ];; *version_info*) echo 3.9;; esac'
    done = check(id='echo 0', python3=python)
    assert 'apt-get install -y -qq python3-venv' in (tmp_path / 'log').read_text()
    assert 'needs Python 3.10' in done.stderr       # went on to the next check


@pytest.mark.parametrize('changes', [
    {'uname': 'case $1 in -s) echo Darwin;; -m) echo arm64;; esac'}, {'cxx': None}])
def test_without_ros_needs_neither_platform_nor_compiler(check, changes):
    assert check('--without-ros', '--check', **changes).returncode == 0


def test_unknown_argument_is_refused(check):
    done = check('--tests')
    assert done.returncode == 2
    assert 'expected --test, --without-ros or --check, got --tests' in done.stderr
