"""Success and precision as the field defines them."""
from __future__ import annotations

import numpy as np
import pytest

from hsi_models.evaluation.metrics import (
    PROTOCOLS,
    centre_errors,
    normalised_precision_curve,
    overlaps,
    precision_curve,
    select_protocols,
)

HOT50, OTB21 = PROTOCOLS['hot50'], PROTOCOLS['otb21']
NAN = [np.nan] * 4


@pytest.mark.parametrize(('iou', 'hot50', 'otb21'), [
    (0.0, 0, 0),            # no threshold of hot50 is 0; otb21 wants more than 0
    (0.5, 25, 10),          # >= counts .50, > does not
    (0.500001, 25, 11),
    (1.0, 50, 20),
    (0.02, 1, 1),
    (0.15, 7, 3),           # .15 is not 3 * .05 in binary
    (0.3, 15, 6),           # nor .3
])
def test_number_of_thresholds_reached(iou: float, hot50: int, otb21: int) -> None:
    assert HOT50.auc([iou]) == pytest.approx(hot50 / 50)
    assert OTB21.auc([iou]) == pytest.approx(otb21 / 21)


def test_perfect_boxes_are_perfect_in_spite_of_floating_point() -> None:
    rng = np.random.default_rng(0)
    boxes = np.hstack([rng.uniform(0, 500, (2000, 2)), rng.uniform(.3, 90, (2000, 2))])
    assert HOT50.auc(overlaps(boxes, boxes)) == 1.0


def test_frames_without_truth_are_left_out_and_misses_count() -> None:
    truth = np.array([[0, 0, 10, 10], NAN, [0, 0, 0, 10], [0, 0, 10, 10]], float)
    result = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], NAN], float)
    iou = overlaps(truth, result)
    np.testing.assert_array_equal(iou, [1, np.nan, np.nan, 0])
    np.testing.assert_array_equal(centre_errors(truth, result), [0, np.nan, np.nan, np.inf])
    assert HOT50.auc(iou) == 0.5
    assert precision_curve(centre_errors(truth, result))[20] == 0.5


@pytest.mark.parametrize('row', [
    NAN, [np.inf, 0, 10, 10], [0, 0, 0, 0], [0, 0, -10, -10], [1e308, 1e308, 1e308, 1e308]])
def test_what_is_no_box_is_a_miss_without_a_warning(row: list[float], recwarn: pytest.WarningsRecorder) -> None:
    truth = np.array([[0, 0, 10, 10]], float)
    assert overlaps(truth, np.array([row], float))[0] == 0
    errors = centre_errors(truth, np.array([row], float))
    assert not precision_curve(errors).any()
    assert not recwarn.list


def test_dp20_is_strictly_below_20_px() -> None:
    truth = np.array([[0, 0, 10, 10]] * 3, float)
    result = truth + [[20, 0, 0, 0], [19.99, 0, 0, 0], [12, 16, 0, 0]]
    assert precision_curve(centre_errors(truth, result))[20] == pytest.approx(1 / 3)
    assert precision_curve(centre_errors(truth, result))[21] == 1


def test_normalised_error_is_in_sizes_of_the_target() -> None:
    truth = np.array([[0, 0, 40, 10]], float)
    errors = centre_errors(truth, truth + [[8, 0, 0, 0]], normalised=True)
    assert errors == pytest.approx([0.2])
    curve = normalised_precision_curve(errors)
    assert curve[19] == 0
    assert curve[20] == 1       # at most, not below
    np.testing.assert_allclose(centre_errors(3 * truth, 3 * (truth + [[8, 0, 0, 0]]), normalised=True), errors)


def test_curves_fall_and_rise_and_ignore_scale() -> None:
    rng = np.random.default_rng(1)
    truth = np.hstack([rng.uniform(0, 200, (300, 2)), rng.uniform(5, 60, (300, 2))])
    result = truth + rng.normal(0, 8, truth.shape)
    iou = overlaps(truth, result)
    for protocol in PROTOCOLS.values():
        assert (np.diff(protocol.curve(iou)) <= 0).all()
        assert protocol.auc(overlaps(2 * truth, 2 * result)) == pytest.approx(protocol.auc(iou))
    assert (np.diff(precision_curve(centre_errors(truth, result))) >= 0).all()
    assert HOT50.auc(iou) == pytest.approx(iou.mean(), abs=0.011)       # the area under success is the mean IoU


def test_without_a_frame_that_counts_scores_are_unknown() -> None:
    assert np.isnan(HOT50.auc([np.nan]))
    assert np.isnan(precision_curve([])).all()


@pytest.mark.parametrize('names', [['hot51'], [], ['hot50', 'hot50'], ['']])
def test_unknown_protocols_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match='expected one or more protocols of hot50, otb21, each once, got'):
        select_protocols(names)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match=r'expected one result a frame of the truth \(2, 4\), got \(1, 4\)'):
        overlaps(np.zeros((2, 4)), np.zeros((1, 4)))
    with pytest.raises(ValueError, match=r'shape \(N, 4\), got \(4,\)'):
        overlaps(np.zeros(4), np.zeros(4))
