"""Folder to bag and bag to folder, frame by frame, pixels and boxes unchanged."""
from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hsi_models.data.cameras import CAMERA_FILE, camera_to_json
from hsi_models.data.folder import TRUTH_FILES, require_empty
from hsi_tracking_ros.bag_sequence import IMAGE, INFO, TARGETS, BagSequence
from hsi_tracking_ros.bags import BagWriter, require_new_bag
from hsi_tracking_ros.outputs import made_whole
from hsi_tracking_ros.player_sources import open_source

Progress = Callable[[int], Any]
"""total -> a bar with `update(n)`, a context that closes it"""


def sequence_to_bag(source: str, out: Path, *, storage: str = 'mcap', limit: int = 0, progress: Progress) -> int:
    """Write images, description and ground truth of a sequence as the player would publish them.

    Args:
        source: as `open_source` takes it.
        out: bag to make.
        storage: mcap or sqlite3.
        limit: frames at most; 0: all.
        progress: makes a bar.

    Returns:
        frames written.

    Raises:
        ValueError: the sequence cannot be read (a frame that cannot is an error here, not left out), or `out`
            exists.
    """
    require_new_bag(out)
    player = open_source(source)
    total = min(limit, len(player)) if limit else len(player)
    written = 0
    with made_whole(out) as partial, BagWriter(partial, storage) as bag, progress(total) as bar:
        bag.add_topic('/hyperspectral_info', INFO, latched=True)
        bag.add_topic('/image', IMAGE, reliable=False)
        for frame in player.frames():
            if written == total:
                break
            if frame.error:
                raise ValueError(frame.error)
            if written == 0 and player.info:
                bag.write('/hyperspectral_info', player.info, frame.stamp_ns)
            if frame.truth:
                bag.add_topic('/ground_truth', TARGETS)
                bag.write('/ground_truth', frame.truth, frame.stamp_ns)
            bag.write('/image', frame.image, frame.stamp_ns)
            written += 1
            bar.update(1)
    return written


def bag_to_folder(source: str, out: Path, *, image_topic: str = '', limit: int = 0, progress: Progress) -> int:
    """Write a bag's images as numbered files with `wavelengths.json` and `groundtruth_rect.txt` (HOTC layout).

    A mosaic becomes 16-bit (8-bit) PNG, a cube `.npy`; boxes are in pixels of the cube. Stamps and exposure are not
    part of that layout.

    Args:
        source: a bag.
        out: folder to make.
        image_topic: which images; '': the only ones.
        limit: frames at most; 0: all.
        progress: makes a bar.

    Returns:
        frames written.

    Raises:
        ValueError: the bag cannot be read, or `out` exists and is not empty.
    """
    require_empty(out)
    with contextlib.closing(BagSequence(source, image_topic)) as sequence, made_whole(out) as partial:
        return _write_folder(sequence, partial, min(limit, len(sequence)) if limit else len(sequence), progress)


def _write_folder(sequence: BagSequence, out: Path, total: int, progress: Progress) -> int:
    mosaic = sequence.camera.is_mosaic
    frames = out / 'HSI' if mosaic else out
    frames.mkdir(parents=True)
    if sequence.camera.wavelengths_nm or mosaic:
        (out / CAMERA_FILE).write_text(camera_to_json(sequence.camera))
    boxes = sequence.boxes[:total]
    if np.isfinite(boxes).all(axis=1).any():      # fewer rows than frames: the first boxes alone
        np.savetxt(out / TRUTH_FILES[0 if len(boxes) == total else -1], boxes, fmt='%.17g', delimiter='\t')
    with progress(total) as bar:
        for index in range(total):
            pixels = sequence.image(index)
            stem = frames / f'{index + 1:04d}'
            if not mosaic:
                np.save(f'{stem}.npy', pixels)
            elif not cv2.imwrite(f'{stem}.png', pixels):
                raise OSError(f'cannot write {stem}.png')
            bar.update(1)
    return total
