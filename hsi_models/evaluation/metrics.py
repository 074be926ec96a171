"""The numbers of the field: success, precision and normalised precision from boxes and ground truth."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hsi_models.boxes import iou

Array = npt.NDArray[np.float64]

DP_PX = 20
"""Threshold of DP20, px: the field's one number for precision."""
PRECISION_THRESHOLDS_PX: Array = np.arange(51, dtype=np.float64)
NORMALISED_THRESHOLDS: Array = np.arange(51) / 100
DECIMALS = 9
"""Digits that count in a comparison with a threshold: (x + w) - x is not always w in floating point, and a
perfect box must not miss IoU >= 1 by its last bit."""


@dataclass(frozen=True)
class SuccessProtocol:
    """A way to turn overlaps into a success curve, whose mean is the AUC.

    Args:
        name: as on the command line.
        thresholds: of IoU, (T,), 0..1.
        inclusive: True for IoU >= threshold, False for IoU > threshold.
        description: one line for reports.
    """

    name: str
    thresholds: tuple[float, ...]
    inclusive: bool
    description: str

    def curve(self, overlaps: npt.ArrayLike) -> Array:
        """Fraction of frames that reach each threshold.

        Args:
            overlaps: IoU a frame, (N,), nan where the frame has no valid truth.

        Returns:
            (T,), 0..1; nan without a frame that counts.
        """
        values = np.asarray(overlaps, np.float64)
        values = values[~np.isnan(values)].round(DECIMALS)[:, None]
        thresholds = np.round(self.thresholds, DECIMALS)
        return _fractions(values >= thresholds if self.inclusive else values > thresholds)

    def auc(self, overlaps: npt.ArrayLike) -> float:
        """Mean of `curve`: the area under it."""
        return float(self.curve(overlaps).mean())


PROTOCOLS: dict[str, SuccessProtocol] = {protocol.name: protocol for protocol in (
    SuccessProtocol('hot50', tuple(np.arange(1, 51) / 50), True,
                    'mean over 50 IoU thresholds 0.02, 0.04 .. 1.00, IoU >= threshold'),
    SuccessProtocol('otb21', tuple(np.arange(21) / 20), False,
                    'mean over 21 IoU thresholds 0, 0.05 .. 1.00, IoU > threshold'),
)}


def select_protocols(names: Iterable[str]) -> tuple[SuccessProtocol, ...]:
    """Protocols by name, in this order; raises ValueError for an unknown name, a double one, or none."""
    wanted = [name.strip() for name in names]
    if not wanted or len(set(wanted)) != len(wanted) or not set(wanted) <= set(PROTOCOLS):
        raise ValueError(f'expected one or more protocols of {", ".join(PROTOCOLS)}, each once, '
                         f'got {",".join(wanted) or "none"!r}')
    return tuple(PROTOCOLS[name] for name in wanted)


def is_box(boxes: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """True where a row is a box: finite, with area; boxes (N, 4) -> (N,)."""
    rows = np.asarray(boxes, np.float64)
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise ValueError(f'expected boxes x, y, w, h of shape (N, 4), got {rows.shape}')
    with np.errstate(over='ignore', invalid='ignore'):
        return np.asarray(np.isfinite(rows).all(axis=1) & (rows[:, 2] > 0) & (rows[:, 3] > 0))


def overlaps(truth: npt.ArrayLike, result: npt.ArrayLike) -> Array:
    """IoU a frame; a result that is no box overlaps by 0.

    Args:
        truth, result: boxes x, y, w, h in pixels, (N, 4); nan where there is none.

    Returns:
        (N,), 0..1, nan where the frame has no valid truth.
    """
    first, second, present, both = _pair(truth, result)
    out = np.where(present, 0.0, np.nan)
    with np.errstate(over='ignore'):
        out[both] = iou(first[both], second[both])
    return out


def centre_errors(truth: npt.ArrayLike, result: npt.ArrayLike, normalised: bool = False) -> Array:
    """Distance between centres a frame; a result that is no box is infinitely far.

    Args:
        truth, result: boxes x, y, w, h in pixels, (N, 4); nan where there is none.
        normalised: divide by width and height of the truth (Mueller et al., TrackingNet, ECCV 2018).

    Returns:
        (N,), px or, normalised, in sizes of the target; nan where the frame has no valid truth.
    """
    first, second, present, both = _pair(truth, result)
    out = np.where(present, np.inf, np.nan)
    with np.errstate(over='ignore'):
        offset = first[both, :2] + first[both, 2:] / 2 - second[both, :2] - second[both, 2:] / 2
        if normalised:
            offset = offset / first[both, 2:]
        out[both] = np.hypot(offset[:, 0], offset[:, 1])
    return out


def precision_curve(errors_px: npt.ArrayLike) -> Array:
    """Fraction of frames with centre error strictly below 0, 1 .. 50 px; errors (N,) -> (51,)."""
    return _fractions(_counted(errors_px) < PRECISION_THRESHOLDS_PX)


def normalised_precision_curve(errors: npt.ArrayLike) -> Array:
    """Fraction of frames with normalised centre error at most 0, .01 .. .5; errors (N,) -> (51,)."""
    return _fractions(_counted(errors) <= NORMALISED_THRESHOLDS)


def _pair(truth: npt.ArrayLike, result: npt.ArrayLike) \
        -> tuple[Array, Array, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    first, second = np.asarray(truth, np.float64), np.asarray(result, np.float64)
    if first.shape != second.shape:
        raise ValueError(f'expected one result a frame of the truth {first.shape}, got {second.shape}')
    present = is_box(first)
    return first, second, present, present & is_box(second)


def _counted(errors: npt.ArrayLike) -> Array:
    values = np.asarray(errors, np.float64)
    with np.errstate(over='ignore'):
        return values[~np.isnan(values)].round(DECIMALS)[:, None]


def _fractions(reached: npt.NDArray[np.bool_]) -> Array:
    if not len(reached):
        return np.full(reached.shape[1], np.nan)
    return np.asarray(reached.mean(axis=0))
