"""The super-resolver as a node: its cubes are the library's, its header the camera's, and nobody reads for nothing."""
from __future__ import annotations

import time

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from hsi_models.camera import Camera  # noqa: E402
from hsi_models.superresolution.factory import create_super_resolver  # noqa: E402
from hsi_models.superresolution.images import upscale_image  # noqa: E402
from hsi_tracking_ros import qos  # noqa: E402
from hsi_tracking_ros.image_codec import to_array, to_message  # noqa: E402
from hsi_tracking_ros.lifecycle import AUTOSTART  # noqa: E402
from hsi_tracking_ros.messages import camera_from_info, header_message, info_from_camera  # noqa: E402
from hsi_tracking_ros.msg import HyperspectralInfo  # noqa: E402
from hsi_tracking_ros.nodes.super_resolution_node import TABLE, SuperResolutionNode  # noqa: E402
from hsi_tracking_ros.parameters import markdown  # noqa: E402

MOSAIC = Camera(model='test', serial='7', wavelengths_nm=(500.0, 400.0, 600.0, float('nan')), mosaic_rows=2,
                mosaic_columns=2, bit_depth=10, dark_levels=(10.0,) * 4, white_levels=(510.0, 410.0, 610.0, 710.0))
CUBE = Camera(wavelengths_nm=(600.0, 500.0, 400.0))
IMAGES = {'mosaic': np.random.default_rng(0).integers(0, 1023, (16, 24)).astype(np.uint16),
          'cube': np.random.default_rng(1).random((8, 12, 3), np.float32)}
CAMERAS = {'mosaic': MOSAIC, 'cube': CUBE}


class Rig:
    def __init__(self, graph, camera=MOSAIC, read=True, every_frame=False, **parameters):
        self.graph = graph
        self.images = graph.peer.create_publisher(Image, 'image', qos.profile('every_frame'))
        self.infos = graph.peer.create_publisher(HyperspectralInfo, 'hyperspectral_info', qos.profile('info'))
        if camera is not None:
            self.infos.publish(info_from_camera(camera))
        profile = qos.profile('every_frame' if every_frame else 'image')
        self.cubes = graph.collect(Image, 'super_resolution/image', profile) if read else []
        self.out_infos = graph.collect(HyperspectralInfo, 'super_resolution/hyperspectral_info', qos.profile('info'))
        self.node = graph.add(SuperResolutionNode(parameter_overrides=[
            Parameter(name, value=value) for name, value in
            {'model': 'back_projection', 'every_frame': every_frame, **parameters}.items()]))
        graph.spin_until(lambda: self.node.is_active)
        if read:
            graph.spin_until(self.images.get_subscription_count)
            graph.spin(0.1)

    def send(self, image=IMAGES['mosaic'], stamp=5):
        count = len(self.cubes)
        message = to_message(image, header_message(stamp, 'camera'))
        self.images.publish(message)
        self.graph.spin_until(lambda: len(self.cubes) > count and self.out_infos)
        assert self.cubes[-1].header == message.header
        return to_array(self.cubes[-1])


@pytest.mark.parametrize('kind', ['mosaic', 'cube'])
@pytest.mark.parametrize(('model', 'scale'), [('cst_eigen', 2), ('back_projection', 4)])
def test_cubes_are_those_of_the_library_and_described(graph, kind, model, scale):
    rig = Rig(graph, CAMERAS[kind], model=model, scale=scale)
    cube = rig.send(IMAGES[kind])
    expected, camera = upscale_image(IMAGES[kind], CAMERAS[kind], create_super_resolver(model, scale))
    assert rig.cubes[-1].encoding == ('16UC3' if kind == 'mosaic' else '32FC3')
    np.testing.assert_array_equal(cube, expected)
    assert camera_from_info(rig.out_infos[-1]) == camera
    assert rig.out_infos[-1].header == rig.cubes[-1].header
    assert camera.pixel_size == ((2 / scale,) * 2 if kind == 'mosaic' else (1 / scale,) * 2)


def test_cubes_that_nobody_describes_are_upscaled_after_a_moment(graph):
    rig = Rig(graph, None)
    graph.spin_until(lambda: rig.images.publish(to_message(IMAGES['cube'])) or graph.spin(0.1) or rig.cubes)
    np.testing.assert_array_equal(to_array(rig.cubes[0]), create_super_resolver('back_projection').upscale(
        IMAGES['cube']))
    assert camera_from_info(rig.out_infos[0]) == Camera(pixel_rows=0.5, pixel_columns=0.5, upscaling=2)


def test_a_mosaic_waits_for_its_pattern_and_says_so(graph):
    rig = Rig(graph, None)
    rig.images.publish(to_message(IMAGES['mosaic']))
    graph.spin_until(lambda: rig.node._input.note)
    assert 'a mosaic needs its pattern: waiting for' in rig.node._input.note
    rig.infos.publish(info_from_camera(MOSAIC))
    graph.spin_until(lambda: rig.cubes)
    assert to_array(rig.cubes[0]).shape == (16, 24, 3)
    assert not rig.node._input.note


def test_without_a_reader_no_image_is_even_received(graph):
    rig = Rig(graph, read=False)
    graph.spin(0.3)
    assert rig.images.get_subscription_count() == 0
    assert rig.node._input.idle == 'nobody subscribes'
    reader = graph.peer.create_subscription(Image, 'super_resolution/image', rig.cubes.append, qos.profile('image'))
    graph.spin_until(rig.images.get_subscription_count)
    graph.spin(0.1)
    rig.send()
    graph.peer.destroy_subscription(reader)
    graph.spin_until(lambda: rig.images.get_subscription_count() == 0)


def test_the_oldest_image_is_dropped_and_counted_while_it_is_busy(graph, monkeypatch):
    rig = Rig(graph)
    convert = rig.node.convert
    monkeypatch.setattr(rig.node, 'convert', lambda *args: time.sleep(0.08) or convert(*args))
    for stamp in range(1, 9):
        rig.images.publish(to_message(IMAGES['mosaic'], header_message(stamp, 'camera')))
        graph.spin(0.02)
    graph.spin_until(lambda: rig.cubes and rig.cubes[-1].header.stamp.nanosec == 8)
    values = {name: values for name, _, _, values in rig.node._collect()}
    assert values['Input']['dropped busy'] == 8 - len(rig.cubes) > 0
    assert values['Output']['cubes'] == len(rig.cubes)
    assert values['Output']['model'] == 'back_projection'
    assert values['Output']['conversion p50 [ms]'] > 50


def test_with_every_frame_none_is_lost(graph):
    rig = Rig(graph, every_frame=True)
    for stamp in range(1, 21):
        rig.images.publish(to_message(IMAGES['mosaic'], header_message(stamp, 'camera')))
    graph.spin_until(lambda: len(rig.cubes) == 20)
    assert [cube.header.stamp.nanosec for cube in rig.cubes] == list(range(1, 21))


@pytest.mark.parametrize(('bad', 'says'), [
    (lambda message: setattr(message, 'data', b'123'), 'bytes of data'),
    (lambda message: setattr(message, 'encoding', 'bgr8'), "got 'bgr8'"),
    (lambda message: setattr(message, 'height', 0), 'expected height and width')])
def test_a_bad_image_is_counted_and_the_node_lives_on(graph, bad, says):
    rig = Rig(graph)
    message = to_message(IMAGES['mosaic'])
    bad(message)
    rig.images.publish(message)
    graph.spin_until(lambda: rig.node._input.rejected == 1)
    assert says in rig.node._input.last_reason
    rig.send()


def test_values_that_are_not_finite_are_refused(graph):
    rig = Rig(graph, CUBE)
    bad = IMAGES['cube'].copy()
    bad[3, 4, 1] = np.nan
    rig.images.publish(to_message(bad))
    graph.spin_until(lambda: rig.node._input.rejected == 1)
    assert 'finite' in rig.node._input.last_reason


@pytest.mark.parametrize(('parameters', 'says'), [
    ({'model': 'crystal_ball'}, "got 'crystal_ball'"), ({'scale': 7}, 'expected scale 2, 3, 4, 8, got 7'),
    ({'model': 'cst_eigen', 'scale': 8}, 'expected shipped weights of cst_eigen for scale 8'),
    ({'weights': '/nowhere.safetensors', 'model': 'cst_eigen'}, 'nowhere')])
def test_what_cannot_be_loaded_ends_unconfigured_and_says_why(graph, parameters, says, capfd):
    node = graph.add(SuperResolutionNode(parameter_overrides=[
        Parameter(name, value=value) for name, value in {'autostart': False, **parameters}.items()]))
    node.trigger_configure()
    assert node._state_machine.current_state[1] == 'unconfigured'
    assert says in capfd.readouterr().err


def test_a_tile_that_does_not_fit_is_refused_at_once(ros):
    with pytest.raises(ValueError, match='multiples of 16, got 100 and 16'):
        SuperResolutionNode(parameter_overrides=[Parameter('tile', value=100)])


def test_cycles_begin_and_end_the_work(graph):
    rig = Rig(graph)
    rig.send()
    for _ in range(3):
        rig.node.trigger_deactivate()
        graph.spin_until(lambda: rig.images.get_subscription_count() == 0)
        rig.node.trigger_cleanup()
        rig.node.trigger_configure()
        rig.node.trigger_activate()
        graph.spin_until(rig.images.get_subscription_count)
        graph.spin(0.1)
        rig.send()


def test_the_documentation_has_the_table_of_parameters(repository):
    assert markdown((AUTOSTART, *TABLE)) in (repository / 'docs' / 'nodes.md').read_text()
