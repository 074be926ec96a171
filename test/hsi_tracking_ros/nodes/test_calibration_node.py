from __future__ import annotations

import hashlib

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
pytest.importorskip('hsi_tracking_ros.msg', reason='needs the generated messages: scripts/setup')
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from hsi_models.calibration import Calibration  # noqa: E402
from hsi_models.camera import Camera  # noqa: E402
from hsi_models.frame import Quantity  # noqa: E402
from hsi_models.ingest import to_frame  # noqa: E402
from hsi_tracking_ros import qos  # noqa: E402
from hsi_tracking_ros.image_codec import to_array, to_message  # noqa: E402
from hsi_tracking_ros.lifecycle import AUTOSTART  # noqa: E402
from hsi_tracking_ros.messages import camera_from_info, header_message, info_from_camera  # noqa: E402
from hsi_tracking_ros.msg import HyperspectralInfo  # noqa: E402
from hsi_tracking_ros.nodes.calibration_node import TABLE, CalibrationNode  # noqa: E402
from hsi_tracking_ros.parameters import markdown  # noqa: E402

CAMERA = Camera(model='test', serial='7', wavelengths_nm=(500.0, 400.0, 600.0, float('nan')), fwhm_nm=(10.0,) * 4,
                mosaic_rows=2, mosaic_columns=2, bit_depth=10, dark_levels=(10.0,) * 4,
                white_levels=(510.0, 410.0, 610.0, 710.0))
MOSAIC = np.random.default_rng(0).integers(0, 1023, (16, 24)).astype(np.uint16)


class Rig:
    def __init__(self, graph, camera=CAMERA, read=True, **parameters):
        self.graph, self.camera = graph, camera
        self.images = graph.peer.create_publisher(Image, 'image', qos.profile('image_out'))
        self.infos = graph.peer.create_publisher(HyperspectralInfo, 'hyperspectral_info', qos.profile('info'))
        self.infos.publish(info_from_camera(camera))
        self.cubes = graph.collect(Image, 'calibration/image', qos.profile('image')) if read else []
        self.out_infos = graph.collect(HyperspectralInfo, 'calibration/hyperspectral_info', qos.profile('info'))
        self.node = graph.add(CalibrationNode(parameter_overrides=[
            Parameter(name, value=value) for name, value in parameters.items()]))
        graph.spin_until(lambda: self.node.is_active)
        if read:
            graph.spin_until(self.images.get_subscription_count)
            graph.spin(0.1)

    def send(self, image=MOSAIC, stamp=5):
        count = len(self.cubes)
        message = to_message(image, header_message(stamp, 'camera'))
        self.images.publish(message)
        self.graph.spin_until(lambda: len(self.cubes) > count and self.out_infos)
        assert self.cubes[-1].header == message.header
        return to_array(self.cubes[-1])


def test_a_mosaic_becomes_a_cube_of_reflectance_with_bands_in_order(graph):
    rig = Rig(graph)
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
def test_whoever_reads_the_cube_gets_the_same_reflectance_and_none_twice(graph, encoding, tolerance):
    rig = Rig(graph, encoding=encoding)
    cube = rig.send()
    camera = camera_from_info(rig.out_infos[-1])
    expected = to_frame(MOSAIC, CAMERA, calibration=Calibration.from_camera(CAMERA))
    read = to_frame(cube, camera, calibration=Calibration.from_camera(camera))
    assert rig.cubes[-1].encoding == f'{encoding}3'
    assert read.info.quantity is expected.info.quantity is Quantity.REFLECTANCE
    np.testing.assert_allclose(read.data, np.maximum(expected.data, 0) if tolerance else expected.data,
                               rtol=1e-6, atol=tolerance)


def test_a_camera_without_levels_gives_the_plain_cube(graph):
    camera = Camera(wavelengths_nm=(500.0, 400.0, 600.0, 700.0), mosaic_rows=2, mosaic_columns=2)
    rig = Rig(graph, camera, encoding='16UC')
    np.testing.assert_array_equal(rig.send(), to_frame(MOSAIC, camera).data)
    assert camera_from_info(rig.out_infos[-1]).quantity is Quantity.RAW


def test_per_pixel_references_come_from_the_file_and_are_named(graph, tmp_path):
    path = tmp_path / 'references.npz'
    np.savez(path, dark=np.full(MOSAIC.shape, 3.0, np.float32), white=np.full(MOSAIC.shape, 1003.0, np.float32))
    rig = Rig(graph, calibration_file=str(path))
    cube = rig.send()
    np.testing.assert_allclose(cube[0, 0], (MOSAIC[0:2, 0:2].ravel()[[1, 0, 2]] - 3.0) / 1000.0, rtol=1e-5)
    info = rig.out_infos[-1]
    assert info.calibration_file == 'references.npz'
    assert info.calibration_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_without_a_reader_no_image_is_even_received(graph):
    rig = Rig(graph, read=False)
    graph.spin(0.3)
    assert rig.images.get_subscription_count() == 0
    assert rig.node._input.idle == 'nobody subscribes'
    reader = graph.peer.create_subscription(Image, 'calibration/image', rig.cubes.append, qos.profile('image'))
    graph.spin_until(rig.images.get_subscription_count)
    graph.spin(0.1)
    rig.send()
    graph.peer.destroy_subscription(reader)
    graph.spin_until(lambda: rig.images.get_subscription_count() == 0)


def test_a_bad_image_is_counted_and_the_node_lives_on(graph):
    rig = Rig(graph)
    bad = to_message(MOSAIC)
    bad.data = b'123'
    rig.images.publish(bad)
    graph.spin_until(lambda: rig.node._input.rejected == 1)
    assert 'bytes of data' in rig.node._input.last_reason
    rig.send()
    names = [report[0] for report in rig.node._collect()]
    assert names == ['Input', 'Output']


def test_levels_that_cannot_be_used_are_refused(graph):
    rig = Rig(graph, Camera(mosaic_rows=2, mosaic_columns=2, dark_levels=(9.0,) * 4, white_levels=(1.0,) * 4),
              read=False)
    graph.spin_until(lambda: rig.node._input.rejected)
    assert 'white > dark' in rig.node._input.last_reason
    assert 'waiting for' in rig.node._input.idle


def test_a_missing_file_ends_unconfigured(graph):
    node = graph.add(CalibrationNode(parameter_overrides=[Parameter('calibration_file', value='/nowhere.npz'),
                                                          Parameter('autostart', value=False)]))
    node.trigger_configure()
    assert node._state_machine.current_state[1] == 'unconfigured'


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
