"""The super-resolver as a node: its cubes are the library's, its header the camera's, and nobody reads for nothing."""
from __future__ import annotations

import threading
import time

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from rclpy.parameter import Parameter  # noqa: E402

from hsi_models.camera import Camera  # noqa: E402
from hsi_models.superresolution.factory import create_super_resolver  # noqa: E402
from hsi_models.superresolution.images import upscale_image  # noqa: E402
from hsi_tracking_ros.image_codec import to_array, to_message  # noqa: E402
from hsi_tracking_ros.messages import camera_from_info, header_message, info_from_camera  # noqa: E402
from hsi_tracking_ros.nodes.super_resolution_node import SuperResolutionNode  # noqa: E402

MOSAIC = Camera(model='test', serial='7', wavelengths_nm=(500.0, 400.0, 600.0, float('nan')), mosaic_rows=2,
                mosaic_columns=2, bit_depth=10, dark_levels=(10.0,) * 4, white_levels=(510.0, 410.0, 610.0, 710.0))
CUBE = Camera(wavelengths_nm=(600.0, 500.0, 400.0))
IMAGES = {'mosaic': np.random.default_rng(0).integers(0, 1023, (16, 24)).astype(np.uint16),
          'cube': np.random.default_rng(1).random((8, 12, 3), np.float32)}
CAMERAS = {'mosaic': MOSAIC, 'cube': CUBE}


@pytest.fixture
def make_rig(cube_rig):
    """Makes the node and its surroundings, by default for images of MOSAIC."""
    def make(camera=MOSAIC, **options):
        return cube_rig(SuperResolutionNode, camera, IMAGES['mosaic'], **{'model': 'back_projection', **options})
    return make


@pytest.mark.parametrize('kind', ['mosaic', 'cube'])
@pytest.mark.parametrize(('model', 'scale'), [('cst_eigen', 2), ('back_projection', 4)])
def test_cubes_are_those_of_the_library_and_described(make_rig, kind, model, scale):
    rig = make_rig(CAMERAS[kind], model=model, scale=scale)
    cube = rig.send(IMAGES[kind])
    expected, camera = upscale_image(IMAGES[kind], CAMERAS[kind], create_super_resolver(model, scale))
    assert rig.cubes[-1].encoding == ('16UC3' if kind == 'mosaic' else '32FC3')
    if model == 'cst_eigen':    # the sums of a network's float32 may come out another way on another thread
        np.testing.assert_allclose(cube, expected, rtol=1e-4, atol=1 if kind == 'mosaic' else 1e-4)
    else:
        np.testing.assert_array_equal(cube, expected)
    assert cube.dtype == expected.dtype
    assert camera_from_info(rig.out_infos[-1]) == camera
    assert rig.out_infos[-1].header == rig.cubes[-1].header
    assert camera.pixel_size == ((2 / scale,) * 2 if kind == 'mosaic' else (1 / scale,) * 2)


def test_cubes_that_nobody_describes_are_upscaled_after_a_moment(graph, make_rig):
    rig = make_rig(None)
    graph.spin_until(lambda: rig.images.publish(to_message(IMAGES['cube'])) or graph.spin(0.1) or rig.cubes)
    np.testing.assert_array_equal(to_array(rig.cubes[0]), create_super_resolver('back_projection').upscale(
        IMAGES['cube']))
    assert camera_from_info(rig.out_infos[0]) == Camera(pixel_rows=0.5, pixel_columns=0.5, upscaling=2)


def test_a_mosaic_waits_for_its_pattern_and_says_so(graph, make_rig):
    rig = make_rig(None)
    rig.images.publish(to_message(IMAGES['mosaic']))
    graph.spin_until(lambda: rig.node._input.note)
    assert 'a mosaic needs its pattern: waiting for' in rig.node._input.note
    rig.infos.publish(info_from_camera(MOSAIC))
    graph.spin_until(lambda: rig.cubes)
    assert to_array(rig.cubes[0]).shape == (16, 24, 3)
    assert not rig.node._input.note


def test_the_oldest_image_is_dropped_and_counted_while_it_is_busy(graph, make_rig, monkeypatch):
    rig, go = make_rig(), threading.Event()
    convert = rig.node.convert
    monkeypatch.setattr(rig.node, 'convert', lambda *args: go.wait(60) and time.sleep(0.06) or convert(*args))
    for stamp in range(1, 9):
        rig.images.publish(to_message(IMAGES['mosaic'], header_message(stamp, 'camera')))
        graph.spin_until(lambda n=stamp: rig.node._input.received == n)
    go.set()
    graph.spin_until(lambda: rig.cubes and rig.cubes[-1].header.stamp.nanosec == 8
                     and rig.node._worker.processed == len(rig.cubes))
    values = {name: values for name, _, _, values in rig.node._collect()}
    assert values['Input']['dropped busy'] == 8 - len(rig.cubes) >= 6
    assert values['Output']['cubes'] == len(rig.cubes)
    assert values['Output']['model'] == 'back_projection'
    assert values['Output']['conversion p50 [ms]'] > 50


def test_with_every_frame_none_is_lost(graph, make_rig):
    rig = make_rig(every_frame=True)
    for stamp in range(1, 21):
        rig.images.publish(to_message(IMAGES['mosaic'], header_message(stamp, 'camera')))
    graph.spin_until(lambda: len(rig.cubes) == 20)
    assert [cube.header.stamp.nanosec for cube in rig.cubes] == list(range(1, 21))


def test_values_that_are_not_finite_are_refused(graph, make_rig):
    rig = make_rig(CUBE)
    bad = IMAGES['cube'].copy()
    bad[3, 4, 1] = np.nan
    rig.images.publish(to_message(bad))
    graph.spin_until(lambda: rig.node._input.rejected == 1)
    assert 'finite' in rig.node._input.last_reason


@pytest.mark.parametrize(('parameters', 'says'), [
    ({'model': 'crystal_ball'}, "got 'crystal_ball'"),
    ({'model': 'cst_eigen', 'scale': 8}, 'expected shipped weights of cst_eigen for scale 8'),
    ({'weights': '/nowhere.safetensors', 'model': 'cst_eigen'}, 'nowhere')])
def test_what_cannot_be_loaded_ends_unconfigured_and_says_why(graph, parameters, says, capfd):
    node = graph.add(SuperResolutionNode(parameter_overrides=[
        Parameter(name, value=value) for name, value in {'autostart': False, **parameters}.items()]))
    node.trigger_configure()
    assert node._state_machine.current_state[1] == 'unconfigured'
    assert says in capfd.readouterr().err


def test_a_scale_that_does_not_exist_is_refused_at_once(ros):
    with pytest.raises(ValueError, match='expected one of 2, 3, 4, 8, got 7'):
        SuperResolutionNode(parameter_overrides=[Parameter('scale', value=7)])


def test_a_tile_that_does_not_fit_is_refused_at_once(ros):
    with pytest.raises(ValueError, match='multiples of 16, got 100 and 16'):
        SuperResolutionNode(parameter_overrides=[Parameter('tile', value=100)])
