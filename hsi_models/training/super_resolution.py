"""Training of the super-resolvers: `cst_eigen`, `cst:fast` (both over eigen-images) and `cst:paper` (on bands)."""
from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hsi_models.checkpoint import ModelCard, load_tensors, save_checkpoint, sha256_of
from hsi_models.superresolution.data import load_cubes
from hsi_models.superresolution.degradation import degrade, enlarge
from hsi_models.superresolution.eigen import fit_subspace, upscale_eigen
from hsi_models.superresolution.networks import build_network, over_eigen_images
from hsi_models.training import distributed
from hsi_models.training.loop import Loop, LoopConfig
from hsi_models.training.schedule import cosine_rate, halving_rate
from hsi_models.training.super_resolution_data import PairConfig, PairSampler, load_images
from hsi_models.training.super_resolution_losses import log_error_loss, three_part_loss


@dataclass(frozen=True)
class SuperResolutionConfig:
    """A whole training.

    Args:
        model: `cst_eigen`, `cst:fast` or `cst:paper`.
        scale: 2, 4 or 8.
        components: eigen-images (cst_eigen, cst:fast).
        bands: band count of `cst:paper`.
        stages, window: shape of the network, for ablations; 0 and () for the model's own.
        seed: of weights and data.
        rate: peak learning rate.
        schedule: `cosine` or `halving` (the paper's).
        loss: `log_error` or `three_part` (the paper's).
        data: folder that holds `hsi_cubes` and, if wanted, `images`.
        device: `cpu` or `cuda`; on CUDA the network computes in bfloat16.
        start: weights file to start from where names and shapes agree; '' for random.
        pairs: how training pairs are drawn.
        loop: how long and how often.
    """

    model: str = 'cst_eigen'
    scale: int = 2
    components: int = 10
    bands: int = 128
    stages: int = 0
    window: tuple[int, ...] = ()
    seed: int = 0
    rate: float = 2e-3
    schedule: str = 'cosine'
    loss: str = 'log_error'
    data: str = '../shared/data'
    device: str = 'cpu'
    start: str = ''
    pairs: PairConfig = field(default_factory=PairConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)

    def __post_init__(self) -> None:
        for name, choices in (('schedule', ('cosine', 'halving')), ('loss', ('log_error', 'three_part'))):
            if getattr(self, name) not in choices:
                raise ValueError(f'expected {name} {" or ".join(choices)}, got {getattr(self, name)!r}')
        object.__setattr__(self, 'pairs', dataclasses.replace(self.pairs, scale=self.scale))


def default_config(model: str, scale: int = 2) -> SuperResolutionConfig:
    """The configuration that the shipped weights of `model` were trained with, or the paper's.

    Raises:
        ValueError: no such model.
    """
    if model in ('cst_eigen', 'cst:fast'):
        # the small cubes limit the patch at x4
        pairs = PairConfig(scale, {2: 24, 4: 22, 8: 12}.get(scale, 16))
        rate, steps = (2e-3, 5000) if model == 'cst_eigen' else (1.5e-3, 1600)
        return SuperResolutionConfig(model, scale, rate=rate, pairs=pairs, loop=LoopConfig(steps))
    if model == 'cst:paper':
        # 300 epochs of batch 32; an epoch of the paper's data sets is about 100 such batches
        return SuperResolutionConfig(model, scale, rate=1e-4, schedule='halving', loss='three_part',
                                     pairs=PairConfig(scale, 64 // scale, 32, (128,), image_share=0.0, noise_share=0.0,
                                                      blur_share=0.0, mixture_share=0.0, images=0),
                                     loop=LoopConfig(30000, 500))
    raise ValueError(f'expected model cst_eigen, cst:fast or cst:paper, got {model!r}')


class Trainer:
    """One training: data, network and loop.

    Args:
        config: everything that decides the result.
        folder: receives log.csv, state.safetensors and the best weights.

    Raises:
        ValueError: no data where the configuration says, or CUDA asked for but absent.
    """

    def __init__(self, config: SuperResolutionConfig, folder: Path) -> None:
        device = distributed.chosen_device(config.device)
        torch.manual_seed(config.seed)
        self.config, self.folder = config, folder
        self.device = device
        self.eigen = over_eigen_images(config.model)
        channels = config.components if self.eigen else config.bands
        self.network = build_network(config.model, config.scale, channels, stages=config.stages,
                                     window=config.window).to(self.device)
        self.start = 'random'
        if config.start:
            self.start = sha256_of(Path(config.start))
            _start_from(self.network, load_tensors(Path(config.start)))
        data = Path(config.data)
        side = config.pairs.patch * config.scale
        images = load_images(data / 'images', config.pairs.images, side) if config.pairs.images else []
        pairs = config.pairs if self.eigen else dataclasses.replace(config.pairs, bands=(config.bands,))
        self.sampler = PairSampler(pairs, list(load_cubes(data / 'hsi_cubes', 'training').values()), images,
                                   config.seed)
        self.validation = {name: _whole(cube, config.scale)
                           for name, cube in load_cubes(data / 'hsi_cubes', 'validation').items()}

    def upscale(self, network: nn.Module, low: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, s H, s W), differentiable."""
        def forward(x: Tensor) -> Tensor:
            with torch.autocast('cuda', torch.bfloat16, enabled=self.device.type == 'cuda'):
                out: Tensor = network(x)
            return out.float()

        if not self.eigen:
            return forward(low)
        return upscale_eigen(forward, low, fit_subspace(low, self.config.components), self.config.scale)

    def loss(self, step: int) -> Tensor:
        """Loss of the batch of one step."""
        low, high = (x.to(self.device) for x in self.sampler(step))
        estimate = self.upscale(self.network, low)
        return (log_error_loss if self.config.loss == 'log_error' else three_part_loss)(estimate, high)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Gain over bicubic in MPSNR, dB: mean over the validation cubes, then of each."""
        gains: dict[str, float] = {}
        for name, cube in self.validation.items():
            high = cube[None].to(self.device)
            if not self.eigen:
                high = high[:, np.linspace(0, high.shape[1] - 1, self.config.bands).round().astype(int)]
            low = degrade(high, self.config.scale)
            gains[name] = 20 / float(np.log(10)) * float(log_error_loss(enlarge(low, self.config.scale), high, 1e-12)
                                                         - log_error_loss(self.upscale(network, low), high, 1e-12))
        return {'gain_db': sum(gains.values()) / len(gains), **gains}

    def run(self, resume: bool = False, progress: bool = True, command: str = '') -> Path:
        """Train and write the best averaged weights with their card.

        Returns:
            The weights file in `folder`.
        """
        config = self.config
        self.network.train()
        optimiser = torch.optim.Adam(self.network.parameters(), lr=config.rate, betas=(0.9, 0.99))
        schedule = cosine_rate if config.schedule == 'cosine' else halving_rate
        loop = Loop(self.network, optimiser, lambda step: schedule(step, config.loop.steps, config.rate), self.loss,
                    self.validate, config.loop, self.folder)
        result = loop.run(resume, progress)
        path = self.folder / f'{config.model.replace(":", "_")}_x{config.scale}.safetensors'
        channels = config.components if self.eigen else config.bands
        shape = {'stages': config.stages, 'window': list(config.window)} if config.stages or config.window else {}
        card = ModelCard(
            config.model, {'scale': config.scale, 'channels': channels, 'shape': shape}, command=command,
            seed=config.seed,
            data='eight real cubes of the training split and colour stills turned hyperspectral; see docs/training.md',
            steps=result.step, device=distributed.device_name(self.device),
            minutes=round(result.seconds / 60, 1), start=self.start,
            validation={'mpsnr_gain_over_bicubic_db': round(result.score, 3), 'cubes': sorted(self.validation)})
        save_checkpoint(path, result.weights, card, half=self.eigen)
        return path


def _whole(cube: np.typing.NDArray[np.float32], scale: int) -> Tensor:
    """(H, W, C) -> (C, H, W) cropped to sides that `scale` divides."""
    height, width = (side // scale * scale for side in cube.shape[:2])
    return torch.from_numpy(np.ascontiguousarray(cube[:height, :width].transpose(2, 0, 1)))


def _start_from(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Take over what agrees in name and shape, such as the body of the same network for another scale."""
    own = network.state_dict()
    network.load_state_dict({name: tensors[name] if name in tensors and tensors[name].shape == value.shape else value
                             for name, value in own.items()})
