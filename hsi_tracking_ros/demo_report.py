"""What a run leaves behind: video, contact sheet, one line of JSON an image."""
from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.overlay import contact_sheet
from hsi_tracking_ros.bags import BagReader
from hsi_tracking_ros.messages import stamp_ns, target_box, target_status

SHEET_TILES = 9
Pictures = Sequence[tuple[int, bytes]]
"""(stamp_ns, JPEG) of each picture"""


def decode_jpeg(data: bytes) -> npt.NDArray[np.uint8]:
    """bgr picture, (H, W, 3) uint8; raises ValueError where it is damaged."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f'expected a JPEG picture, got {len(data)} bytes that are none')
    return np.asarray(picture, np.uint8)


def write_video(pictures: Pictures, path: Path, frame_rate_hz: float) -> int:
    """Write an MPEG-4 video that runs as the recording did: a missing picture holds the one before.

    Args:
        pictures: in any order.
        path: *.mp4.
        frame_rate_hz: of the sequence.

    Returns:
        number of frames written.

    Raises:
        ValueError: no pictures, or a video cannot be written here.
    """
    if not pictures:
        raise ValueError('expected at least one picture for a video, got none: did the visualiser draw?')
    unique = sorted(dict(pictures).items())
    first = decode_jpeg(unique[0][1])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), frame_rate_hz, first.shape[1::-1])
    if not writer.isOpened():
        raise ValueError(f'expected an OpenCV that writes mp4v to {path}, got one that does not')
    written, before = 0, first
    for stamp, data in unique:
        slot = round((stamp - unique[0][0]) * 1e-9 * frame_rate_hz)
        while written < slot:
            writer.write(before)
            written += 1
        before = decode_jpeg(data)
        writer.write(before)
        written += 1
    writer.release()
    return written


def write_contact_sheet(pictures: Pictures, path: Path) -> None:
    """Nine pictures, evenly spaced, in one PNG."""
    unique = sorted(dict(pictures).items())
    chosen = [unique[i] for i in sorted(set(np.linspace(0, len(unique) - 1, SHEET_TILES).round().astype(int)))]
    tiles = [decode_jpeg(data)[..., ::-1] for _, data in chosen]
    labels = [f'{(stamp - unique[0][0]) * 1e-9:.2f} s' for stamp, _ in chosen]
    sheet = contact_sheet(tiles, labels, columns=3, tile_width=640)
    if not cv2.imwrite(str(path), sheet[..., ::-1]):
        raise OSError(f'cannot write {path}')


def write_targets(bag: Path, path: Path, topic: str = 'tracker/targets') -> int:
    """One line of JSON a recorded TrackedTargetArray; returns how many."""
    with BagReader(bag) as reader:
        name = next((name for name in reader.topics if name.endswith(f'/{topic}')), '')
        lines = [json.dumps(_target_line(reader.deserialise(message)))
                 for message in (reader.messages((name,)) if name else ())]
    path.write_text(''.join(line + '\n' for line in lines))
    return len(lines)


def _target_line(message: Any) -> dict[str, Any]:
    def rows() -> list[dict[str, Any]]:
        out = []
        for target in message.targets:
            box = target_box(target)
            out.append({'id': int(target.id), 'status': target_status(target).value,
                        'box': [float(v) for v in box] if box else None, 'score': _finite(target.score),
                        'spectral_angle_rad': _finite(target.spectral_angle_rad), 'age': int(target.age),
                        'frames_since_seen': int(target.frames_since_seen)})
        return out
    return {'stamp_ns': stamp_ns(message.header.stamp), 'frame_id': message.header.frame_id, 'targets': rows(),
            'frames_dropped': int(message.frames_dropped), 'pipeline_latency_ms': _finite(message.pipeline_latency_ms)}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
