"""`hsi-tracking models`: what can be run here, with sizes and weights; needs no ROS."""
from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this verb."""
    parser.add_argument('--bands', type=int, default=16, metavar='N', help='bands for sizes that depend on them (16)')
    parser.add_argument('--scale', type=int, default=2, metavar='S', help='scale of the super-resolvers (2)')
    parser.add_argument('--json', action='store_true', help='a list of objects on standard output')


def run(args: argparse.Namespace) -> int:
    """List the registry."""
    from hsi_models.registry import models

    rows = models(bands=args.bands, scale=args.scale)
    if args.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f'{"name":<16} {"preset":<8} {"kind":<16} {"parameters":>12} {"GMACs":>8}  weights')
    for row in rows:
        gmacs = '-' if row['gmacs'] is None else f'{row["gmacs"]:.2f}'
        parameters = '-' if row['parameters'] is None else f'{row["parameters"]:,}'
        weights = (row['weights'] or 'none')[:12]
        print(f'{row["name"]:<16} {row["preset"] or "-":<8} {row["kind"]:<16} {parameters:>12} {gmacs:>8}  {weights}')
    return 0
