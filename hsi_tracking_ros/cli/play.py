"""`hsi-tracking play`: publish a sequence or a bag as a camera would, and track it if asked to."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hsi_tracking_ros.cli.device_argument import add_device_argument
from hsi_tracking_ros.cli.network_arguments import add_network_arguments, network_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this verb."""
    parser.add_argument('source', metavar='SOURCE', help='folder of a sequence, bag, or synthetic:SCENE?frames=100')
    parser.add_argument('--rate', type=float, metavar='X', help='times as fast; 0: as fast as possible (1)')
    parser.add_argument('--frames', type=int, default=0, metavar='N', help='at most (all)')
    parser.add_argument('--loop', action='store_true', help='begin again at the end')
    parser.add_argument('--paused', action='store_true', help='wait for the services pause or step')
    parser.add_argument('--stamps', choices=('recorded', 'now'), help='recorded ones, or the time of publication')
    parser.add_argument('--clock', action='store_true', help='publish /clock; nodes started here use it')
    parser.add_argument('--track', action='store_true', help='start tracker, visualiser and evaluator, too')
    parser.add_argument('--tracker', default='', metavar='NAME', help='NAME or NAME:preset, see `models` (auto)')
    add_device_argument(parser, None)
    add_network_arguments(parser)
    parser.add_argument('--init', default='', metavar='X,Y,W,H',
                        help='the target in the first image, pixels of the image (what the source knows of it)')
    parser.add_argument('--super-resolution', default='', choices=('off', 'crop', 'frame'),
                        help='upscale the search region inside the tracker, or whole frames before it (off)')
    parser.add_argument('--super-resolver', default='', metavar='NAME',
                        help='what upscales, see `models` (back_projection)')
    parser.add_argument('--camera-file', type=Path, metavar='JSON',
                        help='describes the camera where the bag does not (wavelengths.json)')
    parser.add_argument('--calibration-file', type=Path, metavar='NPZ',
                        help='dark, white, defective as images, applied by the tracker')
    parser.add_argument('--every-frame', action='store_true', help='no frame is lost, however slow the tracker is')
    parser.add_argument('--record', type=Path, metavar='BAG', help='record what goes in and comes out')
    parser.add_argument('--report', type=Path, metavar='FILE', help='JSON of the evaluator')
    parser.add_argument('--namespace', default='', help='of all nodes and topics')
    parser.add_argument('--params-file', default='', metavar='YAML', help='parameters of the nodes')
    parser.add_argument('--domain-id', type=int, metavar='ID', help='a ROS domain on this machine alone')
    parser.add_argument('--log-level', default='info', choices=('debug', 'info', 'warn', 'error', 'fatal'))
    parser.add_argument('--logs', type=Path, metavar='DIR', help='a log file a node (this terminal)')


def run(args: argparse.Namespace) -> int:
    """Play to the end or to Ctrl-C."""
    from hsi_tracking_ros.graph import GraphOptions
    from hsi_tracking_ros.playback import PlaybackConfig, play
    from hsi_tracking_ros.processes import terminate_as_interrupt

    if not args.track and (args.every_frame or args.report):
        raise ValueError('expected --track with --every-frame and --report: they need a tracker that answers')
    if not args.track and args.init:
        raise ValueError('expected --track with --init: nobody else is told')
    if not args.track and (args.camera_file or args.calibration_file):
        raise ValueError('expected --track with --camera-file and --calibration-file: they are read by the nodes that '
                         'track, draw and judge')
    files = {name: str(path.absolute()) for name, path in (
        ('camera_file', args.camera_file), ('calibration_file', args.calibration_file)) if path is not None}
    options = GraphOptions(
        namespace=args.namespace, params_file=args.params_file, use_sim_time='true' if args.clock else 'false',
        device=args.device or '', tracker=args.tracker, super_resolution=args.super_resolution,
        super_resolver=args.super_resolver, log_level=args.log_level, source=args.source,
        init_box=args.init,
        **network_options(args).chosen, **files)
    chosen: dict[str, Any] = {'rate': args.rate, 'limit': args.frames, 'loop': args.loop or None,
                              'start_paused': args.paused or None, 'stamps': args.stamps}
    config = PlaybackConfig(
        options, {name: value for name, value in chosen.items() if value is not None}, track=args.track,
        every_frame=args.every_frame, record=args.record, report=args.report, domain_id=args.domain_id,
        log_folder=args.logs)
    with terminate_as_interrupt():
        return play(config)
