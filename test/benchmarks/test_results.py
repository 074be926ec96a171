"""docs/results.md: numbers of the evaluator, where they belong, and the same page from the same boxes."""
from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.results import fill_card, judge, page, rivals_table, weights

TRUTH = np.array([[10.0 + 2 * i, 20.0, 30.0, 20.0] for i in range(12)])


def write(path, boxes):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, boxes, delimiter=',', fmt='%.3f')


@pytest.fixture
def bench(tmp_path):
    """Two splits of two sequences; `auto` is right, `still` stays on the first box."""
    for split in ('test', 'validation'):
        for name in ('ordinary_a', 'pan_b'):
            write(tmp_path / split / name / 'groundtruth_rect.txt', TRUTH)
            (tmp_path / split / name / 'attributes.txt').write_text('blur\n')
            results = tmp_path / 'results' / split
            write(results / 'still' / f'{name}.txt', np.repeat(TRUTH[:1], 12, axis=0))
            write(results / 'auto' / f'{name}.txt', TRUTH)
            write(results / 'auto' / 'jitter_1' / f'{name}.txt', TRUTH + [5, 0, 0, 0])
            (results / 'auto' / f'{name}.json').write_text('{"weights_sha256": "abc0.5", "frames": 12, "fps": 50}')
        (tmp_path / split / 'groups.json').write_text('{"ordinary": ["ordinary_a"], "pan": ["pan_b"]}')
    return tmp_path


def test_the_page_holds_every_row_the_differences_first_boxes_and_hashes(bench):
    found = subprocess.run([sys.executable, '-m', 'benchmarks.results', str(bench)], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    report = judge(bench / 'test', bench / 'results' / 'test')
    still, ours = (report.trackers[name] for name in ('still', 'auto'))
    assert ours.mean.auc > 0.95 > 0.6 > still.mean.auc
    assert f'| first box held still | {still.groups["ordinary"].auc:.3f} / '.replace('0.', '.', 1) in found.stdout
    assert f'| first box held still | +{ours.mean.auc - still.mean.auc:.3f}'.replace('0.', '.') in found.stdout
    jittered = ours.robustness['jitter_1'].auc
    assert 0.5 < jittered < ours.mean.auc
    assert f'| {jittered - ours.mean.auc:+.3f} |'.replace('0.', '.') in found.stdout
    assert '`abc0.5`' in found.stdout, 'a hash is no number'
    assert weights(bench / 'results' / 'test') == {'auto': 'abc0.5'}
    assert found.stdout.count('\n## Test: 2 sequences, 24 frames') == 1
    assert page({'test': report, 'validation': judge(bench / 'validation', bench / 'results' / 'validation')},
                {'auto': 'abc0.5'}) == found.stdout


def test_no_rows_are_an_error_that_says_what_makes_them(bench):
    found = subprocess.run([sys.executable, '-m', 'benchmarks.results', str(bench / 'test')], capture_output=True,
                           text=True)
    assert found.returncode == 2
    assert 'benchmarks.peers' in found.stderr


def test_a_card_receives_the_scores_of_its_own_weights_only(bench):
    card = bench / 'auto.json'
    card.write_text(json.dumps({'sha256': 'abc0.5', 'validation': {'pair_iou': 0.7}, 'test': {}}))
    reports = {split: judge(bench / split, bench / 'results' / split) for split in ('test', 'validation')}
    fill_card(card, 'auto', reports, {'auto': 'abc0.5'})
    filled = json.loads(card.read_text())
    assert filled['validation']['pair_iou'] == 0.7
    auc, low, high = filled['test']['success_auc_and_95_percent_interval']['all']
    assert auc == round(reports['test'].trackers['auto'].mean.auc, 3)
    assert low <= auc <= high
    with pytest.raises(ValueError, match="expected a row 'auto' made with the weights abc0.5, got def"):
        fill_card(card, 'auto', reports, {'auto': 'def'})
    both = [bench / name for name in ('auto.safetensors', 'box_refiner.safetensors')]
    for number, path in enumerate(both):
        path.write_bytes(bytes([number]))
    fill_card(card, 'auto', reports, {'auto': hashlib.sha256(bytes([0, 1])).hexdigest()}, both[1:])
    with pytest.raises(ValueError, match='got abc0.5'):
        fill_card(card, 'auto', reports, {'auto': 'abc0.5'}, both[1:])


def test_a_published_network_is_set_against_its_form_without_a_spectrum(bench):
    assert rivals_table(judge(bench / 'test', bench / 'results' / 'test')) == ''
    for split in ('test', 'validation'):
        for name in ('ordinary_a', 'pan_b'):
            write(bench / 'results' / split / 'ssf_net_fast' / f'{name}.txt', TRUTH)
            write(bench / 'results' / split / 'ssf_net_rgb' / f'{name}.txt', TRUTH + [5, 0, 0, 0])
    report = judge(bench / 'test', bench / 'results' / 'test')
    lines = rivals_table(report).splitlines()
    gain = report.trackers['ssf_net_fast'].mean.auc - report.trackers['ssf_net_rgb'].mean.auc
    assert gain > 0.1
    assert len(lines) == 3, 'no CSRT here'
    assert lines[2].startswith('| `ssf_net:fast` | `ssf_net:fast`, false colour only |')
    assert f'+{gain:.3f}'.replace('0.', '.') in lines[2].split('|')[-2]
