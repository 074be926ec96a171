"""Where results go: looked at before the work, and there only once they are whole."""
from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def require_writable(path: Path) -> None:
    """Refuse a place where nothing could be written later; nothing is made.

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


@contextlib.contextmanager
def made_whole(out: Path) -> Iterator[Path]:
    """Make a folder or a file somewhere beside its place, and move it there once it is complete.

    What fails or is interrupted leaves nothing behind.

    Args:
        out: new, or an empty folder.

    Yields:
        where to make it; nothing is there yet.
    """
    out = out.resolve()
    into = out.is_dir()
    holder = (out if into else out.parent) / f'.{out.name}.partial-{os.getpid()}'
    holder.mkdir(parents=True)
    partial = holder / out.name     # the files of a bag are called like their folder
    try:
        yield partial
        for source, target in [(entry, out / entry.name) for entry in partial.iterdir()] if into else [(partial, out)]:
            source.rename(target)
    finally:
        shutil.rmtree(holder, ignore_errors=True)
