"""The arguments of every verb that runs a tracker's network, and what they mean."""
from __future__ import annotations

import argparse

from hsi_models.runtime.executor import PRECISIONS, RUNTIMES
from hsi_models.runtime.options import NetworkOptions


def add_network_arguments(parser: argparse.ArgumentParser) -> None:
    """--weights, --runtime, --precision."""
    parser.add_argument('--weights', default='', metavar='PATH',
                        help="of the tracker's network: a file, its card beside it, or a folder made by `export` (the "
                             'shipped ones)')
    parser.add_argument('--runtime', default='', choices=RUNTIMES,
                        help="what runs the tracker's network; cuda_graph on a GPU only (onnx for auto on a CPU, else "
                             'eager)')
    parser.add_argument('--precision', default='', choices=PRECISIONS, help='of weights and activations (fp32)')


def network_options(args: argparse.Namespace) -> NetworkOptions:
    """What was chosen."""
    return NetworkOptions(args.weights, args.runtime, args.precision)
