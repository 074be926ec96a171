"""The player on real topics: every frame, in order, with truth, time and controls; bad sources end in a clear error."""
from __future__ import annotations

import contextlib
import time
from unittest.mock import MagicMock

import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from rclpy.parameter import Parameter  # noqa: E402
from rclpy.serialization import serialize_message  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_srvs.srv import SetBool, Trigger  # noqa: E402

from hsi_models.boxes import Box  # noqa: E402
from hsi_models.data.synthetic import SyntheticSequence  # noqa: E402
from hsi_tracking_ros import qos  # noqa: E402
from hsi_tracking_ros.bags import BagReader, BagWriter  # noqa: E402
from hsi_tracking_ros.conversion import sequence_to_bag  # noqa: E402
from hsi_tracking_ros.image_codec import to_array  # noqa: E402
from hsi_tracking_ros.messages import header_message, init_message, stamp_ns  # noqa: E402
from hsi_tracking_ros.msg import HyperspectralInfo, TargetInit, TrackedTargetArray  # noqa: E402
from hsi_tracking_ros.nodes.player_node import PlayerNode  # noqa: E402
from hsi_tracking_ros.player_sources import restamped  # noqa: E402

FRAMES = 6
SCENE = f'synthetic:demo?frames={FRAMES}&size=64x96'


def overrides(**parameters):
    return [Parameter(name, value=value) for name, value in parameters.items()]


class Rig:
    """A player and readers of all its topics, matched before it begins."""

    def __init__(self, graph, **parameters):
        self.graph = graph
        profile = qos.profile('every_frame' if parameters.get('every_frame') else 'image')
        profile.depth = 100
        self.images = graph.collect(Image, 'image', profile)
        self.infos = graph.collect(HyperspectralInfo, 'hyperspectral_info', qos.profile('info'))
        self.truth = graph.collect(TrackedTargetArray, 'ground_truth', qos.profile('truth'))
        self.inits = graph.collect(TargetInit, 'init', qos.profile('init'))
        of_clock = qos.profile('clock')
        of_clock.depth = 1000       # a test looks at every time, however late it comes to that
        self.clock = graph.collect(Clock, '/clock', of_clock)
        self.node = graph.add(PlayerNode(parameter_overrides=overrides(
            **{'source': SCENE, 'rate': 20.0, 'wait_for_readers': 'image=1 ground_truth=1 init=1',
               **parameters})))

    def stamps(self):
        return [stamp_ns(image.header.stamp) for image in self.images]

    def play_to_the_end(self):
        """Until the player has ended and what it said has come; images for readers who lose some are not waited for."""
        self.graph.spin_until(lambda: self.node.state in ('finished', 'failed'))
        self.graph.spin(0.2)
        end = time.monotonic() + 5.0
        while len(self.images) < self.node.sent and time.monotonic() < end:
            self.graph.spin(0.05)


@pytest.fixture
def scene():
    return SyntheticSequence(frames=FRAMES, size=(64, 96))


def test_plays_every_frame_with_truth_in_pixels_of_the_mosaic(graph, scene):
    rig = Rig(graph, every_frame=True, answer_timeout_s=0.1, window=100)
    rig.play_to_the_end()
    assert rig.node.state == 'finished'
    assert rig.stamps() == [scene.stamp_ns(i) for i in range(FRAMES)]
    for index, image in enumerate(rig.images):
        assert image.header.frame_id == 'camera'
        np.testing.assert_array_equal(to_array(image), scene.image(index))
    assert [stamp_ns(message.header.stamp) for message in rig.truth] == rig.stamps()
    target = rig.truth[2].targets[0]
    assert Box(target.x, target.y, target.width, target.height) == Box(*scene.boxes[2]).scaled(4, 4)
    assert len(rig.infos) == 1
    assert (rig.infos[0].mosaic_rows, rig.infos[0].mosaic_columns) == (4, 4)


def test_asks_for_the_first_true_box_once(graph, scene):
    rig = Rig(graph)
    rig.play_to_the_end()
    assert len(rig.inits) == 1
    request = rig.inits[0]
    assert stamp_ns(request.header.stamp) == scene.stamp_ns(0)
    assert Box(request.x, request.y, request.width, request.height) == Box(*scene.boxes[0]).scaled(4, 4)


def test_says_that_nobody_asks_for_a_target_where_no_box_is_known(graph, tmp_path, capfd):
    for index in range(3):
        np.save(tmp_path / f'{index:04}.npy', np.full((20, 30, 4), index, np.uint16))
    rig = Rig(graph, source=str(tmp_path))
    rig.play_to_the_end()
    assert rig.inits == []
    assert capfd.readouterr().err.count('nobody asks for a target') == 1


def test_waits_for_as_many_readers_as_it_is_told(graph):
    rig = Rig(graph, wait_for_readers='image=1 targets=2', every_frame=True, answer_timeout_s=0.1)
    graph.collect(TrackedTargetArray, 'targets', qos.profile('targets'))
    graph.spin_until(lambda: rig.node._readers('targets') == 1 and rig.node._readers('image') == 1)
    graph.spin(1.5)
    assert (rig.node.state, rig.node.sent) == ('waiting', 0)
    graph.collect(TrackedTargetArray, 'targets', qos.profile('targets'))
    rig.play_to_the_end()
    assert rig.node.sent == len(rig.images) == FRAMES


def test_begins_without_readers_that_do_not_come_and_says_which(graph, capfd):
    rig = Rig(graph, wait_for_readers='image=1 init=3 targets=2', reader_timeout_s=0.3)
    rig.play_to_the_end()
    assert rig.node.sent == FRAMES
    assert 'expected readers image=1 init=3 targets=2 within 0.3 s, got image=1 init=1 targets=0: beginning without' \
        in capfd.readouterr().err


def test_alone_it_waits_for_nobody(ros):
    node = PlayerNode(parameter_overrides=overrides(source=SCENE, rate=0.0))
    node._thread.join(60)
    assert (node.state, node.sent) == ('finished', FRAMES)
    node.destroy_node()


def test_readers_that_cannot_be_counted_are_refused(ros):
    with pytest.raises(ValueError, match="expected TOPIC=NUMBER of image, .* got 'overlay=1'"):
        PlayerNode(parameter_overrides=overrides(source=SCENE, wait_for_readers='overlay=1'))


def test_a_bag_is_played_byte_for_byte_and_asks_by_itself(graph, tmp_path, scene):
    sequence_to_bag(SCENE, tmp_path / 'one', progress=lambda total: contextlib.nullcontext(MagicMock()))
    header = header_message(scene.stamp_ns(1), 'camera')
    request = bytes(serialize_message(init_message(Box(1, 2, 30, 40), header, id=9)))
    with BagReader(tmp_path / 'one') as reader, BagWriter(tmp_path / 'two', 'sqlite3') as writer:
        for topic in reader.topics.values():
            writer.add_topic(topic.name, topic.type, latched=topic.latched)
        writer.add_topic('/tracker/init', 'hsi_tracking_ros/msg/TargetInit')
        stored = list(reader.messages())
        for number, message in enumerate(stored):
            writer.write(message.topic, message.data, message.stamp_ns)
            if number == 4:
                writer.write('/tracker/init', request, message.stamp_ns)
    raw = []
    graph.peer.create_subscription(Image, 'image', raw.append, qos.profile('every_frame'), raw=True)
    rig = Rig(graph, source=str(tmp_path / 'two'), every_frame=True, window=100, answer_timeout_s=0.1)
    rig.play_to_the_end()
    assert [bytes(data) for data in raw] == [m.data for m in stored if m.topic == '/image']
    assert [(message.id, message.width) for message in rig.inits] == [(9, 30.0)]
    assert len(rig.truth) == FRAMES


def test_stamped_now_the_images_look_live(graph, scene):
    before = time.time_ns()
    rig = Rig(graph, stamps='now')
    rig.play_to_the_end()
    assert all(before < stamp < time.time_ns() for stamp in rig.stamps())
    assert {stamp_ns(m.header.stamp) for m in rig.truth} >= set(rig.stamps())
    assert stamp_ns(rig.inits[0].header.stamp) in {stamp_ns(m.header.stamp) for m in rig.truth}


def test_rate_and_pause_and_step(graph):
    rig = Rig(graph, start_paused=True, rate=1.0)
    graph.spin(0.5)
    assert rig.node.sent == 0
    for number in (1, 2):
        assert graph.call(Trigger, 'player/step', Trigger.Request()).success
        graph.spin_until(lambda n=number: rig.node.sent == n)
    graph.spin(0.2)
    assert rig.node.sent == 2
    rig.node.set_parameters([Parameter('rate', value=1000.0)])
    graph.call(SetBool, 'player/pause', SetBool.Request(data=False))
    rig.play_to_the_end()
    assert rig.node.sent == FRAMES
    answer = graph.call(Trigger, 'player/step', Trigger.Request())
    assert (answer.success, answer.message) == (False, 'the player has finished')


def test_keeps_the_rate(graph):
    rig = Rig(graph, rate=1.0, frame_rate_hz=5.0, stamps='now')
    rig.play_to_the_end()
    # as recorded it would be .2 s; a first frame that was late is made up for by one interval at most
    assert 0.8 < (rig.stamps()[-1] - rig.stamps()[0]) * 1e-9 < 10.0


def test_loops_until_told_otherwise(graph, scene):
    rig = Rig(graph, loop=True, rate=50.0)
    graph.spin_until(lambda: rig.node.rounds >= 2)
    assert len(rig.inits) >= 2
    rig.node.set_parameters([Parameter('loop', value=False)])
    rig.play_to_the_end()
    assert rig.node.sent == FRAMES * (rig.node.rounds + 1)


def test_clock_runs_with_the_recording(graph, scene):
    rig = Rig(graph, publish_clock=True, rate=1.0)
    rig.play_to_the_end()
    times = [stamp_ns(message.clock) for message in rig.clock]
    assert times == sorted(times)
    assert scene.stamp_ns(0) <= times[0]
    assert times[-1] == scene.stamp_ns(FRAMES - 1)
    assert len(times) > FRAMES, 'time goes on between the frames, too'


def test_every_frame_waits_for_the_answers(graph):
    publisher = graph.peer.create_publisher(TrackedTargetArray, 'targets', qos.profile('targets'))
    rig = Rig(graph, every_frame=True, window=2, rate=0.0)
    graph.spin_until(lambda: len(rig.images) == 2)
    graph.spin(0.3)
    assert rig.node.sent == 2
    for number in range(FRAMES):
        graph.spin_until(lambda n=number: len(rig.images) > n)
        assert len(rig.images) <= number + 2
        publisher.publish(TrackedTargetArray(header=rig.images[number].header))
    rig.play_to_the_end()
    assert len(rig.images) == FRAMES


def test_every_frame_goes_on_without_a_tracker_that_answers(graph):
    rig = Rig(graph, every_frame=True, window=1, answer_timeout_s=0.1, rate=0.0)
    rig.play_to_the_end()
    assert rig.node.sent == FRAMES


@pytest.fixture
def folder(tmp_path, scene):
    frames = tmp_path / 'ball' / 'HSI'
    frames.mkdir(parents=True)
    for index in range(FRAMES):
        cv2.imwrite(str(frames / f'{index + 1:04d}.png'), scene.image(index))
    np.savetxt(tmp_path / 'ball' / 'groundtruth_rect.txt', np.nan_to_num(scene.boxes), delimiter='\t')
    return tmp_path / 'ball'


def test_a_corrupt_frame_is_left_out_and_counted(graph, folder, scene):
    file = folder / 'HSI' / '0003.png'
    file.write_bytes(file.read_bytes()[:2000])
    rig = Rig(graph, source=str(folder), every_frame=True, window=100, answer_timeout_s=0.1)
    rig.play_to_the_end()
    assert rig.node.state == 'finished'
    assert (rig.node.sent, rig.node.unreadable) == (FRAMES - 1, 1)
    assert rig.stamps() == [scene.stamp_ns(i) for i in range(FRAMES) if i != 2]
    (_, level, message, values), = rig.node._reports()
    assert level == b'\x01'
    assert '0003.png' in message
    assert values['unreadable'] == 1


def test_the_limit_ends_it_early(graph):
    rig = Rig(graph, limit=2, rate=100.0)
    rig.play_to_the_end()
    assert rig.node.sent == 2


@pytest.mark.parametrize(('make', 'message'), [
    (lambda path: path.mkdir(), 'expected numbered frames .* found none'),
    (lambda path: None, 'no such file or folder'),
    (lambda path: (path.mkdir(), (path / 'metadata.yaml').write_text('nonsense')), 'truncated or corrupt')])
def test_bad_sources_are_refused_at_once(ros, tmp_path, make, message):
    make(tmp_path / 'source')
    with pytest.raises(ValueError, match=message):
        PlayerNode(parameter_overrides=overrides(source=str(tmp_path / 'source')))


def test_wall_clock_stamps_and_a_clock_of_the_recording_exclude_each_other(ros):
    with pytest.raises(ValueError, match="expected publish_clock with stamps 'recorded', got 'now'"):
        PlayerNode(parameter_overrides=overrides(source=SCENE, publish_clock=True, stamps='now'))


@pytest.mark.parametrize('order', ['little', 'big'])
def test_restamping_changes_the_stamp_alone(order):
    data = bytes([0, order == 'little', 0, 0]) + (7).to_bytes(4, order) + (8).to_bytes(4, order) + b'rest of it'
    changed = restamped(data, 3_000_000_004)
    assert changed[4:8] == (3).to_bytes(4, order)
    assert changed[8:12] == (4).to_bytes(4, order)
    assert (changed[:4], changed[12:]) == (data[:4], data[12:])
