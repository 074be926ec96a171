"""A driver that publishes images alone: nodes take the camera from a file, and say what is wrong with a bad one."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus  # noqa: E402
from rclpy.lifecycle import TransitionCallbackReturn  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from hsi_models.boxes import Box  # noqa: E402
from hsi_models.calibration import Calibration  # noqa: E402
from hsi_models.camera import Camera  # noqa: E402
from hsi_models.data.cameras import camera_to_json  # noqa: E402
from hsi_models.frame import Quantity  # noqa: E402
from hsi_models.ingest import to_frame  # noqa: E402
from hsi_models.pipeline import TrackingPipeline  # noqa: E402
from hsi_models.tracking.state import TrackState, TrackStatus  # noqa: E402
from hsi_tracking_ros import qos  # noqa: E402
from hsi_tracking_ros.camera_file import described_camera  # noqa: E402
from hsi_tracking_ros.image_codec import to_array, to_message  # noqa: E402
from hsi_tracking_ros.messages import camera_from_info, header_message, info_from_camera  # noqa: E402
from hsi_tracking_ros.msg import HyperspectralInfo, TrackedTargetArray  # noqa: E402
from hsi_tracking_ros.nodes.calibration_node import CalibrationNode  # noqa: E402
from hsi_tracking_ros.nodes.evaluator_node import EvaluatorNode  # noqa: E402
from hsi_tracking_ros.nodes.super_resolution_node import SuperResolutionNode  # noqa: E402
from hsi_tracking_ros.nodes.tracker_node import TrackerNode  # noqa: E402
from hsi_tracking_ros.nodes.visualiser_node import VisualiserNode  # noqa: E402

CAMERA = Camera(model='silent', serial='7', wavelengths_nm=(500.0, 400.0, 600.0, 700.0), mosaic_rows=2,
                mosaic_columns=2, bit_depth=10, dark_levels=(10.0,) * 4, white_levels=(510.0, 410.0, 610.0, 710.0))
MOSAIC = np.random.default_rng(0).integers(0, 1023, (64, 96)).astype(np.uint16)


class Witness:
    """A tracker that keeps what it is shown."""

    def initialise(self, frame, box):
        self.box = box
        return self.update(frame)

    def update(self, frame):
        self.frame = frame
        return TrackState(self.box, self.box, 0.9, TrackStatus.TRACKING, np.zeros(frame.bands, np.float32))

    def reset(self):
        pass


@pytest.fixture
def camera_file(tmp_path):
    path = tmp_path / 'camera.json'
    path.write_text(camera_to_json(CAMERA))
    return str(path)


@pytest.fixture
def references(tmp_path):
    """Dark and white as the camera gives its images, another gain for each pixel."""
    path = tmp_path / 'references.npz'
    white = np.random.default_rng(1).uniform(700, 1000, MOSAIC.shape).astype(np.float32)
    np.savez(path, dark=np.full(MOSAIC.shape, 12.0, np.float32), white=white)
    return str(path)


def overrides(**parameters):
    return [Parameter(name, value=value) for name, value in parameters.items()]


def tracker(witness=None, **parameters):
    return TrackerNode(lambda name, *, device, **options: TrackingPipeline(witness or Witness(), **options),
                       parameter_overrides=overrides(warm_up_height=0, **parameters))


def test_no_file_no_camera(camera_file):
    assert described_camera({'camera_file': ''}) is None
    assert described_camera({'camera_file': camera_file}) == CAMERA


@pytest.mark.parametrize('per_pixel', [False, True])
def test_the_tracker_needs_no_info_and_calibrates_inside(graph, camera_file, references, per_pixel):
    witness = Witness()
    node = graph.add(tracker(witness, camera_file=camera_file, init_box='20,10,8,6',
                             calibration_file=references if per_pixel else ''))
    images = graph.peer.create_publisher(Image, 'image', qos.profile('image_out'))
    targets = graph.collect(TrackedTargetArray, 'tracker/targets', qos.profile('targets'))
    graph.spin_until(lambda: node.is_active and images.get_subscription_count()
                     and node.count_subscribers('tracker/targets'))
    for cycle in range(1, 3):
        graph.spin_until(lambda n=cycle: images.publish(to_message(MOSAIC, header_message(n, 'camera')))
                         or graph.spin(0.1) or (targets and targets[-1].header.stamp.nanosec == n))
        target, = targets[-1].targets
        assert (target.x, target.y, target.width, target.height) == (20.0, 10.0, 8.0, 6.0)
        assert witness.box == Box(10, 5, 4, 3)
        expected = to_frame(MOSAIC, CAMERA, calibration=Calibration.of(CAMERA, references if per_pixel else ''))
        np.testing.assert_array_equal(witness.frame.data, expected.data)
        assert witness.frame.info == expected.info
        node.trigger_deactivate()
        node.trigger_activate()
    assert node.count_subscribers('/hyperspectral_info') == 0
    assert node._serial == '7'
    assert node._input.rejected == 0


def test_images_wait_for_a_description_that_the_references_fit(graph, references):
    witness = Witness()
    node = graph.add(tracker(witness, calibration_file=references, init_box='20,10,8,6'))
    images = graph.peer.create_publisher(Image, 'image', qos.profile('image_out'))
    infos = graph.peer.create_publisher(HyperspectralInfo, 'hyperspectral_info', qos.profile('info'))
    targets = graph.collect(TrackedTargetArray, 'tracker/targets', qos.profile('targets'))
    graph.spin_until(lambda: node.is_active and images.get_subscription_count() and infos.get_subscription_count())
    images.publish(to_message(MOSAIC, header_message(1, 'camera')))
    infos.publish(info_from_camera(replace(CAMERA, quantity=Quantity.REFLECTANCE)))
    graph.spin_until(lambda: node._input.rejected and node._input.received)
    assert 'got images of reflectance' in node._input.last_reason
    graph.spin(0.2)
    assert not targets
    infos.publish(info_from_camera(CAMERA))
    graph.spin_until(lambda: targets)
    assert targets[0].header.stamp.nanosec == 1
    expected = to_frame(MOSAIC, CAMERA, calibration=Calibration.from_npz(references, CAMERA))
    np.testing.assert_array_equal(witness.frame.data, expected.data)


def test_missing_wavelengths_of_the_file_are_told(graph, tmp_path, capfd):
    (tmp_path / 'plain.json').write_text('{"mosaic": [2, 2]}')
    node = graph.add(tracker(camera_file=str(tmp_path / 'plain.json')))
    graph.spin_until(lambda: node.is_active)
    assert node._input.note == 'no wavelengths: bands in index order'
    node.trigger_deactivate()       # waits for the worker, which tells it
    assert 'states no wavelengths' in capfd.readouterr().err


BAD_CAMERAS = [
    (None, r'expected a JSON file that describes a camera, got .*bad.json, which is no file'),
    ('{"mosaic": [2,', r'bad.json: expected JSON, got a syntax error'),
    ('[]', r'bad.json: expected an object with mosaic, centre_nm, fwhm_nm, got list'),
    ('{"camera_matrix": []}', r'bad.json: expected a description of a camera .* got the keys camera_matrix'),
    ('{"mosaic": [2, 2], "centre_nm": [500, 510]}', r'bad.json: expected 4 wavelengths_nm for a 2 x 2 mosaic, got 2')]


def assert_refused(graph, node, says):
    """Configure fails, the node stays up, and its diagnostics give the reason."""
    arrays = graph.collect(DiagnosticArray, '/diagnostics', qos.profile('diagnostics'))
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert node._state_machine.current_state[1] == 'unconfigured'
    graph.spin_until(lambda: any(status.level == DiagnosticStatus.ERROR for array in arrays for status in array.status))
    status = next(status for array in arrays for status in array.status if status.level == DiagnosticStatus.ERROR)
    assert status.name == f'{node.get_name()}: Input'
    assert status.message.startswith('could not configure: ')
    with pytest.raises(ValueError, match=says):
        raise ValueError(status.message)


@pytest.mark.parametrize(('text', 'says'), BAD_CAMERAS)
def test_a_bad_file_ends_unconfigured_and_a_good_one_helps(graph, tmp_path, camera_file, text, says):
    path = tmp_path / 'bad.json'
    if text is not None:
        path.write_text(text)
    node = graph.add(tracker(camera_file=str(path), autostart=False))
    assert_refused(graph, node, says)
    assert node.set_parameters(overrides(camera_file=camera_file))[0].successful
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert node.failure == ''


@pytest.mark.parametrize('make', [
    lambda **p: tracker(autostart=False, **p),
    lambda **p: CalibrationNode(parameter_overrides=overrides(autostart=False, **p)),
    lambda **p: SuperResolutionNode(parameter_overrides=overrides(autostart=False, model='bicubic', **p))])
def test_every_lifecycle_node_says_so(graph, make):
    assert_refused(graph, graph.add(make(camera_file='/nowhere/bad.json')), BAD_CAMERAS[0][1])


@pytest.mark.parametrize('kind', ['tracker', 'calibration'])
@pytest.mark.parametrize(('arrays', 'says'), [
    (None, 'expected a .npz file of references .* which is no file'),
    ({'flat': np.ones(3)}, 'expected the keys dark, white or defective, got flat'),
    ({'white': np.ones(3)}, 'references.npz: expected 4 bands as the camera describes, got 3'),
    ({'dark': np.ones(MOSAIC.shape), 'white': np.ones(MOSAIC.shape)}, 'expected finite references with white > dark')])
def test_references_that_do_not_fit_end_unconfigured(graph, tmp_path, camera_file, kind, arrays, says):
    path = tmp_path / 'references.npz'
    if arrays is not None:
        np.savez(path, **arrays)
    parameters = {'camera_file': camera_file, 'calibration_file': str(path), 'autostart': False}
    node = tracker(**parameters) if kind == 'tracker' else CalibrationNode(parameter_overrides=overrides(**parameters))
    assert_refused(graph, graph.add(node), says)


@pytest.mark.parametrize('name', ['camera_file', 'calibration_file'])
def test_upscaled_frames_are_described_by_the_super_resolver_alone(ros, name):
    with pytest.raises(ValueError, match=f"expected {name} to be empty with super_resolution 'frame', got '/x'"):
        tracker(super_resolution='frame', **{name: '/x'})


@pytest.mark.parametrize('kind', ['calibration', 'super_resolution'])
def test_cubes_of_a_camera_that_states_nothing(graph, camera_file, references, kind):
    node = graph.add(CalibrationNode(parameter_overrides=overrides(
        camera_file=camera_file, calibration_file=references)) if kind == 'calibration' else SuperResolutionNode(
            parameter_overrides=overrides(camera_file=camera_file, model='bicubic')))
    images = graph.peer.create_publisher(Image, 'image', qos.profile('image_out'))
    cubes = graph.collect(Image, f'{kind}/image', qos.profile('image'))
    infos = graph.collect(HyperspectralInfo, f'{kind}/hyperspectral_info', qos.profile('info'))
    graph.spin_until(images.get_subscription_count)
    graph.spin_until(lambda: images.publish(to_message(MOSAIC)) or graph.spin(0.1) or (cubes and infos))
    described = camera_from_info(infos[-1])
    assert described.wavelengths_nm == (400.0, 500.0, 600.0, 700.0)
    if kind == 'calibration':
        expected = to_frame(MOSAIC, CAMERA, calibration=Calibration.from_npz(references, CAMERA))
        np.testing.assert_array_equal(to_array(cubes[0]), expected.data)
        assert described.calibration_file == 'references.npz'
    else:
        assert described.upscaling == 2
        assert to_array(cubes[0]).shape == (64, 96, 4)
    assert node.count_subscribers('/hyperspectral_info') == 0


def test_who_draws_and_who_judges_know_the_pattern_from_the_file(graph, camera_file):
    visualiser = graph.add(VisualiserNode(parameter_overrides=overrides(camera_file=camera_file)))
    evaluator = graph.add(EvaluatorNode(parameter_overrides=overrides(camera_file=camera_file)))
    pictures = graph.collect(Image, 'visualiser/overlay', qos.profile('overlay'))
    images = graph.peer.create_publisher(Image, 'image', qos.profile('image_out'))
    graph.spin_until(images.get_subscription_count)
    graph.spin_until(lambda: images.publish(to_message(MOSAIC)) or graph.spin(0.1) or pictures)
    assert visualiser._rejected == 0
    assert evaluator._cell == (2.0, 2.0)
    assert evaluator.count_subscribers('/hyperspectral_info') == 0


@pytest.mark.parametrize('create', [VisualiserNode, EvaluatorNode])
def test_plain_nodes_refuse_a_bad_file_at_start(ros, create):
    with pytest.raises(ValueError, match='expected a JSON file that describes a camera, got /nowhere.json'):
        create(parameter_overrides=overrides(camera_file='/nowhere.json'))
