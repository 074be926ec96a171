"""A corpus of images with boxes in zip shards: still pictures, thumbnails and short clips."""
from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hsi_models.boxes import Box

INDEX = 'index.jsonl'
THERMAL_SOURCES = ('hituav_ir', 'svanstrom_ir')
THERMAL_PREFIX = 'thermal_'


@dataclass(frozen=True)
class Still:
    """One annotated object in one picture; boxes in pixels of the stored picture.

    Args:
        shard, file: where the picture lies.
        width, height: of the stored picture.
        box, category: the object.
        source, licence: where the picture is from.
        group: pictures of equal group come from one original: keep them on one side of a split.
        context: share of a window around the object that lies in the picture, 0..1; 1 where not stated.
        others: further objects in view, box and category.
        tiny: a thumbnail.
    """

    shard: str
    file: str
    width: int
    height: int
    box: Box
    category: str
    source: str
    licence: str
    group: str
    context: float = 1.0
    others: tuple[tuple[Box, str], ...] = ()
    tiny: bool = False


@dataclass(frozen=True)
class Track:
    """One object through a clip: its box in each frame, None where it is not visible."""

    category: str
    boxes: tuple[Box | None, ...]


@dataclass(frozen=True)
class Clip:
    """A short video with one or more tracks.

    Args:
        shard, frames: where the pictures lie, in order of time.
        name: of the clip.
        sizes: (width, height) of each stored picture.
        tracks: the annotated objects.
        source, licence: where the clip is from.
        step: frames of the original between two stored ones.
    """

    shard: str
    frames: tuple[str, ...]
    name: str
    sizes: tuple[tuple[int, int], ...]
    tracks: tuple[Track, ...]
    source: str
    licence: str
    step: int = 1

    @property
    def group(self) -> str:
        """A clip is split as a whole."""
        return self.name


Record = Still | Clip


class ImageCorpus:
    """The pictures and boxes of a corpus folder; safe to use from worker processes, each opens its own shards.

    Args:
        root: folder with `index.jsonl` and the shards it names.

    Raises:
        ValueError: no index, or a malformed line (says which).
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self._shards: dict[str, zipfile.ZipFile] = {}
        path = self.root / INDEX
        if not path.is_file():
            raise ValueError(f'expected a corpus folder with {INDEX}, got {self.root}')
        self.records: tuple[Record, ...] = tuple(_records(path))
        if not self.records:
            raise ValueError(f'{path}: expected one record a line, got an empty file')

    def stills(self) -> list[Still]:
        """Records of still pictures, thumbnails included."""
        return [record for record in self.records if isinstance(record, Still)]

    def clips(self) -> list[Clip]:
        """Records of clips."""
        return [record for record in self.records if isinstance(record, Clip)]

    def image(self, shard: str, file: str) -> npt.NDArray[np.uint8]:
        """One picture, RGB uint8 (H, W, 3).

        Raises:
            ValueError: no such shard or file, or a damaged one.
        """
        try:
            if shard not in self._shards:
                self._shards[shard] = zipfile.ZipFile(self.root / shard)
            data = self._shards[shard].read(file)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(f'{self.root / shard}: expected a readable archive with {file}, got {error}') from None
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if image is None:
            raise ValueError(f'{self.root / shard}: expected {file} as an image, got {len(data)} damaged bytes')
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        """Open archives stay in the process that opened them."""
        return {**self.__dict__, '_shards': {}}


def is_thermal(record: Record) -> bool:
    """True for thermal pictures, which hold no colour to be turned into spectra."""
    return record.source in THERMAL_SOURCES or record.source.startswith(THERMAL_PREFIX)


def in_validation(record: Record, share: float = 0.1) -> bool:
    """True for about `share` of the records, the same ones forever, and never for part of a group only."""
    digest = hashlib.sha256(f'{record.source}/{record.group}'.encode()).digest()
    return int.from_bytes(digest[:8], 'big') < share * 2 ** 64


def _records(path: Path) -> Iterator[Record]:
    with path.open(encoding='utf-8') as stream:
        for number, line in enumerate(stream, 1):
            try:
                yield _record(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f'{path}, line {number}: expected a record of kind still, tiny or clip, got '
                                 f'{type(error).__name__}: {error}') from None


def _record(fields: dict[str, Any]) -> Record:
    kind = fields['kind']
    if kind == 'clip':
        frames = tuple(fields['frames'])
        tracks = tuple(Track(track['cat'], tuple(Box(*box) if box else None for box in track['boxes']))
                       for track in fields['tracks'])
        for track in tracks:
            if len(track.boxes) != len(frames):
                raise ValueError(f'expected {len(frames)} boxes, one a frame, got {len(track.boxes)}')
        return Clip(fields['shard'], frames, fields['id'], tuple((w, h) for w, h in fields['whs']), tracks,
                    fields['src'], fields['lic'], fields.get('step', 1))
    if kind not in ('still', 'tiny'):
        raise ValueError(f'unknown kind {kind!r}')
    width, height = fields['wh']
    return Still(fields['shard'], fields['file'], width, height, Box(*fields['box']), fields['cat'], fields['src'],
                 fields['lic'], fields.get('img', fields['file']), fields.get('ctx', 1.0),
                 tuple((Box(x, y, w, h), str(category)) for x, y, w, h, category in fields.get('others', ())
                       if w > 0 and h > 0), kind == 'tiny')
