"""Measures how many training pairs a second the simulator makes; `--help` lists the options."""
from __future__ import annotations

import argparse
import json
import platform
import time

import torch

from hsi_models.data.simulation.cameras import nominal_camera
from hsi_models.data.simulation.pairs import PairConfig, PairSimulator


def main() -> None:
    """Run the measurement and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--camera', default='vis', choices=('vis', 'nir'))
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--seconds', type=float, default=10.0)
    parser.add_argument('--template', type=int, default=127, metavar='PX')
    parser.add_argument('--search', type=int, default=255, metavar='PX')
    parser.add_argument('--threads', type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (64, 3, 320, 320), generator=generator, dtype=torch.uint8)
    boxes = torch.tensor([[120.0, 110.0, 70.0, 80.0]]).expand(64, 4)
    simulator = PairSimulator(pictures.to(arguments.device), boxes,
                              PairConfig(template_px=arguments.template, search_px=arguments.search))
    camera = nominal_camera(arguments.camera)

    def wait() -> None:
        if arguments.device.startswith('cuda'):
            torch.cuda.synchronize()

    for seed in range(2):
        simulator.draw(arguments.batch, seed, camera)
    wait()
    pairs, start, processor = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < arguments.seconds:
        simulator.draw(arguments.batch, pairs + 2, camera)
        pairs += arguments.batch
        wait()
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    device = (torch.cuda.get_device_name() if arguments.device.startswith('cuda')
              else platform.processor() or platform.machine())
    print(json.dumps({
        'pairs_per_second': round(pairs / seconds, 1), 'pairs_per_processor_second': round(pairs / processor, 2),
        'minutes_per_million': round(1e6 * seconds / pairs / 60, 1), 'bands': camera.bands, 'batch': arguments.batch,
        'device': device, 'threads': arguments.threads, 'torch': torch.__version__}))


if __name__ == '__main__':
    main()
