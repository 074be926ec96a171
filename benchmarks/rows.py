"""The boxes of every row of docs/results.md as one file, so that one row can be made anew and judged beside the others.

    python -m benchmarks.rows unpack benchmarks/rows_v1.tar.xz BENCH/results     # rows that are there already stay
    python -m benchmarks.peers BENCH/test --out BENCH/results/test --rows NEW
    python -m benchmarks.results BENCH
    python -m benchmarks.rows pack BENCH/results benchmarks/rows_v1.tar.xz

Six decimals are kept, with which the page comes out the same, character by character. The sequences are not in it:
`hsi-tracking simulate benchmark` makes them.
"""
from __future__ import annotations

import argparse
import io
import re
import tarfile
from pathlib import Path

NAME = re.compile(r'(validation|test)/\w+(/jitter_[1-5])?/\w+\.(txt|json)')
MOST_BYTES = 1 << 20    # of one file: a sequence of a hundred frames is 5 kB


def main() -> None:
    """Pack or unpack."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.rows', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('verb', choices=('pack', 'unpack'))
    parser.add_argument('source', type=Path, help='pack: folder with validation and test; unpack: file')
    parser.add_argument('target', type=Path, help='the other one')
    arguments = parser.parse_args()
    try:
        count = (pack if arguments.verb == 'pack' else unpack)(arguments.source, arguments.target)
    except (OSError, ValueError, tarfile.TarError) as error:
        parser.error(str(error))
    print(f'{count} files -> {arguments.target}')


def pack(results: Path, file: Path) -> int:
    """Write one file of all rows; the same rows give the same bytes.

    Args:
        results: with `validation` and `test`, a folder a row in each.
        file: .tar.xz.

    Returns:
        number of files in it.

    Raises:
        ValueError: no rows there.
    """
    paths = {path.relative_to(results).as_posix(): path for path in results.rglob('*')}
    names = sorted(name for name in paths if NAME.fullmatch(name))
    if not names:
        raise ValueError(f'expected rows in {results}/validation and {results}/test, got none')
    with tarfile.open(file, 'w:xz', preset=9) as archive:
        for name in names:
            text = paths[name].read_text(encoding='utf-8')
            data = (shortened(text) if name.endswith('.txt') else text).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return len(names)


def shortened(text: str) -> str:
    r"""Rows of a result file, x,y,w,h[,score,status], with six decimals.

    >>> shortened('1.23456789,2.0,nan,4,0.98765432,LOST')
    '1.234568,2.0,nan,4.0,0.987654,LOST\n'
    """
    rows = (line.split(',') for line in text.split())
    return ''.join(','.join([*(repr(round(float(value), 6)) for value in row[:5]), *row[5:]]) + '\n' for row in rows)


def unpack(file: Path, results: Path) -> int:
    """Read it back; a row that has files already is left as it is.

    Returns:
        number of files written.

    Raises:
        ValueError: something else is in the archive than rows.
    """
    count = 0
    with tarfile.open(file, 'r:xz') as archive:
        there = {path.parent.relative_to(results).as_posix() for path in results.rglob('*') if path.is_file()}
        for entry in archive:
            if not entry.isfile() or not NAME.fullmatch(entry.name) or entry.size > MOST_BYTES:
                raise ValueError(f'expected result files of rows in {file}, got {entry.name!r} of {entry.size} bytes')
            path, content = results / entry.name, archive.extractfile(entry)
            if content is None or path.parent.relative_to(results).as_posix() in there:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())
            count += 1
    return count


if __name__ == '__main__':
    main()
