"""SSF-Net and BCR-Net as trackers, from shipped weights or others given by path, and what they cost."""
from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from hsi_models.runtime.by_bands import ExecutorByBands
from hsi_models.runtime.executor import Executor, Precision, Runtime
from hsi_models.tracking.confidence import ScoreModel, StatusThresholds
from hsi_models.tracking.network_matcher import HyperspectralMatcher
from hsi_models.tracking.siamese import SiameseTracker
from hsi_models.tracking.siamese_config import SiameseConfig
from hsi_models.tracking.template_update import TemplateUpdateConfig

_EXAMPLE_BANDS = 16     # `eager` takes any number
_SUREST = 3.0           # see `target_score`; chosen on validation
_PLACES = 2             # that are proposed for a lost target by a form that looks at its spectrum; as for auto


def published_score(network: str = 'ssf_net') -> ScoreModel:
    """From cues to confidence, fitted to each network's answers on the benchmark's validation sequences.

    1770 frames each, absent targets among them. Brier score: SSF-Net .153 (.168 without the contrast, .250 for a
    constant), BCR-Net .161 (.174, .248).

    Args:
        network: as in `create`.
    """
    if network.startswith('bcr_net'):
        return ScoreModel(bias=2.45, peak=0.0, psr=0.58, angle=-0.55, jump=-0.1, contrast=1.65, typical_psr=1000.0)
    return ScoreModel(bias=2.25, peak=0.0, psr=0.52, angle=-0.68, jump=-0.1, contrast=2.0, typical_psr=300.0)


def published_config(network: str) -> SiameseConfig:
    """How a response becomes a box in the SiamBAN family, from which both networks come.

    Penalty .085, window .46, learning rate .44. BCR-Net renews its template (section 3.1), by the rule of
    `template_update`. Ours: sizes are corrected by the answer to the first frame, the score, and how a lost target is
    looked for, as for auto.

    Args:
        network: as in `create`.
    """
    update = TemplateUpdateConfig() if network.startswith('bcr_net') else None
    return SiameseConfig(penalty=0.085, window=0.46, learning_rate=0.44, score=published_score(network), update=update,
                         first_size=True, usual_size=15, stay_below=0.75)


def create(device: str = 'cpu', *, network: str, weights: str | Path | None = None, runtime: Runtime | None = None,
           precision: Precision = 'fp32', config: SiameseConfig | None = None,
           thresholds: StatusThresholds | None = None) -> SiameseTracker:
    """A tracker around a published network.

    Args:
        device: `cpu` or `cuda[:N]`.
        network: `ssf_net` or `bcr_net`, with `:fast` or `:paper`.
        weights: trained weights, safetensors; an ablation is told by the card beside them; or a folder made by
            `hsi-tracking export`, which needs no PyTorch; None for the shipped ones.
        runtime, precision: see `runtime.paths.create_executor`; what has fixed shapes (`cuda_graph`, `onnx`) is
            recorded or exported when the first frame tells the number of bands. None: eager, or onnx for a folder.
        config: how a response becomes a box; None: as published, see `published_config`.
        thresholds: of the status.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no weights given, or weights that do not fit: an untrained network is not a tracker.
    """
    path = shipped_weights(network) if weights is None else Path(weights)
    if path.is_dir():
        return _of_exported(path, network, device, runtime or 'onnx', precision, config, thresholds)
    runtime = runtime or 'eager'
    if weights is None and not path.is_file():
        raise ValueError(f'expected weights=PATH with trained weights of {network}, got none: this version ships none, '
                         'and an untrained network is not a tracker; use auto or spectral_dcf')
    from hsi_models.checkpoint import load_weights, sha256_of
    from hsi_models.runtime.export import build_network
    from hsi_models.runtime.paths import create_executor, network_paths, require_runtime

    require_runtime(runtime, device, precision)     # here, not at the first frame
    module = build_network(network, path)
    load_weights(module, path)

    def make(bands: int) -> Executor:
        return create_executor(network_paths(module.eval(), bands), runtime, device=device, precision=precision)

    executor = make(_EXAMPLE_BANDS) if runtime == 'eager' else ExecutorByBands(make)
    matcher = HyperspectralMatcher(executor, surest=_SUREST,
                                   places=_PLACES if hasattr(module, 'match_logits') else 0)
    return SiameseTracker(matcher, config or published_config(network), thresholds, sha256_of(path), runtime=runtime,
                          precision=precision)


def _of_exported(folder: Path, network: str, device: str, runtime: Runtime, precision: Precision,
                 config: SiameseConfig | None, thresholds: StatusThresholds | None) -> SiameseTracker:
    from hsi_models.runtime.onnx import OUTPUTS, OnnxExecutor, open_exported

    exported = open_exported(folder, network, device, runtime, precision)
    looks = exported.outputs == list(OUTPUTS)       # at its spectrum: it gives a contrast
    matcher = HyperspectralMatcher(OnnxExecutor(folder), surest=_SUREST, places=_PLACES if looks else 0)
    return SiameseTracker(matcher, config or published_config(network), thresholds, exported.weights_sha256,
                          runtime=runtime, precision=precision)


def shipped_weights(network: str) -> Path:
    """Where the package keeps the weights of a network, `ssf_net:fast`, if it ships any."""
    from hsi_models.checkpoint import shipped_path

    return shipped_path(network)


def shipped_sha256(scale: int, network: str, **_: Any) -> str | None:
    """SHA-256 of the shipped weights, None where there are none; `scale` is not used."""
    from hsi_models.checkpoint import sha256_of

    path = shipped_weights(network)
    return sha256_of(path) if path.is_file() else None


def measure(bands: int, scale: int, network: str, **_: Any) -> tuple[int, float]:
    """Parameters, and 1e9 multiply-accumulates of the search path for one frame of C bands.

    Args:
        bands: C.
        scale: not used; of super-resolvers.
        network: as in `create`.
    """
    return _measure(network, bands)


@lru_cache
def _measure(network: str, bands: int) -> tuple[int, float]:
    """Counted on shapes alone: nothing is computed."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from hsi_models.networks.siamese_network import SEARCH_SIZE, TEMPLATE_SIZE, SiameseInputs
    from hsi_models.runtime.export import build_network

    def inputs(size: int) -> SiameseInputs:
        return SiameseInputs(torch.zeros(1, bands, size, size), torch.zeros(1, 3, size, size),
                             torch.linspace(0, 1, bands), torch.full((bands,), 0.02))

    with torch.inference_mode(), torch.device('meta'):
        module: Any = build_network(network).eval()
        state = module.template(inputs(TEMPLATE_SIZE), torch.ones(1, 2))
        with FlopCounterMode(display=False) as counter:
            module.search(state, inputs(SEARCH_SIZE))
    return sum(parameter.numel() for parameter in module.parameters()), int(counter.get_total_flops()) / 2e9
