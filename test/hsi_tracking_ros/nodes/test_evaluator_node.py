"""The evaluator: the field's numbers in pixels of the cube, misses counted, ages honest, a report in JSON."""
from __future__ import annotations

import json

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from rclpy.parameter import Parameter  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from hsi_models.boxes import Box  # noqa: E402
from hsi_models.camera import Camera  # noqa: E402
from hsi_models.evaluation.online import OnlineEvaluator  # noqa: E402
from hsi_models.tracking.state import TrackState, TrackStatus  # noqa: E402
from hsi_tracking_ros import qos  # noqa: E402
from hsi_tracking_ros.messages import header_message, info_from_camera, targets_message  # noqa: E402
from hsi_tracking_ros.msg import HyperspectralInfo, TrackedTargetArray  # noqa: E402
from hsi_tracking_ros.nodes.evaluator_node import EvaluatorNode  # noqa: E402

TRUTH = Box(40, 40, 40, 40)


def target(box=TRUTH, status=TrackStatus.TRACKING):
    return TrackState(None if status is TrackStatus.LOST else box, box, 0.5, status, np.zeros(0, np.float32))


class Rig:
    def __init__(self, graph, **parameters):
        self.graph = graph
        self.infos = graph.peer.create_publisher(HyperspectralInfo, 'hyperspectral_info', qos.profile('info'))
        self.truth = graph.peer.create_publisher(TrackedTargetArray, 'ground_truth', qos.profile('truth'))
        self.targets = graph.peer.create_publisher(TrackedTargetArray, 'targets', qos.profile('targets'))
        self.node = graph.add(EvaluatorNode(
            parameter_overrides=[Parameter(name, value=value) for name, value in parameters.items()]))
        graph.spin_until(lambda: self.truth.get_subscription_count() and self.targets.get_subscription_count()
                         and self.node.count_publishers('/targets') and self.node.count_publishers('/ground_truth'))
        graph.spin(0.2)

    def show(self, stamp, truth):
        self.truth.publish(targets_message(truth, header_message(stamp, 'c')))
        self.graph.spin_until(lambda: self.node._monitor._last == stamp)

    def answer(self, stamp, states, *, dropped=0, age_ms=10.0):
        self.targets.publish(targets_message(states, header_message(stamp, 'c'), frames_dropped=dropped,
                                             pipeline_latency_ms=age_ms))
        before = self.node._answers
        self.graph.spin_until(lambda: self.node._answers > before)

    @property
    def frames(self):
        return self.node.report()['frames']


def test_scores_are_those_of_the_evaluation(graph):
    rig = Rig(graph)
    boxes = [TRUTH, Box(45, 40, 40, 40), Box(200, 200, 40, 40), None]
    wanted = OnlineEvaluator('x', ('hot50',))
    for stamp, box in enumerate(boxes, start=1):
        state = target(box or TRUTH, TrackStatus.TRACKING if box else TrackStatus.LOST)
        scores = wanted.add(TRUTH, state)
        rig.show(stamp, [target()])
        rig.answer(stamp, [state])
    report = rig.node.report()
    assert report['success_auc'] == pytest.approx(scores.auc, abs=1e-6)
    assert report['dp20'] == pytest.approx(0.5)
    assert report['frames']['judged'] == 4


@pytest.mark.parametrize('topic', ['ground_truth', 'targets'])
def test_a_box_that_is_none_is_told_and_the_node_lives_on(graph, topic):
    rig = Rig(graph)
    for stamp, width in enumerate((40.0, np.nan, 0.0, 40.0), start=1):
        good, bad = (targets_message([target()], header_message(stamp, 'c')) for _ in range(2))
        bad.targets[0].width = width
        for publisher, message in ((rig.truth, bad if topic == 'ground_truth' else good),
                                   (rig.targets, bad if topic == 'targets' else good)):
            publisher.publish(message)
            graph.spin_until(lambda s=stamp: rig.node._monitor._last == s)
        graph.spin_until(lambda s=stamp: rig.frames['matched'] == s)
    (_, level, message, values), = rig.node._reports()
    assert message == f'{topic}: expected a box with w > 0 and h > 0, got w = 0, h = 40'
    assert values['rejected'] == 2
    # A frame without a truth is nobody's; one without an answer is a miss.
    assert rig.frames['judged'] == (2 if topic == 'ground_truth' else 4)
    assert rig.node.report()['success_auc'] == pytest.approx(1.0 if topic == 'ground_truth' else 0.5, abs=0.02)


def test_distances_are_in_pixels_of_the_cube(graph):
    rig = Rig(graph)
    rig.infos.publish(info_from_camera(Camera(mosaic_rows=4, mosaic_columns=4)))
    graph.spin_until(lambda: rig.node._cell == (4.0, 4.0))
    rig.show(1, [target()])
    rig.answer(1, [target(Box(40 + 72, 40, 40, 40))])       # 18 pixels of the cube
    assert rig.node.report()['dp20'] == 1.0


def test_frames_without_an_answer_are_misses_and_those_before_the_target_are_not(graph):
    rig = Rig(graph)
    rig.show(1, [target()])
    rig.answer(1, [])               # nobody has asked for a target yet
    for stamp in (2, 3, 4, 5):
        rig.show(stamp, [target()])
    rig.answer(2, [target()])       # the first frame with a target counts
    rig.answer(5, [target()], dropped=2)
    report = rig.node.report()
    assert report['frames'] == {'judged': 4, 'answers': 3, 'matched': 2, 'missed': 2, 'dropped': 2}
    assert report['success_auc'] == pytest.approx(0.5)


def test_the_answer_to_a_request_may_come_second_for_its_image(graph):
    rig = Rig(graph)
    rig.show(1, [target()])
    rig.answer(1, [])
    rig.answer(1, [target()])
    assert rig.frames['judged'] == 1
    assert rig.node.report()['success_auc'] == 1.0


def test_frames_where_the_target_cannot_be_seen_are_left_out(graph):
    rig = Rig(graph)
    for stamp, truth in ((1, [target()]), (2, []), (3, [target()])):
        rig.show(stamp, truth)
        rig.answer(stamp, [target()] if stamp != 2 else [target(status=TrackStatus.LOST)])
    assert rig.frames['judged'] == 2
    assert rig.node.report()['success_auc'] == 1.0


def test_ages_and_nothing_made_up_of_strange_stamps(graph):
    rig = Rig(graph)
    assert rig.node.report()['age_ms'] == {'p50': None, 'p99': None, 'max': None}
    for stamp, age_ms in enumerate((10.0, 20.0, 60.0, float('nan'), 1.7e12), start=1):
        rig.show(stamp, [target()])
        rig.answer(stamp, [target()], age_ms=age_ms)
    assert rig.node.report()['age_ms'] == {'p50': 20.0, 'p99': pytest.approx(59.2), 'max': 60.0}


def test_report_on_request_and_at_the_end(graph, tmp_path):
    file = tmp_path / 'new' / 'report.json'
    rig = Rig(graph, report_file=str(file), sequence='ball')
    rig.show(1, [target()])
    rig.answer(1, [target()])
    assert graph.call(Trigger, 'evaluator/save', Trigger.Request()).success
    assert json.loads(file.read_text())['sequence'] == 'ball'
    assert json.loads(file.read_text()) == rig.node.report()
    assert graph.call(Trigger, 'evaluator/reset', Trigger.Request()).success
    assert rig.frames['judged'] == 0
    file.unlink()
    graph.executor.remove_node(rig.node)
    graph.nodes.remove(rig.node)
    rig.node.destroy_node()
    assert file.is_file()


def test_saving_without_a_file_says_so(graph):
    Rig(graph)
    answer = graph.call(Trigger, 'evaluator/save', Trigger.Request())
    assert (answer.success, answer.message) == (False, 'expected a file name in the parameter report_file, got none')


def test_a_loop_starts_a_new_judgement(graph):
    rig = Rig(graph)
    for stamp in (10, 20):
        rig.show(stamp, [target()])
        rig.answer(stamp, [target(Box(400, 400, 4, 4))])
    rig.show(10, [target()])
    rig.answer(10, [target()])
    assert rig.frames['judged'] == 1
    assert rig.node.report()['success_auc'] == 1.0


def test_a_status_nobody_defined_is_told(graph):
    rig = Rig(graph)
    rig.show(1, [target()])
    message = targets_message([target()], header_message(1, 'c'))
    message.targets[0].status = 200
    rig.targets.publish(message)
    graph.spin_until(lambda: rig.frames['matched'])
    (_, level, text, _), = rig.node._reports()
    assert level == b'\x01'
    assert 'got 200' in text
