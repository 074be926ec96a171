"""The corpus gives pictures and boxes, splits by original picture, and names the line that is malformed."""
from __future__ import annotations

import json
import pickle
import zipfile

import cv2
import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.data.corpus import Clip, ImageCorpus, in_validation, is_thermal

STILL = {'kind': 'still', 'shard': 's.zip', 'file': 'a.png', 'wh': [6, 4], 'box': [1, 1, 2, 2], 'cat': 'cup',
         'src': 'x', 'lic': 'y', 'img': 'p', 'ctx': 0.5, 'others': [[0, 0, 1, 1, 'spoon'], [0, 0, 0, 1, 'none']]}
TINY = {'kind': 'tiny', 'shard': 's.zip', 'file': 'a.png', 'wh': [6, 4], 'box': [1, 1, 2, 2], 'cat': 'cup',
        'src': 'thermal_x', 'lic': 'y'}
CLIP = {'kind': 'clip', 'shard': 's.zip', 'id': 'c', 'src': 'x', 'lic': 'y', 'step': 2, 'frames': ['a.png', 'b.png'],
        'whs': [[6, 4], [6, 4]], 'tracks': [{'id': 0, 'cat': 'dog', 'boxes': [[0, 0, 2, 2], None]}]}


def write(folder, *records):
    (folder / 'index.jsonl').write_text('\n'.join(json.dumps(record) for record in records))
    picture = np.zeros((4, 6, 3), np.uint8)
    picture[..., 2] = 200      # red, as OpenCV orders
    with zipfile.ZipFile(folder / 's.zip', 'w') as archive:
        archive.writestr('a.png', cv2.imencode('.png', picture)[1].tobytes())
        archive.writestr('bad.png', b'nothing')
    return ImageCorpus(folder)


def test_records_and_pictures(tmp_path):
    corpus = write(tmp_path, STILL, TINY, CLIP)
    still, tiny = corpus.stills()
    clip, = corpus.clips()
    assert still.box == Box(1, 1, 2, 2)
    assert still.others == ((Box(0, 0, 1, 1), 'spoon'),)
    assert (still.context, tiny.context, still.tiny, tiny.tiny) == (0.5, 1.0, False, True)
    assert isinstance(clip, Clip)
    assert clip.tracks[0].boxes == (Box(0, 0, 2, 2), None)
    assert corpus.image('s.zip', 'a.png')[0, 0].tolist() == [200, 0, 0]
    assert [is_thermal(record) for record in corpus.records] == [False, True, False]


def test_a_corpus_travels_to_worker_processes(tmp_path):
    corpus = write(tmp_path, STILL)
    corpus.image('s.zip', 'a.png')
    assert pickle.loads(pickle.dumps(corpus)).image('s.zip', 'a.png').shape == (4, 6, 3)


@pytest.mark.parametrize(('record', 'message'), [
    ({**STILL, 'kind': 'film'}, 'line 2: .*film'), ({**STILL, 'box': [1, 2, 0, 3]}, 'line 2: .*w > 0'),
    ({'kind': 'still'}, 'line 2: .*KeyError'), ({**STILL, 'wh': [1]}, 'line 2'), ([], 'line 2'),
    ({**CLIP, 'frames': ['a.png']}, 'line 2: .*expected 1 boxes, one a frame, got 2'),
])
def test_a_malformed_line_is_named(tmp_path, record, message):
    with pytest.raises(ValueError, match=message):
        write(tmp_path, STILL, record)


def test_missing_and_damaged_pictures(tmp_path):
    corpus = write(tmp_path, STILL)
    for shard, file, message in (('no.zip', 'a.png', 'readable archive'), ('s.zip', 'no.png', 'readable archive'),
                                 ('s.zip', 'bad.png', '7 damaged bytes')):
        with pytest.raises(ValueError, match=message):
            corpus.image(shard, file)


def test_a_folder_without_index_and_an_empty_one(tmp_path):
    with pytest.raises(ValueError, match='corpus folder with index.jsonl'):
        ImageCorpus(tmp_path)
    (tmp_path / 'index.jsonl').write_text('')
    with pytest.raises(ValueError, match='empty file'):
        ImageCorpus(tmp_path)


def test_the_development_corpus(shared_data):
    corpus = ImageCorpus(shared_data / 'images')
    assert (len(corpus.stills()), len(corpus.clips())) == (11860 + 3392, 222)
    sides = {}
    for record in corpus.records:
        sides.setdefault((record.source, record.group), set()).add(in_validation(record))
    assert all(len(side) == 1 for side in sides.values())
    assert 0.07 < np.mean([in_validation(record) for record in corpus.records]) < 0.13
    for record in corpus.stills()[::3000]:
        image = corpus.image(record.shard, record.file)
        assert image.shape == (record.height, record.width, 3)
        assert record.box.clipped(record.width, record.height) is not None
