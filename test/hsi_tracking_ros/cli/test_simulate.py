"""`hsi-tracking simulate`: sequences on disk that `track` reads, a JSON report, clear errors."""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from hsi_models.data.open import open_sequence
from hsi_tracking_ros.cli import simulate


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    simulate.add_arguments(parser)
    return simulate.run(parser.parse_args(words))


@pytest.mark.parametrize(('camera', 'side'), [('vis', 4), ('nir', 5)])
def test_the_synthetic_scene_is_written_and_read_back(camera: str, side: int, tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    assert run('scene', '--out', str(tmp_path / 'seq'), '--frames', '2', '--camera', camera, '--json') == 0
    assert json.loads(capsys.readouterr().out)['frames'] == 2
    sequence = open_sequence(tmp_path / 'seq')
    assert len(sequence) == 2
    assert sequence.camera.mosaic_rows == side
    assert np.isfinite(sequence.boxes).all()


def test_a_scene_is_not_mixed_into_another(tmp_path: Path) -> None:
    assert run('scene', '--out', str(tmp_path), '--frames', '3') == 0
    with pytest.raises(ValueError, match='expected a new or empty folder, got .*, which exists'):
        run('scene', '--out', str(tmp_path), '--frames', '2')
    assert len(open_sequence(tmp_path)) == 3


def test_a_video_is_turned_hyperspectral(shared_data: Path, tmp_path: Path) -> None:
    import cv2
    video = tmp_path / 'clip'
    video.mkdir()
    for index in range(2):
        picture = cv2.imread(str(shared_data / 'videos' / 'girl' / f'{index + 1:04d}.jpg'))
        cv2.imwrite(str(video / f'{index + 1:04d}.jpg'), picture)
    (video / 'groundtruth_rect.txt').write_text('10,10,20,20\n11,10,20,20\n')
    assert run('scene', '--video', str(video), '--out', str(tmp_path / 'seq'), '--light', 'cloud') == 0
    assert len(open_sequence(tmp_path / 'seq')) == 2


def test_a_part_of_the_benchmark_is_generated_with_its_groups(shared_data: Path, tmp_path: Path,
                                                              capsys: pytest.CaptureFixture[str]) -> None:
    words = ['benchmark', '--data', str(shared_data), '--split', 'validation', '--out', str(tmp_path / 'out'),
             '--only', 'pan_00', '--manifest', str(tmp_path / 'made.json'), '--json']
    assert run(*words) == 0
    report = json.loads(capsys.readouterr().out)
    assert report['sequences'] == 1
    assert report['different_from_manifest'] == []
    groups = json.loads((tmp_path / 'out' / 'groups.json').read_text())
    assert list(groups) == ['pan']
    assert len(json.loads((tmp_path / 'made.json').read_text())['splits']['validation'][0]['sha256']) == 64


def test_another_draw_has_names_and_pictures_of_its_own(shared_data: Path, tmp_path: Path,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    words = ['benchmark', '--data', str(shared_data), '--split', 'validation', '--out', str(tmp_path),
             '--only', 'pan_02']
    assert run(*words) == 0
    assert run(*words, '--draw', '2', '--json') == 0
    assert json.loads(capsys.readouterr().out.partition('\n')[2])['different_from_manifest'] == []
    first, other = sorted(path for path in tmp_path.iterdir() if path.is_dir())
    assert other.name == f'{first.name}_draw2'
    assert (open_sequence(first).image(0) != open_sequence(other).image(0)).mean() > 0.5


def test_sequences_to_train_with_are_generated_with_their_groups(shared_data: Path, tmp_path: Path,
                                                                 capsys: pytest.CaptureFixture[str]) -> None:
    words = ['training', '--data', str(shared_data), '--out', str(tmp_path / 'out'), '--count', '8']
    assert run(*words, '--only', 'camouflage_3', '--json') == 0
    report = json.loads(capsys.readouterr().out)
    assert report['sequences'] == 2
    assert run(*words, '--only', 'ordinary_007') == 0
    groups = json.loads((tmp_path / 'out' / 'groups.json').read_text())
    assert {name: len(names) for name, names in groups.items()} == {'camouflage': 2, 'camouflage_3': 2, 'ordinary': 1}
    for name in groups['camouflage']:
        assert np.isfinite(open_sequence(tmp_path / 'out' / name).boxes[0]).all()
    with pytest.raises(ValueError, match='expected a count >= 1, got 0'):
        run('training', '--data', str(shared_data), '--out', str(tmp_path), '--count', '0')


def test_wrong_usage_is_refused(tmp_path: Path) -> None:
    words = ['benchmark', '--data', str(tmp_path), '--split', 'test', '--out', str(tmp_path)]
    with pytest.raises(ValueError, match="expected sequences whose name holds 'nothing', got none"):
        run(*words, '--only', 'nothing')
    with pytest.raises(ValueError, match='expected --jobs >= 1, got 0'):
        run(*words, '--jobs', '0')
    with pytest.raises(ValueError, match='expected draw 0, or one above for validation, got 1 for test'):
        run(*words, '--draw', '1')
    with pytest.raises(ValueError, match='expected --manifest for the benchmark itself, got --draw 1'):
        run(*words, '--draw', '1', '--manifest', str(tmp_path / 'made.json'))
    with pytest.raises(SystemExit):
        run('benchmark', '--split', 'train')
