"""`hsi-tracking super-resolve` with one cube."""
from __future__ import annotations

import zipfile

import numpy as np

from hsi_tracking_ros.cli.main import main


def test_what_stands_beside_the_cube_is_kept_but_for_names_that_numpy_takes(tmp_path):
    source, out = tmp_path / 'cube.npz', tmp_path / 'fine.npz'
    cube = np.random.default_rng(0).random((12, 16, 4), np.float32)
    np.savez(source, cube=cube, wavelengths_nm=np.arange(4.0))
    with zipfile.ZipFile(source, 'a') as archive, archive.open('file.npy', 'w') as entry:
        np.lib.format.write_array(entry, np.array(3))
    assert main(['super-resolve', str(source), '--out', str(out), '--model', 'bicubic', '--scale', '2']) == 0
    with np.load(out) as found:
        assert sorted(found) == ['cube', 'wavelengths_nm']
        assert found['cube'].shape == (24, 32, 4)
        assert np.array_equal(found['wavelengths_nm'], np.arange(4.0))


def test_what_ends_early_leaves_nothing_and_the_file_before_it(tmp_path, monkeypatch):
    source, out = tmp_path / 'cube.npz', tmp_path / 'out' / 'fine.npz'
    np.savez(source, cube=np.ones((4, 4, 3), np.float32))
    out.parent.mkdir()
    out.write_text('earlier')

    def savez(path, **_):
        path.write_text('half')
        raise KeyboardInterrupt
    monkeypatch.setattr(np, 'savez_compressed', savez)
    assert main(['super-resolve', str(source), '--out', str(out), '--model', 'bicubic']) == 130
    assert [path.read_text() for path in out.parent.iterdir()] == ['earlier']


def test_a_missing_input_is_said_to_be_missing(tmp_path, capsys):
    assert main(['super-resolve', str(tmp_path / 'nowhere.npz'), '--out', str(tmp_path / 'x.npz')]) == 2
    assert 'nowhere.npz: no such file or folder' in capsys.readouterr().err


def test_less_than_no_images_are_refused(tmp_path, capsys):
    assert main(['super-resolve', str(tmp_path), '--out', str(tmp_path / 'out'), '--frames', '-2']) == 2
    assert 'expected --frames >= 0, got -2' in capsys.readouterr().err
