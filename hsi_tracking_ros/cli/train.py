"""`hsi-tracking train MODEL`: train one model by one command that can be repeated and resumed."""
from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ALIASES = {'cst': 'cst:fast', 'ssf_net': 'ssf_net:fast', 'bcr_net': 'bcr_net:fast'}


@dataclass(frozen=True)
class Family:
    """Models that are trained alike.

    Args:
        models: their names.
        module: of `hsi_models.training`, imported when needed.
        trainer: class there, (configuration, folder).
        scaled: whether there is one for each enlargement; `default_config` then takes it, too.
        named: whether `default_config` takes the name of the model.
        corpus: whether it learns from pictures with boxes, which `--pack` writes.
    """

    models: tuple[str, ...]
    module: str
    trainer: str = 'Trainer'
    scaled: bool = False
    named: bool = True
    corpus: bool = False

    def load(self, name: str) -> Callable[..., Any]:
        """Something of the module."""
        loaded: Callable[..., Any] = getattr(import_module(f'hsi_models.training.{self.module}'), name)
        return loaded


FAMILIES = (
    Family(('auto',), 'auto', 'AutoTrainer', named=False, corpus=True),
    Family(('box_refiner',), 'box_refiner', 'BoxRefinerTrainer', named=False, corpus=True),
    Family(('ssf_net:fast', 'ssf_net:paper', 'bcr_net:fast', 'bcr_net:paper'), 'tracking', corpus=True),
    Family(('cst_eigen', 'cst:fast', 'cst:paper'), 'super_resolution', scaled=True),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    models = ', '.join(model for family in FAMILIES for model in family.models)
    parser.add_argument('model', help=f'what to train: {models}; a name alone means :fast')
    parser.add_argument('--scale', type=int, default=2, help='enlargement of a super-resolver: 2, 4 or 8 (default 2)')
    parser.add_argument('--out', type=Path,
                        help='folder of weights, log and state (default runs/MODEL, runs/MODEL_xSCALE)')
    parser.add_argument('--set', nargs='+', default=[], metavar='KEY=VALUE', dest='changes',
                        help='change entries of the configuration, such as loop.steps=2000 batch=16')
    parser.add_argument('--resume', action='store_true', help='go on from the state in the folder, if there is one')
    parser.add_argument('--show', action='store_true', help='print the configuration and stop')
    parser.add_argument('--pack', type=Path, metavar='FILE',
                        help='of a tracker: write its training pictures to one file, which data=FILE reads, and stop')
    parser.add_argument('--json', action='store_true', help='print the card of the weights on standard output')


def run(args: argparse.Namespace) -> int:
    """Train, show what would be trained, or pack what it would be trained on."""
    import dataclasses

    from hsi_models.checkpoint import load_card
    from hsi_models.training import distributed
    from hsi_models.training.config import override

    model = ALIASES.get(args.model, args.model)
    family = _family(model)
    names = [model] if family.named else []
    config = override(family.load('default_config')(*names, *([args.scale] if family.scaled else [])),
                      _changes(args.changes))
    if args.show:
        print(json.dumps(dataclasses.asdict(config), indent=1))
        return 0
    if args.pack is not None:
        if not family.corpus:
            raise ValueError(f'expected a tracker to pack training pictures for, got {model}')
        return _pack(config, args.pack)
    suffix = f'_x{args.scale}' if family.scaled else ''
    folder = args.out or Path('runs') / f'{model.replace(":", "_")}{suffix}'
    try:
        path = family.load(family.trainer)(config, folder).run(args.resume, command=_command(model, family, args))
        if distributed.is_main():
            print(f'wrote {path}', file=sys.stderr)
            if args.json:
                print(json.dumps(dataclasses.asdict(load_card(path)), indent=1))
        several = distributed.processes() > 1
    finally:
        distributed.leave()
    if several:
        distributed.end_process()
    return 0


def _family(model: str) -> Family:
    for family in FAMILIES:
        if model in family.models:
            return family
    known = ', '.join(model for family in FAMILIES for model in family.models)
    raise ValueError(f'expected model {known}, got {model!r}')


def _changes(words: list[str]) -> dict[str, str]:
    changes = {}
    for word in words:
        key, separator, value = word.partition('=')
        if not separator:
            raise ValueError(f'expected KEY=VALUE, got {word!r}')
        changes[key] = value
    return changes


def _pack(config: Any, path: Path) -> int:
    """Write the pictures that a tracker's configuration asks for."""
    from hsi_models.training.tracking_data import load_windows
    from hsi_models.training.tracking_pack import pack_windows

    windows = load_windows(Path(config.data), config.pairs.windows)
    size = pack_windows(windows, path)
    print(f'wrote {path}: {len(windows)} pictures, {size / 1e6:.1f} MB', file=sys.stderr)
    return 0


def _command(model: str, family: Family, args: argparse.Namespace) -> str:
    words = ['hsi-tracking', 'train', model, *(['--scale', str(args.scale)] if family.scaled else [])]
    if args.changes:
        words += ['--set', *args.changes]
    return shlex.join(words)
