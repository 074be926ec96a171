"""Training of the Siamese networks SSF-Net and BCR-Net, `fast` and `paper`, whole or with a part left out."""
from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from hsi_models.checkpoint import ModelCard, load_tensors, rounded, save_checkpoint, sha256_of
from hsi_models.networks.backbone import AdjustedBackbone
from hsi_models.networks.bcr_net import BcrNet, BcrNetConfig
from hsi_models.networks.nanotrack import ORIGIN, NanoTrack
from hsi_models.networks.pretrained import load_pretrained
from hsi_models.networks.ssf_net import SsfNet, SsfNetConfig
from hsi_models.training import distributed
from hsi_models.training.loop import Loop, LoopConfig
from hsi_models.training.losses_tracking import TrackingLossConfig
from hsi_models.training.schedule import cosine_rate
from hsi_models.training.tracking_data import TrackingDataConfig, load_pairs
from hsi_models.training.tracking_inputs import TrackingInputs, pairs_of_side, tracking_inputs
from hsi_models.training.tracking_step import TrackingStep
from hsi_models.training.tracking_validation import HeldOutPairs, ValidationConfig

MODELS = ('ssf_net:fast', 'ssf_net:paper', 'bcr_net:fast', 'bcr_net:paper')


@dataclass(frozen=True)
class TrackingConfig:
    """A whole training.

    Args:
        model: of `MODELS`.
        network: its shape; a changed entry is an ablation, which the card keeps.
        seed: of weights and data.
        batch: pairs a step, of each process.
        most_images: pictures through the backbone at once, which bounds memory: BCR-Net makes several of each pair,
            and cameras of many bands get fewer pairs; 0 for any number.
        most_bands: of a camera while training; one with more is drawn again.
        rate: peak learning rate.
        backbone_rate: share of it for a backbone that starts pretrained, alone or with its network.
        unlock: step from which the weights of such a backbone are trained; its statistics are from the start.
        warm_up: steps in which the rate rises.
        weight_decay: of AdamW.
        sides: of search regions, pixels of the sensor, one a step in turn: a square target is a quarter of it.
        start: weights to start from; '' for random ones.
        start_kind: `backbone`: RGB-pretrained weights of the backbone; `network`: of a network, where names and shapes
            agree.
        start_note: origin and licence of these weights, for the card.
        teacher: weights of NanoTrack v3, whose answers SSF-Net's RGB branch, or BCR-Net as a whole, is to give where
            they are right, '' for none: it has seen video, and pairs of stills are a poor school.
        distillation: weight of its loss.
        data: folder that holds `images`, or a packed file.
        device: `cpu` or `cuda`.
        precision: of the network while training: `fp32`, `bf16`, or `auto`: bf16 on CUDA.
        channels_last: memory order of the network's tensors.
        half: store the weights as float16.
        pairs: what is drawn.
        losses: weights of the losses.
        validation: how much is looked at.
        loop: how long and how often.
    """

    model: str
    network: SsfNetConfig | BcrNetConfig
    seed: int = 0
    batch: int = 32
    most_images: int = 0
    most_bands: int = 61
    rate: float = 1e-3
    backbone_rate: float = 0.2
    unlock: int = 0
    warm_up: int = 100
    weight_decay: float = 1e-4
    sides: tuple[int, ...] = (64, 96, 128, 192)
    start: str = ''
    start_kind: str = 'backbone'
    start_note: str = ''
    teacher: str = ''
    distillation: float = 1.0
    data: str = '../shared/data'
    device: str = 'cpu'
    precision: str = 'auto'
    channels_last: bool = False
    half: bool = True
    pairs: TrackingDataConfig = field(default_factory=TrackingDataConfig)
    losses: TrackingLossConfig = field(default_factory=TrackingLossConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(6000, 500, clip_norm=10.0, read_every=10))

    def __post_init__(self) -> None:
        for name, choices in (('model', MODELS), ('start_kind', ('backbone', 'network')),
                              ('precision', ('auto', 'fp32', 'bf16'))):
            if getattr(self, name) not in choices:
                raise ValueError(f'expected {name} {" or ".join(choices)}, got {getattr(self, name)!r}')
        if self.most_bands < 16:
            raise ValueError(f'expected most_bands >= 16, got {self.most_bands}')
        if self.teacher and isinstance(self.network, SsfNetConfig) and self.network.branches == 'hs':
            raise ValueError('expected a network with an RGB branch for a teacher, got network.branches=hs')
        if self.batch < 1 or not self.sides or min(self.sides) < 32:
            raise ValueError(f'expected batch >= 1 and sides >= 32, got {self.batch} and {self.sides}')


def default_config(model: str) -> TrackingConfig:
    """The configuration of the shipped weights of `model`, or one of the paper's size.

    Raises:
        ValueError: no such model.
    """
    name, _, preset = model.partition(':')
    full = f'{name}:{preset or "fast"}'
    if full not in MODELS:
        raise ValueError(f'expected model {", ".join(MODELS)}, got {model!r}')
    if name == 'ssf_net':
        return TrackingConfig(full, SsfNetConfig.preset(preset or 'fast'))
    return TrackingConfig(full, BcrNetConfig.preset(preset or 'fast'), most_images=256)


class Trainer:
    """One training: data, network and loop; under `torchrun` one process of several.

    Args:
        config: everything that decides the result.
        folder: receives log.csv, state.safetensors and the best weights.

    Raises:
        ValueError: no data where the configuration says, CUDA asked for but absent, or start weights that do not fit.
        FileNotFoundError: no such start weights.
    """

    def __init__(self, config: TrackingConfig, folder: Path) -> None:
        self.config, self.folder = config, folder
        self.device = distributed.join(distributed.chosen_device(config.device))
        torch.manual_seed(config.seed)
        self.network = SsfNet(config.network) if isinstance(config.network, SsfNetConfig) else BcrNet(config.network)
        self.start = self._start_from(Path(config.start)) if config.start else 'random'
        self.network = self.network.to(self.device)
        if config.channels_last:
            for module in self.network.modules():
                if isinstance(module, nn.Conv2d):
                    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        pairs = load_pairs(Path(config.data), config.pairs, self.device)
        self.training = [pairs.training.with_config(pairs_of_side(config.pairs.pairs, side)) for side in config.sides]
        self.held_out = HeldOutPairs(pairs.validation, config.sides, config.validation)
        mixed = config.precision == 'bf16' or (config.precision == 'auto' and self.device.type == 'cuda')
        teacher = self._load_teacher(Path(config.teacher)) if config.teacher else None
        self._single = TrackingStep(self.network, config.losses, torch.bfloat16 if mixed else torch.float32, teacher,
                                    config.distillation)
        self._unlocked: bool | None = None
        self.step: nn.Module

    def inputs(self, step: int) -> tuple[TrackingInputs, int]:
        """The batch of one step and its seed, which follow from step, seed and process alone."""
        config = self.config
        seed = distributed.step_seed(config.seed, step)
        simulator = self.training[step % len(self.training)]
        batch = config.batch
        seed = simulator.seed_within(seed, config.most_bands)
        if config.most_images:
            images = config.network.groups(simulator.bands(seed)) if isinstance(config.network, BcrNetConfig) else 1
            batch = max(1, min(batch, config.most_images // images))
        return tracking_inputs(simulator.draw(batch, seed), seed), seed

    def loss(self, step: int) -> dict[str, Tensor]:
        """Losses of the batch of one step."""
        self._unlock(step >= self.config.unlock)
        inputs, seed = self.inputs(step)
        losses: dict[str, Tensor] = self.step(inputs, torch.Generator(self.device).manual_seed(seed))
        return losses

    def run(self, resume: bool = False, progress: bool = True, command: str = '') -> Path:
        """Train and write the best averaged weights with their card.

        Returns:
            The weights file in `folder`.
        """
        config = self.config
        fused = self.device.type == 'cuda'
        optimiser = torch.optim.AdamW(self._groups(), lr=config.rate, weight_decay=config.weight_decay, fused=fused)
        loop = Loop(self.network, optimiser, self._rate, self.loss, self.held_out.scores, config.loop, self.folder)
        result = loop.run(resume, progress)
        path = self.folder / f'{config.model.replace(":", "_")}.safetensors'
        if distributed.is_main():
            weights = {name: value.to(self.device) for name, value in result.weights.items()}
            if config.half:     # what is reported is what is stored
                weights = rounded(weights)
            self.network.load_state_dict(weights)
            card = ModelCard(
                config.model, {'network': dataclasses.asdict(config.network)}, command=command, seed=config.seed,
                data=self._data(), steps=result.step, device=distributed.device_name(self.device),
                minutes=round(result.seconds / 60, 1), start=self.start,
                validation=self.held_out.report(self.network.eval()))
            save_checkpoint(path, weights, card, half=config.half)
        return distributed.share(path)

    def _rate(self, step: int) -> float:
        return cosine_rate(step, self.config.loop.steps, self.config.rate, self.config.warm_up)

    def _load_teacher(self, path: Path) -> NanoTrack:
        """A teacher, which the card names beside the start."""
        self.start += f'; teacher {sha256_of(path)} ({ORIGIN})'
        return NanoTrack.load(path).to(self.device).requires_grad_(False)

    def _start_from(self, path: Path) -> str:
        """Take over weights; what the card says of them."""
        if self.config.start_kind == 'backbone':
            backbones = [module.backbone for module in self.network.modules() if isinstance(module, AdjustedBackbone)]
            if not backbones:
                raise ValueError('expected a network with an RGB backbone to start from, got one without')
            for backbone in backbones:
                load_pretrained(backbone, path)
        else:
            tensors, own = load_tensors(path), self.network.state_dict()
            taken = {name: tensors[name] for name, value in own.items()
                     if name in tensors and tensors[name].shape == value.shape}
            if 2 * len(taken) < len(own):       # others share a name or two
                raise ValueError(f'expected weights of a network like {self.config.model} in {path}, got '
                                 f'{len(taken)} of its {len(own)} tensors that fit')
            self.network.load_state_dict({**own, **taken})
        return f'{sha256_of(path)} ({self.config.start_kind}) {self.config.start_note}'.strip()

    def _pretrained(self) -> list[nn.Parameter]:
        """Parameters of a backbone that starts pretrained and is trained."""
        if not self.config.start:
            return []
        return [parameter for module in self.network.modules() if isinstance(module, AdjustedBackbone)
                and not module.frozen for parameter in module.backbone.parameters()]

    def _unlock(self, unlocked: bool) -> None:
        """Train the pretrained backbone from now on, or not yet."""
        if unlocked == self._unlocked:
            return
        self._unlocked = unlocked
        for parameter in self._pretrained():
            parameter.requires_grad_(unlocked)
        self.step = distributed.shared_gradients(self._single, self.device)

    def _groups(self) -> list[dict[str, Any]]:
        """Parameters of a pretrained backbone with their share of the rate, and all others."""
        slow = {id(parameter) for parameter in self._pretrained()}
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        groups = [{'params': [p for p in trained if (id(p) in slow) == is_slow], 'factor': factor}
                  for is_slow, factor in ((False, 1.0), (True, self.config.backbone_rate))]
        return cast(list[dict[str, Any]], [group for group in groups if group['params']])

    def _data(self) -> str:
        path = Path(self.config.data)
        packed = f' (packed, SHA-256 {sha256_of(path)})' if path.is_file() else ''
        return f'pictures with boxes of the corpus{packed}, turned hyperspectral in pairs; see docs/training.md'
