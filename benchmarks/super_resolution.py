"""Time and memory of super-resolution: one region as the tracker asks for, and a whole snapshot frame in tiles."""
from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import time

import numpy as np
import torch

from hsi_models.superresolution.factory import UNLEARNT, create_super_resolver, measure, wrap_network
from hsi_models.superresolution.networks import build_network
from hsi_models.superresolution.super_resolver import TiledSuperResolver


def resolver(name: str, scale: int, device: str) -> TiledSuperResolver:
    """With shipped weights, or with random ones where none are shipped: the time is the same."""
    if name in UNLEARNT:
        return create_super_resolver(name, scale, device)
    try:
        return create_super_resolver(name, scale, device)
    except FileNotFoundError:
        channels = 16 if name == 'cst:paper' else 10
        return wrap_network(name, build_network(name, scale, channels).eval(), scale, channels, device)


def milliseconds(model: TiledSuperResolver, cube: np.ndarray, repeats: int) -> tuple[list[float], list[float]]:
    """Time of each call after two to warm up, by the clock and of the processor, all threads; the result is on the CPU,
    so a device is waited for."""
    times, processor = [], []
    for index in range(repeats + 2):
        started, used = time.perf_counter(), time.process_time()
        model.upscale(cube)
        if index >= 2:
            times.append(1e3 * (time.perf_counter() - started))
            processor.append(1e3 * (time.process_time() - used))
    return times, processor


def main() -> int:
    """Print one JSON object a model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--models', default='bicubic,back_projection,cst_eigen,cst:fast')
    parser.add_argument('--scale', type=int, default=2)
    parser.add_argument('--region', default='64,64,16', help='H,W,C of the region (%(default)s)')
    parser.add_argument('--frame', default='256,512,16', help='H,W,C of the whole frame (%(default)s)')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(0)
    region, frame = (rng.integers(0, 1023, [int(side) for side in text.split(',')], dtype=np.uint16)
                     for text in (args.region, args.frame))
    for name in args.models.split(','):
        model = resolver(name, args.scale, args.device)
        times, processor = milliseconds(model, region, args.repeats)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        model.upscale(frame)
        frame_ms = 1e3 * (time.perf_counter() - started)
        growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        parameters, gmacs = measure(region.shape[2], args.scale, name)
        print(json.dumps({'model': name, 'scale': args.scale, 'parameters': parameters,
                          'gmacs_64x64': None if gmacs is None else round(gmacs, 2),
                          'region_ms_p50': round(statistics.median(times), 1), 'region_ms_max': round(max(times), 1),
                          'region_processor_ms_p50': round(statistics.median(processor), 1), 'load': os.getloadavg()[0],
                          'frame_ms': round(frame_ms), 'frame_memory_growth_mb': round(growth),
                          'frame_result_mb': round(frame.nbytes * args.scale ** 2 / 2 ** 20, 1),
                          'device': args.device, 'threads': args.threads}))
    return 0


if __name__ == '__main__':
    sys.exit(main())
