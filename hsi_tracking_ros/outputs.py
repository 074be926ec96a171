"""Where results go: looked at before the work, and there only once they are whole."""
from __future__ import annotations

import os
from pathlib import Path


def require_writable(path: Path) -> None:
    """Refuse a file that could not be written later; nothing is made.

    Raises:
        ValueError: a folder, a file in place of a folder, or no permission.
    """
    path = path.absolute()
    if path.is_dir():
        raise ValueError(f'expected a file to write, got the folder {path}')
    place = path if path.exists() else next(parent for parent in path.parents if parent.exists())
    if place != path and not place.is_dir():
        raise ValueError(f'expected a folder to write {path.name} in, got the file {place}')
    if not os.access(place, os.W_OK if place == path else os.W_OK | os.X_OK):
        raise ValueError(f'expected permission to write {path}, got none for {place}; choose another place')
