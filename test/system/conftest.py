"""What several system tests look at."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

FRAMES, CELL = 12, 4
HEIGHT, WIDTH = 64, 96      # of the cube
SPEED = (2, 1)              # x, y of the window, cells a frame


@pytest.fixture(scope='session')
def real_folder(tmp_path_factory, shared_data) -> Path:
    """A window that moves over a real mosaic: real spectra, real noise, known motion."""
    files = sorted((shared_data / 'real_mosaics').glob('*.tif')) if (shared_data / 'real_mosaics').is_dir() else []
    if not files:
        pytest.skip('needs the real mosaics of the development data')
    mosaic = cv2.imread(str(files[2]), cv2.IMREAD_UNCHANGED)
    home = tmp_path_factory.mktemp('real') / 'street'
    (home / 'HSI').mkdir(parents=True)
    top, left = 120, 200
    boxes = []
    for index in range(FRAMES):
        x, y = left + SPEED[0] * index, top + SPEED[1] * index
        window = mosaic[CELL * y:CELL * (y + HEIGHT), CELL * x:CELL * (x + WIDTH)]
        assert window.shape == (CELL * HEIGHT, CELL * WIDTH)
        cv2.imwrite(str(home / 'HSI' / f'{index + 1:04d}.png'), window)
        boxes.append((52 - SPEED[0] * index, 30 - SPEED[1] * index, 16, 14))
    np.savetxt(home / 'groundtruth_rect.txt', boxes, fmt='%d', delimiter='\t')
    (home / 'wavelengths.json').write_text(json.dumps({'mosaic': [CELL, CELL], 'centre_nm': [], 'bit_depth': 8}))
    return home
