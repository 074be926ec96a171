"""A bag to a bag with its images upscaled, one image in memory at a time; everything else passes as it is stored."""
from __future__ import annotations

import contextlib
from pathlib import Path

from rclpy.serialization import serialize_message

from hsi_models.superresolution.images import upscale_image
from hsi_models.superresolution.super_resolver import SuperResolver
from hsi_tracking_ros.bag_sequence import IMAGE, INFO, BagSequence
from hsi_tracking_ros.bags import BagWriter, require_new_bag
from hsi_tracking_ros.conversion import Progress
from hsi_tracking_ros.image_codec import to_array, to_message
from hsi_tracking_ros.messages import info_from_camera
from hsi_tracking_ros.outputs import made_whole


def upscale_bag(source: str | Path, out: Path, resolver: SuperResolver, *, storage: str = 'mcap',
                image_topic: str = '', limit: int = 0, progress: Progress) -> int:
    """Write a bag as the camera would have made it with a finer grid.

    Images keep topic, header and time; a mosaic becomes a cube. `hyperspectral_info` beside them describes the cubes
    and says how large their pixels are. Ground truth, requests, targets and `camera_info` stay in pixels of the
    camera's own image, as everywhere; other images stay as they are.

    Args:
        source: a bag.
        out: bag to make.
        resolver: enlarges.
        storage: mcap or sqlite3.
        image_topic: which images; '': the only ones.
        limit: images at most; what was recorded after them is left out; 0: all.
        progress: makes a bar.

    Returns:
        images written.

    Raises:
        ValueError: the bag cannot be read, an image of it cannot be upscaled, or `out` exists.
    """
    require_new_bag(out)
    with contextlib.closing(BagSequence(source, image_topic)) as sequence, made_whole(out) as partial:
        return _upscale(sequence, partial, resolver, storage, limit, progress)


def _upscale(sequence: BagSequence, out: Path, resolver: SuperResolver, storage: str, limit: int,
             progress: Progress) -> int:
    reader, images = sequence.reader, sequence.image_topic
    total = min(limit, len(sequence)) if limit else len(sequence)
    info_topic = sequence.info_topic or f'{images.rpartition("/")[0]}/hyperspectral_info'
    # our message as it is now, whatever it was when the source was recorded
    definitions = {name: found for name, found in reader.definitions.items() if name != INFO}
    written = 0
    with BagWriter(out, storage, definitions) as bag, progress(total) as bar:
        bag.add_topic(info_topic, INFO, latched=True)
        bag.add_topic(images, IMAGE, reliable=reader.topics[images].reliable)
        for topic in reader.topics.values():
            bag.add_topic(topic.name, topic.type, latched=topic.latched, reliable=topic.reliable)
        for stored in reader.messages():
            if stored.topic == images:
                message = reader.deserialise(stored)
                try:
                    cube, camera = upscale_image(to_array(message), sequence.camera, resolver)
                except ValueError as error:
                    raise ValueError(f'image {written} of {reader.path}: {error}') from error
                if written == 0:
                    info = info_from_camera(camera, message.header)
                    bag.write(info_topic, bytes(serialize_message(info)), stored.stamp_ns)
                bag.write(images, bytes(serialize_message(to_message(cube, message.header))), stored.stamp_ns)
                written += 1
                bar.update(1)
                if limit and written == total:
                    break
            elif stored.topic != info_topic:
                bag.write(stored.topic, stored.data, stored.stamp_ns)
    return written
