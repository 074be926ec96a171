"""The rows: name -> a tracker, and what each needs besides the sequences."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hsi_models.checkpoint import load_card
from hsi_models.registry import create_tracker, tracker_names
from hsi_models.tracking.state import Tracker


@dataclass(frozen=True)
class Needs:
    """What some rows cannot do without.

    Args:
        nanotrack: weights of NanoTrack v3, `*.safetensors`.
        nanotrack_v2: weights of NanoTrack v2, `*.safetensors`.
        opencv: a Python with opencv-contrib-python-headless.
        fear_xs: weights of FEAR-XS, `*.safetensors`.
    """

    nanotrack: Path | None = None
    nanotrack_v2: Path | None = None
    opencv: Path | None = None
    fear_xs: Path | None = None


@dataclass(frozen=True)
class Row:
    """One row.

    Args:
        name: of the row and of its folder of results.
        create: makes the tracker.
        speaks: it has a score and a status worth writing down.
        needs: the option without which it cannot run, '' where there is none.
    """

    name: str
    create: Callable[[Needs], Tracker]
    speaks: bool = False
    needs: str = ''


def _pixels(fit: str) -> Callable[[Needs], Tracker]:
    def create(needs: Needs) -> Tracker:
        from benchmarks.peers import pixels
        return pixels.PixelTracker(getattr(pixels, fit))
    return create


def _opencv(name: str) -> Callable[[Needs], Tracker]:
    def create(needs: Needs) -> Tracker:
        from benchmarks.peers.opencv import OpenCvTracker
        if needs.opencv is None:
            raise ValueError(f'expected --opencv PYTHON for {name}, got none')
        return OpenCvTracker(name, needs.opencv)
    return create


def _still(needs: Needs) -> Tracker:
    from benchmarks.peers.still import Still
    return Still()


def _nanotrack(needs: Needs) -> Tracker:
    from hsi_models.tracking.colour_trackers import create_nanotrack
    from hsi_models.tracking.confidence import StatusThresholds
    # As published it follows its best guess for ever: what this project adds for a lost target is not this row's.
    return create_nanotrack(weights=needs.nanotrack, runtime='onnx', thresholds=StatusThresholds(lost_score=0.0))


def _nanotrack_v2(needs: Needs) -> Tracker:
    from benchmarks.peers.nanotrack_v2 import create_nanotrack_v2
    if needs.nanotrack_v2 is None:
        raise ValueError('expected --nanotrack-v2 FILE for nanotrack_v2, got none')
    return create_nanotrack_v2(needs.nanotrack_v2)


def _fear_xs(needs: Needs) -> Tracker:
    from benchmarks.peers.fear_xs import create_fear_xs
    if needs.fear_xs is None:
        raise ValueError('expected --fear-xs FILE for fear_xs, got none')
    return create_fear_xs(needs.fear_xs)


def _fusion(needs: Needs) -> Tracker:
    from hsi_models.tracking.colour_trackers import create_fusion
    from hsi_models.tracking.fusion import FusionConfig
    # As it was measured first: no alignment, one place to look for a lost target.
    return create_fusion(weights=needs.nanotrack, runtime='onnx',
                         fusion=FusionConfig(alike=(1.0, 2.0), places=1))


PEERS = (
    Row('still', _still),
    Row('kcf', _opencv('KCF'), needs='opencv'),
    Row('csrt', _opencv('CSRT'), needs='opencv'),
    Row('mil', _opencv('MIL'), needs='opencv'),
    Row('discriminant', _pixels('fit_discriminant')),
    Row('ace', _pixels('fit_cosine')),
    Row('nanotrack_v3', _nanotrack, speaks=True, needs='nanotrack'),
    Row('nanotrack_v2', _nanotrack_v2, speaks=True, needs='nanotrack_v2'),
    Row('fear_xs', _fear_xs, needs='fear_xs'),
    Row('fusion', _fusion, speaks=True, needs='nanotrack'),
)


def _without(**changes: object) -> Callable[[Needs], Tracker]:
    def create(needs: Needs) -> Tracker:
        from hsi_models.tracking.auto_tracker import create
        from hsi_models.tracking.fusion import FusionConfig
        return create(fusion=FusionConfig(**changes))  # type: ignore[arg-type]
    return create


_NEVER = (2.0, 3.0)     # separability and overlap are at most 1
ABLATIONS = (
    Row('auto_without_prior', _without(prior=0.0), speaks=True),
    Row('auto_without_refinement', _without(refine_share=0.0), speaks=True),
    Row('auto_without_redetection', _without(redetect_roc=2.0), speaks=True),
    Row('auto_told_nothing_separates', _without(separable=_NEVER, redetect_roc=2.0), speaks=True),
)
"""`auto` with a part removed; needs the shipped weights."""


def trained(name: str, weights: Path) -> Row:
    """A row of weights made by `hsi-tracking train`, whose card says of what network and form they are.

    Raises:
        FileNotFoundError: no card beside them.
    """
    network = load_card(weights).name
    return Row(name, lambda needs: create_tracker(network, weights=weights), speaks=True)


def find_rows(names: list[str], needs: Needs, more: Sequence[Row] = ()) -> list[Row]:
    """The rows of these names; without names `more`, or else all peers whose needs are met, and spectral_dcf.

    Raises:
        ValueError: an unknown name, or a row whose need is not met.
    """
    known = {row.name: row for row in (*PEERS, *ABLATIONS, *more)}
    if not names:
        return list(more) or [row for row in PEERS if not row.needs or getattr(needs, row.needs)] \
            + [_own('spectral_dcf')]
    unknown = [name for name in names if name not in known and name not in tracker_names()]
    if unknown:
        raise ValueError(f'expected rows among {", ".join([*known, *tracker_names()])}, got {", ".join(unknown)}')
    rows = [known.get(name) or _own(name) for name in names]
    for row in rows:
        if row.needs and not getattr(needs, row.needs):
            raise ValueError(f'expected --{row.needs.replace("_", "-")} for the row {row.name}, got none')
    return rows


def _own(name: str) -> Row:
    return Row(name.replace(':', '_'), lambda needs: create_tracker(name), speaks=True)
