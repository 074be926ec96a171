"""The recorder on real topics: bytes as they came, latched topics, topics that appear later."""
from __future__ import annotations

import subprocess
import sys

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from rclpy.serialization import deserialize_message  # noqa: E402
from std_msgs.msg import String  # noqa: E402

from hsi_models.camera import Camera  # noqa: E402
from hsi_tracking_ros import qos  # noqa: E402
from hsi_tracking_ros.bags import BagReader, BagWriter  # noqa: E402
from hsi_tracking_ros.cli.main import main  # noqa: E402
from hsi_tracking_ros.interfaces import message_class  # noqa: E402
from hsi_tracking_ros.messages import header_message, info_from_camera, targets_message  # noqa: E402
from hsi_tracking_ros.msg import HyperspectralInfo, TrackedTargetArray  # noqa: E402
from hsi_tracking_ros.processes import free_domain_id, node_environment  # noqa: E402
from hsi_tracking_ros.recorder import Recorder  # noqa: E402

TARGETS = 'hsi_tracking_ros/msg/TrackedTargetArray'


def finish(graph, recorder):
    graph.executor.remove_node(recorder)
    graph.nodes.remove(recorder)
    recorder.destroy_node()


def read(path):
    """Topics and messages; never compared as bytes, since padding is not initialised."""
    kinds = {'/hyperspectral_info': HyperspectralInfo, '/chatter': String}
    with BagReader(path) as reader:
        return dict(reader.topics), [(m.topic, deserialize_message(m.data, kinds.get(m.topic, TrackedTargetArray)))
                                     for m in reader.messages()]


def test_records_what_was_there_before_and_what_comes_later(graph, tmp_path):
    info = info_from_camera(Camera(model='x', mosaic_rows=4, mosaic_columns=4))
    graph.peer.create_publisher(HyperspectralInfo, 'hyperspectral_info', qos.profile('info')).publish(info)
    recorder = graph.add(Recorder(BagWriter(tmp_path / 'bag'), ['hyperspectral_info', 'targets', f'truth:{TARGETS}']))
    sent = []
    graph.spin_until(lambda: recorder._writer.counts.get('/hyperspectral_info') == 1)
    for name in ('targets', 'truth'):
        publisher = graph.peer.create_publisher(TrackedTargetArray, name, qos.profile('targets'))
        graph.spin_until(publisher.get_subscription_count)
        graph.spin(0.2)
        for stamp in range(5):
            message = targets_message([], header_message(stamp, name), pipeline_latency_ms=1.0)
            sent.append((f'/{name}', message))
            publisher.publish(message)
        graph.spin_until(lambda n=name: recorder._writer.counts.get(f'/{n}') == 5)
    finish(graph, recorder)
    topics, messages = read(tmp_path / 'bag')
    assert topics['/hyperspectral_info'].latched
    assert messages[0] == ('/hyperspectral_info', info)
    assert messages[1:] == sent


def test_what_had_come_before_the_end_is_written_once(graph, tmp_path):
    recorder = graph.add(Recorder(BagWriter(tmp_path / 'bag'), ['chatter:std_msgs/msg/String']))
    publisher = graph.peer.create_publisher(String, 'chatter', 1000)
    graph.spin_until(publisher.get_subscription_count)
    for number in range(300):           # more than wait for the writer, and nobody spins
        publisher.publish(String(data=str(number)))
    finish(graph, recorder)
    recorder.destroy_node()
    _, messages = read(tmp_path / 'bag')
    assert [message.data for _, message in messages] == [str(number) for number in range(300)]


def test_by_default_everything_but_what_ros_says_to_itself(graph, tmp_path):
    publishers = [graph.peer.create_publisher(String, name, 10) for name in ('/chatter', '/visualiser/overlay')]
    recorder = graph.add(Recorder(BagWriter(tmp_path / 'bag')))
    graph.spin_until(publishers[0].get_subscription_count)
    graph.spin(0.2)
    for publisher in publishers:
        publisher.publish(String(data='hello'))
    graph.spin_until(lambda: recorder._writer.counts.get('/chatter') == 1)
    finish(graph, recorder)
    with BagReader(tmp_path / 'bag') as reader:
        topics = set(reader.topics)
    assert '/chatter' in topics
    assert not {'/rosout', '/parameter_events', '/visualiser/overlay'} & topics


def test_a_type_nobody_knows_is_refused_and_the_rest_recorded(graph, tmp_path):
    recorder = graph.add(Recorder(BagWriter(tmp_path / 'bag'), ['odd:nobody_msgs/msg/Odd', 'chatter']))
    assert 'nobody_msgs' in recorder.refused['/odd']
    publisher = graph.peer.create_publisher(String, 'chatter', 10)
    graph.spin_until(publisher.get_subscription_count)
    graph.spin(0.2)
    publisher.publish(String(data='still here'))
    graph.spin_until(lambda: recorder._writer.counts.get('/chatter') == 1)
    finish(graph, recorder)


@pytest.mark.parametrize('type_name', [
    'evil_probe/msg/Foo', 'HelloWorld', 'std_msgs/msg/String/x', 'std_msgs/srv/String', 'std_msgs/msg/Strong',
    'json/msg/String', '../msg/String', 'std_msgs/msg/_string'])
def test_nothing_is_imported_for_a_type_of_no_interface_package(tmp_path, monkeypatch, type_name):
    (tmp_path / 'evil_probe.py').write_text('raise SystemExit("ran")')
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match='expected a '):
        message_class(type_name)


def test_a_strange_type_on_the_network_is_told_once_and_the_rest_recorded(graph, tmp_path, monkeypatch):
    recorder = graph.add(Recorder(BagWriter(tmp_path / 'bag')))
    monkeypatch.setattr(recorder, 'get_topic_names_and_types', lambda: [('/odd', ['HelloWorld'])])
    for _ in range(2):
        recorder._find()
    assert recorder.refused == {'/odd': "expected a type as std_msgs/msg/String, got 'HelloWorld'"}
    finish(graph, recorder)


@pytest.mark.parametrize('topic', ['bad topic!', '/image:foo', '/image:', '/x//y'])
def test_a_bad_topic_leaves_no_bag(tmp_path, topic):
    done = subprocess.run([sys.executable, '-m', 'hsi_tracking_ros', 'record', '--out', str(tmp_path / 'bag'), topic],
                          env=node_environment(free_domain_id()), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert 'expected ' in done.stderr
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'bag').exists()


def test_an_existing_bag_is_left_alone(tmp_path, capsys):
    assert main(['record', '--out', str(tmp_path)]) == 2
    assert 'expected a new folder for the bag' in capsys.readouterr().err
