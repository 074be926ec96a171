"""The ring `pair` of the benchmark: a camera and the tracker, a process each, and nobody who looks on."""
from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hsi_models.profiling import percentiles
from hsi_models.runtime.options import NetworkOptions
from hsi_tracking_ros.demo import SETTLE_S, START_TIMEOUT_S, follow
from hsi_tracking_ros.demo_watcher import Watcher
from hsi_tracking_ros.graph import PLAYER, TRACKER, GraphOptions, Value, describe
from hsi_tracking_ros.processes import ProcessGroup, free_domain_id, join_domain, node_environment
from hsi_tracking_ros.readers import WATCHER, readers_of


def measure_pair(tracker: str, source: str, *, device: str = 'cpu', network: NetworkOptions | None = None,
                 frames: int = 100) -> dict[str, Any]:
    """Play a sequence at its own rate to a tracker in another process, as a driver would on a robot.

    Args:
        tracker: NAME or NAME:preset.
        source: folder, bag or synthetic:SCENE.
        device: cpu or cuda[:N].
        network: how the tracker's network is run.
        frames: at most so many.

    Returns:
        Frames sent, received and dropped; ages of the targets when they are published, against the image's stamp, ms.

    Raises:
        NodeDiedError: a node ended, or does not go on.
    """
    environment = node_environment(free_domain_id())
    join_domain(environment)
    player: dict[str, Value] = {'wait_for_readers': readers_of(TRACKER, WATCHER), 'limit': frames,
                                'reader_timeout_s': START_TIMEOUT_S}
    options = GraphOptions(tracker=tracker, device=device, source=source, **(network or NetworkOptions()).chosen)
    specs = describe('demo', options, {PLAYER: player})
    with tempfile.TemporaryDirectory() as logs, ProcessGroup(environment, Path(logs)) as group, Watcher() as watcher:
        for spec in specs:
            if spec.executable in (PLAYER, TRACKER):
                group.start(spec.name, spec.command)
        follow(group, watcher, lambda done, total: None, SETTLE_S)
        said = watcher.summary()
        return {'tracker': tracker, 'frames': said['frames'], 'fps': None, 'age_ms': percentiles(watcher.ages_ms),
                'stages_ms': said['stages_ms'], 'frame_rate_hz': watcher.frame_rate_hz,
                'weights_sha256': said['weights_sha256']}
