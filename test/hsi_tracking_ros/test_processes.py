"""Child processes: logged, watched, and gone afterwards, however stubborn."""
from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hsi_tracking_ros import processes
from hsi_tracking_ros.processes import NodeDiedError, ProcessGroup, free_domain_id, node_environment

POLITE = 'import time; print("up", flush=True); time.sleep(60)'
STUBBORN = ('import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); '
            'signal.signal(signal.SIGTERM, signal.SIG_IGN); print("up", flush=True); time.sleep(60)')


@pytest.fixture
def group(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, 'PATIENCE_S', ((signal.SIGINT, 2.0), (signal.SIGTERM, 0.3), (signal.SIGKILL, 20.0)))
    with ProcessGroup(node_environment(), tmp_path / 'logs') as group:
        yield group


def wait_for_log(group, name, text='up'):
    end = time.monotonic() + 60
    while text not in group.log_tail(name):
        assert time.monotonic() < end, f'{name} never wrote {text!r}'
        time.sleep(0.02)


def test_stop_ends_polite_and_stubborn_ones(group, monkeypatch):
    # the stubborn one takes all of the first two
    monkeypatch.setattr(processes, 'PATIENCE_S', ((signal.SIGINT, 3.0), (signal.SIGTERM, 0.3), (signal.SIGKILL, 20.0)))
    for name, code in (('polite', POLITE), ('stubborn', STUBBORN)):
        group.start(name, [sys.executable, '-c', code])
        wait_for_log(group, name)
    status = group.stop()
    assert status['stubborn'] == -signal.SIGKILL
    assert status['polite'] in (1, -signal.SIGINT, 130)
    assert set(group.ended()) == {'polite', 'stubborn'}


def test_a_child_that_ends_is_noticed_with_its_last_words(group):
    group.start('short', [sys.executable, '-c', 'import sys; print("no such weights"); sys.exit(3)'])
    assert group.wait('short', 60) == 3
    with pytest.raises(NodeDiedError, match=r'(?s)short ended with status 3; it last wrote:.*no such weights'):
        group.check()
    with pytest.raises(NodeDiedError):
        group.check(may_end=('short',))


def test_one_that_may_end_may(group):
    group.start('short', [sys.executable, '-c', 'pass'])
    assert group.wait('short', 60) == 0
    group.check(may_end=('short',))


def test_an_interrupt_while_a_child_is_born_comes_after_its_entry(group, monkeypatch):
    popen = subprocess.Popen

    def interrupted(*arguments, **options):
        child = popen(*arguments, **options)
        signal.raise_signal(signal.SIGINT)
        return child
    monkeypatch.setattr(processes.subprocess, 'Popen', interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)   # ignored in a job that a shell put aside
    try:
        with pytest.raises(KeyboardInterrupt):
            group.start('born', [sys.executable, '-c', POLITE])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert set(group.stop()) == {'born'}


def test_a_name_is_used_once(group):
    group.start('one', [sys.executable, '-c', POLITE])
    with pytest.raises(ValueError, match="got 'one', which is in use"):
        group.start('one', [sys.executable, '-c', POLITE])


@pytest.mark.skipif(sys.platform != 'linux', reason='the kernel ends children of a killed parent on Linux only')
def test_children_of_a_killed_parent_end(tmp_path):
    parent = (f'import sys; sys.path.insert(0, {str(processes.Path(processes.__file__).parents[1])!r})\n'
              'import time, os\n'
              'from hsi_tracking_ros.processes import ProcessGroup\n'
              f'g = ProcessGroup(os.environ); g.start("c", [sys.executable, "-c", {POLITE!r}])\n'
              'print(g._children["c"].pid, flush=True); time.sleep(60)\n')
    child = subprocess.Popen([sys.executable, '-c', parent], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    pid = int(child.stdout.readline())
    child.kill()
    child.wait()
    child.stdout.close()
    end = time.monotonic() + 60
    status = Path(f'/proc/{pid}/stat')
    while status.exists() and status.read_text().split()[2] != 'Z':
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_private_domain_stays_on_this_machine(monkeypatch):
    monkeypatch.setenv('ROS_STATIC_PEERS', 'elsewhere')
    environment = node_environment(42)
    assert (environment['ROS_DOMAIN_ID'], environment['ROS_AUTOMATIC_DISCOVERY_RANGE']) == ('42', 'LOCALHOST')
    assert 'ROS_STATIC_PEERS' not in environment
    assert 1 <= free_domain_id() <= 100
