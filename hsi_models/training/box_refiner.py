"""Training of `box_refiner`: boxes of simulated pairs are shaken, and it learns to bring them back.

Pairs are dear and shaken boxes are cheap: each batch of pairs stays for a while, and each step looks at several of
them, at boxes of its own.
"""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hsi_models.checkpoint import ModelCard, load_weights, sha256_of
from hsi_models.data.simulation.pairs import PairSimulator
from hsi_models.networks.box_refiner import BoxRefiner
from hsi_models.networks.nanotrack import SEARCH_SIZE
from hsi_models.tracking.box_refinement import NAME, REACH, SIDE
from hsi_models.tracking.probability import ProbabilityConfig
from hsi_models.training import distributed
from hsi_models.training.auto import auto_pairs
from hsi_models.training.auto_inputs import wide_pairs_of_side
from hsi_models.training.loop import Loop, LoopConfig
from hsi_models.training.pictures import enlarge
from hsi_models.training.saving import save_rounded
from hsi_models.training.scene_views import SceneConfig, load_scene_views
from hsi_models.training.schedule import cosine_rate
from hsi_models.training.target_probability import fit_probability, unit_spectra
from hsi_models.training.tracking_data import TrackingDataConfig, load_pairs

_SEED = 7_000_000
_VALIDATION = 48        # batches of held-out pairs
_OVER, _LEAST_SIDE = 20.0, 8.0      # pixels of a search crop: targets further out of it, or thinner, are left out


def refiner_pairs() -> TrackingDataConfig:
    """Pairs as for `auto`, more of them with a spectrum of their own."""
    data = auto_pairs()
    return replace(data, pairs=replace(data.pairs, negative=0.0, hidden=0.7, conceal=0.6, twin=0.4))


@dataclass(frozen=True)
class BoxRefinerConfig:
    """A whole training.

    Args:
        seed: of weights and data.
        rate: peak learning rate.
        batch: pairs drawn at once, of each process.
        steps_a_batch: steps between two such draws.
        kept: batches that steps choose from; so many times `steps_a_batch` is how long a pair is seen.
        looked_at: of them in one step; `boxes` of each, each shaken `shakes` times.
        boxes, shakes: see there.
        shift, size, aspect: how far boxes are off, standard deviations: place in units of the sides, logarithm of the
            size, logarithm of each side besides. One in seven is off twice as far.
        sides: of the search region in pixels of the sensor, one a draw in turn: a quarter of it is the target.
        most_bands: of a camera.
        start: weights to go on from; '' for random ones.
        blur_px: of the target probability; see `ProbabilityConfig`.
        data: folder that holds `images`, or a packed file.
        device: `cpu` or `cuda`.
        pairs: how pairs are drawn.
        scenes: simulated sequences that are trained with besides.
        loop: how long and how often.
    """

    seed: int = 0
    rate: float = 2e-3
    batch: int = 16
    steps_a_batch: int = 3
    kept: int = 160
    looked_at: int = 8
    boxes: int = 8
    shakes: int = 2
    shift: float = 0.1
    size: float = 0.15
    aspect: float = 0.08
    sides: tuple[int, ...] = (56, 72, 88, 112)
    most_bands: int = 25
    start: str = ''
    blur_px: float = 1.1
    data: str = '../shared/data'
    device: str = 'cpu'
    pairs: TrackingDataConfig = field(default_factory=refiner_pairs)
    scenes: SceneConfig = field(default_factory=SceneConfig)
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(8000, 400, clip_norm=5.0, read_every=10))

    def __post_init__(self) -> None:
        for name in ('batch', 'steps_a_batch', 'kept', 'looked_at', 'boxes', 'shakes'):
            if getattr(self, name) < 1:
                raise ValueError(f'expected {name} >= 1, got {getattr(self, name)}')
        if not self.sides or min(self.sides) < 32:
            raise ValueError(f'expected sides >= 32, got {self.sides}')
        if self.most_bands < 16:
            raise ValueError(f'expected most_bands >= 16, got {self.most_bands}')
        if self.pairs.pairs.negative:
            raise ValueError('expected pairs.pairs.negative=0, a target that is not there has no box, got '
                             f'{self.pairs.pairs.negative:g}')
        if not min(self.shift, self.size, self.aspect) >= 0:
            raise ValueError('expected shift, size and aspect >= 0, got '
                             f'{self.shift:g}, {self.size:g} and {self.aspect:g}')


@dataclass(frozen=True, eq=False)
class _Views:
    """A batch of pairs as bytes: first pictures (B, 1, SIDE, SIDE) and search crops (B, 1, S, S); the targets there,
    centre and size in pixels, (B, 4)."""

    first: Tensor
    search: Tensor
    targets: Tensor


@dataclass(frozen=True, eq=False)
class RefinerBatch:
    """What the network sees and should say: pictures (B, 1, SIDE, SIDE), 0..1; corrections (B, 4)."""

    first: Tensor
    later: Tensor
    corrections: Tensor


class RefinerStep(nn.Module):
    """Inputs to the loss: what several processes run side by side."""

    def __init__(self, network: BoxRefiner) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: RefinerBatch) -> Tensor:
        """Negative logarithm of the likelihood of the true corrections, but for a constant."""
        return laplace_loss(*self.network.search(batch.later, *self.network.template(batch.first)), batch.corrections)


def laplace_loss(moves: Tensor, scales: Tensor, wanted: Tensor) -> Tensor:
    """Mean negative log-likelihood, less log 2, of values under Laplace distributions; all (B, N)."""
    return ((wanted - moves).abs() / scales + scales.log()).mean()


class BoxRefinerTrainer:
    """One training: data, network and loop; under `torchrun` one process of several.

    Args:
        config: everything that decides the result.
        folder: receives log.csv, state.safetensors and the best weights.

    Raises:
        FileNotFoundError: no start weights where the configuration says.
        ValueError: no data, CUDA asked for but absent, or start weights of another network.
    """

    def __init__(self, config: BoxRefinerConfig, folder: Path) -> None:
        self.config, self.folder = config, folder
        self.fit = ProbabilityConfig(blur_px=config.blur_px)
        self.device = distributed.join(distributed.chosen_device(config.device))
        torch.manual_seed(config.seed)
        self.network, self.start = BoxRefiner(), 'random'
        if config.start:
            load_weights(self.network, Path(config.start))
            self.start = sha256_of(Path(config.start))
        self.network.to(self.device)
        pairs = load_pairs(Path(config.data), config.pairs, self.device)
        self.training, self.validation = (
            [simulator.with_config(wide_pairs_of_side(config.pairs.pairs, side)) for side in config.sides]
            for simulator in (pairs.training, pairs.validation))
        self.scenes = self._scenes() if config.scenes.folder else None
        self.step = distributed.shared_gradients(RefinerStep(self.network), self.device)
        self._kept: dict[int, _Views] = {}
        self._held_out: list[RefinerBatch] = []

    def batch(self, step: int) -> RefinerBatch:
        """What one step looks at, which follows from step, seed and process alone."""
        config = self.config
        newest = step // config.steps_a_batch + config.looked_at - 1
        oldest = max(0, newest - config.kept + 1)
        generator = torch.Generator().manual_seed(distributed.step_seed(config.seed, step))
        chosen = torch.randint(oldest, newest + 1, (config.looked_at,), generator=generator).tolist()
        self._kept = {number: views for number, views in self._kept.items() if number >= oldest}
        for number in chosen:
            if number not in self._kept:
                self._kept[number] = self._views(number)
        parts = [self._shaken(self._kept[number], generator) for number in chosen]
        whole = RefinerBatch(*(torch.cat([getattr(part, name) for part in parts])
                               for name in ('first', 'later', 'corrections')))
        return _turned(whole, step)

    def loss(self, step: int) -> Tensor:
        """Loss of one step."""
        return cast(Tensor, self.step(self.batch(step)))

    def validate(self, network: nn.Module) -> dict[str, float]:
        """How much of the boxes' error is taken away, and how likely the truth is, on held-out pairs."""
        network = cast(BoxRefiner, network)
        if not self._held_out:
            self._held_out = [self._shaken(self._draw(self.validation, index, _SEED + index),
                                           torch.Generator().manual_seed(_SEED + index))
                              for index in range(_VALIDATION)]
        found = []
        for batch in self._held_out:
            moves, scales = network.search(batch.later, *network.template(batch.first))
            found.append(torch.stack([laplace_loss(moves, scales, batch.corrections),
                                      (moves - batch.corrections).abs().mean(), batch.corrections.abs().mean()]))
        loss, error, before = torch.stack(found).mean(dim=0).tolist()
        return {'log_likelihood': -loss, 'error': error, 'error_before': before}

    def run(self, resume: bool = False, progress: bool = True, command: str = '') -> Path:
        """Train and write the best averaged weights with their card.

        Returns:
            The weights file in `folder`.
        """
        config = self.config
        optimiser = torch.optim.AdamW(self.network.parameters(), lr=config.rate, weight_decay=1e-2)
        loop = Loop(self.network, optimiser, lambda step: cosine_rate(step, config.loop.steps, config.rate), self.loss,
                    self.validate, config.loop, self.folder)
        result = loop.run(resume, progress)
        path = self.folder / f'{NAME}.safetensors'
        if distributed.is_main():
            self.network.load_state_dict(result.weights)
            card = ModelCard(NAME, {}, command=command, seed=config.seed, start=self.start, data=config.scenes.told,
                             device=distributed.device_name(self.device))
            save_rounded(path, self.network, card, result, self.validate)
        return distributed.share(path)

    def _views(self, number: int) -> _Views:
        seed = distributed.step_seed(self.config.seed, number)
        generator = torch.Generator().manual_seed(seed)
        if self.scenes is None or torch.rand((), generator=generator) >= self.config.scenes.share:
            return self._draw(self.training, number, seed)
        index = torch.randint(0, len(self.scenes.targets), (self.config.batch,), generator=generator).to(self.device)
        return _Views(self.scenes.first[index], self.scenes.search[index], self.scenes.targets[index])

    def _scenes(self) -> _Views:
        """All views of sequences whose targets are in the crop, one row each."""
        views = load_scene_views(self.config.scenes, self.fit, self.device)
        low, high = views.corners[:, :2], views.corners[:, 2:]
        inside = (low > -_OVER).all(1) & (high < SEARCH_SIZE + _OVER).all(1) & ((high - low).amin(1) > _LEAST_SIDE)
        targets = torch.cat([(low + high) / 2, high - low], dim=1)[inside]
        return _Views(views.outlines[views.start[inside]], views.searches[inside, 3:].contiguous(), targets)

    @torch.no_grad()
    def _draw(self, simulators: list[PairSimulator], number: int, seed: int) -> _Views:
        """A batch of pairs as the tracker would see them."""
        simulator = simulators[number % len(simulators)]
        seed = simulator.seed_within(seed, self.config.most_bands)
        pairs = simulator.draw(self.config.batch, seed)
        spectra = [unit_spectra(view, self.fit.blur_px) for view in (pairs.template, pairs.search)]
        fitted = fit_probability(spectra[0], pairs.template_boxes, self.fit)
        views = [enlarge(fitted.apply(part)[:, None], SEARCH_SIZE) for part in spectra]
        factor = SEARCH_SIZE / pairs.search.shape[-1]
        first, later = (torch.cat([boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]], dim=1) * factor
                        for boxes in (pairs.template_boxes, pairs.boxes))
        pictures = refiner_pictures(views[0], first[:, None])
        return _Views((pictures * 255).round().byte(), (views[1] * 255).round().byte(), later)

    def _shaken(self, views: _Views, generator: torch.Generator) -> RefinerBatch:
        """Boxes of a batch that are off, and what would put them right."""
        config = self.config
        chosen = torch.randint(0, len(views.targets), (config.boxes,), generator=generator).to(self.device)
        shape = config.boxes, config.shakes
        off = torch.cat([config.shift * torch.randn(*shape, 2, generator=generator),
                         config.size * torch.randn(*shape, 1, generator=generator)
                         + config.aspect * torch.randn(*shape, 2, generator=generator)], dim=2)
        off *= 1 + (torch.rand(*shape, 1, generator=generator) < 1 / 7)
        off, targets = off.to(self.device), views.targets[chosen, None]
        centre, size = targets[..., :2], targets[..., 2:]
        boxes = torch.cat([centre + off[..., :2] * size, size * off[..., 2:].exp()], dim=2)
        corrections = torch.cat([(centre - boxes[..., :2]) / boxes[..., 2:], -off[..., 2:]], dim=2)
        return RefinerBatch((views.first[chosen].float() / 255).repeat_interleave(config.shakes, 0),
                            refiner_pictures(views.search[chosen].float() / 255, boxes), corrections.flatten(0, 1))


def refiner_pictures(views: Tensor, boxes: Tensor) -> Tensor:
    """What the network sees of boxes, as `tracking.box_refinement.refiner_picture` for one.

    Args:
        views: (B, C, S, S).
        boxes: K of each, centre and size in pixels, (B, K, 4).

    Returns:
        (B * K, C, SIDE, SIDE).
    """
    side, count = views.shape[-1], boxes.shape[1]
    steps = ((torch.arange(SIDE, device=views.device) + 0.5) / SIDE - 0.5) * REACH
    x, y = (boxes[..., axis:axis + 1] + steps * boxes[..., axis + 2:axis + 3] for axis in (0, 1))
    shape = len(views), count, SIDE, SIDE
    grid = torch.stack([x[:, :, None, :].expand(shape), y[:, :, :, None].expand(shape)], dim=-1) * 2 / side - 1
    found = F.grid_sample(views, grid.flatten(1, 2), align_corners=False, padding_mode='border')
    return found.reshape(len(views), -1, *shape[1:]).transpose(1, 2).flatten(0, 1)


def _turned(batch: RefinerBatch, step: int) -> RefinerBatch:
    """The same mirrored or turned over, one way a step."""
    first, later, wanted = batch.first, batch.later, batch.corrections.clone()
    for bit, number, axis in ((1, 0, 3), (2, 1, 2)):
        if step & bit:
            first, later = first.flip(axis), later.flip(axis)
            wanted[:, number] *= -1
    if step & 4:
        first, later, wanted = first.transpose(2, 3), later.transpose(2, 3), wanted[:, [1, 0, 3, 2]]
    return RefinerBatch(first, later, wanted)


def default_config() -> BoxRefinerConfig:
    """What `hsi-tracking train box_refiner` starts from."""
    return BoxRefinerConfig()
