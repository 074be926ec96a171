"""Plays a folder, a bag or a simulated scene as a camera would publish it, with ground truth."""
from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.serialization import deserialize_message
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger

from hsi_tracking_ros import diagnostics, qos
from hsi_tracking_ros.bag_sequence import CAMERA_INFO
from hsi_tracking_ros.diagnostics import Diagnostics, Report, Window
from hsi_tracking_ros.messages import header_message, init_message, stamp_message, stamp_ns
from hsi_tracking_ros.msg import HyperspectralInfo, TargetInit, TrackedTargetArray
from hsi_tracking_ros.pacing import Pace
from hsi_tracking_ros.parameters import Entry, Parameters, Value
from hsi_tracking_ros.player_sources import SourceFrame, open_source, restamped, truth_bytes
from hsi_tracking_ros.playing import AnswerWindow, Playing
from hsi_tracking_ros.readers import TOPICS, parse_readers, readers_text
from hsi_tracking_ros.runner import run_node

STAMPS = ('recorded', 'now')
SETTLE_S = 1.0      # the nodes find each other one after the other
# Who reads the tracker's answers has to be known to the tracker, which is not seen from here. On a loaded machine an
# announcement gets lost; it is repeated after three seconds (Fast DDS's heartbeat).
REPEATED_S = 3.5
HEADER_BYTES = 4096     # more than any header takes; the pixels behind it need not be looked at
TABLE = (
    Entry('source', 'synthetic:demo', 'folder of a sequence, bag, or synthetic:SCENE?seed=0&frames=100'),
    Entry('rate', 1.0, 'media seconds a second; 0: as fast as possible', low=0.0, high=1000.0, runtime=True),
    Entry('frame_rate_hz', 0.0, 'at rate 1; 0: as the source was recorded', 'Hz', low=0.0, high=10_000.0),
    Entry('limit', 0, 'end after so many frames; 0: all', 'frames', low=0, high=1_000_000_000),
    Entry('loop', False, 'begin again at the end', runtime=True),
    Entry('start_paused', False, 'wait for ~/pause or ~/step'),
    Entry('stamps', 'recorded', 'stamps of the source, or the time of publication', choices=STAMPS),
    Entry('publish_clock', False, 'publish /clock, for nodes that use_sim_time'),
    Entry('frame_id', 'camera', 'frame_id of images that are not from a bag'),
    Entry('every_frame', False, 'reliable images, none sent before the tracker is done with an earlier one'),
    Entry('window', 4, 'every_frame: images under way at a time', 'frames', low=1, high=100),
    Entry('answer_timeout_s', 20.0, 'every_frame: go on if no answer comes for so long', 's', low=0.1, high=3600.0),
    Entry('wait_for_readers', '', f'least numbers of readers before the first frame, as image=2 targets=1, of '
                                  f'{", ".join(TOPICS)}; empty: wait for none'),
    Entry('reader_timeout_s', 60.0, 'begin without them after so long', 's', low=0.0, high=3600.0),
    Entry('send_init', True, 'ask the tracker for the first true box, unless the bag asks itself'),
    Entry('prefetch', 8, 'frames read ahead', 'frames', low=1, high=1000),
    Entry('exit_when_done', False, 'end the process after the last frame'),
)


class PlayerNode(Node):
    """Topics, services and a thread that publishes; which frame is due when is `Playing`'s business."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('player', **kwargs)
        p = self.parameters = Parameters(self, TABLE, on_change=self._changed)
        if p['publish_clock'] and p['stamps'] == 'now':
            raise ValueError("expected publish_clock with stamps 'recorded', got 'now': that is the wall clock")
        self._wanted = parse_readers(str(p['wait_for_readers']))
        try:
            self._source = open_source(str(p['source']), str(p['frame_id']))
        except OSError as error:
            raise ValueError(str(error)) from error
        self._pace = Pace(float(p['rate']), paused=bool(p['start_paused']))
        self._playing = Playing(self._source, self._pace, prefetch=int(p['prefetch']), limit=int(p['limit']),
                                frame_rate_hz=float(p['frame_rate_hz']))
        self._window = AnswerWindow(int(p['window']), float(p['answer_timeout_s'])) if p['every_frame'] else None
        self._recorded = p['stamps'] == 'recorded'
        self.sent, self.unreadable = 0, 0
        self.state, self._last_error = 'waiting', ''
        self._asked_in_round = -1
        self._rate_window = Window()
        self._create_interfaces()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name='player', daemon=True)
        self._thread.start()

    @property
    def rounds(self) -> int:
        """How often it has begun anew."""
        return self._playing.rounds

    def _create_interfaces(self) -> None:
        self._image = self._publisher(Image, 'image', 'every_frame' if self._window else 'image')
        self._info = self._publisher(HyperspectralInfo, 'hyperspectral_info', 'info')
        self._truth = self._publisher(TrackedTargetArray, 'ground_truth', 'truth')
        self._init = self._publisher(TargetInit, 'init', 'init')
        self._camera_info = self._publisher(CameraInfo, 'camera_info', 'camera_info')
        self._clock_out = self._publisher(ClockMessage, '/clock', 'clock') if self.parameters['publish_clock'] else None
        if self._window is not None:
            self.create_subscription(TrackedTargetArray, 'targets', self._on_targets, qos.profile('targets'),
                                     qos_overriding_options=qos.overridable())
        self.create_service(SetBool, '~/pause', self._on_pause)
        self.create_service(Trigger, '~/step', self._on_step)
        self.create_service(Trigger, '~/restart', self._on_restart)
        self._diagnostics = Diagnostics(self, self._reports)
        self.create_timer(0.05, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _publisher(self, kind: type[Any], topic: str, profile: str) -> Publisher[Any]:
        return self.create_publisher(kind, topic, qos.profile(profile), qos_overriding_options=qos.overridable())

    def destroy_node(self) -> None:
        """Stop playing, then destroy the node."""
        if hasattr(self, '_thread'):
            self._pace.stop()
            if self._window is not None:
                self._window.close()
            self._thread.join(timeout=5.0)
        super().destroy_node()

    # On the playing thread

    def _run(self) -> None:
        try:
            self._playing.read_ahead()
            self._wait_for_readers()
            if self._source.info:
                self._info.publish(self._source.info)
            self.state = 'playing'
            tick = None if self._clock_out is None else self._tick
            for frame in self._playing.frames(lambda: bool(self.parameters['loop']), tick):
                if frame.error:
                    self._leave_out(frame)
                else:
                    self._show(frame)
            if self._window is not None:
                self._give_up(self._window.drain())
            if not self.sent and self.unreadable:
                raise ValueError(f'expected readable frames in {self._source.name}, got none: {self._last_error}')
            self.state = 'finished'
        except Exception as error:      # the thread's end must show in log, diagnostics and exit status
            self.state, self._last_error = 'failed', str(error) or type(error).__name__
            if self.context.ok():       # otherwise the process is ending, which explains it
                self.get_logger().error(f'stopped after {self.sent} frames: {self._last_error}')
        self._ended.set()

    def _wait_for_readers(self) -> None:
        """Until the readers asked for are there, and the graph has not grown for a while.

        Who reads the tracker's answers is none of the player's business, but its first image has to find them.
        """
        timeout_s = float(self.parameters['reader_timeout_s'])
        deadline = time.monotonic() + timeout_s
        settle_s = REPEATED_S if 'targets' in self._wanted else SETTLE_S
        before: list[tuple[str, int, int]] = []
        since = time.monotonic()
        while self._wanted and not self._pace.stopped:
            graph = [(name, self.count_publishers(name), self.count_subscribers(name))
                     for name, _ in self.get_topic_names_and_types()]
            if graph != before:
                before, since = graph, time.monotonic()
            readers = {topic: self._readers(topic) for topic in self._wanted}
            complete = all(readers[topic] >= count for topic, count in self._wanted.items())
            if complete and time.monotonic() - since > settle_s:
                return
            if time.monotonic() > deadline:
                if not complete:
                    self.get_logger().warning(f'expected readers {readers_text(self._wanted)} within {timeout_s:g} s, '
                                              f'got {readers_text(readers)}: beginning without')
                return
            time.sleep(0.05)

    def _readers(self, topic: str) -> int:
        """Of what is published here those that are matched; of `targets` those that are there, but for this node."""
        if topic == 'targets':
            return self.count_subscribers(self.resolve_topic_name(topic)) - (self._window is not None)
        publishers = {'image': self._image, 'ground_truth': self._truth, 'init': self._init}
        return int(publishers[topic].get_subscription_count())

    def _tick(self, now_ns: int) -> None:
        if self._clock_out is not None:
            self._clock_out.publish(ClockMessage(clock=stamp_message(now_ns)))

    def _leave_out(self, frame: SourceFrame) -> None:
        self.unreadable += 1
        self._last_error = frame.error
        self.get_logger().error(f'left out: {frame.error}')

    def _give_up(self, images: int) -> None:
        if images:
            self.get_logger().warning(f'expected an answer to each image on targets, got none for {images} images '
                                      f'in {self.parameters["answer_timeout_s"]} s: going on')

    def _show(self, frame: SourceFrame) -> None:
        """Publish one frame: time, truth and requests before the image they belong to."""
        if self._window is not None:
            self._give_up(self._window.admit())
        now_ns = frame.stamp_ns if self._recorded else self.get_clock().now().nanoseconds
        if self._window is not None:
            self._window.sent(now_ns)
        self._tick(now_ns)
        header = header_message(now_ns, deserialize_message(frame.image[:HEADER_BYTES], Header).frame_id)
        if frame.truth:
            self._truth.publish(frame.truth if self._recorded else truth_bytes(frame.box, now_ns, header.frame_id))
        for message in frame.others:
            if message.type == CAMERA_INFO:
                self._camera_info.publish(message.data if self._recorded else restamped(message.data, now_ns))
            elif self._recorded:    # a request names the stamp of its image, which is another one otherwise
                self._init.publish(message.data)
        self._ask(frame, header)
        self._image.publish(frame.image if self._recorded else restamped(frame.image, now_ns))
        self.sent += 1
        self._rate_window.add()

    def _ask(self, frame: SourceFrame, header: Header) -> None:
        """Ask the tracker for the first true box of a round, once it listens, unless the bag asks by itself."""
        wanted = self.parameters['send_init'] and not (self._recorded and self._source.has_requests)
        if not wanted or self._asked_in_round >= self.rounds or not self._init.get_subscription_count():
            return
        if frame.box is not None:
            self._init.publish(init_message(frame.box, header))
            self._asked_in_round = self.rounds
        elif not self.sent:
            self.get_logger().warning(f'no true box in the first image of {self._source.name}: nobody asks for a '
                                      'target before one comes; name one by ~/set_target, ~/init or init_box')

    # On the executor

    def _on_targets(self, message: TrackedTargetArray) -> None:
        if self._window is not None:
            self._window.answer(stamp_ns(message.header.stamp))

    def _changed(self, changed: dict[str, Value]) -> None:
        if 'rate' in changed:
            self._pace.set_rate(float(changed['rate']))

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._pace.pause(request.data)
        response.success, response.message = True, 'paused' if request.data else 'playing'
        return response

    def _on_step(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._thread.is_alive()
        response.message = f'one frame after {self.sent}' if response.success else f'the player has {self.state}'
        if response.success:
            self._pace.step()
        return response

    def _on_restart(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._thread.is_alive()
        response.message = 'begins again with the next frame' if response.success else f'the player has {self.state}'
        self._playing.restart()
        return response

    def _look(self) -> None:
        """Once the thread has ended: tell at once, and exit if asked to."""
        if not self._ended.is_set():
            return
        self._ended.clear()
        self._diagnostics.publish()
        if self.parameters['exit_when_done']:
            if self.state == 'failed':
                raise ValueError(self._last_error)
            self.context.try_shutdown()

    def _reports(self) -> list[Report]:
        failed = self.state == 'failed'
        level = diagnostics.ERROR if failed else diagnostics.WARN if self.unreadable else diagnostics.OK
        return [('Playback', level, self._last_error or self.state, {
            'source': self._source.name, 'state': self.state, 'frames': len(self._source),
            'to play': len(self._playing), 'sent': self.sent, 'unreadable': self.unreadable, 'rounds': self.rounds,
            'rate [Hz]': self._rate_window.rate_hz(), 'nominal rate [Hz]': self._source.frame_rate_hz,
            'rate factor': self._pace.rate, 'paused': self._pace.paused})]


def main(args: Sequence[str] | None = None) -> int:
    """Run the node."""
    return run_node(PlayerNode, args)


if __name__ == '__main__':
    sys.exit(main())
