"""Videos that scenes are made of: folders (see test_scene.py), and clips of a corpus."""
from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hsi_models.data.corpus import ImageCorpus
from hsi_models.data.simulation.videos import CorpusVideo, VideoFolder, open_video


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """`images` with a clip of two frames and two objects, and one of pictures of several sizes."""
    folder = tmp_path / 'images'
    folder.mkdir()
    red = np.zeros((30, 40, 3), np.uint8)
    red[..., 2] = 200
    with zipfile.ZipFile(folder / 'a.zip', 'w') as archive:
        for name, picture in (('0.png', red), ('1.png', red // 2)):
            archive.writestr(name, cv2.imencode('.png', picture)[1].tobytes())
    clip: dict[str, Any] = {
        'kind': 'clip', 'shard': 'a.zip', 'src': 'film', 'lic': 'y', 'id': 'walk', 'frames': ['0.png', '1.png'],
        'whs': [[40, 30]] * 2, 'tracks': [{'id': 0, 'cat': 'dog', 'boxes': [[4, 6, 8, 10], None]},
                                          {'id': 1, 'cat': 'cat', 'boxes': [None, [2, 2, 4, 4]]}]}
    mixed = {**clip, 'id': 'mixed', 'whs': [[40, 30], [20, 15]]}
    (folder / 'index.jsonl').write_text('\n'.join(json.dumps(one) for one in (clip, mixed)))
    return tmp_path


def test_a_clip_of_the_corpus_is_a_video(data: Path) -> None:
    video = open_video(data, 'images/walk/0')
    assert (video.name, len(video), video.size) == ('walk', 2, (30, 40))
    np.testing.assert_array_equal(video.boxes, [[4, 6, 8, 10], [np.nan] * 4])
    assert video.rgb(0).shape == (1, 3, 30, 40)
    assert float(video.rgb(0)[0, 0].mean()) > float(video.rgb(1)[0, 0].mean()) > 0.1
    assert float(video.rgb(0)[0, 1:].max()) == 0
    small = CorpusVideo(ImageCorpus(data / 'images'), 'walk', 1, longest=20)
    assert (small.name, small.size) == ('walk_1', (15, 20))
    np.testing.assert_array_equal(small.boxes[1], [1, 1, 2, 2])


def test_other_names_are_folders_of_videos(data: Path) -> None:
    folder = data / 'videos' / 'walk'
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / '0001.jpg'), np.zeros((8, 9, 3), np.uint8))
    (folder / 'groundtruth_rect.txt').write_text('1,2,3,4\n')
    video = open_video(data, 'walk')
    assert isinstance(video, VideoFolder)
    assert video.size == (8, 9)


@pytest.mark.parametrize(('source', 'message'), [
    ('images/run/0', 'expected clip run with track 0, got no such clip'),
    ('images/walk/2', 'expected clip walk with track 2, got 2 tracks'),
    ('images/mixed/0', 'expected pictures of one size in clip mixed, got 2 sizes'), ('run', 'got 0 frames')])
def test_what_is_not_there_is_named(source: str, message: str, data: Path) -> None:
    with pytest.raises(ValueError, match=message):
        open_video(data, source)
