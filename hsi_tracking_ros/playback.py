"""A sequence or a bag played to the network, or to a graph of its own that tracks it: as processes."""
from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hsi_tracking_ros.bags import require_new_bag
from hsi_tracking_ros.checks import require_domain, require_models, require_source
from hsi_tracking_ros.demo import recorder_command
from hsi_tracking_ros.graph import EVALUATOR, PLAYER, TRACKER, UPSCALER, GraphOptions, NodeSpec, describe
from hsi_tracking_ros.outputs import require_writable
from hsi_tracking_ros.processes import ProcessGroup, join_domain, node_environment
from hsi_tracking_ros.readers import RECORDER, readers_of
from hsi_tracking_ros.refusals import RefusalWatch

AFTERMATH_S = 1.0   # answers to the last frames are still on their way


@dataclass(frozen=True)
class PlaybackConfig:
    """What to play and who listens.

    Args:
        options: of the graph; `source` is what is played.
        player: parameters of the player.
        track: start tracker, visualiser and evaluator, too.
        every_frame: reliable, no frame before the tracker is done with the ones before.
        record: bag to make of it; None: none.
        report: JSON of the evaluator; None: none.
        domain_id: a private domain on this machine; None: the network as the user set it up.
        log_folder: NAME.log of each process; None: this terminal.
    """

    options: GraphOptions
    player: dict[str, Any] = field(default_factory=dict)
    track: bool = False
    every_frame: bool = False
    record: Path | None = None
    report: Path | None = None
    domain_id: int | None = None
    log_folder: Path | None = None

    @property
    def specs(self) -> list[NodeSpec]:
        """The nodes to start."""
        upscaler = (UPSCALER,) if self.options.super_resolution == 'frame' else ()
        readers = readers_of(*((TRACKER, EVALUATOR, *upscaler) if self.track else ()),
                             *((RECORDER,) if self.record is not None else ()))
        player = {'exit_when_done': True, 'wait_for_readers': readers, 'every_frame': self.every_frame,
                  'send_init': self.track and not self.options.init_box, **self.player}
        extra: dict[str, dict[str, Any]] = {PLAYER: player}
        if self.every_frame:
            extra[TRACKER] = extra[UPSCALER] = {'every_frame': True}
            player.setdefault('rate', 0.0)
        if self.report is not None:
            extra[EVALUATOR] = {'report_file': str(self.report.absolute())}
        specs = [spec for spec in describe('replay', self.options, extra) if spec.package == 'hsi_tracking_ros']
        return specs if self.track else [spec for spec in specs if spec.executable == PLAYER]


def play(config: PlaybackConfig) -> int:
    """Play until the end or an interrupt, then end what was started.

    Returns:
        exit status of the player: 0 unless it failed.

    Raises:
        NodeDiedError: another process ended by itself, or a node could not be configured.
        ValueError: the domain, tracker, super-resolver, source, bag or report cannot be used; nothing was started.
    """
    _require(config)
    environment = node_environment(config.domain_id)
    if config.domain_id is not None:
        join_domain(environment)
    with contextlib.ExitStack() as stack:
        group = stack.enter_context(ProcessGroup(environment, config.log_folder))
        wait: Callable[[float], None] = time.sleep
        if config.track:
            wait = stack.enter_context(RefusalWatch(config.options.namespace)).spin
        for spec in config.specs:
            group.start(spec.name, spec.command)
        if config.record is not None:
            reliable = ('--reliable',) if config.every_frame else ()
            group.start('recorder', recorder_command(config.record.absolute(), *reliable,
                                                     namespace=config.options.namespace))
        while 'player' not in group.ended():
            group.check(may_end=('player',))
            wait(0.1)
        if config.track or config.record is not None:
            time.sleep(AFTERMATH_S)
        group.stop(*(spec.name for spec in config.specs))       # the recorder last: it writes what they said to the end
        return group.ended()['player']


def _require(config: PlaybackConfig) -> None:
    """Refuse what cannot work, before anything is started."""
    require_domain(config.domain_id)
    if config.record is not None:
        require_new_bag(config.record)
    for path in filter(None, (config.record, config.report)):
        require_writable(path)
    if config.track:
        require_models(config.options.tracker, config.options.super_resolver)
    require_source(config.options.source)
