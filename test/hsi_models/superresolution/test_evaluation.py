"""Judging super-resolvers: the loop over cubes, simulated cameras, files, pictures and the verbs around them."""
from __future__ import annotations

import argparse
import json

import cv2
import numpy as np
import pytest

from hsi_models.superresolution.data import cube_role, load_cubes, load_wavelengths
from hsi_models.superresolution.evaluation import (
    crop_to_multiple,
    evaluate_super_resolvers,
    nominal_wavelengths,
    summarise,
    through_camera,
)
from hsi_models.superresolution.factory import create_super_resolver
from hsi_models.superresolution.figures import draw_trials


def smooth_cube(side=34, bands=6):
    rng = np.random.default_rng(0)
    cube = cv2.GaussianBlur(rng.random((side, side, bands), dtype=np.float32), (0, 0), 1.2)
    return cube / cube.max()


@pytest.fixture
def folder(tmp_path):
    cube = (smooth_cube() * 4000).astype(np.int16)
    cube[0, 0, 0] = -7
    np.savez(tmp_path / 'abu_urban_3_34x34x6.npz', cube=cube)
    np.savez(tmp_path / 'field_34x34x6.npz', cube=cube, wavelength_nm=np.linspace(450, 700, 6))
    return tmp_path


def resolvers(scale=2):
    return {name: create_super_resolver(name, scale) for name in ('bicubic', 'back_projection')}


def test_back_projection_beats_bicubic_and_means_are_over_cubes():
    cubes = {'a': smooth_cube(), 'b': smooth_cube(40)}
    summary = summarise(evaluate_super_resolvers(resolvers(), cubes))
    assert summary['back_projection']['mean']['mpsnr_db'] > summary['bicubic']['mean']['mpsnr_db'] + 0.3
    assert summary['bicubic']['mean']['sam_deg'] == pytest.approx(
        np.mean([summary['bicubic'][name]['sam_deg'] for name in cubes]))


def test_noise_is_the_same_for_every_super_resolver_and_every_run():
    trials = [list(evaluate_super_resolvers(resolvers(), {'a': smooth_cube()}, noise_seed=0)) for _ in range(2)]
    assert np.array_equal(trials[0][0].low, trials[0][1].low)
    assert np.array_equal(trials[0][0].low, trials[1][0].low)
    clean = next(iter(evaluate_super_resolvers(resolvers(), {'a': smooth_cube()})))
    assert 1e-3 < np.abs(trials[0][0].low - clean.low).mean() < 2e-2


def test_a_camera_of_one_filter_a_band_sees_the_band():
    cube, grid = smooth_cube(), np.arange(400.0, 1001.0, 10)
    wavelengths = np.array([450.0, 500, 550, 600, 650, 700])
    responses = (grid == 500).astype(float)[None]
    shuffled = through_camera(cube[..., ::-1], wavelengths[::-1], responses, grid)
    np.testing.assert_allclose(shuffled[..., 0], cube[..., 1] / cube[..., 1].max(), atol=1e-6)


def test_cubes_are_loaded_by_role(folder):
    assert list(load_cubes(folder, 'test')) == ['abu_urban_3']
    assert list(load_cubes(folder, 'all')) == ['abu_urban_3', 'field']
    cube = load_cubes(folder, 'training')['field']
    assert (cube.dtype, cube.min(), cube.max()) == (np.float32, 0, 1)
    wavelengths = load_wavelengths(folder, ['abu_urban_3', 'field'])
    assert wavelengths['field'][0] == 450
    assert wavelengths['abu_urban_3'][-1] == 2496
    assert [cube_role(name) for name in ('paris_hyperion_72', 'muufl_sub', 'enmap')] == ['test', 'validation',
                                                                                         'training']


def test_matlab_files_are_read(tmp_path):
    import scipy.io

    cube = np.random.default_rng(0).random((6, 5, 4))
    scipy.io.savemat(tmp_path / 'pavia.mat', {'pavia': cube, 'note': np.ones((2, 2))})
    np.testing.assert_allclose(load_cubes(tmp_path, 'training')['pavia'], cube / cube.max(), rtol=1e-6)


def test_bad_folders_and_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match='expected test cubes .* found none'):
        load_cubes(tmp_path, 'test')
    np.savez(tmp_path / 'flat.npz', cube=np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r'expected a finite cube \(H, W, C\) in .*flat.npz, got shape \(3, 3\)'):
        load_cubes(tmp_path, 'all')
    with pytest.raises(ValueError, match="wavelength_nm in the file of 'field'"):
        nominal_wavelengths('field', 5)
    with pytest.raises(ValueError, match='at least 8 x 8 pixels'):
        crop_to_multiple(smooth_cube(7), 8)


def test_pictures_hold_a_panel_a_model(tmp_path):
    trials = list(evaluate_super_resolvers(resolvers(), {'a': smooth_cube()}))
    [path] = draw_trials(trials, tmp_path / 'plots')
    picture = cv2.imread(str(path))
    assert path.name == 'a_error.png'
    assert picture.shape[1] > 3 * 280
    assert picture.std() > 10


def run_verb(module, *words):
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(word) for word in words]))


def test_evaluate_sr_prints_tables_and_json(folder, capsys):
    from hsi_tracking_ros.cli import evaluate_sr

    run_verb(evaluate_sr, folder, '--models', 'bicubic,back_projection', '--plots', folder / 'plots', '--json')
    summary = json.loads(capsys.readouterr().out)
    assert list(summary) == ['bicubic', 'back_projection']
    assert set(summary['bicubic']) == {'mean', 'abu_urban_3'}
    assert (folder / 'plots' / 'abu_urban_3_error.png').is_file()
    run_verb(evaluate_sr, folder, '--models', 'bicubic', '--scale', 4)
    assert 'abu_urban_3' in capsys.readouterr().out


def test_evaluate_sr_through_measured_cameras(shared_data, folder, capsys):
    from hsi_tracking_ros.cli import evaluate_sr

    run_verb(evaluate_sr, folder, '--split', 'all', '--models', 'bicubic', '--camera', 'vis',
             '--responses', shared_data / 'sensor_responses', '--json')
    assert set(json.loads(capsys.readouterr().out)['bicubic']) == {'mean', 'abu_urban_3', 'field'}


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_super_resolve_keeps_the_contract(tmp_path, capsys, dtype):
    from hsi_tracking_ros.cli import super_resolve

    cube = (smooth_cube(12, 5) * 200).astype(dtype)
    np.savez(tmp_path / 'in.npz', cube=cube, wavelength_nm=np.arange(5), gt=np.zeros((12, 12)), scale=0.1)
    status = run_verb(super_resolve, tmp_path / 'in.npz', '--scale', 2, '--model', 'back_projection', '--out',
                      tmp_path / 'out.npz', '--json')
    report = json.loads(capsys.readouterr().out)
    assert (status, report['shape'], report['model'], report['weights_sha256']) == (0, [24, 24, 5], 'back_projection',
                                                                                   None)
    with np.load(tmp_path / 'out.npz') as file:
        assert sorted(file.files) == ['cube', 'scale', 'wavelength_nm']
        assert file['cube'].shape == (24, 24, 5)
        assert file['cube'].dtype == dtype
        np.testing.assert_array_equal(file['cube'], create_super_resolver('back_projection').upscale(cube))
    assert not list(tmp_path.glob('*partial*'))


def test_super_resolve_refuses_bad_files(tmp_path):
    from hsi_tracking_ros.cli import super_resolve

    np.savez(tmp_path / 'in.npz', image=np.zeros((3, 3)))
    (tmp_path / 'text.npz').write_text('no archive')
    for words, message in ((('in.npz', '--out', tmp_path / 'o.npz'), "expected the key cube, got image"),
                           (('text.npz', '--out', tmp_path / 'o.npz'), 'expected a .npz file'),
                           (('in.npz', '--out', tmp_path / 'o.mat'), 'expected --out to end in .npz')):
        with pytest.raises(ValueError, match=message):
            run_verb(super_resolve, tmp_path / words[0], *words[1:], '--model', 'bicubic')
