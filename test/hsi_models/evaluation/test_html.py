"""The report: well-formed, self-contained, and true to the numbers."""
from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from hsi_models.evaluation import evaluate, strips
from hsi_models.evaluation.html import write_html
from hsi_models.evaluation.report import Report
from hsi_models.evaluation.results import SequenceResult
from hsi_models.evaluation.svg import PALETTE, Row, bar_chart, dot_plot, styles
from hsi_models.evaluation.tables import format_report

EVIL = '<b>&"x'
CAR = np.array([[10 + i, 20, 12, 8] for i in range(6)], float)
WALK = np.array([[40, 30 - i, 10, 20] for i in range(4)], float)


@pytest.fixture
def report(truth: Path, write_results: Callable[..., Path]) -> Report:
    scored = '\n'.join(f'{x},{y},{w},{h},.8,TRACKING' for x, y, w, h in CAR)
    good = write_results('good', car=scored, walk=WALK)
    write_results('good/shift_up', car=CAR, walk=WALK)
    (truth / 'attributes.json').write_text('{"car": ["blur"]}')
    return evaluate(truth, {'good': good, EVIL: write_results('bad', car=CAR + 4)},
                    groups={'<i>moving</i>': ['car', 'walk']})


def test_page_holds_everything_and_needs_nothing(report: Report, tmp_path: Path) -> None:
    page = write_html(report, tmp_path / 'deep' / 'html').read_text()
    assert '<b>&' not in page
    assert '<i>' not in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert not re.findall(r'https?://(?!www.w3.org/2000/svg)', page)
    for image in re.findall(r'<svg xmlns.*?</svg>(?=</figure>)', page):
        ElementTree.fromstring(image)
    for heading in ('Overall', 'Differences', 'Groups', 'Attributes', 'Robustness', 'Sequences', 'Warnings'):
        assert heading in page
    assert '&lt;b&gt;&amp;&quot;x: 1 of 2 sequences have no results' in page


def test_files_beside_the_page(report: Report, tmp_path: Path) -> None:
    write_html(report, tmp_path)
    assert json.loads((tmp_path / 'report.json').read_text()) == json.loads(json.dumps(report.to_json()))
    figures = sorted(path.stem for path in (tmp_path / 'figures').iterdir())
    assert figures == ['attributes', 'auc_intervals', 'first_box', 'groups', 'normalised_precision', 'precision',
                       'reliability', 'success']
    for path in (tmp_path / 'figures').iterdir():
        assert ElementTree.parse(path).getroot().tag == '{http://www.w3.org/2000/svg}svg'


def test_figures_say_the_numbers(report: Report, tmp_path: Path) -> None:
    write_html(report, tmp_path)
    auc = report.trackers['good'].mean.auc
    for name in ('success', 'auc_intervals', 'groups'):
        assert f'{auc:.3f}' in (tmp_path / 'figures' / f'{name}.svg').read_text()


def test_one_tracker_on_one_sequence_still_makes_a_page(tmp_path: Path, write_results: Callable[..., Path]) -> None:
    (tmp_path / 'gt').mkdir()
    (tmp_path / 'gt' / 'car_gt.txt').write_text('1 2 3 4\n')
    report = evaluate(tmp_path / 'gt', {'a': write_results('a', car='1,2,3,4\n')})
    assert 'nan' not in write_html(report, tmp_path / 'html').read_text()
    assert 'nan' not in format_report(report)


def test_strip_draws_truth_boxes_and_marks_misses() -> None:
    results = {'a': SequenceResult.of_boxes(CAR), 'b': SequenceResult.of_boxes(np.full((6, 4), math.nan))}
    truth = CAR.copy()
    truth[3] = math.nan
    images = {index: np.full((50, 100, 3), 90, np.uint8) for index in (0, 3)}
    image = ElementTree.fromstring(strips.strip(images, truth, results, styles(['a', 'b'])))
    frames = [[child.tag.rpartition('}')[2] for child in frame] for frame in image]
    assert frames == [['image', 'rect', 'rect', 'circle', 'text'], ['image', 'rect', 'circle', 'text']]
    box = image[0][1]
    assert [float(box.get(key)) for key in ('x', 'y', 'width', 'height')] == [25, 50, 30, 20]     # 250 px for 100


def test_strips_from_a_folder_of_mosaics(report: Report, truth: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, boxes in report.truth.items():
        (truth / name / 'HSI').mkdir()
        (truth / name / 'wavelengths.json').write_text(json.dumps({
            'mosaic': [2, 2], 'centre_nm': [480, 520, 560, 620], 'fwhm_nm': 12, 'bit_depth': 10}))
        for index in range(len(boxes)):
            mosaic = rng.integers(0, 1000, (2 * 50, 2 * 80)).astype(np.uint16)
            cv2.imwrite(str(truth / name / 'HSI' / f'{index + 1:04d}.png'), mosaic)
    page = write_html(report, tmp_path / 'html', truth).read_text()
    assert page.count('data:image/jpeg;base64,') == 5 + 4       # five of 6 frames, all of 4
    car = ElementTree.parse(tmp_path / 'html' / 'figures' / 'strip_car.svg').getroot()
    assert float(car[0].get('height')) == pytest.approx(250 * 50 / 80, abs=0.1)     # of the cube, not the mosaic


def test_strips_without_images(report: Report, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='expected images of the sequences in .* found none of the 2'):
        write_html(report, tmp_path / 'html', tmp_path / 'nowhere')


def test_styles_differ_for_many_trackers() -> None:
    names = [f't{index}' for index in range(3 * len(PALETTE))]
    assert len(set(styles(names).values())) == len(names)


def test_unknown_values_leave_no_mark() -> None:
    style = styles(['a'])['a']
    assert '<circle' not in dot_plot([Row('a', style, math.nan)], 'AUC')
    assert '<rect' not in bar_chart([('g', [Row('a', style, math.nan)])], 'AUC')


def test_text_tables_are_aligned(report: Report) -> None:
    sections = format_report(report).split('\n\n')
    assert [section.splitlines()[0].split(':')[0].split(' (')[0] for section in sections] == [
        'Sequences', 'Attributes', 'Groups', 'First box perturbed', 'Differences of AUC', 'Overall']
    header, _, *rows = sections[0].splitlines()[1:]
    assert len({len(line) for line in (header, *rows)}) == 1
    assert rows[0].split()[:5] == ['car', '6', '1.000', '/', '1.000']
    assert sections[-1].splitlines()[-2].split()[:2] == ['good', '1.000']      # best first
