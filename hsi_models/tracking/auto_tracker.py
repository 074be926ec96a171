"""`auto`, the default tracker: false colour and target probability through one trained network (`networks.auto_net`).

What the spectrum says is estimated and used as in the untrained fusion (`fusion`); how far each picture is believed,
cell by cell, has been learned, and so has where the edges of a target are in the probability (`box_refinement`).
"""
from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hsi_models.runtime.executor import Executor, Precision, Runtime, State
from hsi_models.tracking.box_refinement import BoxRefinement, create_refinement, shipped_refiner
from hsi_models.tracking.confidence import ScoreModel, StatusThresholds
from hsi_models.tracking.fusion import FusionConfig, FusionMatcher, FusionTemplate, grey_picture
from hsi_models.tracking.matcher import Geometry
from hsi_models.tracking.network_matcher import target_score
from hsi_models.tracking.siamese import SiameseTracker
from hsi_models.tracking.siamese_config import SiameseConfig, siamese_score

Floats = npt.NDArray[np.float32]

GEOMETRY = Geometry(cells=15, stride=16)


class AutoMatcher(FusionMatcher):
    """The fusion with a network that mixes by itself; follows `Matcher`.

    Args:
        executor: of `AutoNet`.
        config: how far the spectrum is followed outside of the network; `share` is not used.
        refinement: of its boxes; None for what needs no training.
    """

    def __init__(self, executor: Executor, config: FusionConfig | None = None,
                 refinement: BoxRefinement | None = None) -> None:
        super().__init__(executor, executor, GEOMETRY, config, refinement)

    def _keep(self, template: FusionTemplate, image: Floats, p: Floats) -> State:
        separability = template.probability.separability
        trust = np.array([[separability.roc, separability.ok, template.weight]], np.float32)
        return self.double.template(np.stack([image, grey_picture(p)])[None], trust)

    def _respond(self, template: FusionTemplate, image: Floats, p: Floats) -> tuple[Floats, Floats]:
        logits, distances = self.double.search(template.state, np.stack([image, grey_picture(p)])[None])
        return target_score(logits[0]), distances[0]


def create(device: str = 'cpu', *, weights: str | Path | None = None, refiner: str | Path | None = None,
           runtime: Runtime | None = None, precision: Precision = 'fp32', config: SiameseConfig | None = None,
           fusion: FusionConfig | None = None, thresholds: StatusThresholds | None = None) -> SiameseTracker:
    """The default tracker.

    Args:
        device: `cpu` or `cuda[:N]`.
        weights: a file made by `hsi-tracking train auto`, or a folder by `hsi-tracking export auto`, which needs no
            PyTorch; None for the shipped ones.
        refiner: a file made by `hsi-tracking train box_refiner`; None for the shipped ones.
        runtime: see `runtime.paths.create_executor`; None: ONNX Runtime on a CPU where it is installed (less than
            half the time), else eager.
        precision: see there.
        config: how a response becomes a box; None: `auto_config`.
        fusion: how far the spectrum is followed outside of the network.
        thresholds: of the status.

    Raises:
        FileNotFoundError: no such file.
        ValueError: weights of another network, or a runtime that does not exist there.
    """
    if weights is not None and Path(weights).is_dir():
        if refiner is not None:
            raise ValueError(f'expected no refiner with an exported folder, which has one, got {refiner}')
        return _of_exported(Path(weights), device, runtime or 'onnx', precision, config, fusion, thresholds)
    from hsi_models.checkpoint import load_weights, sha256_of
    from hsi_models.networks.auto_net import AutoNet
    from hsi_models.runtime.paths import auto_paths, create_executor

    path, network = shipped_weights() if weights is None else Path(weights), AutoNet()
    other = shipped_refiner() if refiner is None else Path(refiner)
    load_weights(network, path)
    runtime = runtime or _fastest(device, precision)
    # A second thread gains nothing on crops of this size, and waits for the first at full load.
    executor = create_executor(auto_paths(network), runtime, device=device, precision=precision, threads=1)
    refinement = create_refinement(other, device=device, runtime=runtime, precision=precision)
    return SiameseTracker(AutoMatcher(executor, fusion, refinement), config or auto_config(), thresholds,
                          sha256_of(path, other), runtime=runtime, precision=precision)


def _of_exported(folder: Path, device: str, runtime: Runtime, precision: Precision, config: SiameseConfig | None,
                 fusion: FusionConfig | None, thresholds: StatusThresholds | None) -> SiameseTracker:
    from hsi_models.runtime.onnx import AUTO, REFINER, REFINER_FOLDER, OnnxExecutor, open_exported

    exported = open_exported(folder, AUTO, device, runtime, precision)
    refiner = open_exported(folder / REFINER_FOLDER, REFINER, device, runtime, precision)
    if refiner.weights_sha256 != exported.weights_sha256:       # both have that of both
        raise ValueError(f'expected both networks of one export in {folder}, got a refiner of another one')
    matcher = AutoMatcher(OnnxExecutor(folder, threads=1), fusion,
                          BoxRefinement(OnnxExecutor(folder / REFINER_FOLDER, threads=1)))
    return SiameseTracker(matcher, config or auto_config(), thresholds, exported.weights_sha256, runtime=runtime,
                          precision=precision)


def auto_score() -> ScoreModel:
    """From cues to confidence; where the spectrum tells nothing, that of NanoTrack.

    Fitted on 6683 frames of the benchmark's validation part and draws 1 to 6 of it (Brier score .079 where a source was
    left out, .126 for a constant), all but the slope of the contrast: twice the fitted one, so that a target whose
    spectrum is gone is LOST in time, and looked for.
    """
    return ScoreModel(bias=3.68, peak=0.54, psr=0.75, angle=-0.65, jump=0.0, contrast=6.0, typical_psr=200.0,
                      without_contrast=siamese_score())


def auto_config() -> SiameseConfig:
    """How a response becomes a box: as in NanoTrack v3, whose shape the network has.

    A lost target regains its usual size, and is followed where nothing tells its place from another (chosen on the
    benchmark's validation part and draws 1 to 6 of it).
    """
    return SiameseConfig(score=auto_score(), usual_size=15, stay_below=0.75)


def _fastest(device: str, precision: Precision) -> Runtime:
    onnx = device == 'cpu' and precision == 'fp32' and all(find_spec(name) for name in ('onnx', 'onnxruntime'))
    return 'onnx' if onnx else 'eager'


def shipped_weights() -> Path:
    """Where the package keeps the weights of `auto`; those of its box refinement are `shipped_refiner`."""
    from hsi_models.checkpoint import shipped_path

    return shipped_path('auto')


def shipped_sha256(*_: Any, **__: Any) -> str | None:
    """SHA-256 of the shipped weights, one file after the other; None where one is missing."""
    from hsi_models.checkpoint import sha256_of

    paths = shipped_weights(), shipped_refiner()
    return sha256_of(*paths) if all(path.is_file() for path in paths) else None


def measure(bands: int, scale: int, **_: Any) -> tuple[int, float]:
    """Parameters, and 1e9 multiply-accumulates of both networks for one frame; the number of bands does not matter."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from hsi_models.networks.auto_net import TRUST_SIZE, AutoNet
    from hsi_models.networks.box_refiner import SIDE, BoxRefiner

    with torch.inference_mode(), torch.device('meta'):
        network, refiner, picture = AutoNet().eval(), BoxRefiner().eval(), torch.zeros(1, 1, SIDE, SIDE)
        first = refiner.template(picture)
        size = GEOMETRY.template_size, GEOMETRY.search_size
        state = network.template(torch.zeros(1, 2, 3, size[0], size[0]), torch.zeros(1, TRUST_SIZE))
        with FlopCounterMode(display=False) as counter:
            network.search(torch.zeros(1, 2, 3, size[1], size[1]), *state)
            refiner.search(picture, *first)
    return (sum(parameter.numel() for one in (network, refiner) for parameter in one.parameters()),
            int(counter.get_total_flops()) / 2e9)
