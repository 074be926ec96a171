from __future__ import annotations

import json

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.data.cameras import camera_to_json
from hsi_models.data.synthetic import SyntheticSequence
from hsi_models.offline import SequenceRun
from hsi_tracking_ros.cli.main import main

SCENE = 'synthetic:demo?frames=6&size=96x192'


def test_track_writes_rows_and_reports(tmp_path, capsys):
    out = tmp_path / 'results' / 'demo.txt'
    assert main(['track', SCENE, '--tracker', 'spectral_dcf', '--out', str(out), '--json']) == 0
    report = json.loads(capsys.readouterr().out)
    assert report['frames'] == 6
    assert report['fps'] > 0
    assert report['weights_sha256'] is None
    rows = [line.split(',') for line in out.read_text().splitlines()]
    assert [len(row) for row in rows] == [6] * 6
    assert {row[5] for row in rows} <= {'TRACKING', 'UNCERTAIN', 'LOST'}


def test_weights_of_ones_own_in_the_runtime_and_precision_asked_for(tmp_path, capsys):
    torch = pytest.importorskip('torch')
    from hsi_models.checkpoint import ModelCard, save_checkpoint, sha256_of
    from hsi_models.runtime.export import build_network
    torch.manual_seed(0)
    path = tmp_path / 'mine.safetensors'
    save_checkpoint(path, build_network('bcr_net:fast').state_dict(), ModelCard('bcr_net:fast', {}))
    words = ['track', 'synthetic:demo?frames=2&size=96x192', '--out', str(tmp_path / 'demo.txt'), '--json']
    assert main([*words, '--tracker', 'bcr_net', '--weights', str(path), '--runtime', 'eager', '--precision',
                 'bf16']) == 0
    assert json.loads(capsys.readouterr().out)['weights_sha256'] == sha256_of(path)
    assert main([*words, '--tracker', 'spectral_dcf', '--weights', str(path)]) == 2
    assert 'expected no weights for spectral_dcf, which has no network' in capsys.readouterr().err


def test_init_box_comes_back_as_the_first_row(tmp_path):
    out = tmp_path / 'demo.txt'
    assert main(['track', SCENE, '--init', '40,50,16.5,12.25', '--out', str(out)]) == 0
    assert out.read_text().startswith('40.0,50.0,16.5,12.25,')


@pytest.mark.parametrize('mode', ['crop', 'frame'])
def test_upscaling_leaves_boxes_in_pixels_of_the_cube(tmp_path, capsys, mode):
    out = tmp_path / 'demo.txt'
    assert main(['track', SCENE, '--tracker', 'spectral_dcf', '--super-resolution', mode, '--super-resolver', 'bicubic',
                 '--out', str(out), '--json']) == 0
    assert json.loads(capsys.readouterr().out)['super_resolution'] == mode
    rows, plain = ([[float(value) for value in line.split(',')[:4]] for line in text.splitlines()]
                   for text in (out.read_text(), _plain(tmp_path)))
    assert rows[0] == plain[0]
    assert rows[5] == pytest.approx(plain[5], abs=2.0)


def _plain(tmp_path):
    assert main(['track', SCENE, '--tracker', 'spectral_dcf', '--out', str(tmp_path / 'plain.txt')]) == 0
    return (tmp_path / 'plain.txt').read_text()


def test_a_bag_of_a_silent_driver_is_tracked_with_the_camera_s_file_and_references(tmp_path):
    pytest.importorskip('rclpy', reason='needs ROS 2: scripts/setup')
    from rclpy.serialization import serialize_message

    from hsi_tracking_ros.bags import BagWriter
    from hsi_tracking_ros.image_codec import to_message
    from hsi_tracking_ros.messages import header_message, init_message
    scene = SyntheticSequence(frames=4, size=(64, 96))
    with BagWriter(tmp_path / 'bag') as bag:
        bag.add_topic('/image', 'sensor_msgs/msg/Image')
        bag.add_topic('/tracker/init', 'hsi_tracking_ros/msg/TargetInit')
        for index in range(4):
            header = header_message(scene.stamp_ns(index), 'camera')
            if not index:
                box = Box(*scene.boxes[0]).scaled(*scene.camera.pixel_size)
                bag.write('/tracker/init', bytes(serialize_message(init_message(box, header))), scene.stamp_ns(0))
            bag.write('/image', bytes(serialize_message(to_message(scene.image(index), header))), scene.stamp_ns(index))
    (tmp_path / 'camera.json').write_text(camera_to_json(scene.camera))
    np.savez(tmp_path / 'white.npz', white=np.full(scene.image(0).shape, 900.0, np.float32))
    references = ['--tracker', 'spectral_dcf', '--calibration-file', str(tmp_path / 'white.npz')]
    for source, out, camera in ((str(tmp_path / 'bag'), 'bag.txt', ['--camera-file', str(tmp_path / 'camera.json')]),
                                ('synthetic:demo?frames=4&size=64x96', 'scene.txt', [])):
        assert main(['track', source, *camera, *references, '--out', str(tmp_path / out)]) == 0
    assert (tmp_path / 'bag.txt').read_text() == (tmp_path / 'scene.txt').read_text()


def spoilt(monkeypatch, first, error):
    """From this frame on, reading one raises."""
    whole = SyntheticSequence.image

    def image(self, index):
        if index >= first:
            raise error
        return whole(self, index)
    monkeypatch.setattr(SyntheticSequence, 'image', image)


def test_an_interrupt_leaves_the_rows_so_far(tmp_path, capsys, monkeypatch):
    spoilt(monkeypatch, 3, KeyboardInterrupt())
    assert main(['track', SCENE, '--tracker', 'spectral_dcf', '--out', str(tmp_path / 'x.txt')]) == 130
    assert 'interrupted after 3 of 6 frames' in capsys.readouterr().err
    assert len((tmp_path / 'x.txt').read_text().splitlines()) == 3


def test_an_interrupt_before_the_first_frame_writes_nothing(tmp_path, monkeypatch):
    spoilt(monkeypatch, 0, KeyboardInterrupt())
    assert main(['track', SCENE, '--tracker', 'spectral_dcf', '--out', str(tmp_path / 'x.txt')]) == 130
    assert not (tmp_path / 'x.txt').exists()


def test_rejected_frames_are_counted_and_no_frames_a_second(tmp_path, capsys, monkeypatch):
    spoilt(monkeypatch, 2, ValueError('torn'))
    assert main(['track', SCENE, '--tracker', 'spectral_dcf', '--out', str(tmp_path / 'x.txt')]) == 0
    assert '4 of 6 frames were rejected' in capsys.readouterr().err
    assert len((tmp_path / 'x.txt').read_text().splitlines()) == 6
    run = SequenceRun([None] * 6, 2.0, dict.fromkeys(range(4), 'torn'))
    assert run.fps == 1.0


@pytest.mark.parametrize('place', ['', 'file/x.txt', 'made/x/'])
def test_where_it_cannot_write_it_does_not_track(tmp_path, capsys, monkeypatch, place):
    (tmp_path / 'file').touch()
    (tmp_path / 'made' / 'x').mkdir(parents=True)
    spoilt(monkeypatch, 0, AssertionError('tracked'))
    assert main(['track', SCENE, '--tracker', 'spectral_dcf', '--out', f'{tmp_path}/{place}']) == 2
    assert 'expected a f' in capsys.readouterr().err


@pytest.mark.parametrize(('arguments', 'expected'), [
    ([SCENE, '--camera-file', 'camera.json'], 'expected a bag to go with camera.json'),
    ([SCENE, '--calibration-file', 'nowhere.npz'], 'nowhere.npz, which is no file'),
    (['nowhere'], 'nowhere'),
    ([SCENE, '--tracker', 'magic'], "got 'magic'"),
    ([SCENE, '--init', '1,2,3'], 'X,Y,W,H'),
    ([SCENE, '--init', '900,900,5,5'], 'expected a box inside the 192 x 96 frame, got (900.0, 900.0, 5.0, 5.0)'),
    (['synthetic:unheard_of'], 'unheard_of'),
])
def test_bad_arguments_are_one_line(tmp_path, capsys, arguments, expected):
    assert main(['track', *arguments, '--out', str(tmp_path / 'x.txt')]) == 2
    assert expected in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / 'x.txt').exists()
