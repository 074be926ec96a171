"""The judge on folders, and on the real ground truth whose numbers are known."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hsi_models.evaluation import Report, evaluate
from hsi_models.evaluation.truth import find_truth, read_truth

Write = Callable[..., Path]
FEW = '2 sequences are few: below 10 bootstrap intervals are too narrow and p is too small'
CAR = np.array([[10 + i, 20, 12, 8] for i in range(6)], float)
WALK = np.array([[40, 30 - i, 10, 20] for i in range(4)], float)


def test_mean_over_sequences_not_over_frames(truth: Path, write_results: Write) -> None:
    far = WALK + 500
    report = evaluate(truth, {'half': write_results('half', car=CAR, walk=far)},
                      groups={'driven': ['car'], 'all': ['car', 'walk']})
    tracker = report.trackers['half']
    assert (tracker.mean.auc, tracker.mean.dp20) == (0.5, 0.5)       # 6 and 4 frames weigh alike
    assert tracker.groups['driven'].auc == 1
    assert tracker.groups['all'].auc == 0.5
    assert tracker.mean.frames == 10
    assert report.warnings == (FEW,)


def test_the_first_protocol_is_the_auc_and_every_one_is_there(truth: Path, write_results: Write) -> None:
    folder = write_results('perfect', car=CAR, walk=WALK)
    for protocols, auc in ((['hot50', 'otb21'], 1.0), (['otb21', 'hot50'], 20 / 21), (['otb21'], 20 / 21)):
        value = evaluate(truth, {'perfect': folder}, protocols=protocols).to_json()
        assert value['protocol'] == protocols[0]
        assert value['trackers']['perfect']['auc'] == pytest.approx(auc)
        assert all(f'auc_{name}' in value['trackers']['perfect'] for name in protocols)


def test_missing_rows_files_and_extra_ones_are_said(truth: Path, write_results: Write) -> None:
    folder = write_results('short', car='10,20,12,8\n11,20,12,8\nrubbish\n', other=CAR)
    report = evaluate(truth, {'short': folder})
    assert report.trackers['short'].sequences['car'].auc == pytest.approx(2 / 6)
    assert report.trackers['short'].sequences['walk'].auc == 0
    assert report.trackers['short'].mean.missed == 8
    assert report.warnings == (
        FEW,
        'short: 1 of 2 sequences have no results and count as missed: walk',
        'short: 1 files are of no sequence with ground truth (left out): other',
        'short/car: 1 rows cannot be read, the first in line 3 (count as misses)',
        'short/car: 3 of 6 rows missing (count as misses)')


def test_status_calibration_and_fps_reach_the_json(truth: Path, write_results: Write) -> None:
    rows = '10,20,12,8,1,TRACKING\n11,20,12,8,.9,TRACKING\n' + 'nan,nan,nan,nan,.1,LOST\n' * 4
    folder = write_results('honest', car=rows, walk=WALK)
    (folder / 'summary.json').write_text('{"fps": 25}')
    value = json.loads(json.dumps(evaluate(truth, {'honest': folder}).to_json(), allow_nan=False))['trackers']['honest']
    assert value['fps'] == 25
    assert (value['status']['frames'], value['status']['lost']) == (5, 4)
    assert value['status']['visible_lost'] == 0.8
    assert value['status']['absent_recall'] is None
    assert value['calibration']['frames'] == 5
    assert value['calibration']['expected_calibration_error'] == pytest.approx(0.1)
    assert value['sequences']['car']['auc'] == pytest.approx(2 / 6)
    boxes_alone = evaluate(truth, {'b': write_results('b', car=CAR, walk=WALK)}).to_json()['trackers']['b']
    assert boxes_alone['status'] is None
    assert boxes_alone['calibration'] is None
    assert boxes_alone['fps'] is None


def test_perturbed_first_boxes_in_sub_folders(truth: Path, write_results: Write) -> None:
    folder = write_results('robust', car=CAR, walk=WALK)
    write_results('robust/shift_left', car=CAR, walk=WALK)
    write_results('robust/scale_120', car=CAR, walk=WALK + 500)
    value = evaluate(truth, {'robust': folder}).to_json()['trackers']['robust']
    assert value['auc'] == 1
    assert (value['robustness']['auc'], value['robustness']['worst_auc']) == (0.75, 0.5)
    assert set(value['robustness']['perturbations']) == {'shift_left', 'scale_120'}


def test_every_pair_is_compared(truth: Path, write_results: Write) -> None:
    folders = {name: write_results(name, car=CAR + [shift, 0, 0, 0], walk=WALK) for name, shift in
               (('a', 0), ('b', 3), ('c', 6))}
    report = evaluate(truth, folders)
    assert [(one.first, one.second) for one in report.comparisons] == [('a', 'b'), ('a', 'c'), ('b', 'c')]
    assert report.comparisons[0].auc.difference == pytest.approx(
        report.trackers['a'].mean.auc - report.trackers['b'].mean.auc)
    assert [one.name for one in report.ranking] == ['a', 'b', 'c']


@pytest.mark.parametrize(('change', 'message'), [
    ({'results': {}}, 'expected the results of one or more trackers, got none'),
    ({'results': {'a': 'absent'}}, 'a: expected a folder of results, got absent'),
    ({'ground_truth': 'absent'}, 'expected a folder of ground truth, got absent'),
    ({'groups': {'g': ['plane']}}, "groups: group 'g' names 1 sequences that have no ground truth: plane"),
    ({'protocols': ['vot']}, "got 'vot'"),
])
def test_what_cannot_be_judged(truth: Path, write_results: Write, change: dict[str, object], message: str) -> None:
    arguments = {'ground_truth': truth, 'results': {'a': write_results('a', car=CAR, walk=WALK)}, **change}
    with pytest.raises(ValueError, match=message):
        evaluate(**arguments)


def test_a_folder_of_something_else(truth: Path, write_results: Write) -> None:
    with pytest.raises(ValueError, match=r'a: expected .*/<sequence>.txt for the 2 sequences of the truth '
                                         r'\(car, walk\), got plane'):
        evaluate(truth, {'a': write_results('a', plane=CAR)})


# What the protocol gives on the 35 ground-truth files of HOTC 2020 is known.

@pytest.fixture(scope='module')
def hotc(shared_data: Path) -> dict[str, np.ndarray]:
    return {name: read_truth(path) for name, path in find_truth(shared_data / 'hotc2020_gt_boxes').items()}


@pytest.fixture(scope='module')
def hotc_report(shared_data: Path, hotc: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Report:
    root = tmp_path_factory.mktemp('hotc')
    rng = np.random.default_rng(0)
    for name, boxes in hotc.items():
        made = {'still': np.repeat(boxes[:1], len(boxes), axis=0), 'perfect': boxes}
        for sigma in (1, 2, 3):
            made[f'noise{sigma}'] = boxes + np.pad(rng.normal(0, sigma, (len(boxes), 2)), ((0, 0), (0, 2)))
        for tracker, rows in made.items():
            (root / tracker).mkdir(exist_ok=True)
            (root / tracker / f'{name}.txt').write_text('\n'.join(','.join(map(str, row)) for row in rows.tolist()))
    return evaluate(shared_data / 'hotc2020_gt_boxes', {path.name: path for path in sorted(root.iterdir())})


def test_all_sequences_of_hotc_2020_are_read(hotc: dict[str, np.ndarray]) -> None:
    assert len(hotc) == 35
    assert sum(map(len, hotc.values())) == 16_574


@pytest.mark.parametrize(('tracker', 'auc'), [
    ('still', .158), ('noise1', .873), ('noise2', .776), ('noise3', .695), ('perfect', 1.0)])
def test_known_auc(hotc_report: Report, tracker: str, auc: float) -> None:
    assert hotc_report.trackers[tracker].mean.auc == pytest.approx(auc, abs=.005)


def test_first_box_held_still(hotc_report: Report) -> None:
    still = hotc_report.trackers['still'].mean
    assert still.auc == pytest.approx(.158, abs=.0005)
    assert still.dp20 == pytest.approx(.311, abs=.0005)


@pytest.mark.parametrize('tracker', ['still', 'noise1', 'noise2', 'noise3'])
def test_the_otb_variant_differs_in_the_third_decimal(hotc_report: Report, tracker: str) -> None:
    aucs = hotc_report.trackers[tracker].mean.aucs
    assert 0 < abs(aucs['hot50'] - aucs['otb21']) < .009


def test_the_order_of_trackers_is_certain(hotc_report: Report) -> None:
    assert [one.name for one in hotc_report.ranking] == ['perfect', 'noise1', 'noise2', 'noise3', 'still']
    assert all(one.auc.p < .001 for one in hotc_report.comparisons)
    assert hotc_report.warnings == ()
