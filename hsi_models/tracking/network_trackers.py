"""SSF-Net and BCR-Net as trackers, from trained weights given by path, and what they cost."""
from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from hsi_models.runtime.executor import Precision, Runtime
from hsi_models.tracking.confidence import StatusThresholds
from hsi_models.tracking.network_matcher import HyperspectralMatcher
from hsi_models.tracking.siamese import SiameseConfig, SiameseTracker
from hsi_models.tracking.template_update import TemplateUpdateConfig

EXPORTED_BANDS = 16     # of the example that fixes shapes for runtimes that need them; eager takes any number


def published_config(network: str) -> SiameseConfig:
    """How a response becomes a box in the SiamBAN family, from which both networks come.

    Penalty .085, window .46, learning rate .44. BCR-Net renews its template (section 3.1), by the rule of
    `template_update`.

    Args:
        network: as in `create`.
    """
    update = TemplateUpdateConfig() if network.startswith('bcr_net') else None
    return SiameseConfig(penalty=0.085, window=0.46, learning_rate=0.44, update=update)


def create(device: str = 'cpu', *, network: str, weights: str | Path | None = None, runtime: Runtime = 'eager',
           precision: Precision = 'fp32', bands: int = EXPORTED_BANDS, config: SiameseConfig | None = None,
           thresholds: StatusThresholds | None = None) -> SiameseTracker:
    """A tracker around a published network.

    Args:
        device: `cpu` or `cuda[:N]`.
        network: `ssf_net` or `bcr_net`, with `:fast` or `:paper`.
        weights: trained weights, safetensors; an ablation is told by the card beside them.
        runtime, precision: see `runtime.paths.create_executor`.
        bands: of the camera, for runtimes with fixed shapes (`cuda_graph`, `onnx`); `eager` takes any number.
        config: how a response becomes a box; None: as published, see `published_config`.
        thresholds: of the status.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no weights given, or weights that do not fit: an untrained network is not a tracker.
    """
    from hsi_models.checkpoint import load_weights, sha256_of
    from hsi_models.runtime.export import build_network
    from hsi_models.runtime.paths import create_executor, network_paths

    if weights is None:
        raise ValueError(f'expected weights=PATH with trained weights of {network}, got none: this version ships none, '
                         'and an untrained network is not a tracker; use spectral_dcf')
    module = build_network(network, Path(weights))
    load_weights(module, Path(weights))
    executor = create_executor(network_paths(module.eval(), bands), runtime, device=device, precision=precision)
    return SiameseTracker(HyperspectralMatcher(executor), config or published_config(network), thresholds,
                          sha256_of(Path(weights)))


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
