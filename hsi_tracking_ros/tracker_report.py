"""What the tracker node did, told as the statuses Latency, Target and Compute of its diagnostics."""
from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hsi_models.pipeline import PipelineResult, StageTimes
from hsi_models.tracking.state import TrackState, TrackStatus
from hsi_tracking_ros.diagnostics import OK, WARN, Report, Window, format_value, latency_values
from hsi_tracking_ros.target_outputs import STAGES

STRANGE_AGE_MS = 10_000.0


@dataclass
class TrackerReport:
    """Figures of one activation.

    Args:
        compute: what is fixed from configuration on: tracker, device, runtime, precision, weights, warm-up.
    """

    compute: dict[str, object] = field(default_factory=dict)
    states: tuple[TrackState, ...] = ()
    age: Window = field(default_factory=Window)
    stages: dict[str, Window] = field(default_factory=lambda: {name: Window() for name in STAGES})

    def published(self, result: PipelineResult, stages: StageTimes, age_ms: float) -> None:
        """Targets went out."""
        self.states = result.states
        self.age.add(age_ms)
        for name, value in asdict(stages).items():
            self.stages[name].add(value)

    def collect(self) -> Iterable[Report]:
        """The three statuses."""
        yield self._latency()
        yield self._target()
        yield 'Compute', OK, str(self.compute.get('tracker', 'not configured')), {
            **self.compute, 'memory [MB]': resident_mb()}

    def _latency(self) -> Report:
        ages = self.age.percentiles()
        level, message = OK, f'age p50 {format_value(ages["p50"])} ms, p99 {format_value(ages["p99"])} ms'
        if not math.isnan(ages['p50']) and not -1.0 <= ages['p50'] <= STRANGE_AGE_MS:
            level = WARN
            message += ': stamps and the clock of this node differ, set use_sim_time as the source needs it'
        return 'Latency', level, message, latency_values({'age': self.age, **self.stages})

    def _target(self) -> Report:
        if not self.states:
            return 'Target', OK, 'no target', {'id': 'none'}
        state = self.states[0]
        level = OK if state.status in (TrackStatus.TRACKING, TrackStatus.INITIALISING) else WARN
        return 'Target', level, state.status.value, {
            'id': state.id, 'status': state.status.value, 'score': float(state.score),
            'spectral angle [rad]': float(state.spectral_angle_rad), 'age [frames]': state.age,
            'since seen [frames]': state.frames_since_seen}


def compute_values(tracker: object, name: str, device: str, warm_up_s: float) -> dict[str, object]:
    """What the status Compute tells; a tracker with a network has attributes of these names."""
    return {'tracker': name, 'device': device, 'runtime': getattr(tracker, 'runtime', 'numpy'),
            'precision': getattr(tracker, 'precision', 'fp32'),
            'weights sha256': getattr(tracker, 'weights_sha256', '') or 'none', 'warm-up [s]': warm_up_s}


def resident_mb() -> float:
    """Memory of this process in use, MB; nan where the system does not say."""
    try:
        pages = int(Path('/proc/self/statm').read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return math.nan
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6
