"""Judges targets against ground truth while they come: scores, ages and drops as JSON and diagnostics."""
from __future__ import annotations

import json
import math
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.node import Node
from std_srvs.srv import Trigger

from hsi_models.boxes import Box
from hsi_models.evaluation.metrics import PROTOCOLS
from hsi_models.evaluation.online import OnlineEvaluator
from hsi_tracking_ros import diagnostics, qos
from hsi_tracking_ros.camera_file import CAMERA_FILE, described_camera
from hsi_tracking_ros.diagnostics import Diagnostics, Report, brief
from hsi_tracking_ros.messages import camera_from_info, stamp_ns, target_box
from hsi_tracking_ros.msg import HyperspectralInfo, TrackedTargetArray
from hsi_tracking_ros.pairing import StampPairing
from hsi_tracking_ros.parameters import Entry, Parameters
from hsi_tracking_ros.runner import LOOKS_ON, run_node
from hsi_tracking_ros.stamps import StampMonitor
from hsi_tracking_ros.target_states import state_from_target
from hsi_tracking_ros.topics import beside

KEPT_AGES = 100_000
MAX_AGE_MS = 3_600_000.0
TABLE = (
    CAMERA_FILE,
    Entry('report_file', '', 'JSON, written by ~/save and when the node ends; empty: none'),
    Entry('sequence', 'online', 'name in the report'),
    Entry('protocol', 'hot50', 'of success AUC', choices=tuple(PROTOCOLS)),
)


class EvaluatorNode(Node):
    """One target, one pass: the first frame with a target counts, a frame without an answer is a miss.

    Boxes are compared in pixels of the cube, as the field does; for a mosaic that takes its pattern from
    `hyperspectral_info` or `camera_file`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('evaluator', **kwargs)
        self.parameters = Parameters(self, TABLE)
        self._evaluator = OnlineEvaluator(str(self.parameters['sequence']), (str(self.parameters['protocol']),))
        self._monitor = StampMonitor()
        self._pairing = StampPairing({'truth': 1000, 'targets': 1000})
        given = described_camera(self.parameters)
        self._cell = given.pixel_size if given else (1.0, 1.0)
        self._rejected, self._last_error = 0, ''
        self._forget()
        info = (HyperspectralInfo, beside(self, 'hyperspectral_info'), self._on_info, 'info')
        for kind, topic, callback, profile in (
                *([] if given else [info]),
                (TrackedTargetArray, 'ground_truth', self._on_truth, 'truth'),
                (TrackedTargetArray, 'targets', self._on_targets, 'targets')):
            self.create_subscription(kind, topic, callback, qos.profile(profile),
                                     qos_overriding_options=qos.overridable())
        self.create_service(Trigger, '~/save', self._on_save)
        self.create_service(Trigger, '~/reset', self._on_reset)
        self._diagnostics = Diagnostics(self, self._reports)

    def _forget(self) -> None:
        self._evaluator.reset()
        self._pairing.clear()
        self._monitor.forget()
        self._ages_ms: deque[float] = deque(maxlen=KEPT_AGES)
        self._scores: Any = None
        self._answers, self._matched, self._missed, self._dropped = 0, 0, 0, 0
        self._tracking = False

    def destroy_node(self) -> None:
        """Write the report, then destroy the node."""
        if hasattr(self, '_diagnostics'):
            self._save()
        super().destroy_node()

    def _on_info(self, message: HyperspectralInfo) -> None:
        try:
            camera = camera_from_info(message)
        except ValueError as error:
            self._refuse('hyperspectral_info', error)
            self.get_logger().error(brief(self._last_error))
            return
        self._cell = camera.pixel_size

    def _on_truth(self, message: TrackedTargetArray) -> None:
        stamp = stamp_ns(message.header.stamp)
        reason = self._monitor.look(stamp)
        if reason and stamp:
            self.get_logger().warning(f'{reason}: judging anew')
            self._save()
            self._forget()
            self._monitor.look(stamp)
        self._judge(stamp, self._pairing.put('truth', stamp, message))

    def _on_targets(self, message: TrackedTargetArray) -> None:
        self._answers += 1
        self._dropped = message.frames_dropped
        if abs(message.pipeline_latency_ms) < MAX_AGE_MS:     # else stamps and clock have nothing to do with each other
            self._ages_ms.append(message.pipeline_latency_ms)
        # Before a request reaches it, the tracker answers that there is nothing: that is nobody's miss. The answer
        # to the request may be a second message for the same image.
        self._tracking = self._tracking or bool(message.targets)
        if self._tracking:
            stamp = stamp_ns(message.header.stamp)
            self._judge(stamp, self._pairing.put('targets', stamp, message))

    def _judge(self, stamp: int, match: dict[str, TrackedTargetArray] | None) -> None:
        if match is None:
            return
        # True boxes that got no answer before this one: the frame was dropped, which counts as a miss.
        for _, truth in self._pairing.take_older('truth', stamp):
            if self._matched:
                self._missed += 1
                self._scores = self._evaluator.add(self._true_box(truth), None)
        targets = match['targets'].targets
        self._matched += 1
        try:
            answer = state_from_target(targets[0]).scaled(1 / self._cell[0], 1 / self._cell[1]) if targets else None
        except ValueError as error:
            answer = None
            self._refuse('targets', error)
        self._scores = self._evaluator.add(self._true_box(match['truth']), answer)

    def _true_box(self, message: TrackedTargetArray) -> Box | None:
        """In pixels of the cube; None where there is none, or none that can be used: such a frame is not judged."""
        try:
            box = target_box(message.targets[0]) if message.targets else None
            return None if box is None else box.scaled(1 / self._cell[0], 1 / self._cell[1])
        except ValueError as error:
            self._refuse('ground_truth', error)
            return None

    def _refuse(self, topic: str, error: ValueError) -> None:
        self._rejected += 1
        self._last_error = f'{topic}: {error}'

    def report(self) -> dict[str, Any]:
        """Scores, ages and counts up to now, as written to the report file; None where unknown."""
        scores = self._scores
        return {
            'sequence': str(self.parameters['sequence']), 'protocol': str(self.parameters['protocol']),
            'success_auc': _number(scores.auc if scores else math.nan),
            'dp20': _number(scores.dp20 if scores else math.nan),
            'frames': {'judged': scores.frames if scores else 0, 'answers': self._answers, 'matched': self._matched,
                       'missed': self._missed, 'dropped': self._dropped},
            'age_ms': age_statistics(self._ages_ms)}

    def _save(self) -> str:
        """Write the report; returns why not, '' where done."""
        path = str(self.parameters['report_file'])
        if not path:
            return 'expected a file name in the parameter report_file, got none'
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(json.dumps(self.report(), indent=2) + '\n')
        except OSError as error:
            self._last_error = f'report_file: {error}'
            self.get_logger().error(self._last_error)
            return self._last_error
        return ''

    def _on_save(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        reason = self._save()
        response.success, response.message = not reason, reason or str(self.parameters['report_file'])
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._forget()
        response.success = True
        return response

    def _reports(self) -> list[Report]:
        report = self.report()
        age, frames = report['age_ms'], report['frames']
        return [('Evaluation', diagnostics.WARN if self._last_error else diagnostics.OK,
                 self._last_error or ('judging' if self._tracking else 'waiting for a target'), {
                     'protocol': report['protocol'], 'success AUC': _text(report['success_auc']),
                     'DP20': _text(report['dp20']), **frames, 'unmatched': self._pairing.unmatched,
                     'rejected': self._rejected,
                     **{f'age {key} [ms]': _text(value) for key, value in age.items()}})]


def age_statistics(ages_ms: Sequence[float] | deque[float]) -> dict[str, float | None]:
    """p50, p99 and max of ages, ms; None without any."""
    values = np.asarray(ages_ms, np.float64)
    if not len(values):
        return dict.fromkeys(('p50', 'p99', 'max'))
    p50, p99 = np.percentile(values, [50, 99])
    return {'p50': round(float(p50), 3), 'p99': round(float(p99), 3), 'max': round(float(values.max()), 3)}


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None


def _text(value: float | None) -> str:
    return 'unknown' if value is None else f'{value:.4g}'


def main(args: Sequence[str] | None = None) -> int:
    """Run the node."""
    return run_node(EvaluatorNode, args, niceness=LOOKS_ON)


if __name__ == '__main__':
    sys.exit(main())
