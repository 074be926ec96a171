"""`hsi-tracking train MODEL`: train one model by one command that can be repeated and resumed."""
from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

SUPER_RESOLVERS = ('cst_eigen', 'cst:fast', 'cst:paper', 'cst')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.add_argument('model', help=f'what to train: {", ".join(SUPER_RESOLVERS)} (cst = cst:fast)')
    parser.add_argument('--scale', type=int, default=2, help='enlargement: 2, 4 or 8 (default 2)')
    parser.add_argument('--out', type=Path, help='folder of weights, log and state (default runs/MODEL_xSCALE)')
    parser.add_argument('--set', nargs='+', default=[], metavar='KEY=VALUE', dest='changes',
                        help='change entries of the configuration, such as loop.steps=2000 pairs.batch=16')
    parser.add_argument('--resume', action='store_true', help='go on from the state in the folder, if there is one')
    parser.add_argument('--show', action='store_true', help='print the configuration and stop')
    parser.add_argument('--json', action='store_true', help='print the card of the weights on standard output')


def run(args: argparse.Namespace) -> int:
    """Train, or show what would be trained."""
    import dataclasses

    from hsi_models.checkpoint import load_card
    from hsi_models.training.config import override
    from hsi_models.training.super_resolution import Trainer, default_config

    model = 'cst:fast' if args.model == 'cst' else args.model
    changes = {}
    for change in args.changes:
        key, separator, value = change.partition('=')
        if not separator:
            raise ValueError(f'expected KEY=VALUE, got {change!r}')
        changes[key] = value
    config = override(default_config(model, args.scale), changes)
    if args.show:
        print(json.dumps(dataclasses.asdict(config), indent=1))
        return 0
    folder = args.out or Path('runs') / f'{model.replace(":", "_")}_x{args.scale}'
    path = Trainer(config, folder).run(args.resume, command=_command(model, args))
    print(f'wrote {path}', file=sys.stderr)
    if args.json:
        print(json.dumps(dataclasses.asdict(load_card(path)), indent=1))
    return 0


def _command(model: str, args: argparse.Namespace) -> str:
    words = ['hsi-tracking', 'train', model, '--scale', str(args.scale)]
    if args.changes:
        words += ['--set', *args.changes]
    return shlex.join(words)
