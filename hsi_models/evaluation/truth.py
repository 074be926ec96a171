"""What results are judged against: ground-truth boxes, groups and attributes of sequences, read from files."""
from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from hsi_models.evaluation.metrics import Array, is_box

TRUTH_FILES = ('groundtruth_rect.txt', 'HSI/groundtruth_rect.txt', 'groundtruth.txt')
FLAT_SUFFIX = '_gt.txt'
MAX_BYTES = 1 << 27
"""Of a text file: boxes of two days at 25 Hz."""
SEPARATORS = re.compile(r'\s*[,;]\s*|\s+')

Groups = dict[str, tuple[str, ...]]


def read_text(path: Path) -> str:
    """Content of a text file; raises ValueError with the file's name where it is no text in UTF-8 or past 128 MiB."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f'{path}: expected a text file of at most {MAX_BYTES >> 20} MiB, got {size >> 20} MiB')
    try:
        return path.read_bytes().decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: expected text in UTF-8, got bytes that are none (position {error.start})') from None


def text_rows(path: Path) -> list[str]:
    """Rows of a table without blanks and separators at their ends; blank lines at the end are no rows.

    Raises:
        ValueError: the file is no text in UTF-8.
    """
    rows = [line.strip(' \t,;') for line in read_text(path).splitlines()]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def numbers(row: str) -> list[float] | None:
    """The numbers of a row separated by comma, semicolon, space or tab; None if a field is no number."""
    try:
        return [float(field) for field in SEPARATORS.split(row)]
    except ValueError:
        return None


def read_truth(path: Path) -> Array:
    """Boxes of a ground-truth file.

    Rows are `x y w h` in pixels, top-left corner, separated by comma, space or tab (a trailing one is allowed),
    integers or floats. A blank row, one that is not finite, or one without area is a frame without valid truth.

    Returns:
        (N, 4), nan where there is no valid truth.

    Raises:
        ValueError: a row is not four numbers (says which line), or no row is a valid box.
    """
    boxes = []
    for line, row in enumerate(text_rows(path), 1):
        values = numbers(row) if row else [np.nan] * 4
        if values is None or len(values) != 4:
            raise ValueError(f'{path}, line {line}: expected four numbers x y w h, got {row[:60]!r}')
        boxes.append(values)
    out = np.array(boxes, np.float64).reshape(-1, 4)
    out[~is_box(out)] = np.nan
    if not is_box(out).any():
        raise ValueError(f'{path}: expected at least one valid box (finite, w > 0, h > 0), got none in {len(out)} rows')
    return out


def find_truth(folder: Path) -> dict[str, Path]:
    """Ground-truth files below a folder, by name of the sequence, in alphabetical order.

    DIR/<seq>/groundtruth_rect.txt; also as HOTC and MUST are distributed (DIR/<seq>/HSI/groundtruth_rect.txt,
    DIR/<seq>/groundtruth.txt), and DIR/<seq>_gt.txt for boxes without images.

    Raises:
        ValueError: no folder, or no ground truth in it.
    """
    if not folder.is_dir():
        raise ValueError(f'expected a folder of ground truth, got {folder} (no such folder)')
    found = {path.name[:-len(FLAT_SUFFIX)]: path for path in folder.glob('*' + FLAT_SUFFIX)}
    for sequence in folder.iterdir():
        candidates = (sequence / name for name in TRUTH_FILES)
        path = next((candidate for candidate in candidates if candidate.is_file()), None)
        if path is not None:
            found[sequence.name] = path
    if not found:
        raise ValueError(f'expected {folder}/<sequence>/{TRUTH_FILES[0]} (or {folder}/<sequence>{FLAT_SUFFIX}), '
                         'found no such file')
    return dict(sorted(found.items()))


def read_groups(path: Path, sequences: Iterable[str]) -> Groups:
    """Groups of sequences from JSON: group -> list of names.

    Raises:
        ValueError: no such JSON, a name that is no sequence or stands twice in a group, an empty group.
    """
    return check_groups(read_json(path), sequences, str(path))


def check_groups(groups: object, sequences: Iterable[str], origin: str = 'groups') -> Groups:
    """`groups` if it is a mapping group -> names of sequences; raises ValueError like `read_groups`."""
    known = set(sequences)
    if not isinstance(groups, Mapping):
        raise ValueError(f'{origin}: expected an object group -> list of sequences, got {type(groups).__name__}')
    out: Groups = {}
    for group, names in groups.items():
        if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
            raise ValueError(f'{origin}: expected group {group!r} to be a list of one or more names of sequences, '
                             f'got {_shortened(names)}')
        unknown = sorted(set(names) - known)
        if unknown:
            raise ValueError(f'{origin}: group {group!r} names {len(unknown)} sequences that have no ground truth: '
                             f'{_shortened(unknown)}')
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f'{origin}: group {group!r} names a sequence twice: {_shortened(twice)}')
        out[str(group)] = tuple(names)
    return out


def read_attributes(folder: Path, sequences: Iterable[str]) -> Groups:
    """Challenge attributes as groups: attribute -> sequences that have it.

    From DIR/attributes.json (sequence -> list of attributes) and DIR/<seq>/attributes.txt (names separated by
    comma or line); empty where there is neither. Sequences of the JSON that are not judged are ignored: it
    may describe a larger set.

    Raises:
        ValueError: a malformed file.
    """
    names = list(sequences)
    path = folder / 'attributes.json'
    table = read_json(path) if path.is_file() else {}
    if not isinstance(table, dict) or not all(
            isinstance(value, list) and all(isinstance(item, str) for item in value) for value in table.values()):
        raise ValueError(f'{path}: expected an object sequence -> list of attributes, got {_shortened(table)}')
    out: dict[str, list[str]] = {}
    for name in names:
        path = folder / name / 'attributes.txt'
        listed = re.split(r'[,\n]', '\n'.join(text_rows(path))) if path.is_file() else []
        for attribute in dict.fromkeys(item.strip() for item in [*table.get(name, []), *listed]):
            if attribute:
                out.setdefault(attribute, []).append(name)
    return {attribute: tuple(members) for attribute, members in sorted(out.items())}


def read_json(path: Path) -> object:
    """The value in a JSON file; raises ValueError with the file's name where it is none."""
    try:
        value: object = json.loads(read_text(path))
        return value
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f'{path}: expected JSON, got a syntax error: {error}') from None


def _shortened(value: object) -> str:
    text = ', '.join(map(str, value)) if isinstance(value, list | tuple) else repr(value)
    return text if len(text) <= 120 else text[:117] + '...'
