"""A path to a sequence: recognises the layouts in which hyperspectral video is distributed."""
from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from pathlib import Path

from hsi_models.camera import Camera
from hsi_models.data import arrays, hotc, must
from hsi_models.data.arrays import ArraySequence, StackSequence, is_stack
from hsi_models.data.cameras import CAMERA_FILE
from hsi_models.data.folder import FRAME_RATE_HZ, is_false_colour, sequence_folder
from hsi_models.data.hotc import HotcSequence
from hsi_models.data.images_io import read_header
from hsi_models.data.must import MustSequence
from hsi_models.data.numpy_files import load_npy
from hsi_models.data.sequence import Sequence

Opener = tuple[Callable[[Path], bool], Callable[[Path], Sequence]]
"""A test for a path, and what opens it: how packages add kinds of sequences, bags above all."""

_MUST_JPEG = re.compile(r'_img[123]\.jpe?g$', re.IGNORECASE)
_SHOWN = 5


class _Kind(Enum):
    MOSAIC = 'mosaic'
    ARRAYS = 'arrays'
    MUST = 'must'
    COLOUR = 'colour'


def open_sequence(path: str | Path, *, camera: Camera | None = None, one_based: bool = False,
                  bands_sorted: bool = False, frame_rate_hz: float = FRAME_RATE_HZ,
                  openers: Iterable[Opener] = ()) -> Sequence:
    """Open one sequence, whatever its layout.

    Known are: HOTC 2020 (`<seq>/HSI/0001.png`) and later years (`HSI-{VIS,NIR,RedNIR}/<seq>/0001.png`, and redundant
    levels as in `park/img/park`), any folder of mosaic images with `wavelengths.json`, MUST (`.npy` or three
    JPEGs a frame), folders of `.npy` or `.npz`, and one such file with all frames.

    Args:
        path: the sequence's folder, a folder around or inside it, or a file.
        camera: overrides what the folder says.
        one_based: the ground truth counts pixels from 1.
        bands_sorted: HOTC only: the files hold the bands re-sorted by wavelength.
        frame_rate_hz: nominal.
        openers: further kinds of sequences, tried first; the options above are not for them.

    Raises:
        FileNotFoundError: no such path.
        ValueError: nothing known there, more than one sequence, plain colour video, or a malformed file.
    """
    path = Path(path)
    for fits, opener in openers:
        if fits(path):
            return opener(path)
    if not path.exists():
        raise FileNotFoundError(f'expected a sequence, got {path}: no such file or folder')
    if path.is_file():
        if path.suffix not in arrays.SUFFIXES:
            raise ValueError(f'{path}: expected a folder of frames, or .npy or .npz with all frames of a sequence')
        return StackSequence(path, camera=camera, one_based=one_based, frame_rate_hz=frame_rate_hz)
    folder, kind = _only_sequence(path)
    if kind is _Kind.MOSAIC:
        return HotcSequence(folder, camera=camera, one_based=one_based, bands_sorted=bands_sorted,
                            frame_rate_hz=frame_rate_hz)
    loader = MustSequence if kind is _Kind.MUST else ArraySequence
    return loader(folder, camera=camera, one_based=one_based, frame_rate_hz=frame_rate_hz)


def find_sequences(root: str | Path, *, openers: Iterable[Opener] = ()) -> list[Path]:
    """Everything below a folder that `open_sequence` takes, in alphabetical order.

    False-colour copies and colour videos are left out; only names and a header a folder are read.

    Args:
        root: a dataset's folder, or one sequence.
        openers: further kinds of sequences, as for `open_sequence`.

    Returns:
        One path a sequence: the folder that names it (`ball`, not `ball/HSI`), or the file.

    Raises:
        ValueError: no such folder, or nothing known in it.
    """
    root = Path(root).absolute()
    if not root.is_dir():
        raise ValueError(f'expected a folder of sequences, got {root}: no such folder')
    tests = [fits for fits, _ in openers]
    folders = [folder for folder, kind in _frame_folders(root, tests) if kind is not _Kind.COLOUR]
    homes = [sequence_folder(folder) for folder in folders]
    # A home that wraps several image folders would be ambiguous, one above the root was not asked for.
    count = Counter(homes)
    found = {home if count[home] == 1 and (home == root or root in home.parents) else folder
             for folder, home in zip(folders, homes, strict=True)}
    for place, below, names in os.walk(root):
        inside = [Path(place) / name for name in (*below, *names) if not name.startswith('.')]
        found.update(path for path in inside if any(fits(path) for fits in tests))
        found.update(path for path in inside if path.suffix in arrays.SUFFIXES and path.is_file() and is_stack(path))
    if not found:
        raise ValueError(f'{root}: expected hyperspectral sequences (mosaic images, .npy, .npz), found none')
    return sorted(found)


def _only_sequence(path: Path) -> tuple[Path, _Kind]:
    found = list(_frame_folders(path))
    usable = [(folder, kind) for folder, kind in found if kind is not _Kind.COLOUR]
    if len(usable) == 1:
        return usable[0]
    if usable:
        names = ', '.join(str(folder.relative_to(path)) for folder, _ in usable[:_SHOWN])
        raise ValueError(f'{path}: expected one sequence, got {len(usable)} ({names}'
                         f'{", ..." if len(usable) > _SHOWN else ""}): name one of them')
    if found:
        raise ValueError(f'{found[0][0]}: expected raw mosaics of one channel or cubes, got colour images: a colour '
                         'video, or false colour, holds no spectra')
    if (path / 'metadata.yaml').is_file():
        raise ValueError(f'{path}: expected a folder of frames, got a rosbag2: it is opened where ROS message types '
                         'are known (the extra `ros`)')
    raise ValueError(f'{path}: expected numbered frames (mosaic .png or .tif, MUST .jpg, .npy, .npz), found none')


def _frame_folders(root: Path, elsewhere: Iterable[Callable[[Path], bool]] = ()) -> Iterator[tuple[Path, _Kind]]:
    """Folders that hold frames, and of which kind; copies in false colour below the root are passed over."""
    tests = list(elsewhere)
    for place, below, names in os.walk(root):
        folder = Path(place)
        below[:] = sorted(name for name in below if not name.startswith('.') and not is_false_colour(Path(name))
                          and not any(fits(folder / name) for fits in tests))
        kind = _kind(folder, sorted(names))
        if kind is not None:
            yield folder, kind


def _kind(folder: Path, names: list[str]) -> _Kind | None:
    frames = [name for name in names if re.search(r'\d\D*\.\w+$', name) and not name.startswith('.')
              and (folder / name).is_file()]       # a pipe would wait for good
    if any(_MUST_JPEG.search(name) for name in frames):
        return _Kind.MUST
    numeric = [name for name in frames if name.endswith(arrays.SUFFIXES) and not is_stack(folder / name)]
    if numeric:
        return _Kind.MUST if CAMERA_FILE not in names and _is_must_array(folder / numeric[0]) else _Kind.ARRAYS
    images = [name for name in frames if name.lower().endswith((*hotc.SUFFIXES, '.jpg', '.jpeg'))]
    if not images:
        return None
    if not images[0].lower().endswith(hotc.SUFFIXES):
        return _Kind.COLOUR
    try:
        return _Kind.MOSAIC if read_header(folder / images[0]).channels == 1 else _Kind.COLOUR
    except ValueError:
        return _Kind.MOSAIC     # a damaged image: the loader says what is wrong with it


def _is_must_array(path: Path) -> bool:
    try:
        array = load_npy(path) if path.suffix == '.npy' else None
    except ValueError:
        return False
    return array is not None and array.ndim == 3 and array.shape[2] == must.BANDS and array.dtype.name == 'uint8'
