"""A small world to judge in: two sequences and writers of results."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

BOXES = {
    'car': np.array([[10 + i, 20, 12, 8] for i in range(6)], float),
    'walk': np.array([[40, 30 - i, 10, 20] for i in range(4)], float),
}


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Ground truth of two sequences, 6 and 4 frames."""
    folder = tmp_path / 'truth'
    for name, boxes in BOXES.items():
        (folder / name).mkdir(parents=True)
        np.savetxt(folder / name / 'groundtruth_rect.txt', boxes, fmt='%g', delimiter='\t')
    return folder


@pytest.fixture
def write_results(tmp_path: Path) -> Callable[..., Path]:
    """write_results(name, car=rows, walk=rows): a folder of results; rows are an array or text."""
    def write(tracker: str, **sequences: object) -> Path:
        folder = tmp_path / tracker
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in sequences.items():
            path = folder / f'{name}.txt'
            if isinstance(rows, str):
                path.write_text(rows)
            else:
                np.savetxt(path, rows, fmt='%.6f', delimiter=',')
        return folder
    return write
