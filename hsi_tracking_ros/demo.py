"""The whole graph on one sequence, as separate processes, and everything it gave in one folder."""
from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hsi_models.host import host_facts
from hsi_models.runtime.options import NetworkOptions
from hsi_tracking_ros.bag_sequence import IMAGE, INFO, INIT, TARGETS
from hsi_tracking_ros.checks import require_domain, require_models, require_source
from hsi_tracking_ros.demo_report import write_contact_sheet, write_targets, write_video
from hsi_tracking_ros.demo_watcher import Watcher
from hsi_tracking_ros.graph import EVALUATOR, PLAYER, TRACKER, UPSCALER, VISUALISER, GraphOptions, describe
from hsi_tracking_ros.processes import NodeDiedError, ProcessGroup, join_domain, node_environment
from hsi_tracking_ros.readers import RECORDER, WATCHER, readers_of
from hsi_tracking_ros.runner import LOOKS_ON

OUTPUTS = ('overlay.mp4', 'contact_sheet.png', 'targets.jsonl', 'bag', 'report.json', 'logs')
MARK = Path('logs', '.hsi_tracking_demo')     # what stands beside it was written by a demo, and may be replaced
START_TIMEOUT_S, STALL_TIMEOUT_S, SETTLE_S = 60.0, 30.0, 2.5    # the last one: diagnostics come once a second
UPSCALING_S = 10.0      # without an answer, while the last frame is upscaled
RECORDED = (f'image:{IMAGE}', f'hyperspectral_info:{INFO}', f'ground_truth:{TARGETS}', f'tracker/init:{INIT}',
            f'tracker/targets:{TARGETS}', '/diagnostics:diagnostic_msgs/msg/DiagnosticArray')
SYNTHETIC = 'synthetic:'


@dataclass(frozen=True)
class DemoConfig:
    """What to run.

    Args:
        out: folder for the outputs; those of an earlier demo are replaced, other files stay.
        domain_id: ROS domain, for this machine alone.
        sequence: folder, bag or synthetic:SCENE.
        tracker: NAME or NAME:preset.
        device: cpu or cuda[:N].
        frames: at most so many; 0: all.
        rate_hz: frames a second; 0: the sequence's own.
        super_resolution: off, crop or frame.
        super_resolver: NAME or NAME:preset; '': the default one.
        network: how the tracker's network is run.
    """

    out: Path
    domain_id: int
    sequence: str = 'synthetic:demo'
    tracker: str = 'auto'
    device: str = 'cpu'
    frames: int = 100
    rate_hz: float = 0.0
    super_resolution: str = 'off'
    super_resolver: str = ''
    network: NetworkOptions = NetworkOptions()

    @property
    def source(self) -> str:
        """The sequence as the player takes it: a synthetic scene is as long as is needed."""
        if self.sequence.startswith(SYNTHETIC) and 'frames=' not in self.sequence and self.frames:
            return f'{self.sequence}{"&" if "?" in self.sequence else "?"}frames={self.frames}'
        return self.sequence


def run_demo(config: DemoConfig, progress: Callable[[int, int], None] = lambda done, total: None) -> dict[str, Any]:
    """Run the graph, then make video, contact sheet and report.

    Args:
        config: what to run and where to.
        progress: called with frames answered and frames in all.

    Returns:
        the report, as in `report.json`.

    Raises:
        NodeDiedError: a node ended or does not go on; its last lines are part of the message.
        ValueError: the domain, tracker, super-resolver, sequence or folder cannot be used; nothing was started or
            removed.
    """
    started = time.monotonic()
    out = config.out.absolute()
    require_domain(config.domain_id)
    require_models(config.tracker, config.super_resolver)
    require_source(config.source)
    _make_room(out)
    environment = node_environment(config.domain_id)
    join_domain(environment)
    with ProcessGroup(environment, out / 'logs') as group, Watcher() as watcher:
        options = GraphOptions(tracker=config.tracker, device=config.device, source=config.source,
                               super_resolution=config.super_resolution, super_resolver=config.super_resolver,
                               **config.network.chosen)
        specs = describe('demo', options, _parameters(config, out))
        for spec in specs:
            group.start(spec.name, spec.command)
        group.start('recorder', recorder_command(out / 'bag'), niceness=LOOKS_ON)
        follow(group, watcher, progress, SETTLE_S + UPSCALING_S * (config.super_resolution == 'frame'))
        group.stop(*(spec.name for spec in specs))      # the recorder last: it writes what they said to the end
        group.stop()
        watcher_says = watcher.summary()
    frame_rate_hz = config.rate_hz or watcher.frame_rate_hz
    write_video(watcher.pictures, out / 'overlay.mp4', frame_rate_hz)
    write_contact_sheet(watcher.pictures, out / 'contact_sheet.png')
    write_targets(out / 'bag', out / 'targets.jsonl')
    judged = json.loads((out / 'logs' / 'evaluator.json').read_text())
    report = {
        'success_auc': judged['success_auc'], 'dp20': judged['dp20'], 'protocol': judged['protocol'],
        'frames': watcher_says['frames'], 'age_ms': judged['age_ms'], 'stages_ms': watcher_says['stages_ms'],
        'tracker': watcher_says['tracker'] or config.tracker, 'weights_sha256': watcher_says['weights_sha256'],
        'super_resolution': config.super_resolution,
        'sequence': watcher_says['sequence'] or config.sequence, 'frame_rate_hz': round(frame_rate_hz, 3),
        'seconds': round(time.monotonic() - started, 2), 'host': host_facts(),
        'diagnostics': watcher_says['diagnostics']}
    (out / 'report.json').write_text(json.dumps(report, indent=2) + '\n')
    return report


def recorder_command(bag: Path, *options: str, namespace: str = '') -> list[str]:
    """The recorder of what the graph takes in and gives, as a process."""
    return [sys.executable, '-m', 'hsi_tracking_ros', 'record', '--out', str(bag), '--namespace', namespace, *options,
            *RECORDED]


def _make_room(out: Path) -> None:
    """Make the folder, or take away what an earlier demo wrote there, and mark it as a demo's."""
    if out.exists() and not out.is_dir():
        raise ValueError(f'expected a folder for the outputs, got the file {out}')
    found = [name for name in OUTPUTS if (out / name).exists() or (out / name).is_symlink()]
    if found and not (out / MARK).is_file():
        raise ValueError(f'expected a new folder or one of an earlier demo, got {out} with {", ".join(found)} of '
                         'something else; choose another')
    for name in found:
        path = out / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    (out / MARK).parent.mkdir(parents=True, exist_ok=True)
    (out / MARK).touch()


def _parameters(config: DemoConfig, out: Path) -> dict[str, dict[str, Any]]:
    upscaler = (UPSCALER,) if config.super_resolution == 'frame' else ()
    readers = readers_of(TRACKER, *upscaler, VISUALISER, EVALUATOR, RECORDER, WATCHER)
    player: dict[str, Any] = {'wait_for_readers': readers, 'reader_timeout_s': START_TIMEOUT_S,
                              'frame_rate_hz': config.rate_hz, 'limit': config.frames}
    return {
        PLAYER: player,
        VISUALISER: {'title': f'{config.tracker} on {config.sequence}'},
        EVALUATOR: {'report_file': str(out / 'logs' / 'evaluator.json'), 'sequence': config.sequence}}


def follow(group: ProcessGroup, watcher: Watcher, progress: Callable[[int, int], None], settle_s: float) -> None:
    """Until the player has finished and everything sent was answered, drawn and judged, or nothing moves any more.

    Args:
        group: the processes.
        watcher: what is seen of them.
        progress: called with frames answered and frames in all.
        settle_s: wait so long for what is still missing after the last frame.

    Raises:
        NodeDiedError: a node ended or cannot be configured, the tracker answers nothing, or nothing moves any more.
    """
    before, since = -1, time.monotonic()
    while True:
        watcher.spin(0.05)
        group.check()
        now = time.monotonic()
        moved = watcher.answers + len(watcher.pictures)
        if moved != before:
            before, since = moved, now
        progress(watcher.answers, watcher.total)
        if watcher.player_failed:
            raise NodeDiedError(f'the player stopped: {watcher.player_failed}')
        if watcher.refusal:
            raise NodeDiedError(watcher.refusal)
        if watcher.finished and not watcher.answers and now - since > settle_s:
            raise NodeDiedError(f'the tracker answered no frame; its last lines: {group.log_tail("tracker")}')
        if watcher.finished and (watcher.complete or now - since > settle_s):
            return
        if now - since > (STALL_TIMEOUT_S if watcher.answers else START_TIMEOUT_S + STALL_TIMEOUT_S):
            tails = '; '.join(f'{name}: {group.log_tail(name, 3)}' for name in ('player', 'tracker'))
            raise NodeDiedError(f'expected frames to go on, got {watcher.answers} answers of {watcher.total or "?"} '
                                f'frames and none for {now - since:.0f} s; the last lines: {tails}')
