"""Compares simulated mosaics with real ones: noise against signal, correlation of bands, dynamic range.

    python benchmarks/simulation_realism.py --real DIR --simulated DIR [--sequences 12]

DIR of real ones holds pictures of 4 x 4 mosaics, DIR of simulated ones sequences with wavelengths.json.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.data.cameras import camera_from_json
from hsi_models.data.images_io import read_single_channel
from hsi_models.mosaic import mosaic_to_cube

# Immerkaer 1996, Fast noise variance estimation: blind to constant and linear brightness.
KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6.0
CELL_PX = 8


def statistics(cube: npt.NDArray[Any], full_scale: float) -> dict[str, float]:
    """Of one cube (H, W, C) in digital numbers.

    Noise is taken in the quietest twentieth of squares of `CELL_PX` pixels a level of brightness, where least texture
    is left; what it says is an upper bound.
    """
    data = cube.astype(np.float32)
    height, width, bands = data.shape
    residual = np.stack([cv2.filter2D(np.ascontiguousarray(data[..., k]), -1, KERNEL) for k in range(bands)], axis=-1)
    h, w = height // CELL_PX, width // CELL_PX
    squares = (h, CELL_PX, w, CELL_PX, bands)
    level = data[:h * CELL_PX, :w * CELL_PX].reshape(squares).mean(axis=(1, 3)).ravel() / full_scale
    noise = residual[:h * CELL_PX, :w * CELL_PX].reshape(squares).std(axis=(1, 3)).ravel() / full_scale
    out = {}
    for name, low, high in (('dark', 0.02, 0.15), ('middle', 0.15, 0.4), ('bright', 0.4, 0.85)):
        inside = (level >= low) & (level < high)
        if inside.sum() >= 100:
            floor = noise[inside] <= np.quantile(noise[inside], 0.05)
            out[f'snr_{name}'] = float(np.median(level[inside][floor] / np.maximum(noise[inside][floor], 1e-6)))
    flat = data.reshape(-1, bands)
    flat = flat[flat.max(axis=1) < 0.99 * full_scale]
    correlation = np.corrcoef(flat.T)
    out['band_correlation_median'] = float(np.median(correlation[np.triu_indices(bands, 1)]))
    out['band_correlation_least'] = float(correlation.min())
    unit = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    eigenvalues = np.linalg.eigvalsh(np.cov(unit.T))[::-1]
    out['spectral_angle_to_mean_deg'] = float(np.degrees(np.median(np.arccos(np.clip(
        unit @ unit.mean(axis=0) / np.linalg.norm(unit.mean(axis=0)), -1, 1)))))
    out['components_for_95_percent'] = float(np.searchsorted(np.cumsum(eigenvalues) / eigenvalues.sum(), 0.95) + 1)
    low, high = np.percentile(data, [1, 99]) / full_scale
    out.update(percentile_1=float(low), percentile_99=float(high), dynamic_range=float(high / max(low, 1e-3)))
    return out


def main() -> None:
    """Print the medians of both sides as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--real', type=Path, required=True, metavar='DIR')
    parser.add_argument('--simulated', type=Path, required=True, metavar='DIR')
    parser.add_argument('--sequences', type=int, default=12, metavar='N')
    arguments = parser.parse_args()
    sides: dict[str, list[dict[str, float]]] = {}
    for path in sorted(arguments.real.glob('*.tif')):
        sides[f'real {path.stem[:16]}'] = [statistics(mosaic_to_cube(read_single_channel(path), 4, 4), 255.0)]
    for file in sorted(arguments.simulated.glob('*/wavelengths.json')):
        camera = camera_from_json(file)
        if not camera.white_levels:      # a real mosaic, only its window moves
            continue
        name = f'simulated {file.parent.name.split("_")[0]} {camera.mosaic_rows}x{camera.mosaic_columns}'
        if len(sides.setdefault(name, [])) < arguments.sequences:
            picture = read_single_channel(file.parent / 'HSI' / '0001.png')
            sides[name].append(statistics(mosaic_to_cube(picture, camera.mosaic_rows, camera.mosaic_columns),
                                          camera.full_scale))
    medians = {name: {key: round(float(np.median([row[key] for row in rows if key in row])), 3)
                      for key in sorted({key for row in rows for key in row})} for name, rows in sides.items()}
    print(json.dumps(medians, indent=1))


if __name__ == '__main__':
    main()
