"""A recorded bag as a sequence of frames with ground truth, so that whatever reads folders reads bags."""
from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.camera import Camera
from hsi_tracking_ros.bags import PACKAGE, BagError, BagMessage, BagReader

IMAGE, INFO = 'sensor_msgs/msg/Image', f'{PACKAGE}/msg/HyperspectralInfo'
TARGETS, INIT = f'{PACKAGE}/msg/TrackedTargetArray', f'{PACKAGE}/msg/TargetInit'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
DEFAULT_RATE_HZ = 25.0


class BagSequence:
    """The images of one topic (see `hsi_models.data.sequence.Sequence`), read as they are asked for.

    Boxes come from the topic `ground_truth`: one row where it holds the first frame's alone. Without a box there, the
    first row is the box a recorded TargetInit asked for.

    Args:
        path: a rosbag2 folder, or one .mcap or .db3 file.
        image_topic: which images; '': the only image topic, or the one beside a `hyperspectral_info`.
        camera: what they are images of; None: what the bag says.

    Raises:
        BagError: no bag, no images, more than one candidate, or truncated or corrupt.
        ValueError: the bag describes its camera, and nowhere in a way that can be.
    """

    def __init__(self, path: str | Path, image_topic: str = '', camera: Camera | None = None) -> None:
        # Lazily, so that choosing between a bag and a folder needs no message package.
        from hsi_tracking_ros import messages
        self._messages = messages
        self._bag = BagReader(path)
        self.name = Path(path).stem if Path(path).suffix in ('.mcap', '.db3') else Path(path).name
        self.attributes: tuple[str, ...] = ()
        self.image_topic = self._choose(image_topic)
        self.info_topic = self._beside(INFO)
        self.truth_topic = next((t.name for t in self._bag.topics.values()
                                 if t.type == TARGETS and t.name.rpartition('/')[2] == 'ground_truth'), '')
        self.init_topics = tuple(t.name for t in self._bag.topics.values() if t.type == INIT)
        self.camera_info_topic = self._beside(CAMERA_INFO)
        self._index(camera)
        self._upcoming: tuple[int, Iterator[BagMessage]] = (-1, iter(()))

    def _choose(self, wanted: str) -> str:
        images = [t.name for t in self._bag.topics.values() if t.type == IMAGE]
        if wanted:
            if wanted not in images:
                raise BagError(f'expected image topic {wanted} in {self._bag.path}, got {", ".join(images) or "none"}')
            return wanted
        infos = {t.name.rpartition('/')[0] for t in self._bag.topics.values() if t.type == INFO}
        described = [name for name in images if name.rpartition('/')[0] in infos]
        candidates = described or images
        if len(candidates) != 1:
            raise BagError(f'expected one topic of images (sensor_msgs/msg/Image) in {self._bag.path}, got '
                           f'{", ".join(sorted(candidates)) or "none"}' + (': name one' if candidates else ''))
        return candidates[0]

    def _beside(self, type_name: str) -> str:
        namespace = self.image_topic.rpartition('/')[0]
        return next((t.name for t in self._bag.topics.values()
                     if t.type == type_name and t.name.rpartition('/')[0] == namespace), '')

    def _index(self, camera: Camera | None) -> None:
        """One pass over the bag: stamps of the images, camera, boxes."""
        self._recorded_ns: list[int] = []
        self._stamps_ns: list[int] = []
        described, refused = None, None
        truth: dict[int, tuple[float, ...]] = {}
        request = None
        wanted = [name for name in (self.image_topic, self.info_topic, self.truth_topic, *self.init_topics) if name]
        for stored in self._bag.messages(wanted):
            message = self._bag.deserialise(stored)
            if stored.topic == self.image_topic:
                self._recorded_ns.append(stored.stamp_ns)
                self._stamps_ns.append(self._messages.stamp_ns(message.header.stamp))
            elif stored.topic == self.info_topic:
                try:
                    described = self._messages.camera_from_info(message)
                except ValueError as error:
                    refused = self._leave_out(stored, error)
            elif stored.topic == self.truth_topic:
                boxes = [self._messages.target_box(target) for target in message.targets]
                truth[self._messages.stamp_ns(message.header.stamp)] = tuple(boxes[0]) if boxes and boxes[0] else ()
            elif request is None:
                try:
                    request = self._messages.request_from_init(message)
                except ValueError as error:
                    self._leave_out(stored, error)
        if refused and not (camera or described):
            raise refused
        self.camera = camera or described or Camera()
        if not self._stamps_ns:
            raise BagError(f'expected images on {self.image_topic} in {self._bag.path}, got none')
        steps = np.diff(self._recorded_ns if len(set(self._stamps_ns)) < len(self._stamps_ns) else self._stamps_ns)
        self.frame_rate_hz = float(1e9 / np.median(steps)) if len(steps) and np.median(steps) > 0 else DEFAULT_RATE_HZ
        self.source_boxes = np.full((len(self), 4), np.nan)
        if any(truth.get(stamp) for stamp in self._stamps_ns):
            for i, stamp in enumerate(self._stamps_ns):
                if truth.get(stamp):
                    self.source_boxes[i] = truth[stamp]
            if set(truth) == {self._stamps_ns[0]}:
                self.source_boxes = self.source_boxes[:1]
        elif request is not None and request.box is not None:
            first = self._stamps_ns.index(request.stamp_ns) if request.stamp_ns in self._stamps_ns else 0
            self.source_boxes = self.source_boxes[:first + 1]
            self.source_boxes[first] = tuple(request.box)
        else:
            self.source_boxes = self.source_boxes[:0]

    def _leave_out(self, stored: BagMessage, error: ValueError) -> ValueError:
        """Tell of a message that says what cannot be; nodes go on without it, too."""
        warnings.warn(f'{self._bag.path}, {stored.topic}: left out a message: {error}', stacklevel=4)
        return ValueError(f'{self._bag.path}, {stored.topic}: {error}')

    @property
    def boxes(self) -> npt.NDArray[np.float64]:
        """x, y, w, h a frame in pixels of the cube, (N, 4), as Sequence says."""
        boxes: npt.NDArray[np.float64] = self.source_boxes / np.array(self.camera.pixel_size * 2)
        return boxes

    def __len__(self) -> int:
        return len(self._stamps_ns)

    def stamp_ns(self, index: int) -> int:
        """Header stamp of frame `index`, ns."""
        return self._stamps_ns[index]

    def image_message(self, index: int) -> BagMessage:
        """Frame `index` as it is stored; in order of time without searching.

        Raises:
            IndexError: no such frame.
            BagError: the bag is damaged here.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'expected a frame 0..{len(self) - 1}, got {index}')
        position, stored = self._upcoming
        if position != index:
            recorded_ns = self._recorded_ns[index]
            position = self._recorded_ns.index(recorded_ns)     # the first of several recorded at once
            stored = self._bag.messages((self.image_topic,), start_ns=recorded_ns)
        for message in stored:
            position += 1
            if position == index + 1:
                self._upcoming = position, stored
                return message
        raise BagError(f'expected {len(self)} images in {self._bag.path}, found {position} when reading again')

    def image(self, index: int) -> npt.NDArray[Any]:
        """Frame `index`: a mosaic (rows*H, columns*W) or a cube (H, W, C), read-only.

        Raises:
            IndexError: no such frame.
            ValueError: the bag is damaged here, or the message is malformed.
        """
        from hsi_tracking_ros.image_codec import to_array
        return to_array(self._bag.deserialise(self.image_message(index)))

    def others(self, topics: tuple[str, ...]) -> Iterator[BagMessage]:
        """Stored messages of other topics in the order they were recorded."""
        return self._bag.messages(topics) if topics else iter(())

    @property
    def reader(self) -> BagReader:
        """The bag beneath."""
        return self._bag

    @property
    def recorded_ns(self) -> tuple[int, ...]:
        """When each image was recorded, ns."""
        return tuple(self._recorded_ns)

    def close(self) -> None:
        """Release the files."""
        self._bag.close()
