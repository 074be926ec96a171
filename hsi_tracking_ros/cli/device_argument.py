"""The argument of every verb that computes on a device."""
from __future__ import annotations

import argparse

from hsi_models.runtime.options import require_device


def add_device_argument(parser: argparse.ArgumentParser, default: str | None = 'cpu') -> None:
    """--device; `default` None leaves it to what is started."""
    parser.add_argument('--device', type=_device, default=default, metavar='DEVICE', help='cpu or cuda[:N] (cpu)')


def _device(text: str) -> str:
    try:
        return require_device(text)
    except ValueError as error:     # argparse would swallow its text
        raise argparse.ArgumentTypeError(str(error)) from error
