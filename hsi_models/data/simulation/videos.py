"""Annotated colour videos that simulated scenes are made of: folders of pictures, and clips of the image corpus."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hsi_models.data.corpus import ImageCorpus
from hsi_models.data.simulation.upsampling import linear_from_srgb

Array = npt.NDArray[np.float64]
CACHED_FRAMES = 4
LONGEST_PX = 256
CORPUS = 'images'
"""Folder of the corpus, beside that of the videos."""


class Video(ABC):
    """Colour frames and the boxes of one target.

    Args:
        name: short name.
        boxes: x, y, w, h a frame in pixels of the stored pictures, (N, 4); nan where it is not visible.
        longest: frames are shrunk, boxes with them, until no side is longer, pixels.
    """

    def __init__(self, name: str, boxes: Array, longest: int = LONGEST_PX) -> None:
        self.name = name
        height, width = self._read(0).shape[:2]
        scale = min(1.0, longest / max(height, width))
        self.size = round(height * scale), round(width * scale)
        self.boxes = boxes * np.array([self.size[1] / width, self.size[0] / height] * 2)
        self._cache: OrderedDict[int, Tensor] = OrderedDict()

    def __len__(self) -> int:
        return len(self.boxes)

    @abstractmethod
    def _read(self, index: int) -> npt.NDArray[np.uint8]:
        """A stored picture, RGB (h, w, 3)."""

    def rgb(self, index: int) -> Tensor:
        """Linear RGB of a frame, (1, 3, H, W), 0..1."""
        if index not in self._cache:
            picture = self._read(index)
            if picture.shape[:2] != self.size:
                picture = np.asarray(cv2.resize(picture, self.size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
            pixels = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None]
            self._cache[index] = linear_from_srgb(pixels)
            if len(self._cache) > CACHED_FRAMES:
                self._cache.popitem(last=False)
        return self._cache[index]


class VideoFolder(Video):
    """Frames `0001.jpg` ... and `groundtruth_rect.txt` (x, y, w, h; 0-based; nan where not visible).

    Args:
        folder: of the video.
        longest: see `Video`.

    Raises:
        ValueError: no frames, or not one box a frame.
    """

    def __init__(self, folder: Path, longest: int = LONGEST_PX) -> None:
        self.paths = sorted(folder.glob('[0-9]*.jpg'))
        truth = folder / 'groundtruth_rect.txt'
        if not self.paths or not truth.is_file():
            raise ValueError(f'expected frames 0001.jpg ... and groundtruth_rect.txt in {folder}, '
                             f'got {len(self.paths)} frames' + ('' if truth.is_file() else ' and no ground truth'))
        boxes: Array = np.loadtxt(truth, delimiter=',', ndmin=2)
        if boxes.shape != (len(self.paths), 4):
            raise ValueError(f'{truth}: expected {len(self.paths)} rows of 4 numbers, got {boxes.shape}')
        super().__init__(folder.name, boxes, longest)

    def _read(self, index: int) -> npt.NDArray[np.uint8]:
        picture = cv2.imread(str(self.paths[index]), cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError(f'{self.paths[index]}: expected a picture, got a file that cannot be decoded')
        return np.asarray(picture[..., ::-1], np.uint8)


class CorpusVideo(Video):
    """A clip of an image corpus with one of its tracks.

    Args:
        corpus: see `hsi_models.data.corpus`.
        name: of the clip.
        track: which of its objects.
        longest: see `Video`.

    Raises:
        ValueError: no such clip or track, or pictures of several sizes.
    """

    def __init__(self, corpus: ImageCorpus, name: str, track: int = 0, longest: int = LONGEST_PX) -> None:
        found = [clip for clip in corpus.clips() if clip.name == name]
        if not found or not 0 <= track < len(found[0].tracks):
            raise ValueError(f'{corpus.root}: expected clip {name} with track {track}, got '
                             + (f'{len(found[0].tracks)} tracks' if found else 'no such clip'))
        self._corpus, self._clip = corpus, found[0]
        if len(set(self._clip.sizes)) > 1:
            raise ValueError(f'{corpus.root}: expected pictures of one size in clip {name}, got '
                             f'{len(set(self._clip.sizes))} sizes')
        boxes = [tuple(box) if box else (np.nan,) * 4 for box in self._clip.tracks[track].boxes]
        super().__init__(f'{name}_{track}' if track else name, np.array(boxes, float), longest)

    def _read(self, index: int) -> npt.NDArray[np.uint8]:
        return self._corpus.image(self._clip.shard, self._clip.frames[index])


def open_video(data: Path, source: str) -> Video:
    """A source of a recipe: `NAME`, a folder of `data / 'videos'`, or `images/CLIP/TRACK` of the corpus there.

    Raises:
        ValueError: it is not there.
    """
    if not source.startswith(CORPUS + '/'):
        return VideoFolder(data / 'videos' / source)
    _, name, track = source.split('/')
    return CorpusVideo(_corpus(data / CORPUS), name, int(track))


@cache
def _corpus(root: Path) -> ImageCorpus:
    """The index of a corpus takes .2 s to read, and each attempt at each sequence asks for it."""
    return ImageCorpus(root)
