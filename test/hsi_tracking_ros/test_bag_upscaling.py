"""A bag with its images upscaled: same headers and times, a true description, everything else byte for byte."""
from __future__ import annotations

import contextlib
import json
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('rosbags', reason='needs rosbags: the extra `ros`')

from rclpy.serialization import serialize_message  # noqa: E402

from hsi_models.boxes import Box  # noqa: E402
from hsi_models.camera import Camera  # noqa: E402
from hsi_models.offline import track_sequence  # noqa: E402
from hsi_models.superresolution.factory import create_super_resolver  # noqa: E402
from hsi_models.superresolution.images import upscale_image  # noqa: E402
from hsi_models.superresolution.settings import SuperResolution  # noqa: E402
from hsi_tracking_ros.bag_sequence import IMAGE, BagSequence  # noqa: E402
from hsi_tracking_ros.bag_upscaling import upscale_bag  # noqa: E402
from hsi_tracking_ros.bags import BagReader, BagWriter  # noqa: E402
from hsi_tracking_ros.cli.main import main  # noqa: E402
from hsi_tracking_ros.conversion import sequence_to_bag  # noqa: E402
from hsi_tracking_ros.image_codec import to_message  # noqa: E402
from hsi_tracking_ros.messages import header_message, init_message  # noqa: E402

SCENE = 'synthetic:demo?frames=5&size=64x96'
RESOLVER = create_super_resolver('back_projection', 2)


@contextlib.contextmanager
def no_bar(total):
    yield SimpleNamespace(update=lambda n: None)


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp('bags') / 'source'
    sequence_to_bag(SCENE, path, progress=no_bar)
    return path


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_images_are_upscaled_and_described_and_the_rest_is_as_it_was(source, tmp_path, storage):
    assert upscale_bag(source, tmp_path / 'fine', RESOLVER, storage=storage, progress=no_bar) == 5
    before, after = BagSequence(source), BagSequence(tmp_path / 'fine')
    assert after.image_topic == before.image_topic
    for index in range(5):
        cube, camera = upscale_image(before.image(index), before.camera, RESOLVER)
        np.testing.assert_array_equal(after.image(index), cube)
        assert after.camera == camera
        assert after.stamp_ns(index) == before.stamp_ns(index)
    assert after.recorded_ns == before.recorded_ns
    np.testing.assert_array_equal(after.source_boxes, before.source_boxes)
    np.testing.assert_allclose(after.boxes, 2 * before.boxes)
    truth = [[(m.stamp_ns, m.data) for m in sequence.others(('/ground_truth',))] for sequence in (before, after)]
    assert truth[0] == truth[1]


def test_tracking_it_is_tracking_whole_frames_upscaled(source, tmp_path):
    upscale_bag(source, tmp_path / 'fine', RESOLVER, progress=no_bar)
    fine = track_sequence(BagSequence(tmp_path / 'fine'), 'spectral_dcf')
    plain = track_sequence(BagSequence(source), 'spectral_dcf',
                           super_resolution=SuperResolution('frame', 'back_projection'))
    assert [row.box for row in fine.rows[1:]] == [row.box.scaled(2, 2) for row in plain.rows[1:]]


def test_a_bag_without_a_description_gets_one(tmp_path):
    cube = np.random.default_rng(0).integers(0, 900, (8, 10, 4)).astype(np.uint16)
    with BagWriter(tmp_path / 'plain') as bag:
        bag.add_topic('/camera/image', IMAGE)
        bag.add_topic('/tracker/init', 'hsi_tracking_ros/msg/TargetInit')
        bag.write('/camera/image', bytes(serialize_message(to_message(cube, header_message(7, 'camera')))), 7)
        bag.write('/tracker/init', bytes(serialize_message(init_message(Box(1, 2, 3, 4)))), 8)
    assert upscale_bag(tmp_path / 'plain', tmp_path / 'fine', RESOLVER, progress=no_bar) == 1
    after = BagSequence(tmp_path / 'fine')
    assert after.info_topic == '/camera/hyperspectral_info'
    assert after.camera == Camera(pixel_rows=0.5, pixel_columns=0.5, upscaling=2)
    assert tuple(after.source_boxes[0]) == (1, 2, 3, 4)
    assert tuple(after.boxes[0]) == (2, 4, 6, 8)


def test_an_image_that_cannot_be_upscaled_is_named(tmp_path):
    with BagWriter(tmp_path / 'mosaic') as bag:
        bag.add_topic('/image', IMAGE)
        bag.write('/image', bytes(serialize_message(to_message(np.zeros((8, 8), np.uint16)))), 7)
    with pytest.raises(ValueError, match='image 0 of .*mosaic: expected a cube'):
        upscale_bag(tmp_path / 'mosaic', tmp_path / 'fine', RESOLVER, progress=no_bar)


def test_memory_does_not_grow_with_the_bag(tmp_path):
    peaks = []
    for frames in (4, 24):
        sequence_to_bag(f'synthetic:demo?frames={frames}&size=64x96', tmp_path / f'{frames}', progress=no_bar)
        tracemalloc.start()
        upscale_bag(tmp_path / f'{frames}', tmp_path / f'{frames}_fine', RESOLVER, storage='sqlite3', progress=no_bar)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    upscaled = 4 * 64 * 96 * 16 * 2
    assert peaks[1] < peaks[0] + 20 * upscaled / 4


def test_the_verb_takes_a_bag(source, tmp_path, capsys):
    out = tmp_path / 'fine'
    arguments = ['--model', 'cst_eigen', '--out', str(out), '--frames', '2', '--json']
    assert main(['super-resolve', str(source), *arguments]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    assert (report['frames'], report['model'], len(report['weights_sha256'])) == (2, 'cst_eigen', 64)
    assert '2 frames ->' in captured.err
    with BagReader(out) as reader:
        assert reader.topics['/image'].count == 2


@pytest.mark.parametrize(('arguments', 'says'), [
    (['SOURCE', '--out', 'OUT/fine.npz'], 'expected --out to be a folder'),
    (['SOURCE', '--out', 'SOURCE'], 'which exists'),
    (['SOURCE', '--out', 'OUT/fine', '--image-topic', '/none'], 'expected image topic /none'),
    (['OUT/cube.npz', '--out', 'OUT/fine'], 'expected --out to end in .npz'),
    (['OUT/cube.npz', '--out', 'OUT/fine.npz', '--frames', '2'], 'with a bag'),
    (['OUT/none.npz', '--out', 'OUT/fine'], 'no such file or folder')])
def test_what_does_not_go_together_is_said_in_one_line(source, tmp_path, capsys, arguments, says):
    (tmp_path / 'cube.npz').touch()
    words = [word.replace('SOURCE', str(source)).replace('OUT', str(tmp_path)) for word in arguments]
    assert main(['super-resolve', *words, '--model', 'bicubic']) == 2
    assert says in capsys.readouterr().err
