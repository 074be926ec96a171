"""Windows: the corpus as equally large squares around annotated objects."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box
from hsi_models.data.corpus import ImageCorpus, Record, Still, in_validation, is_thermal
from hsi_models.tracking.crops import crop, siamese_region, to_crop

BENCHMARK_CLIPS = ('davis_bmx-trees', 'davis_goat', 'davis_parkour')
"""Clips of the corpus that the benchmark judges with: never for training."""

EASY_SOURCES = ('fod_a', 'svanstrom_rgb')
"""Clips of one still object on pavement, and of specks in the sky: a few frames of each do."""

WINDOW = 2.3                # side of a window, in units of the template region: as much as the corpus shows
_FILLED_BELOW = 0.6         # share of a window present below which another picture fills it up, and no edge pixels

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class WindowConfig:
    """Which objects become windows.

    Args:
        px: side of a window, pixels.
        least_context: share of a window that the corpus has to show, 0..1; stills with less are left out.
        least_px: smallest size of an object (root of its area), pixels of the corpus.
        easy_frames: most frames of a clip of `EASY_SOURCES`, evenly chosen.
        limit: most objects a source, evenly chosen; 0 for all.
    """

    px: int = 216
    least_context: float = 0.15
    least_px: float = 12.0
    easy_frames: int = 5
    limit: int = 0

    def __post_init__(self) -> None:
        if self.px < 32:
            raise ValueError(f'expected windows of px >= 32, got {self.px}')


@dataclass(frozen=True, eq=False)
class Windows:
    """N windows; those of one track lie side by side, in order of time.

    Args:
        pictures: RGB uint8, (N, S, S, 3).
        boxes: of the objects, x, y, w, h in pixels, float32 (N, 4).
        sources, categories: of each, str (N,).
        groups: windows of equal number come from one picture or clip, int64 (N,).
        tracks: of equal number show one object at different times; stills have a number of their own, int64 (N,).
        clip: whether it is from a clip, bool (N,).
        validation: held out, bool (N,); never for a part of a group only.
    """

    pictures: Picture
    boxes: npt.NDArray[np.float32]
    sources: npt.NDArray[np.str_]
    categories: npt.NDArray[np.str_]
    groups: npt.NDArray[np.int64]
    tracks: npt.NDArray[np.int64]
    clip: npt.NDArray[np.bool_]
    validation: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.boxes)

    def part(self, chosen: npt.NDArray[np.bool_]) -> Windows:
        """The chosen windows, bool (N,)."""
        return Windows(**{name: value[chosen] for name, value in self.__dict__.items()})


@dataclass(frozen=True)
class _Object:
    """One window to be cut: where its picture lies and what is in it."""

    shard: str
    file: str
    box: Box
    source: str
    category: str
    group: str
    track: str
    context: float
    clip: bool
    validation: bool


def cut_windows(corpus: ImageCorpus, config: WindowConfig) -> Windows:
    """All windows of a corpus: colour pictures, thumbnails and the benchmark's clips left out.

    Args:
        corpus: pictures with boxes.
        config: which objects, and how large.

    Raises:
        ValueError: a damaged picture, or no objects left.
    """
    objects = [entry for record in corpus.records for entry in _objects(record, config)]
    objects = _limited(objects, config.limit)
    if not objects:
        raise ValueError(f'expected objects in {corpus.root} that fit {config}, got none')
    pictures = np.empty((len(objects), config.px, config.px, 3), np.uint8)
    boxes = np.empty((len(objects), 4), np.float32)
    fillers: dict[bool, Picture] = {}
    last: tuple[str, Picture] | None = None
    for index, entry in enumerate(objects):
        place = f'{entry.shard}/{entry.file}'
        if last is None or last[0] != place:
            last = place, corpus.image(entry.shard, entry.file)
        pictures[index], box = _cut(last[1], entry, config.px, fillers.get(entry.validation))
        boxes[index] = tuple(box)
        if entry.context >= _FILLED_BELOW:
            fillers[entry.validation] = pictures[index]
    return Windows(pictures, boxes, np.array([entry.source for entry in objects]),
                   np.array([entry.category for entry in objects]), _numbers([entry.group for entry in objects]),
                   _numbers([entry.track for entry in objects]), np.array([entry.clip for entry in objects]),
                   np.array([entry.validation for entry in objects]))


def _objects(record: Record, config: WindowConfig) -> Iterator[_Object]:
    """The objects of a record that are fit to learn from."""
    if is_thermal(record):
        return
    held_out = in_validation(record)
    if isinstance(record, Still):
        if not record.tiny and record.context >= config.least_context and _large_enough(record.box, config):
            yield _Object(record.shard, record.file, record.box, record.source, record.category,
                          f'{record.source}/{record.group}', f'{record.shard}/{record.file}', record.context, False,
                          held_out)
        return
    if record.name in BENCHMARK_CLIPS:
        return
    for number, track in enumerate(record.tracks):
        found = [_Object(record.shard, file, box, record.source, track.category, f'{record.source}/{record.name}',
                         f'{record.name}/{number}', 1.0, True, held_out)
                 for file, box in zip(record.frames, track.boxes, strict=True) if box and _large_enough(box, config)]
        yield from _evenly(found, config.easy_frames if record.source in EASY_SOURCES else 0)


def _large_enough(box: Box, config: WindowConfig) -> bool:
    return box.area >= config.least_px ** 2 and max(box.w, box.h) <= 8 * min(box.w, box.h)


def _evenly(items: Sequence[_Object], limit: int) -> list[_Object]:
    """At most `limit` of them, in their order; 0 for all."""
    if not limit or len(items) <= limit:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, limit).round().astype(int)]


def _limited(objects: Sequence[_Object], limit: int) -> list[_Object]:
    """At most `limit` objects a source, in their order; tracks are thinned out."""
    of_source: dict[str, list[_Object]] = {}
    for entry in objects:
        of_source.setdefault(entry.source, []).append(entry)
    keep = {id(entry) for found in of_source.values() for entry in _evenly(found, limit)}
    return [entry for entry in objects if id(entry) in keep]


def _numbers(names: Sequence[str]) -> npt.NDArray[np.int64]:
    known: dict[str, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], np.int64)


def _cut(picture: Picture, entry: _Object, px: int, filler: Picture | None) -> tuple[Picture, Box]:
    """The window around an object and the object's box in it."""
    region = siamese_region(entry.box, round(127 * WINDOW))
    window = np.rint(crop(picture, region, (px, px))).astype(np.uint8)
    if entry.context < _FILLED_BELOW and filler is not None:
        height, width = picture.shape[:2]
        shown = to_crop(Box(0, 0, width, height), region, (px, px))
        left, top, right, bottom = (round(value) for value in shown.corners)
        rows, columns = slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))
        filled = filler.copy()
        filled[rows, columns] = window[rows, columns]
        window = filled
    return window, to_crop(entry.box, region, (px, px))
