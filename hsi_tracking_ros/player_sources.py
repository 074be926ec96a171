"""What the player plays: sequences and bags as one stream of serialised messages, ready to publish or to record."""
from __future__ import annotations

import queue
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from rclpy.serialization import serialize_message

from hsi_models.boxes import Box
from hsi_models.data.sequence import Sequence
from hsi_models.tracking.state import TrackState, TrackStatus
from hsi_tracking_ros.bag_sequence import BagSequence
from hsi_tracking_ros.bags import BagMessage
from hsi_tracking_ros.image_codec import to_message
from hsi_tracking_ros.messages import header_message, info_from_camera, targets_message
from hsi_tracking_ros.sequences import open_any_sequence


@dataclass(frozen=True)
class SourceFrame:
    """One image and what belongs to it.

    Args:
        index: running number from 0.
        stamp_ns: of the header.
        image: sensor_msgs/Image as CDR; empty where it could not be read.
        error: why not.
        box: true box of the target, pixels of the source image; None where there is none.
        truth: TrackedTargetArray as CDR; empty where nothing is known.
        others: what else was recorded since the image before: requests for a target, camera_info.
    """

    index: int
    stamp_ns: int
    image: bytes
    error: str = ''
    box: Box | None = None
    truth: bytes = b''
    others: tuple[BagMessage, ...] = ()


class Source(Protocol):
    """A stream of frames that can be begun anew."""

    name: str
    frame_rate_hz: float
    info: bytes
    """HyperspectralInfo as CDR; empty where unknown"""
    has_requests: bool
    """it brings its own TargetInit"""

    def __len__(self) -> int:
        """Number of frames."""
        ...

    def frames(self) -> Iterator[SourceFrame]:
        """All frames from the first one."""
        ...


class SequenceSource:
    """A folder or a simulated scene, turned into messages as it is played.

    A frame that cannot be read is passed on with its error, since one bad file must not end a recording.
    """

    has_requests = False

    def __init__(self, sequence: Sequence, frame_id: str = 'camera') -> None:
        self.name, self.frame_rate_hz = sequence.name, sequence.frame_rate_hz
        self._sequence, self._frame_id = sequence, frame_id
        camera = sequence.camera
        self._cell = camera.pixel_size
        self.info = bytes(serialize_message(info_from_camera(camera, header_message(0, frame_id))))

    def __len__(self) -> int:
        return len(self._sequence)

    def frames(self) -> Iterator[SourceFrame]:
        """All frames from the first one."""
        boxes = self._sequence.boxes
        for index in range(len(self)):
            header = header_message(self._sequence.stamp_ns(index), self._frame_id)
            known = index < len(boxes)
            box = Box(*boxes[index]).scaled(*self._cell) if known and np.isfinite(boxes[index]).all() else None
            image, error = b'', ''
            try:
                image = bytes(serialize_message(to_message(self._sequence.image(index), header)))
            except (ValueError, OSError) as reason:
                error = f'frame {index} of {self.name}: {reason}'
            yield SourceFrame(index, self._sequence.stamp_ns(index), image, error, box,
                              truth_bytes(box, self._sequence.stamp_ns(index), self._frame_id) if known else b'')


class BagSource:
    """A bag, its bytes passed on as they are stored."""

    def __init__(self, sequence: BagSequence) -> None:
        self.name, self.frame_rate_hz = sequence.name, sequence.frame_rate_hz
        self.has_requests = bool(sequence.init_topics)
        self._sequence = sequence
        self.info = b''
        for message in sequence.others((sequence.info_topic,) if sequence.info_topic else ()):
            self.info = message.data

    def __len__(self) -> int:
        return len(self._sequence)

    def frames(self) -> Iterator[SourceFrame]:
        """All frames from the first one."""
        sequence = self._sequence
        reader = sequence.reader
        truth = {}
        for message in sequence.others((sequence.truth_topic,) if sequence.truth_topic else ()):
            stamp = reader.deserialise(message).header.stamp
            truth[stamp.sec * 1_000_000_000 + stamp.nanosec] = message.data
        pending: list[BagMessage] = []
        index = 0
        topics = (sequence.image_topic, sequence.camera_info_topic, *sequence.init_topics)
        for message in reader.messages(tuple(topic for topic in topics if topic)):
            if message.topic != sequence.image_topic:
                pending.append(message)
                continue
            rows = sequence.source_boxes[index:index + 1]
            box = Box(*rows[0]) if len(rows) and np.isfinite(rows).all() else None
            stamp_ns = sequence.stamp_ns(index)
            yield SourceFrame(index, stamp_ns, message.data, '', box, truth.get(stamp_ns, b''), tuple(pending))
            pending = []
            index += 1


def truth_bytes(box: Box | None, stamp_ns: int, frame_id: str) -> bytes:
    """Ground truth as CDR: one target, or none while it cannot be seen."""
    state = None if box is None else TrackState(box, box, 1.0, TrackStatus.TRACKING, np.zeros(0, np.float32))
    message = targets_message([state] if state else [], header_message(stamp_ns, frame_id))
    return bytes(serialize_message(message))


def restamped(data: bytes, stamp_ns: int) -> bytes:
    """The same message, whose first field is a Header, with another stamp; nothing is deserialised."""
    order = '<' if data[1] & 1 else '>'     # second byte of the encapsulation: 1 = little-endian
    return data[:4] + struct.pack(order + 'iI', *divmod(stamp_ns, 1_000_000_000)) + data[12:]


def open_source(text: str, frame_id: str = 'camera') -> Source:
    """A source for the player; see `open_any_sequence`."""
    sequence = open_any_sequence(text)
    return BagSource(sequence) if isinstance(sequence, BagSequence) else SequenceSource(sequence, frame_id)


class Prefetch:
    """Reads ahead on a thread of its own, so that decoding a file costs no frame its time.

    Args:
        frames: what to read.
        depth: frames kept ready.
    """

    def __init__(self, frames: Iterator[SourceFrame], depth: int) -> None:
        self._queue: queue.Queue[SourceFrame | BaseException | None] = queue.Queue(depth)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(frames,), name='prefetch', daemon=True)
        self._thread.start()

    def _read(self, frames: Iterator[SourceFrame]) -> None:
        try:
            for frame in frames:
                if not self._put(frame):
                    return
            self._put(None)
        except Exception as error:      # handed on to whoever waits for the next frame
            self._put(error)

    def _put(self, item: SourceFrame | BaseException | None) -> bool:
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    @property
    def ready(self) -> bool:
        """True once as many frames wait as it keeps, or all there are."""
        return self._queue.full() or not self._thread.is_alive()

    def get(self) -> SourceFrame | None:
        """The next frame, None after the last; raises what reading it raised."""
        item = self._queue.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        """Stop reading."""
        self._closed.set()
        self._thread.join(timeout=5.0)
