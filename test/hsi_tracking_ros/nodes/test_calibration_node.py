from __future__ import annotations

import hashlib

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from rclpy.parameter import Parameter  # noqa: E402

from hsi_models.calibration import Calibration  # noqa: E402
from hsi_models.camera import Camera  # noqa: E402
from hsi_models.frame import Quantity  # noqa: E402
from hsi_models.ingest import to_frame  # noqa: E402
from hsi_tracking_ros.messages import camera_from_info  # noqa: E402
from hsi_tracking_ros.nodes.calibration_node import CalibrationNode  # noqa: E402

CAMERA = Camera(model='test', serial='7', wavelengths_nm=(500.0, 400.0, 600.0, float('nan')), fwhm_nm=(10.0,) * 4,
                mosaic_rows=2, mosaic_columns=2, bit_depth=10, dark_levels=(10.0,) * 4,
                white_levels=(510.0, 410.0, 610.0, 710.0))
MOSAIC = np.random.default_rng(0).integers(0, 1023, (16, 24)).astype(np.uint16)


@pytest.fixture
def make_rig(cube_rig):
    """Makes the node and its surroundings, by default for images of CAMERA."""
    def make(camera=CAMERA, **options):
        return cube_rig(CalibrationNode, camera, MOSAIC, **options)
    return make


def test_a_mosaic_becomes_a_cube_of_reflectance_with_bands_in_order(make_rig):
    rig = make_rig()
    cube = rig.send()
    expected = to_frame(MOSAIC, CAMERA, calibration=Calibration.from_camera(CAMERA)).data
    assert rig.cubes[-1].encoding == '32FC3'
    np.testing.assert_array_equal(cube, expected)
    camera = camera_from_info(rig.out_infos[-1])
    assert camera.wavelengths_nm == (400.0, 500.0, 600.0)
    assert camera.quantity is Quantity.REFLECTANCE
    assert not camera.is_mosaic
    assert (camera.serial, camera.dark_levels, camera.white_levels) == ('7', (), ())


@pytest.mark.parametrize(('encoding', 'tolerance'), [('32FC', 0.0), ('16UC', 0.51e-4)])
def test_whoever_reads_the_cube_gets_the_same_reflectance_and_none_twice(make_rig, encoding, tolerance):
    rig = make_rig(encoding=encoding)
    cube = rig.send()
    camera = camera_from_info(rig.out_infos[-1])
    expected = to_frame(MOSAIC, CAMERA, calibration=Calibration.from_camera(CAMERA))
    read = to_frame(cube, camera, calibration=Calibration.from_camera(camera))
    assert rig.cubes[-1].encoding == f'{encoding}3'
    assert read.info.quantity is expected.info.quantity is Quantity.REFLECTANCE
    np.testing.assert_allclose(read.data, np.maximum(expected.data, 0) if tolerance else expected.data,
                               rtol=1e-6, atol=tolerance)


def test_a_camera_without_levels_gives_the_plain_cube(make_rig):
    camera = Camera(wavelengths_nm=(500.0, 400.0, 600.0, 700.0), mosaic_rows=2, mosaic_columns=2)
    rig = make_rig(camera, encoding='16UC')
    np.testing.assert_array_equal(rig.send(), to_frame(MOSAIC, camera).data)
    assert camera_from_info(rig.out_infos[-1]).quantity is Quantity.RAW


def test_per_pixel_references_come_from_the_file_and_are_named(make_rig, tmp_path):
    path = tmp_path / 'references.npz'
    np.savez(path, dark=np.full(MOSAIC.shape, 3.0, np.float32), white=np.full(MOSAIC.shape, 1003.0, np.float32))
    rig = make_rig(calibration_file=str(path))
    cube = rig.send()
    np.testing.assert_allclose(cube[0, 0], (MOSAIC[0:2, 0:2].ravel()[[1, 0, 2]] - 3.0) / 1000.0, rtol=1e-5)
    info = rig.out_infos[-1]
    assert info.calibration_file == 'references.npz'
    assert info.calibration_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_levels_that_cannot_be_used_are_refused(graph, make_rig):
    rig = make_rig(Camera(mosaic_rows=2, mosaic_columns=2, dark_levels=(9.0,) * 4, white_levels=(1.0,) * 4),
              read=False)
    graph.spin_until(lambda: rig.node._input.rejected)
    assert 'white > dark' in rig.node._input.last_reason
    assert 'waiting for' in rig.node._input.idle


def test_a_missing_file_ends_unconfigured(graph):
    node = graph.add(CalibrationNode(parameter_overrides=[Parameter('calibration_file', value='/nowhere.npz'),
                                                          Parameter('autostart', value=False)]))
    node.trigger_configure()
    assert node._state_machine.current_state[1] == 'unconfigured'
