"""Nodes as child processes: started with one environment, logged to files, ended cleanly whatever happens."""
from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType

# How long a process may take to follow each signal, s: a node writes its report and closes its bag on SIGINT.
PATIENCE_S = ((signal.SIGINT, 8.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0))
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == 'linux' else None


class NodeDiedError(ChildProcessError):
    """A process ended that should have gone on."""


class ProcessGroup:
    """Child processes by name; leaving the context ends them all.

    Each gets a session of its own, so that Ctrl-C in a terminal reaches only the parent, which ends them in
    order; should the parent be killed, the kernel ends them (Linux).

    Args:
        environment: of every child.
        log_folder: NAME.log of each child goes here; None: the parent's terminal.
    """

    def __init__(self, environment: Mapping[str, str], log_folder: Path | None = None) -> None:
        self._environment = dict(environment)
        self._log_folder = log_folder
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        if log_folder is not None:
            log_folder.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, arguments: Sequence[str], *, niceness: int = 0) -> None:
        """Start a program, with a lower priority where `niceness` > 0.

        Raises:
            ValueError: the name is in use.
            OSError: it cannot be started.
        """
        if name in self._children:
            raise ValueError(f'expected a new name for a process, got {name!r}, which is in use')
        with contextlib.ExitStack() as stack:
            log = stack.enter_context((self._log_folder / f'{name}.log').open('wb')) if self._log_folder else None
            stack.enter_context(_interrupts_held())
            self._children[name] = subprocess.Popen(
                list(arguments), env=self._environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT if log else None, start_new_session=True,
                preexec_fn=functools.partial(_prepare_child, niceness))

    def log_tail(self, name: str, lines: int = 12) -> str:
        """The last lines a child wrote, '' where it is not logged to a file."""
        if self._log_folder is None:
            return ''
        written = (self._log_folder / f'{name}.log').read_text(errors='replace')
        return '\n'.join([line for line in written.splitlines() if line.strip()][-lines:])

    def ended(self) -> dict[str, int]:
        """Exit status of every child that is no longer running; negative: ended by that signal."""
        return {name: child.returncode for name, child in self._children.items() if child.poll() is not None}

    def check(self, may_end: Sequence[str] = ()) -> None:
        """Raise NodeDiedError, with the last lines it wrote, if a child other than `may_end` is gone."""
        for name, status in self.ended().items():
            if name not in may_end or status != 0:
                how = f'ended by {signal.Signals(-status).name}' if status < 0 else f'ended with status {status}'
                tail = self.log_tail(name)
                raise NodeDiedError(f'{name} {how}' + (f'; it last wrote:\n{tail}' if tail else ''))

    def wait(self, name: str, timeout_s: float) -> int | None:
        """Wait for one child to end by itself; None if it did not in time."""
        try:
            return self._children[name].wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, *names: str) -> dict[str, int]:
        """End these children (all by default): SIGINT, then SIGTERM, then SIGKILL, each with bounded patience.

        Returns:
            exit status by name.
        """
        children = {name: self._children[name] for name in names or self._children}
        for number, patience_s in PATIENCE_S:
            running = [child for child in children.values() if child.poll() is None]
            for child in running:
                _signal_session(child, number)
            deadline = time.monotonic() + patience_s
            for child in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(max(0.0, deadline - time.monotonic()))
        codes = {name: child.poll() for name, child in children.items()}
        return {name: -signal.SIGKILL if code is None else code for name, code in codes.items()}

    def __enter__(self) -> ProcessGroup:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Signals act when this is left: one between the birth of a child and its entry here would leave it alone."""
    if threading.current_thread() is not threading.main_thread():
        yield       # only the main thread is interrupted
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, frame: came.append(number))
              for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for caught in came:
            signal.raise_signal(caught)


def _prepare_child(niceness: int) -> None:
    os.nice(niceness)
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal_session(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)    # its session holds what it started itself, too


@contextlib.contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt while this is entered, so that `finally` and `with` do their work."""
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def free_domain_id() -> int:
    """A ROS domain that no participant of this machine uses now: its first unicast port is free."""
    for offset in range(100):
        domain = 1 + (os.getpid() + 37 * offset) % 100      # 0 is everybody's, above 101 ports meet the ephemeral ones
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('', 7400 + 250 * domain + 10))
            except OSError:
                continue
            return domain
    raise OSError('expected a free ROS domain 1..100, found all in use: stop what runs there or choose one')


def node_environment(domain_id: int | None = None, **extra: str) -> dict[str, str]:
    """The environment for a child: this process's, importing the same copy of this package.

    Args:
        domain_id: a private domain on this machine alone; None: the network as the user set it up.
        extra: further variables.
    """
    environment = dict(os.environ)
    root = str(Path(__file__).resolve().parents[1])
    path = environment.get('PYTHONPATH', '')
    if root not in path.split(os.pathsep):
        environment['PYTHONPATH'] = os.pathsep.join(filter(None, (root, path)))
    environment['PYTHONUNBUFFERED'] = '1'       # a log that ends where the node ended
    if domain_id is not None:
        environment.update(ROS_DOMAIN_ID=str(domain_id), ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST')
        environment.pop('ROS_STATIC_PEERS', None)
    environment.update(extra)
    return environment


def join_domain(environment: Mapping[str, str]) -> None:
    """Bring this process into the private domain of its children; `environment` as `node_environment` made it."""
    os.environ.update({name: environment[name] for name in ('ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE')})
