"""`hsi-tracking export`: a network with its weights to ONNX, template and search path apart; needs no ROS."""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

NETWORKS = 'auto, ssf_net[:fast|:paper], bcr_net[:fast|:paper], nanotrack_v3'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this verb."""
    parser.add_argument('name', metavar='NAME', help=NETWORKS)
    parser.add_argument('--out', required=True, type=Path, metavar='DIR',
                        help='folder for template.onnx, search.onnx and model.json; a tracker takes it as weights')
    parser.add_argument('--weights', type=Path, metavar='FILE',
                        help='weights of the network, safetensors (the shipped ones, where there are any)')
    parser.add_argument('--bands', type=int, default=16, metavar='N',
                        help='bands of the camera, fixed in the files (16); auto takes any')
    parser.add_argument('--batch', type=int, default=1, metavar='N', help='targets at once, fixed in the files (1)')
    parser.add_argument('--json', action='store_true', help='what was written on standard output')


def run(args: argparse.Namespace) -> int:
    """Export, compare with PyTorch, report."""
    if args.batch < 1 or args.bands < 3:
        raise ValueError(f'expected --batch >= 1 and --bands >= 3, got {args.batch} and {args.bands}')
    try:
        from hsi_models.runtime.export import export_network
        report = export_network(args.name, args.weights, args.out, args.bands, args.batch)
    except ModuleNotFoundError as error:
        if error.name not in ('onnx', 'onnxruntime'):
            raise
        raise ValueError(f'expected the extra `onnx` (pip install "hsi-tracking-ros[onnx]"), got no {error.name}') \
            from error
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        print(f'wrote {len(report["files"])} files to {args.out}; largest difference from PyTorch '
              f'{report["max_error"]:.1e}', file=sys.stderr)
    return 0
