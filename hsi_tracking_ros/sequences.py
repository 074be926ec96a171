"""Whatever can be played or tracked, by what a user types: a folder, a bag, a synthetic scene."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl

from hsi_models.camera import Camera
from hsi_models.data.cameras import camera_from_json
from hsi_models.data.open import Opener, open_sequence
from hsi_models.data.sequence import Sequence

SYNTHETIC = 'synthetic:'


def open_any_sequence(text: str, camera_file: Path | None = None) -> Sequence:
    """The sequence behind `synthetic:SCENE?seed=0&frames=100&camera=vis16&size=256x512`, a folder or a bag.

    Args:
        text: as above.
        camera_file: describes the camera of a bag, whatever the bag says of it (`camera_from_json`).

    Raises:
        ValueError: unknown scene or option, or whatever the loaders refuse (empty folder, truncated bag, ...);
            `camera_file` with anything but a bag.
        FileNotFoundError: no such path.
    """
    if camera_file is None:
        return open_sequence(text, openers=OPENERS)
    if not looks_like_bag(text):
        raise ValueError(f'expected a bag to go with {camera_file}, got {text}: a folder of images carries a '
                         'wavelengths.json of its own')
    return open_bag(text, camera_from_json(camera_file))


def looks_like_bag(path: str | Path) -> bool:
    """True for a rosbag2 folder (it holds metadata.yaml) or a single .mcap or .db3 file; nothing is read."""
    path = Path(path)
    return (path / 'metadata.yaml').is_file() or (path.is_file() and path.suffix in ('.mcap', '.db3'))


def open_bag(path: str | Path, camera: Camera | None = None) -> Sequence:
    """A bag as a sequence, of this camera where one is given."""
    from hsi_tracking_ros.bag_sequence import BagSequence  # needs message types, a folder does not
    return BagSequence(path, camera=camera)


def is_synthetic(path: str | Path) -> bool:
    """True for the name of a synthetic scene."""
    return str(path).startswith(SYNTHETIC)


def open_synthetic(path: str | Path) -> Sequence:
    """A synthetic scene by its name and options.

    Raises:
        ValueError: unknown scene, option or value.
    """
    from hsi_models.data.synthetic import SyntheticSequence
    text = str(path)
    scene, _, query = text.removeprefix(SYNTHETIC).partition('?')

    def size(value: str) -> tuple[int, int]:
        height, width = value.split('x')
        return int(height), int(width)
    readers: dict[str, Callable[[str], object]] = {'seed': int, 'frames': int, 'camera': str, 'size': size}
    options: dict[str, object] = {'scene': scene or 'demo'}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in readers:
            raise ValueError(f'expected options {", ".join(readers)} of a synthetic scene, got {name!r} in {text!r}')
        try:
            options[name] = readers[name](value)
        except ValueError:
            raise ValueError(f'expected {name}=NUMBER (size=HxW) in {text!r}, got {value!r}') from None
    return SyntheticSequence(**options)     # type: ignore[arg-type]


OPENERS: tuple[Opener, ...] = ((is_synthetic, open_synthetic), (looks_like_bag, open_bag))
"""For `hsi_models.data.open`: the kinds of sequences beyond folders."""
