"""Bags: what is written is read back, byte for byte, in both formats; damage is told, never swallowed."""
from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('rosbags', reason='needs rosbags: the extra `ros`')

from rclpy.serialization import serialize_message  # noqa: E402

from hsi_models.boxes import Box  # noqa: E402
from hsi_models.camera import Camera  # noqa: E402
from hsi_models.data.synthetic import SyntheticSequence  # noqa: E402
from hsi_tracking_ros.bag_sequence import BagSequence  # noqa: E402
from hsi_tracking_ros.bags import BagError, BagReader, BagWriter, interface_folder, own_typestore  # noqa: E402
from hsi_tracking_ros.conversion import bag_to_folder, sequence_to_bag  # noqa: E402
from hsi_tracking_ros.image_codec import to_message  # noqa: E402
from hsi_tracking_ros.messages import camera_from_info, header_message, info_from_camera, init_message  # noqa: E402
from hsi_tracking_ros.sequences import open_any_sequence  # noqa: E402
from hsi_tracking_ros.share import share_file  # noqa: E402

SCENE = 'synthetic:demo?frames=5&size=64x96'
STORAGES = ('mcap', 'sqlite3')


@contextlib.contextmanager
def no_bar(total):
    yield SimpleNamespace(update=lambda n: None)


def make_bag(path, storage='mcap', source=SCENE):
    sequence_to_bag(source, path, storage=storage, progress=no_bar)
    return path


@pytest.mark.parametrize('name', ['HyperspectralInfo', 'TargetInit', 'TrackedTarget', 'TrackedTargetArray'])
def test_type_hashes_are_those_of_the_compiled_messages(name):
    compiled = json.loads(share_file(f'msg/{name}.json').read_text())['type_hashes']
    wanted = {entry['type_name']: entry['hash_string'] for entry in compiled}
    assert own_typestore().hash_rihs01(f'hsi_tracking_ros/msg/{name}') == wanted[f'hsi_tracking_ros/msg/{name}']


def test_own_definitions_are_found():
    assert (interface_folder() / 'TargetInit.msg').is_file()


@pytest.mark.parametrize('storage', STORAGES)
def test_sequence_survives_the_bag(tmp_path, storage):
    sequence = SyntheticSequence(frames=5, size=(64, 96))
    bag = BagSequence(make_bag(tmp_path / 'bag', storage))
    assert len(bag) == 5
    for index in (0, 3, 1, 4, 4):       # forward, back and again
        np.testing.assert_array_equal(bag.image(index), sequence.image(index))
        assert bag.stamp_ns(index) == sequence.stamp_ns(index)
    np.testing.assert_array_equal(bag.boxes, sequence.boxes)
    assert bag.frame_rate_hz == pytest.approx(25.0)
    assert bag.camera == sequence.camera, 'every level bit for bit: calibrated values depend on it'


@pytest.mark.parametrize('storage', STORAGES)
def test_stored_bytes_come_back_unchanged(tmp_path, storage):
    data = bytes(serialize_message(init_message(Box(1, 2, 3, 4), header_message(5, 'camera'), id=7)))
    with BagWriter(tmp_path / 'bag', storage) as writer:
        writer.add_topic('/init', 'hsi_tracking_ros/msg/TargetInit', latched=True)
        for stamp in (10, 20, 20, 30):
            writer.write('/init', data, stamp)
    with BagReader(tmp_path / 'bag') as reader:
        assert reader.topics['/init'].latched
        assert reader.topics['/init'].count == 4
        messages = list(reader.messages())
        assert [(m.stamp_ns, m.data) for m in messages] == [(stamp, data) for stamp in (10, 20, 20, 30)]
        assert reader.deserialise(messages[0]).id == 7
        assert [m.stamp_ns for m in reader.messages(start_ns=20)] == [20, 20, 30]
        assert list(reader.messages(('/nothing',))) == []


def test_descriptions_without_wavelengths_are_read(tmp_path):
    """Empty arrays of float64 in every place: rosbags by itself expects padding after them."""
    camera = Camera(model='bare', mosaic_rows=4, mosaic_columns=4, bit_depth=8, calibration_file='c.npz')
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/hyperspectral_info', 'hsi_tracking_ros/msg/HyperspectralInfo')
        writer.write('/hyperspectral_info', bytes(serialize_message(info_from_camera(camera))), 1)
    with BagReader(tmp_path / 'bag') as reader:
        assert camera_from_info(reader.deserialise(next(reader.messages()))) == camera


def test_first_box_comes_from_a_request_where_there_is_no_truth(tmp_path):
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/cam/image', 'sensor_msgs/msg/Image')
        writer.add_topic('/tracker/init', 'hsi_tracking_ros/msg/TargetInit')
        for index in range(3):
            stamp = 1_000_000_000 + index * 40_000_000
            cube = np.full((8, 10, 4), index, np.uint16)
            writer.write('/cam/image', bytes(serialize_message(to_message(cube, header_message(stamp, 'c')))), stamp)
        request = init_message(Box(1, 2, 3, 4), header_message(1_040_000_000, 'c'))
        writer.write('/tracker/init', bytes(serialize_message(request)), stamp)
    bag = BagSequence(tmp_path / 'bag')
    np.testing.assert_array_equal(bag.boxes, [[np.nan] * 4, [1, 2, 3, 4]])


def write_with_info(path, infos):
    with BagWriter(path) as writer:
        writer.add_topic('/cam/image', 'sensor_msgs/msg/Image')
        writer.add_topic('/cam/hyperspectral_info', 'hsi_tracking_ros/msg/HyperspectralInfo')
        writer.add_topic('/tracker/init', 'hsi_tracking_ros/msg/TargetInit')
        for info in infos:
            writer.write('/cam/hyperspectral_info', bytes(serialize_message(info)), 1_000_000_000)
        for width in (float('nan'), 3):
            request = init_message(Box(1, 2, 3, 4), header_message(1_000_000_000, 'c'))
            request.width = float(width)
            writer.write('/tracker/init', bytes(serialize_message(request)), 1_000_000_000)
        image = to_message(np.zeros((8, 10, 4), np.uint16), header_message(1_000_000_000, 'c'))
        writer.write('/cam/image', bytes(serialize_message(image)), 1_000_000_000)
    return path


def test_one_bad_message_costs_no_bag(tmp_path):
    good = Camera(wavelengths_nm=(500.0, 550.0, 600.0, 650.0))
    bad = info_from_camera(good)
    bad.quantity = 9
    with pytest.warns(UserWarning, match='left out a message') as told:
        bag = BagSequence(write_with_info(tmp_path / 'bag', (bad, info_from_camera(good), bad)))
    assert [str(one.message).split(', ')[1].split(':')[0] for one in told if 'left out' in str(one.message)] == [
        '/cam/hyperspectral_info', '/cam/hyperspectral_info', '/tracker/init']
    assert bag.camera == good
    np.testing.assert_array_equal(bag.boxes, [[1, 2, 3, 4]])
    with pytest.warns(UserWarning, match='left out'), pytest.raises(ValueError, match='_info: expected'):
        BagSequence(write_with_info(tmp_path / 'worse', (bad,)))
    with pytest.warns(UserWarning, match='left out'):
        assert BagSequence(tmp_path / 'worse', camera=good).camera == good


def test_folder_bag_folder(tmp_path):
    make_bag(tmp_path / 'bag')
    bag_to_folder(str(tmp_path / 'bag'), tmp_path / 'folder', progress=no_bar)
    sequence, folder = SyntheticSequence(frames=5, size=(64, 96)), open_any_sequence(str(tmp_path / 'folder'))
    for index in range(5):
        np.testing.assert_array_equal(folder.image(index), sequence.image(index))
    np.testing.assert_array_equal(folder.boxes, sequence.boxes)


def test_cubes_become_arrays(tmp_path):
    scene = 'synthetic:open?frames=2&size=64x64&camera=vis31'
    make_bag(tmp_path / 'bag', source=scene)
    bag_to_folder(str(tmp_path / 'bag'), tmp_path / 'folder', progress=no_bar)
    folder = open_any_sequence(str(tmp_path / 'folder'))
    np.testing.assert_array_equal(folder.image(1), open_any_sequence(scene).image(1))


@pytest.mark.parametrize('storage', STORAGES)
@pytest.mark.parametrize('share', [0.0, 0.3, 0.7, 0.98])
def test_truncated_bag_is_refused(tmp_path, storage, share):
    bag = make_bag(tmp_path / 'bag', storage)
    file = next(path for path in bag.iterdir() if path.suffix in ('.mcap', '.db3'))
    file.write_bytes(file.read_bytes()[:int(share * file.stat().st_size)])
    with pytest.raises(BagError, match='expected a complete bag, got .* truncated or corrupt'):
        list(BagReader(bag).messages())


def test_bytes_that_are_no_message_are_refused(tmp_path):
    with BagWriter(tmp_path / 'bag') as writer:
        writer.add_topic('/image', 'sensor_msgs/msg/Image')
        writer.write('/image', b'\0\1\0\0\1\2\3', 1)
    with pytest.raises(BagError, match='expected a sensor_msgs/msg/Image .* got 7 bytes that do not fit'):
        BagSequence(tmp_path / 'bag')


def test_more_than_one_image_topic_needs_a_name(tmp_path):
    image = bytes(serialize_message(to_message(np.zeros((4, 4, 3), np.uint8), header_message(1, ''))))
    with BagWriter(tmp_path / 'bag') as writer:
        for topic in ('/left/image', '/right/image'):
            writer.add_topic(topic, 'sensor_msgs/msg/Image')
            writer.write(topic, image, 1)
    with pytest.raises(BagError, match='expected one topic of images .* /left/image, /right/image: name one'):
        BagSequence(tmp_path / 'bag')
    assert len(BagSequence(tmp_path / 'bag', '/right/image')) == 1
    with pytest.raises(BagError, match='expected image topic /up'):
        BagSequence(tmp_path / 'bag', '/up')


@pytest.mark.parametrize(('make', 'message'), [
    (lambda path: None, 'got nothing there'),
    (lambda path: path.mkdir(), 'got a folder without metadata.yaml'),
    (lambda path: path.write_text('x'), 'got a nameless file')])
def test_what_is_no_bag_is_refused(tmp_path, make, message):
    make(tmp_path / 'bag')
    with pytest.raises(BagError, match=message):
        BagReader(tmp_path / 'bag')


def test_an_existing_bag_is_never_overwritten(tmp_path):
    make_bag(tmp_path / 'bag')
    with pytest.raises(ValueError, match='expected a new folder for the bag'):
        BagWriter(tmp_path / 'bag')


def test_bags_without_images_or_definitions_are_refused(tmp_path):
    with BagWriter(tmp_path / 'bag') as writer:
        with pytest.raises(ValueError, match='expected a standard type of ROS 2'):
            writer.add_topic('/x', 'nobody_msgs/msg/Nothing')
        writer.add_topic('/image', 'sensor_msgs/msg/Image')
    with pytest.raises(BagError, match='expected images on /image'):
        BagSequence(tmp_path / 'bag')


@pytest.mark.parametrize(('text', 'message'), [
    ('synthetic:demo?colour=red', "expected options seed, frames, camera, size .* got 'colour'"),
    ('synthetic:demo?frames=many', "expected frames=NUMBER .* got 'many'"),
    ('synthetic:moon', "expected a scene of demo, open, got 'moon'")])
def test_synthetic_scenes_say_what_they_understand(text, message):
    with pytest.raises(ValueError, match=message):
        open_any_sequence(text)
