"""Error maps and spectra of super-resolvers on one cube, side by side in one picture."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.superresolution.evaluation import Trial

Image = npt.NDArray[np.uint8]
COLOURS = ((0, 0, 0), (40, 40, 220), (200, 110, 20), (60, 150, 40), (160, 60, 160), (20, 150, 210))
PANEL, PLOT_WIDTH = 280, 380


def draw_trials(trials: Iterable[Trial], folder: Path) -> list[Path]:
    """One picture a cube: `CUBE_error.png`. Left to right: reference, error map of each model, spectra.

    Error maps show the root mean square error over bands, all on one colour scale (99th percentile of the first
    model's); spectra are those of three pixels where the first model errs most, reference in black.

    Returns:
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by_cube: dict[str, list[Trial]] = {}
    for trial in trials:
        by_cube.setdefault(trial.cube, []).append(trial)
    paths = []
    for name, group in by_cube.items():
        path = folder / f'{name}_error.png'
        if not cv2.imwrite(str(path), draw_cube(group)):
            raise OSError(f'could not write {path}')
        paths.append(path)
    return paths


def draw_cube(trials: Sequence[Trial]) -> Image:
    """The picture of one cube, (rows, columns, 3) BGR."""
    reference = trials[0].reference
    errors = [np.sqrt(((trial.estimate - reference) ** 2).mean(-1)) for trial in trials]
    limit = max(float(np.percentile(errors[0], 99)), 1e-9)
    mean = reference.mean(-1)
    grey = (255 * np.clip(mean / max(float(np.percentile(mean, 99)), 1e-9), 0, 1)).astype(np.uint8)
    panels = [_panel(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), 'reference')]
    for trial, error in zip(trials, errors, strict=True):
        heat = cv2.applyColorMap((255 * np.clip(error / limit, 0, 1)).astype(np.uint8), cv2.COLORMAP_INFERNO)
        panels.append(_panel(heat, f'{trial.model[-18:]} {trial.quality.mpsnr_db:.2f} dB'))
    worst = cv2.blur(errors[0], (9, 9))
    plots = []
    for _ in range(3):
        y, x = (int(i) for i in np.unravel_index(int(worst.argmax()), worst.shape))
        worst[max(y - 12, 0):y + 13, max(x - 12, 0):x + 13] = 0
        plots.append(_plot([reference[y, x], *(trial.estimate[y, x] for trial in trials)], f'pixel {x}, {y}',
                           panels[0].shape[0] // 3))
    stacked = np.concatenate(plots)
    column = cv2.copyMakeBorder(stacked, 0, panels[0].shape[0] - stacked.shape[0], 0, 0, cv2.BORDER_CONSTANT,
                                value=(255, 255, 255))
    return np.asarray(np.concatenate([*panels, column], axis=1), np.uint8)


def _panel(image: npt.NDArray[Any], title: str) -> Image:
    resized = cv2.resize(image, (PANEL, PANEL), interpolation=cv2.INTER_NEAREST)
    framed = cv2.copyMakeBorder(resized, 24, 4, 4, 4, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    cv2.putText(framed, title, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return np.asarray(framed, np.uint8)


def _plot(spectra: Sequence[npt.NDArray[np.float32]], title: str, height: int) -> Image:
    canvas: npt.NDArray[Any] = np.full((height, PLOT_WIDTH, 3), 255, np.uint8)
    low = min(float(spectrum.min()) for spectrum in spectra)
    high = max(float(spectrum.max()) for spectrum in spectra)
    for spectrum, colour in zip(spectra, COLOURS, strict=False):
        x = np.linspace(6, PLOT_WIDTH - 6, len(spectrum))
        y = height - 6 - (spectrum - low) / max(high - low, 1e-9) * (height - 26)
        points = np.stack((x, y), axis=1).round().astype(np.int32)
        cv2.polylines(canvas, [points], False, colour, 1, cv2.LINE_AA)
    cv2.putText(canvas, title, (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas
