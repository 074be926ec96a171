"""The pipeline's promises, with a tracker that says what it was asked: pixels, time, catching up, resetting."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.calibration import Calibration
from hsi_models.camera import Camera
from hsi_models.frame import Quantity
from hsi_models.ingest import to_frame
from hsi_models.pipeline import TrackingPipeline
from hsi_models.superresolution.settings import SuperResolution
from hsi_models.tracking.state import Tracker, TrackState, TrackStatus

MOSAIC = Camera(mosaic_rows=5, mosaic_columns=5, bit_depth=10)
CUBE = Camera(wavelengths_nm=(500, 400, 600))


class Recorder:
    """Moves the box one pixel to the right a frame and records what it saw."""

    def __init__(self):
        self.calls = []
        self.box = None

    def initialise(self, frame, box):
        self.box = box
        return self._state('initialise', frame)

    def update(self, frame):
        if self.box is None:
            raise RuntimeError('update before initialise')
        self.box = Box(self.box.x + 1, self.box.y, self.box.w, self.box.h)
        return self._state('update', frame)

    def reset(self):
        self.box = None

    def _state(self, what, frame):
        self.calls.append((what, frame.stamp_ns))
        self.last = frame
        return TrackState(self.box, self.box, 0.9, TrackStatus.TRACKING, np.zeros(frame.bands, np.float32),
                          velocity=(1.0, 0.0))


def mosaic(value=100):
    return np.full((50, 100), value, np.uint16)


def feed(pipeline, count, start=1):
    return [pipeline.process(mosaic(), stamp_ns=stamp, frame_id='camera') for stamp in range(start, start + count)]


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def pipeline(recorder):
    return TrackingPipeline(recorder, camera=MOSAIC, history=4)


def test_recorder_is_a_tracker(recorder):
    assert isinstance(recorder, Tracker)


def test_boxes_go_in_and_out_in_source_pixels(pipeline, recorder):
    feed(pipeline, 1)
    result = pipeline.initialise(Box(25, 10, 20, 15), target_id=7)
    assert recorder.box == Box(5, 2, 4, 3)
    assert result.states[0].box == Box(25, 10, 20, 15)
    assert result.frame_states[0].box == Box(5, 2, 4, 3)
    assert result.scale == (5, 5)
    state = pipeline.process(mosaic(), stamp_ns=2).states[0]
    assert (state.box, state.id, state.velocity) == (Box(30, 10, 20, 15), 7, (5.0, 0.0))


def test_the_tracker_sees_a_sorted_cube():
    recorder = Recorder()
    pipeline = TrackingPipeline(recorder, camera=CUBE)
    cube = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    pipeline.process(cube, stamp_ns=1)
    pipeline.initialise(Box(1, 1, 3, 3))
    np.testing.assert_array_equal(recorder.last.data, cube[..., [1, 0, 2]])
    assert recorder.last.info.wavelengths_nm == (400, 500, 600)


def test_without_a_target_the_answer_is_empty(pipeline):
    assert feed(pipeline, 1)[0].states == ()
    assert not pipeline.has_target


def test_a_click_on_an_old_image_is_caught_up(pipeline, recorder):
    feed(pipeline, 4)
    result = pipeline.initialise(Box(5, 5, 20, 20), stamp_ns=2)
    assert recorder.calls == [('initialise', 2), ('update', 3), ('update', 4)]
    assert result.frame.stamp_ns == 4
    assert result.states[0].box == Box(15, 5, 20, 20)


def test_a_click_on_an_image_that_is_gone_says_so(pipeline):
    feed(pipeline, 6)
    with pytest.raises(ValueError, match=r'within the 4 recent images, 3 \.\. 6 ns, got 1 ns'):
        pipeline.initialise(Box(5, 5, 20, 20), stamp_ns=1)


def test_a_request_before_its_image_waits_for_it(pipeline, recorder):
    assert pipeline.initialise(Box(5, 5, 20, 20), stamp_ns=2) is None
    assert [len(result.states) for result in feed(pipeline, 3)] == [0, 1, 1]
    assert recorder.calls == [('initialise', 2), ('update', 3)]


def test_a_waiting_request_that_cannot_be_met_is_refused_once(pipeline):
    pipeline.initialise(Box(900, 5, 20, 20))
    with pytest.raises(ValueError, match='expected a box inside the 100 x 50 image'):
        feed(pipeline, 1)
    assert feed(pipeline, 1, start=2)[0].states == ()


@pytest.mark.parametrize(('request_', 'says'), [
    ({'box': Box(101, 5, 20, 20)}, r'expected a box inside the 100 x 50 image, got \(101'),
    ({'point': (100.0, 5.0)}, r'expected a point inside the 100 x 50 image, got \(100, 5\)')])
def test_what_lies_outside_is_told_in_pixels_of_the_image_and_the_target_before_goes_on(pipeline, request_, says):
    feed(pipeline, 1)
    pipeline.initialise(Box(5, 5, 20, 20))
    with pytest.raises(ValueError, match=says):
        pipeline.initialise(**request_)
    assert len(feed(pipeline, 1, start=2)[0].states) == 1


class Picky(Recorder):
    """Refuses boxes below 2 pixels, and images of another size than the first, as trackers do."""

    def initialise(self, frame, box):
        if box.w < 2:
            raise ValueError('expected a box of at least 2 pixels')
        self.shape = frame.shape
        return super().initialise(frame, box)

    def update(self, frame):
        if frame.shape != self.shape:
            raise ValueError('expected the shape of the first frame')
        return super().update(frame)


def test_what_the_tracker_itself_refuses_leaves_the_target_before():
    pipeline = TrackingPipeline(Picky(), camera=MOSAIC)
    feed(pipeline, 1)
    pipeline.initialise(Box(5, 5, 20, 20), target_id=4)
    with pytest.raises(ValueError, match='at least 2 pixels'):
        pipeline.initialise(Box(5, 5, 1, 1))
    assert feed(pipeline, 1, start=2)[0].states[0].id == 4


def test_a_click_that_cannot_be_caught_up_leaves_no_target():
    pipeline = TrackingPipeline(Picky(), camera=MOSAIC)
    feed(pipeline, 1)
    pipeline.process(np.zeros((25, 25), np.uint16), stamp_ns=2)
    with pytest.raises(ValueError, match='the shape of the first frame'):
        pipeline.initialise(Box(5, 5, 20, 20), stamp_ns=1)
    assert not pipeline.has_target
    assert pipeline.process(np.zeros((25, 25), np.uint16), stamp_ns=3).states == ()


def test_a_later_request_goes_before_one_that_waits(pipeline):
    feed(pipeline, 1)
    pipeline.initialise(Box(5, 5, 20, 20), stamp_ns=3, target_id=1)
    pipeline.initialise(Box(25, 5, 20, 20), target_id=2)
    assert [result.states[0].id for result in feed(pipeline, 3, start=2)] == [2, 2, 2]


@pytest.fixture
def references(tmp_path):
    """A white reference that falls off to the right, as a mosaic."""
    path = tmp_path / 'references.npz'
    np.savez(path, dark=np.full((50, 100), 10, np.uint16), white=np.tile(np.linspace(1000, 500, 100), (50, 1)))
    return path


@pytest.mark.parametrize('calibrate', [True, False])
def test_each_pixel_is_calibrated_by_the_file(recorder, references, calibrate):
    pipeline = TrackingPipeline(recorder, camera=MOSAIC, calibration_file=str(references), calibrate=calibrate)
    frame = feed(pipeline, 1)[0].frame
    expected = to_frame(mosaic(), MOSAIC, calibration=Calibration.from_npz(references, MOSAIC) if calibrate else None)
    np.testing.assert_array_equal(frame.data, expected.data)
    assert frame.info.quantity is (Quantity.REFLECTANCE if calibrate else Quantity.RAW)


def test_cubes_that_nobody_described_are_calibrated_too(recorder, tmp_path):
    np.savez(tmp_path / 'white.npz', white=np.array([100.0, 200.0]))
    pipeline = TrackingPipeline(recorder, calibration_file=str(tmp_path / 'white.npz'))
    frame = pipeline.process(np.full((8, 8, 2), 50, np.uint8), stamp_ns=1).frame
    assert frame.data[0, 0].tolist() == [0.5, 0.25]


def test_references_that_do_not_fit_the_camera_leave_the_old_one(recorder, references):
    pipeline = TrackingPipeline(recorder, camera=MOSAIC, calibration_file=str(references))
    with pytest.raises(ValueError, match=r'references.npz: .* without a mosaic pattern'):
        pipeline.set_camera(CUBE)
    assert pipeline.camera == MOSAIC
    feed(pipeline, 1)


def test_references_are_asked_for_at_once_and_not_where_frames_are_upscaled(recorder, references):
    with pytest.raises(ValueError, match='which is no file'):
        TrackingPipeline(recorder, calibration_file='/nowhere.npz')
    frames = SuperResolution('frame', 'bicubic')
    with pytest.raises(ValueError, match='expected no references of each pixel where whole frames are upscaled'):
        TrackingPipeline(recorder, calibration_file=str(references), super_resolution=frames)


def test_a_refused_image_leaves_the_target_alone(pipeline, recorder):
    feed(pipeline, 1)
    pipeline.initialise(Box(5, 5, 20, 20))
    with pytest.raises(ValueError, match='float64'):
        pipeline.process(np.zeros((50, 100)), stamp_ns=2)
    assert pipeline.process(mosaic(), stamp_ns=3).states[0].box == Box(10, 5, 20, 20)


def test_another_camera_forgets_the_target_and_the_same_one_does_not(pipeline):
    feed(pipeline, 1)
    pipeline.initialise(Box(5, 5, 20, 20))
    assert not pipeline.set_camera(MOSAIC)
    assert pipeline.has_target
    assert pipeline.set_camera(Camera(mosaic_rows=5, mosaic_columns=5))
    assert not pipeline.has_target
    assert feed(pipeline, 1)[0].states == ()


def test_reset_forgets_images_too(pipeline):
    feed(pipeline, 2)
    pipeline.reset()
    assert pipeline.initialise(Box(5, 5, 20, 20), stamp_ns=1) is None


def test_warm_up_leaves_no_trace(pipeline, recorder):
    assert pipeline.warm_up(20, 20, 25) >= 0
    assert recorder.box is None
    assert feed(pipeline, 1)[0].states == ()


@pytest.mark.parametrize(('box', 'point'), [(None, None), (Box(1, 1, 2, 2), (1.0, 1.0))])
def test_either_box_or_point(pipeline, box, point):
    with pytest.raises(ValueError, match='either a box or a point'):
        pipeline.initialise(box, point=point)


def test_history_below_one_is_refused(recorder):
    with pytest.raises(ValueError, match='history >= 1'):
        TrackingPipeline(recorder, history=0)


def test_a_whole_frame_is_upscaled_and_boxes_stay_in_source_pixels():
    recorder = Recorder()
    pipeline = TrackingPipeline(recorder, camera=MOSAIC, super_resolution=SuperResolution('frame', 'bicubic'))
    feed(pipeline, 1)
    result = pipeline.initialise(Box(25, 10, 20, 15))
    assert recorder.last.data.shape == (20, 40, 25)
    assert recorder.box == Box(10, 4, 8, 6)
    assert result.states[0].box == Box(25, 10, 20, 15)
    assert result.scale == (2.5, 2.5)
    assert pipeline.process(mosaic(), stamp_ns=2).states[0].box == Box(27.5, 10, 20, 15)


def test_images_that_come_upscaled_are_tracked_in_pixels_of_the_cameras_own():
    recorder = Recorder()
    pipeline = TrackingPipeline(recorder, camera=Camera(wavelengths_nm=(500, 600), pixel_rows=2, pixel_columns=2.5))
    pipeline.process(np.zeros((40, 80, 2), np.uint16), stamp_ns=1)
    result = pipeline.initialise(Box(25, 10, 20, 20))
    assert recorder.box == Box(10, 5, 8, 10)
    assert result.states[0].box == Box(25, 10, 20, 20)


def test_the_search_region_is_upscaled_inside_of_the_tracker():
    recorder = Recorder()
    pipeline = TrackingPipeline(recorder, camera=MOSAIC, super_resolution=SuperResolution('crop', 'bicubic', 4))
    feed(pipeline, 1)
    result = pipeline.initialise(Box(25, 10, 20, 15))
    assert recorder.last.data.shape == (40, 80, 25)
    assert recorder.box == Box(20, 8, 16, 12)
    assert result.frame.data.shape == (10, 20, 25)
    assert result.scale == (5, 5)
    assert result.frame_states[0].box == Box(5, 2, 4, 3)
    assert result.states[0].box == Box(25, 10, 20, 15)
    assert pipeline.tracker is recorder


@pytest.mark.parametrize(('choice', 'says'), [
    ({'mode': 'zoom'}, "expected super-resolution off, crop, frame, got 'zoom'"),
    ({'mode': 'crop', 'model': 'crystal_ball'}, "got 'crystal_ball'"),
    ({'mode': 'frame', 'model': 'bicubic', 'scale': 5}, 'expected scale 2, 3, 4, 8, got 5')])
def test_a_choice_that_does_not_exist_is_refused(choice, says):
    with pytest.raises(ValueError, match=says):
        TrackingPipeline(Recorder(), super_resolution=SuperResolution(**choice))


@pytest.mark.parametrize('name', ['spectral_dcf', 'auto'])
def test_trackers_look_at_the_surroundings_of_the_target_alone(name):
    """Of a frame in which the target was TRACKING only a part was ever taken apart and calibrated."""
    rng = np.random.default_rng(0)
    camera = Camera(wavelengths_nm=(500, 400, 600, 700), mosaic_rows=2, mosaic_columns=2, dark_levels=(10,) * 4,
                    white_levels=(900,) * 4)
    scene = rng.integers(100, 400, (400, 400)).astype(np.uint16)
    scene[180:220, 180:220:2] *= 2
    pipeline = TrackingPipeline(name, camera=camera)
    pipeline.initialise(Box(180, 180, 40, 40))
    pipeline.process(scene, stamp_ns=1)
    for stamp in (2, 3):
        result = pipeline.process(scene, stamp_ns=stamp)
        assert result.states[0].status is TrackStatus.TRACKING
        assert 'data' not in vars(result.frame)
