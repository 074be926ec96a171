"""Training of `auto`: one trunk on false colour and probability, a learned gate, a teacher for what is colour alone."""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from hsi_models.checkpoint import ModelCard, load_weights, sha256_of
from hsi_models.networks.auto_net import AutoNet
from hsi_models.networks.nanotrack import ORIGIN, RESPONSE_SIZE, STRIDE
from hsi_models.networks.siamese_network import response_points
from hsi_models.tracking.probability import ProbabilityConfig
from hsi_models.training import distributed
from hsi_models.training.auto_inputs import AutoInputs, AutoScenes, auto_inputs, wide_pairs_of_side
from hsi_models.training.auto_validation import pair_scores, sequence_scores
from hsi_models.training.loop import Loop, LoopConfig
from hsi_models.training.losses_tracking import (
    POSITIVE,
    TrackingLossConfig,
    classification_loss,
    distance_targets,
    distillation_loss,
    ellipse_labels,
    iou_loss,
    sample_cells,
)
from hsi_models.training.saving import save_rounded
from hsi_models.training.scene_views import SceneConfig, load_scene_views
from hsi_models.training.schedule import cosine_rate
from hsi_models.training.tracking_data import TrackingDataConfig, load_pairs

_GATE_RATE = 25.0               # the gate starts from nothing, the trunk from weights that work


def auto_pairs() -> TrackingDataConfig:
    """Pairs of the trackers, with more that the spectrum alone can tell.

    All but unturned: the box around a turned target is larger than the target, and a network taught so answers too
    large (a pan, where nothing but the size can be wrong, fell from .94 to .87).
    """
    data = TrackingDataConfig(clip_share=0.5)
    return replace(data, pairs=replace(data.pairs, turn_rad=0.03, hidden=0.6, twin=0.6))


@dataclass(frozen=True)
class AutoConfig:
    """A whole training.

    Args:
        seed: of weights and data.
        rate: peak learning rate of the trunk, the gate's is 25 times that; half of its weights are below .05, so that
            with a hundredth of a pretrained network's usual rate they still change by a tenth.
        batch: pairs a step, of each process.
        sides: of the search region in pixels of the sensor, one a step in turn: a quarter of it is the target.
        most_bands: of a camera; what the network sees does not depend on their number, the time does.
        start: weights of NanoTrack v3, whose trunk is trained further and which is the teacher, or weights of `auto`;
            '' for random ones and no teacher.
        teacher: weights of NanoTrack v3 where training starts from others; a start from them is its own teacher.
        distillation: weight of the teacher, which alone says what is right on false colour: stills seen twice are a
            poor school for what a trunk trained on video knows.
        streams: weight of the losses of the probability alone, and of false colour alone where there is no teacher.
        gate: share of what the gate has learned that is kept when the weights are stored, 0 (the rule) to 1. Pairs of
            stills flatter the probability: it fades where light, pose and place change for long.
        blur_px: of the target probability in pairs, whose targets are smaller than most; see `ProbabilityConfig`.
        held_out: how well a first frame separates is judged by pixels that were not fitted, as when tracking.
        grey: share of pairs in false colour that is stretched alike in all channels.
        data: folder that holds `images`, or a packed file.
        sequences: folder of validation sequences with `groups.json`: how well the weights track through them leads
            each row of the log, and chooses where `loop.keep` is `best`; '' for held-out pairs alone.
        device: `cpu` or `cuda`; on CUDA the network computes in bfloat16.
        pairs: how pairs are drawn.
        scenes: simulated sequences that are trained with besides.
        losses: labels and weights.
        loop: how long and how often.
    """

    seed: int = 0
    rate: float = 4e-5
    batch: int = 16
    sides: tuple[int, ...] = (56, 72, 88, 112)
    most_bands: int = 25
    start: str = '../shared/data/pretrained/nanotrackv3/weights.safetensors'
    teacher: str = ''
    distillation: float = 2.0
    streams: float = 1.0
    gate: float = 0.75
    blur_px: float = 0.8
    held_out: bool = False
    grey: float = 0.5
    data: str = '../shared/data'
    sequences: str = ''
    device: str = 'cpu'
    pairs: TrackingDataConfig = field(default_factory=auto_pairs)
    scenes: SceneConfig = field(default_factory=SceneConfig)
    losses: TrackingLossConfig = field(default_factory=TrackingLossConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(2000, 250, clip_norm=5.0, keep='last'))

    def __post_init__(self) -> None:
        if self.batch < 1 or not self.sides or min(self.sides) < 32:
            raise ValueError(f'expected batch >= 1 and sides >= 32, got {self.batch} and {self.sides}')
        if self.most_bands < 16:
            raise ValueError(f'expected most_bands >= 16, got {self.most_bands}')
        if not 0 <= self.gate <= 1:
            raise ValueError(f'expected gate 0..1, got {self.gate:g}')


class AutoStep(nn.Module):
    """Inputs to losses: what several processes run side by side.

    Args:
        network: what is trained.
        teacher: a network of the same kind that sees false colour only, or none.
        config: weights of the losses.
    """

    def __init__(self, network: AutoNet, teacher: AutoNet | None, config: AutoConfig) -> None:
        super().__init__()
        self.network, self.config = network, config
        self._teacher = [teacher] if teacher else []        # no part of what is trained

    def forward(self, batch: AutoInputs, generator: torch.Generator) -> dict[str, Tensor]:
        """Terms of the loss and their sum, `total`; `generator` samples the cells that count."""
        config = self.config.losses
        with torch.autocast('cuda', torch.bfloat16, enabled=batch.boxes.is_cuda):
            state = self.network.template(batch.template, batch.trust)
            logits, distances = self.network.streams(batch.search, *state)
        logits, distances = logits.float(), distances.float()
        points = response_points(batch.boxes.device, RESPONSE_SIZE, STRIDE)
        labels = ellipse_labels(batch.boxes, points)
        positive, negative = sample_cells(labels, config.positives, config.samples, generator)
        targets = distance_targets(batch.boxes, points)

        def both(cls: Tensor, reg: Tensor) -> tuple[Tensor, Tensor]:
            return (config.classification * classification_loss(cls, positive, negative),
                    config.regression * iou_loss(reg, targets, labels == POSITIVE))

        colour, alone = (logits[:, 0], distances[:, 0]), {'colour': 0, 'probability': 1}
        if self._teacher:       # what the mixture wants then moves the probability's stream and the gate
            del alone['colour']
            logits, distances = (torch.stack([value[:, 0].detach(), value[:, 1]], 1) for value in (logits, distances))
        terms = dict(zip(('cls', 'reg'), both(*self.network.fuse(batch.search, logits, distances, batch.trust)),
                         strict=True))
        for name, index in alone.items():
            cls, reg = both(logits[:, index], distances[:, index])
            terms[name] = self.config.streams * (cls + reg)
        if self._teacher:
            terms['teacher'] = self.config.distillation * self._apart(batch, *colour)
        return {'total': torch.stack(list(terms.values())).sum(), **terms}

    def _apart(self, batch: AutoInputs, logits: Tensor, distances: Tensor) -> Tensor:
        """How far false colour has moved from the teacher's answers; boxes count where the teacher sees the target."""
        teacher = self._teacher[0]
        with torch.no_grad(), torch.autocast('cuda', torch.bfloat16, enabled=batch.boxes.is_cuda):
            state = teacher.template(batch.template[:, :1], batch.trust)
            wanted, boxes = (value[:, 0].float() for value in teacher.streams(batch.search[:, :1], *state))
        return distillation_loss(logits, distances, wanted, boxes)


class AutoTrainer:
    """One training: data, network, teacher and loop; under `torchrun` one process of several.

    Args:
        config: everything that decides the result.
        folder: receives log.csv, state.safetensors and the best weights.

    Raises:
        FileNotFoundError: no start weights where the configuration says.
        ValueError: no data, CUDA asked for but absent, or start weights of another network.
    """

    def __init__(self, config: AutoConfig, folder: Path) -> None:
        self.config, self.folder = config, folder
        self.fit = ProbabilityConfig(blur_px=config.blur_px)
        self.device = distributed.join(distributed.chosen_device(config.device))
        torch.manual_seed(config.seed)
        self.network, teacher, self.start = self._start()
        pairs = load_pairs(Path(config.data), config.pairs, self.device)
        self.training, self.validation = (
            [simulator.with_config(wide_pairs_of_side(config.pairs.pairs, side)) for side in config.sides]
            for simulator in (pairs.training, pairs.validation))
        self.scenes = AutoScenes(load_scene_views(config.scenes, self.fit, self.device),
                                 config.held_out) if config.scenes.folder else None
        self.step = distributed.shared_gradients(AutoStep(self.network, teacher, config), self.device)

    def _start(self) -> tuple[AutoNet, AutoNet | None, str]:
        config = self.config
        if not config.start:
            network, teacher, note = AutoNet(), config.teacher, 'random'
        else:
            path = Path(config.start)
            note = sha256_of(path)
            try:
                network, teacher, note = AutoNet.from_nanotrack(path), config.start, f'{note} ({ORIGIN})'
            except ValueError:      # not the published file: weights of `auto`
                network, teacher = AutoNet(), config.teacher
                load_weights(network, path)
        taught = AutoNet.from_nanotrack(Path(teacher)).eval().requires_grad_(False) if teacher else None
        return network.to(self.device), taught.to(self.device) if taught else None, note

    def inputs(self, step: int) -> tuple[AutoInputs, int]:
        """The batch of one step and its seed, which follow from step, seed and process alone."""
        config = self.config
        seed = distributed.step_seed(config.seed, step)
        generator = torch.Generator().manual_seed(seed)
        if self.scenes is not None and torch.rand((), generator=generator) < config.scenes.share:
            return self.scenes.draw(config.batch, generator), seed
        simulator = self.training[step % len(self.training)]
        seed = simulator.seed_within(seed, config.most_bands)
        generator = torch.Generator().manual_seed(seed)
        grey = (torch.rand(config.batch, generator=generator) < config.grey).to(self.device)
        return auto_inputs(simulator.draw(config.batch, seed), self.fit, grey, config.held_out), seed

    def loss(self, step: int) -> dict[str, Tensor]:
        """Losses of the batch of one step."""
        inputs, seed = self.inputs(step)
        return cast(dict[str, Tensor], self.step(inputs, torch.Generator(self.device).manual_seed(seed)))

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Scores of weights, the one to choose by first."""
        network = cast(AutoNet, network)
        config = self.config
        pairs = pair_scores(network, self.validation, self.fit, config.batch, config.most_bands, config.held_out)
        if not self.config.sequences:
            return pairs
        return {**sequence_scores(network, Path(self.config.sequences)), **pairs}

    def run(self, resume: bool = False, progress: bool = True, command: str = '') -> Path:
        """Train and write the best averaged weights with their card.

        Returns:
            The weights file in `folder`.
        """
        config = self.config
        gate = list(self.network.gate.parameters())
        trunk = [*self.network.backbone.parameters(), *self.network.head.parameters()]
        groups: list[dict[str, Any]] = [{'params': trunk}, {'params': gate, 'factor': _GATE_RATE}]
        optimiser = torch.optim.AdamW(groups, lr=config.rate, weight_decay=1e-4)
        loop = Loop(self.network, optimiser, lambda step: cosine_rate(step, config.loop.steps, config.rate), self.loss,
                    self.validate, config.loop, self.folder)
        result = loop.run(resume, progress)
        path = self.folder / 'auto.safetensors'
        if distributed.is_main():
            self.network.load_state_dict(result.weights)
            self.network.gate.scale(config.gate)
            card = ModelCard('auto', {}, command=command, seed=config.seed, start=self.start, data=config.scenes.told,
                             device=distributed.device_name(self.device))
            save_rounded(path, self.network, card, result, self.validate)
        return distributed.share(path)


def default_config() -> AutoConfig:
    """What `hsi-tracking train auto` starts from."""
    return AutoConfig()
