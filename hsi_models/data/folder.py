"""Sequences whose frames are files: finding them, ordering them, and the ground truth beside them."""
from __future__ import annotations

import re
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.camera import Camera
from hsi_models.data.cameras import CAMERA_FILE, camera_from_json
from hsi_models.evaluation.truth import read_attributes, read_truth

Boxes = npt.NDArray[np.float64]

FRAME_RATE_HZ = 25.0
TRUTH_FILES = ('groundtruth_rect.txt', 'groundtruth.txt', 'init_rect.txt')
START_NS = 1_000_000_000

_NUMBERED = re.compile(r'^(.*?)(\d+)(\D*)$')
# Folders that only wrap the images of a sequence and do not name it.
_WRAPPERS = ('hsi', 'img', 'imgs', 'image', 'images', 'frames')
_FALSE_COLOUR = re.compile(r'false[-_ ]?colou?r|^rgb$', re.IGNORECASE)
_STAMP_DIGITS = 9


class FolderSequence(ABC):
    """Base of the loaders (see `hsi_models.data.sequence.Sequence`): one frame is one file or a few.

    Args:
        folder: of the frames; it or a folder around it names the sequence and holds the ground truth.
        frames: number of frames.
        camera: of the images.
        one_based: the ground truth counts pixels from 1.
        frame_rate_hz: nominal, > 0.
        truth_folders: where else to look for ground truth.

    Raises:
        ValueError: ground truth that is malformed or does not fit the number of frames.
    """

    def __init__(self, folder: Path, frames: int, camera: Camera, *, one_based: bool = False,
                 frame_rate_hz: float = FRAME_RATE_HZ, truth_folders: Iterable[Path] = ()) -> None:
        if not frame_rate_hz > 0:
            raise ValueError(f'expected a frame rate > 0 Hz, got {frame_rate_hz:g}')
        home = sequence_folder(folder)
        self.name = home.name
        self.camera = camera
        self.frame_rate_hz = frame_rate_hz
        self.boxes = read_boxes([*folders_between(folder, home), *truth_folders], frames, one_based=one_based)
        self.attributes = tuple(read_attributes(home.parent, [home.name]))
        self._frames = frames
        self._shape: tuple[int, ...] = ()

    def __len__(self) -> int:
        return self._frames

    def image(self, index: int) -> npt.NDArray[Any]:
        """Frame `index` as the camera gives it; raises IndexError, or ValueError for a malformed file."""
        if not 0 <= index < self._frames:
            raise IndexError(f'expected a frame 0..{self._frames - 1} of {self.name}, got {index}')
        image = self._read(index)
        if self._shape and image.shape != self._shape:
            raise ValueError(f'{self.name}, frame {index}: expected shape {self._shape} as the frames before, '
                             f'got {image.shape}')
        self._shape = image.shape
        return image

    def stamp_ns(self, index: int) -> int:
        """Nominal time of frame `index`, from 1 s on."""
        return START_NS + round(index * 1e9 / self.frame_rate_hz)

    @abstractmethod
    def _read(self, index: int) -> npt.NDArray[Any]:
        """The image of one frame, checked against the camera."""


def numbered_files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The frames in a folder, in order of their numbers (padded with zeros or not).

    Hidden files and files without a number are no frames. Numbers of nine digits and more are taken as stamps and
    may have any distance; shorter ones count frames and have to be evenly spaced.

    Raises:
        ValueError: names of more than one series, a number twice, or a gap.
    """
    found: list[tuple[int, str, str, Path]] = []     # number, digits, name without them, file
    for path in folder.iterdir():
        match = _NUMBERED.match(path.stem)
        if match and path.suffix.lower() in suffixes and not path.name.startswith('.') and path.is_file():
            before, digits, after = match.groups()
            found.append((int(digits), digits, f'{before}NUMBER{after}{path.suffix.lower()}', path))
    found.sort(key=lambda item: item[0])
    series = Counter(name for _, _, name, _ in found)
    if len(series) > 1:
        names = ', '.join(f'{name} ({count} files)' for name, count in series.most_common(4))
        raise ValueError(f'{folder}: expected the numbered frames of one sequence, got {names}')
    steps = [second[0] - first[0] for first, second in zip(found, found[1:], strict=False)]
    if 0 in steps:
        raise ValueError(f'{folder}: expected each frame number once, got {found[steps.index(0)][0]} twice')
    if len(set(steps)) > 1 and len(found[0][1]) < _STAMP_DIGITS:
        last = next(item[0] for item, step in zip(found, steps, strict=False) if step != min(steps))
        raise ValueError(f'{folder}: expected evenly numbered frames {found[0][0]} .. {found[-1][0]}, '
                         f'got none with number {last + min(steps)}')
    return [path for _, _, _, path in found]


def require_empty(folder: Path) -> None:
    """Refuse a place to write a sequence to where something lies already.

    Raises:
        ValueError: a file, or a folder that is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f'expected a new or empty folder, got {folder}, which exists')


def is_false_colour(path: Path) -> bool:
    """True for the name of a folder of false-colour or RGB copies."""
    return _FALSE_COLOUR.search(path.name) is not None


def sequence_folder(folder: Path) -> Path:
    """The folder that names the sequence whose frames lie in `folder` (`ball` of `ball/HSI`, `park/img/park`)."""
    home = folder.absolute()
    while True:
        parent = home.parent
        if home.name.lower() in _WRAPPERS and parent.name:
            home = parent
        elif parent.name.lower() in _WRAPPERS and parent.parent.name == home.name:
            home = parent.parent
        else:
            return home


def folders_between(folder: Path, home: Path) -> list[Path]:
    """`folder` and the folders above it up to `home`."""
    folder = folder.absolute()
    return [folder, *(parent for parent in folder.parents if parent == home or home in parent.parents)]


def camera_beside(folder: Path) -> Camera | None:
    """The camera of a `wavelengths.json` beside the frames, or with the sequence, or one above it; None without."""
    home = sequence_folder(folder)
    for place in [*folders_between(folder, home), home.parent]:
        if (place / CAMERA_FILE).is_file():
            return camera_from_json(place / CAMERA_FILE)
    return None


def read_boxes(folders: Iterable[Path], frames: int, *, one_based: bool = False) -> Boxes:
    """The ground truth of a sequence, from the first file of `TRUTH_FILES` in the first folder that has one.

    A file with more rows than frames (a shortened copy of a sequence) is cut, one with fewer leaves the last frames
    without truth; both with a warning.

    Returns:
        (N, 4), 0-based, nan where there is no valid truth; (0, 4) without such a file, one row where only the first
        box is given.

    Raises:
        ValueError: malformed.
    """
    path = next((folder / name for folder in folders for name in TRUTH_FILES if (folder / name).is_file()), None)
    if path is None:
        return np.empty((0, 4))
    boxes = read_truth(path)
    if len(boxes) > frames or (1 < len(boxes) < frames and path.name != 'init_rect.txt'):
        warnings.warn(f'{path}: expected {frames} rows, one a frame (or the first alone), got {len(boxes)}: '
                      'taken in order from the first frame on', stacklevel=2)
        boxes = boxes[:frames]
    if one_based:
        boxes[:, :2] -= 1
    return boxes
