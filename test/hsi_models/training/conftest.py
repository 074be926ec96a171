"""A corpus small enough for tests: coloured squares on textured ground, as stills and as clips."""
from __future__ import annotations

import json
import zipfile

import cv2
import numpy as np
import pytest
import torch

from hsi_models.checkpoint import load_tensors

SIZE = 96


def _picture(rng, x, y, side):
    picture = cv2.resize(rng.integers(30, 120, (12, 12, 3), np.uint8), (SIZE, SIZE))
    picture[y:y + side, x:x + side] = rng.integers(130, 255, 3)
    return picture


@pytest.fixture(scope='session')
def corpus_folder(tmp_path_factory):
    """Folder with `images`: 24 stills, 4 clips of 5 frames, one of the benchmark's, one thermal."""
    folder = tmp_path_factory.mktemp('data') / 'images'
    folder.mkdir()
    rng = np.random.default_rng(0)
    records = []
    with zipfile.ZipFile(folder / 'a.zip', 'w') as archive:
        def add(name, x, y, side):
            archive.writestr(name, cv2.imencode('.png', _picture(rng, x, y, side))[1].tobytes())

        for i in range(24):
            x, y = rng.integers(30, 50, 2).tolist()
            add(f's{i}.png', x, y, 20)
            records.append({'kind': 'still', 'shard': 'a.zip', 'file': f's{i}.png', 'wh': [SIZE, SIZE],
                            'box': [x, y, 20, 20], 'cat': 'car' if i % 2 else 'cup', 'src': 'x', 'lic': 'y',
                            'img': f'p{i // 2}', 'ctx': 0.4 if i % 3 else 1.0})
        for clip, source in (('c0', 'film'), ('c1', 'film'), ('c5', 'film'), ('fod_1', 'fod_a'),
                             ('davis_goat', 'davis2016_val'), ('t', 'thermal_x')):
            for i in range(7):
                add(f'{clip}/{i}.png', 30 + i, 34, 18)
            records.append({'kind': 'clip', 'shard': 'a.zip', 'id': clip, 'src': source, 'lic': 'y', 'step': 1,
                            'frames': [f'{clip}/{i}.png' for i in range(7)], 'whs': [[SIZE, SIZE]] * 7,
                            'tracks': [{'id': 0, 'cat': 'dog', 'boxes': [[30 + i, 34, 18, 18] if i != 3 else None
                                                                         for i in range(7)]}]})
    (folder / 'index.jsonl').write_text('\n'.join(json.dumps(record) for record in records))
    return folder.parent


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def killed_and_resumed():
    """(make, step): train with `make()` until a step, where the process ends, and go on with another `make()`."""
    def run(make, step):
        killed = make()
        loss = killed.loss

        def until(now):
            if now == step:
                raise KilledError
            return loss(now)

        killed.loss = until
        with pytest.raises(KilledError):
            killed.run(progress=False)
        return make().run(resume=True, progress=False)

    return run


@pytest.fixture
def agrees_elsewhere(another_device):
    """(make, may_wait): a training `make(device)` gives the same weights on a device that is not the CPU, and no step
    waits for it but by lines of the files `may_wait`."""
    def run(make, may_wait=()):
        there = make(another_device.name)
        another_device.clear()
        for step in range(2):
            loss = there.loss(step)
            total = loss['total'] if isinstance(loss, dict) else loss
            assert total.device.type == another_device.name
            total.backward()
        assert [line for line in another_device.downloads if not any(part in line for part in may_wait)] == []
        got = load_tensors(make(another_device.name).run(progress=False))
        for name, value in load_tensors(make('cpu').run(progress=False)).items():
            torch.testing.assert_close(got[name], value, rtol=1e-2, atol=1e-3)

    return run
