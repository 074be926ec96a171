"""How targets move: along real tracks, along smooth random paths; and how a hand-held camera shakes."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SLOWEST = 0.08      # mean displacement a frame in units of the size: frames of a slower track are left out


def read_track(path: Path, frames: int) -> Array:
    """A stretch of a real track, its middle moved to 0: centre x, centre y, sqrt(w h), in units of the median size.

    Args:
        path: text file of boxes, x y w h a row, separated by comma, tab or space.
        frames: length of the stretch N, from the first row; a shorter track goes back and forth, a slow one faster.

    Returns:
        shape (N, 3).

    Raises:
        ValueError: the file holds no boxes.
    """
    rows = [line.replace(',', ' ').split() for line in path.read_text().splitlines() if line.strip()]
    if not rows or any(len(row) != 4 for row in rows):
        raise ValueError(f'{path}: expected rows of 4 numbers x y w h, got {rows[0] if rows else "an empty file"}')
    boxes = np.array(rows, float)
    size = np.sqrt(boxes[:, 2] * boxes[:, 3])
    track = np.column_stack([boxes[:, 0] + boxes[:, 2] / 2, boxes[:, 1] + boxes[:, 3] / 2, size]) / np.median(size)
    there_and_back = np.concatenate([track, track[-2:0:-1]])
    step = np.linalg.norm(np.diff(track[:, :2], axis=0), axis=1).mean()
    at = np.arange(frames) * max(1.0, SLOWEST / max(step, 1e-3)) % len(there_and_back)
    out: Array = there_and_back[at.astype(int)]
    out[:, :2] -= (out[:, :2].max(axis=0) + out[:, :2].min(axis=0)) / 2
    return out


def fit_track(track: Array, view: tuple[int, int], size_px: float, rng: np.random.Generator) -> Array:
    """A track turned and laid into a picture: centre x, centre y, size in pixels, (N, 3).

    Args:
        track: see `read_track`.
        view: (H, W) of the picture.
        size_px: median size.
        rng: decides on mirror images and place.
    """
    path = track.copy()
    path[:, 0] *= rng.choice([-1, 1])
    path[:, 1] *= rng.choice([-1, 1])
    path *= size_px
    room = np.maximum(np.array([view[1], view[0]]) - 2.0 * size_px, 4.0)
    extent = np.ptp(path[:, :2], axis=0)
    path[:, :2] *= np.minimum(1.0, room / np.maximum(extent, 1e-6))
    slack = np.maximum(room - np.ptp(path[:, :2], axis=0), 0)
    path[:, :2] += np.array([view[1], view[0]]) / 2 + rng.uniform(-0.5, 0.5, 2) * slack
    path[:, 2] = np.clip(path[:, 2], 0.6 * size_px, 1.6 * size_px)
    return path


def wander(frames: int, view: tuple[int, int], size_px: float, rng: np.random.Generator,
           speed: float = 0.12) -> Array:
    """A smooth path through the whole picture: centre x, centre y, size in pixels, (N, 3).

    Args:
        frames: N.
        view: (H, W) of the picture.
        size_px: mean size.
        rng: source of everything random.
        speed: mean displacement a frame in units of the size.
    """
    room = np.array([view[1], view[0]]) / 2 - 0.75 * size_px
    length = speed * size_px * frames
    turns = np.clip(length / (2.2 * room.mean()), 0.35, 3.0)
    time = np.linspace(0, 1, frames)
    out = np.empty((frames, 3))
    for axis in (0, 1):
        phase, bend = rng.uniform(0, 2 * np.pi, 2)
        wave = np.sin(np.pi * turns * (1 + 0.35 * axis) * time + phase)
        wave = wave + 0.25 * np.sin(2.3 * np.pi * turns * time + bend)
        out[:, axis] = view[1 - axis] / 2 + room[axis] * np.clip(wave / 1.15, -1, 1)
    breath = np.sin(np.pi * rng.uniform(1, 3) * time + rng.uniform(0, 6))
    out[:, 2] = size_px * (1 + rng.uniform(0.2, 0.45) * breath)
    return out


def shake(frames: int, rng: np.random.Generator, amplitude_px: int) -> npt.NDArray[np.int64]:
    """Offsets y, x of a hand-held camera, 0..2 amplitude, whole pixels, (N, 2)."""
    steps = rng.normal(0, 1, (frames, 2))
    state = np.zeros(2)
    path = np.empty((frames, 2))
    for index in range(frames):
        state = 0.93 * state + 0.4 * steps[index]
        path[index] = state
    offsets: npt.NDArray[np.int64] = np.clip(np.rint(amplitude_px * (1 + path / 2.2)), 0, 2 * amplitude_px).astype(int)
    return offsets
