from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from hsi_models.boxes import Box  # noqa: E402
from hsi_models.camera import Camera  # noqa: E402
from hsi_models.pipeline import TrackingPipeline  # noqa: E402
from hsi_models.tracking.state import TrackState, TrackStatus  # noqa: E402
from hsi_tracking_ros.image_codec import to_message  # noqa: E402
from hsi_tracking_ros.messages import TargetRequest, header_message, stamp_ns  # noqa: E402
from hsi_tracking_ros.tracking_session import TrackingSession  # noqa: E402

SECOND = 1_000_000_000
KNOWN = Camera(wavelengths_nm=(400.0, 500.0, 600.0))


class BrightSpot:
    """The tracker of these tests: the target is the brightest pixel."""

    def __init__(self):
        self.age = None

    def initialise(self, frame, box):
        self.age, self._size = -1, (box.w, box.h)
        return self.update(frame)

    def update(self, frame):
        self.age += 1
        y, x = np.unravel_index(frame.data.sum(axis=2).argmax(), frame.data.shape[:2])
        box = Box.from_centre(x + 0.5, y + 0.5, *self._size)
        return TrackState(box=box, best_guess=box, score=1.0, status=TrackStatus.TRACKING, age=self.age,
                          spectrum=frame.data[y, x].astype(np.float32))

    def reset(self):
        self.age = None


def image(stamp, x=5, y=5, bands=3):
    pixels = np.zeros((20, 30, bands), np.uint8)
    pixels[y, x] = 200
    return to_message(pixels, header_message(stamp, 'camera'))


class Rig:
    def __init__(self, **options):
        self.published, self.warnings = [], []
        self.pipeline = TrackingPipeline(BrightSpot(), history=5)
        self.session = TrackingSession(self.pipeline, lambda *args: self.published.append(args), self.warnings.append,
                                       **options)

    def track(self, *stamps):
        for stamp in stamps:
            self.session.track(image(stamp))

    def states(self, last=1):
        return [result.states for _, result in self.published[-last:]]


BOX = Box(4, 4, 3, 3)


def request(stamp=0, box=BOX, id=1):
    return TargetRequest(box, None, stamp, id)


def test_without_a_target_the_answer_is_empty_and_its_header_that_of_the_image():
    rig = Rig()
    message = image(SECOND)
    rig.session.track(message)
    (header, result), = rig.published
    assert header is message.header
    assert result.states == ()
    assert result.stages.decode > 0


@pytest.mark.parametrize('first', ['request', 'image'])
def test_a_request_may_come_before_or_after_its_image(first):
    rig = Rig()
    if first == 'request':
        rig.session.initialise(request(2 * SECOND, id=6))
        rig.track(SECOND, 2 * SECOND, 3 * SECOND)
    else:
        rig.track(SECOND, 2 * SECOND, 3 * SECOND)
        rig.session.initialise(request(2 * SECOND, id=6))
    (state,), = rig.states()
    assert (state.id, state.age, state.box) == (6, 1, Box(4, 4, 3, 3))
    assert stamp_ns(rig.published[-1][0].stamp) == 3 * SECOND


def test_a_request_for_an_image_that_is_gone_is_refused():
    rig = Rig()
    rig.track(*(i * SECOND for i in range(2, 12)))
    with pytest.raises(ValueError, match='is gone'):
        rig.session.initialise(request(3 * SECOND))


def test_a_request_outside_of_the_image_is_refused_and_the_session_goes_on():
    rig = Rig()
    rig.session.initialise(request(box=Box(100, 100, 5, 5)))
    with pytest.raises(ValueError, match='expected a box inside the 30 x 20 image'):
        rig.track(SECOND)
    rig.track(2 * SECOND)
    assert rig.states() == [()]


@pytest.mark.parametrize(('stamps', 'says'), [
    ((9 * SECOND, SECOND), 'a looped bag'), ((SECOND, 0), 'stamp > 0'), ((SECOND, 60 * SECOND), 'a jump of the clock')])
def test_a_break_in_time_forgets_the_target_and_is_told_once(stamps, says):
    rig = Rig(max_gap_s=10.0)
    rig.session.initialise(request())
    rig.track(stamps[0])
    rig.track(stamps[1])
    assert rig.states() == [()]
    assert len(rig.warnings) == rig.session.resets == 1
    assert says in rig.warnings[0]
    assert 'the target is forgotten' in rig.warnings[0]
    rig.track(stamps[1], stamps[1])
    assert len(rig.warnings) == 1


def test_a_source_without_stamps_is_tracked_as_images_arrive():
    rig = Rig()
    rig.session.initialise(request())
    rig.track(0, 0, 0)
    (state,), = rig.states()
    assert state.age == 2
    assert len(rig.warnings) == 1


def test_the_box_of_the_parameter_holds_for_the_first_image_and_for_it_again_in_each_loop():
    rig = Rig(init_box=Box(4, 4, 3, 3))
    rig.track(SECOND, 2 * SECOND, 3 * SECOND, SECOND, 2 * SECOND)
    assert [state.age for (state,) in rig.states(5)] == [0, 1, 2, 0, 1]


def test_the_box_of_the_parameter_does_not_hold_after_a_jump_to_elsewhere():
    rig = Rig(init_box=Box(4, 4, 3, 3))
    rig.track(5 * SECOND, 9 * SECOND, 7 * SECOND)
    assert rig.states() == [()]


def test_a_box_that_is_refused_is_not_tried_again_with_each_image():
    rig = Rig(init_box=Box(100, 100, 3, 3))
    with pytest.raises(ValueError, match='expected a box inside the 30 x 20 image'):
        rig.track(0)
    rig.track(0, 0)
    assert rig.states(2) == [(), ()]


def test_a_request_that_comes_just_before_the_loop_begins_again_is_honoured():
    rig = Rig()
    rig.track(*(i * SECOND for i in range(2, 12)))
    with pytest.raises(ValueError, match='is gone'):
        rig.session.initialise(request(SECOND))
    rig.track(SECOND, 2 * SECOND)
    (state,), = rig.states()
    assert state.age == 1


def test_a_request_that_was_refused_is_forgotten_when_time_runs_on():
    rig = Rig()
    rig.track(*(i * SECOND for i in range(2, 12)))
    with pytest.raises(ValueError, match='is gone'):
        rig.session.initialise(request(SECOND))
    rig.track(12 * SECOND, SECOND)
    assert rig.states() == [()]


def test_a_clock_set_back_forgets_once_whatever_comes_first():
    rig = Rig()
    rig.session.initialise(request())
    rig.track(100 * SECOND)
    rig.session.clock_jumped(SECOND)
    rig.track(2 * SECOND)
    assert rig.states() == [()]
    assert rig.session.resets == 1
    rig.session.initialise(request())
    rig.session.clock_jumped(3 * SECOND)        # late: the images are there already
    rig.track(4 * SECOND)
    assert len(rig.states()[0]) == 1
    assert rig.session.resets == 1


def test_a_camera_that_changes_forgets_the_target_and_says_so():
    rig = Rig()
    rig.session.set_camera(KNOWN)
    rig.session.initialise(request())
    rig.track(SECOND)
    rig.session.set_camera(KNOWN)
    assert rig.warnings == []
    rig.session.set_camera(Camera(wavelengths_nm=(700.0, 800.0, 900.0)))
    rig.track(2 * SECOND)
    assert rig.states() == [()]
    assert rig.warnings == ['the camera changed: the target is forgotten']


def test_a_request_that_waits_for_its_image_survives_the_description_of_the_camera():
    rig = Rig()
    rig.session.initialise(request())
    rig.session.set_camera(KNOWN)
    rig.track(SECOND)
    assert len(rig.states()[0]) == 1


def test_missing_wavelengths_are_told_once():
    rig = Rig()
    rig.session.set_camera(Camera(bit_depth=8))
    rig.session.set_camera(Camera(bit_depth=10))
    assert len(rig.warnings) == 1
    assert 'index order' in rig.warnings[0]


def test_an_image_that_does_not_fit_the_camera_is_refused_and_the_target_stays():
    rig = Rig()
    rig.session.set_camera(KNOWN)
    rig.session.initialise(request())
    rig.track(SECOND)
    with pytest.raises(ValueError, match='expected 3 bands'):
        rig.session.track(image(2 * SECOND, bands=4))
    rig.track(3 * SECOND)
    assert len(rig.states()[0]) == 1


def test_forgetting_on_request_is_silent():
    rig = Rig()
    rig.session.initialise(request())
    rig.track(SECOND)
    rig.session.forget()
    rig.track(2 * SECOND)
    assert rig.states() == [()]
    assert rig.warnings == []
