"""Camouflage: target and surroundings alike in colour, different in spectrum.

`twins`: several objects that differ in spectrum only. `fakes`: imitations that stay close to the real thing and pass
over it. `hidden`: the target takes the colours of what is behind it. `aerial`: vehicles and look-alikes on a measured
cube. What keeps it as hard as reality: hidden spectra vary over target and ground, drift with time, mix at edges;
targets grow, turn and are not round; look-alikes differ in light and dark as things of one kind do.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from hsi_models.data.simulation.backdrop import Backdrop, low_pass
from hsi_models.data.simulation.compose import blob, smooth_noise
from hsi_models.data.simulation.illumination import illumination_course
from hsi_models.data.simulation.motion import shake, wander
from hsi_models.data.simulation.scene import Scene
from hsi_models.data.simulation.stage import HIDDEN_PLANES, Actor, Stage

Array = npt.NDArray[np.float64]

KINDS = ('twins', 'fakes', 'hidden', 'aerial')
SHAKE_PX = 6
GROUND_CELLS = 14               # across the ground: patches that resemble the target are of half its size and more
PATTERN_CELLS = 4               # across a target: light and dark of its own
UNEVEN_CELLS = 9                # across a target: where its difference is stronger and weaker
COVER = 1.9                     # size of what it hides behind, in units of its own
SMALLEST_PX, LARGEST_PX = 13.0, 58.0    # of a target, before deformation
START_TRIES = 40                # look-alikes stand in sight and apart from the target in the first frame
HIDE_AHEAD = 3                  # a hidden target comes out where it would be after so many times the gap


@dataclass(frozen=True)
class CamouflageOptions:
    """How hard a camouflage scene is.

    Args:
        contrast: size of the hidden difference relative to brightness; sets the grade.
        variation: of the difference over the target, standard deviation relative to it.
        clutter: the same difference found in the ground, relative to contrast.
        drift: by how much the difference has turned into another one at the end.
        own_texture: 0 the target shows what is behind it, 1 a texture of its own; for `hidden`.
        look_alikes: number of them.
        companions: how many of them stay near and pass over the target; one more where they are `fakes`.
        bend: deformation, units of half the size.
        speed: displacement a frame in units of the size.
        growth: natural logarithm of the size at the end over that at the start, beside what its path does.
        turn: by how much it turns from start to end, rad.
        slenderness: 0 as wide as long, towards 1 ever thinner.
        pattern: light and dark of its own on target and look-alikes, standard deviation relative to brightness. No two
            things are quite the same; spectra divided by their norm do not show it.
    """

    contrast: float = 0.3
    variation: float = 0.35
    clutter: float = 0.25
    drift: float = 0.6
    own_texture: float = 0.5
    look_alikes: int = 3
    companions: int = 2
    bend: float = 0.12
    speed: float = 0.12
    growth: float = 0.0
    turn: float = 0.0
    slenderness: float = 0.0
    pattern: float = 0.0


@dataclass(frozen=True, eq=False)
class Camouflage:
    """A camouflage scene before its contrast is known.

    Args:
        kind: one of `KINDS`.
        backdrop: what is behind, larger than the view by `SHAKE_PX` on each side.
        hidden: see `hidden_spectra`, (L, HIDDEN_PLANES).
        seed: source of everything random; equal for every contrast.
        frames: N.
        size_px: of the target, pixels.
        options: how hard it is.
        light: kind of `illumination_course`.
        track: of the target, see `motion.fit_track`, at least N + HIDE_AHEAD * 20 rows if it hides; None for a smooth
            random path.
        hide: the target disappears behind something, is gone for 10-20 frames, and comes out elsewhere.

    Raises:
        ValueError: no such kind.
    """

    kind: str
    backdrop: Backdrop
    hidden: Array
    seed: int
    frames: int
    size_px: float
    options: CamouflageOptions
    light: str = 'drift'
    track: Array | None = None
    hide: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'expected a camouflage of {", ".join(KINDS)}, got {self.kind!r}')

    @property
    def spectra(self) -> Array:
        """What the planes of the stage stand for, (L, P + HIDDEN_PLANES)."""
        return np.concatenate([self.backdrop.spectra, self.hidden], axis=1)

    def scene(self, name: str) -> Scene:
        """The scene with its true boxes."""
        stage = self.stage()
        boxes = np.array([stage.box(index) for index in range(self.frames)])
        light = illumination_course(self.light, self.frames, np.random.default_rng([self.seed, 12]))
        return Scene(name, self.spectra, stage.frame, boxes, light,
                     ('camouflage', self.kind, self.light) + (('hide',) if self.hide else ()))

    def stage(self) -> Stage:
        """Backdrop and actors."""
        options, backdrop, frames = self.options, self.backdrop, self.frames
        rng, generator = np.random.default_rng([self.seed, 11]), torch.Generator().manual_seed(self.seed)
        view = backdrop.size[0] - 2 * SHAKE_PX, backdrop.size[1] - 2 * SHAKE_PX
        offsets = shake(frames, rng, SHAKE_PX)
        gap = int(rng.integers(10, 21)) if self.hide else 0
        needed = frames + HIDE_AHEAD * gap
        path = wander(needed, view, self.size_px, rng, options.speed) if self.track is None else self.track[:needed]
        absent, covers = np.zeros(frames, bool), list[Actor]()
        path = _growing(path, options.growth, self.size_px)
        if self.hide:
            path, absent, covers = _hide(path, frames, gap, offsets, backdrop, rng, generator)
        ground = backdrop.brightness * options.contrast * options.clutter * smooth_noise(
            (1, HIDDEN_PLANES, *backdrop.size), GROUND_CELLS, generator)
        target = self._actor(0, path, None, rng, generator)
        actors = [target]
        for number in range(0 if self.kind == 'hidden' else options.look_alikes):
            companion = number < options.companions + (self.kind == 'fakes')
            for _ in range(START_TRIES):
                way = _companion(path[:frames], rng) if companion else wander(frames, view, self.size_px, rng,
                                                                              options.speed)
                inside = (way[0, :2] > 0.5 * self.size_px) & (way[0, :2] < np.array(view[::-1]) - 0.5 * self.size_px)
                if inside.all() and np.hypot(*(way[0, :2] - path[0, :2])) > 1.5 * self.size_px:
                    break
            way[:, 2] = path[:frames, 2]
            actors.append(self._actor(1, way, target, rng, generator))
        share = np.linspace(0, 1, frames)
        gains = np.column_stack([1 + 0.25 * options.drift * np.sin(2 * np.pi * rng.uniform(0.5, 1.2) * share),
                                 options.drift * share])
        return Stage(backdrop, actors + covers, offsets, view, ground, gains, absent)

    def _actor(self, plane: int, way: Array, twin: Actor | None, rng: np.random.Generator,
               generator: torch.Generator) -> Actor:
        """The target, or a look-alike of it with its difference in another plane."""
        if twin is None:
            texture, level = _texture(self.kind, self.backdrop, self.size_px, rng, generator)
            outline = _outline(self.kind, texture.shape[-1], self.options.slenderness, generator)
        else:
            count = self.backdrop.planes.shape[1]
            outline = twin.sprite[:, -1:]
            texture, level = twin.texture[:, :count], twin.texture[:, count:]
        shape = (1, 1, *outline.shape[2:])
        shade = _shade(shape, self.options.pattern, generator)
        bare = texture, level
        if self.kind == 'hidden':       # what it is laid over is bright as the scene is on average
            texture = texture + (shade - 1) * self.backdrop.planes.mean(dim=(2, 3), keepdim=True)
        else:
            texture, level = texture * shade, level * shade
        uneven = 1 + self.options.variation * smooth_noise(shape, UNEVEN_CELLS, generator)
        amount = torch.zeros((1, HIDDEN_PLANES, *outline.shape[2:]))
        amount[:, plane:plane + 1] = self.options.contrast * level * uneven.clamp(-0.5, 2.5)
        sprite = torch.cat([outline * torch.cat([texture, amount], dim=1), outline], dim=1)
        turn = np.cumsum(rng.normal(0, 0.02, len(way))) + rng.uniform(0, 6.28)
        turn += self.options.turn * np.linspace(0, 1, len(way))
        bends = 0.7 * self.options.bend * torch.randn((2, 2, 4, 4), generator=generator)
        if self.kind == 'aerial':
            turn, bends = _heading(way), 0 * bends
        return Actor(sprite, way, turn, bends, torch.cat(bare, dim=1),
                     1 - self.options.own_texture if self.kind == 'hidden' else None)


def _heading(path: Array) -> Array:
    return np.asarray(np.unwrap(np.arctan2(np.gradient(path[:, 1]), np.gradient(path[:, 0]))))


def _patch(backdrop: Backdrop, side: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Planes and brightness of a square of the backdrop, (1, P, S, S) and (1, 1, S, S)."""
    y, x = (int(rng.integers(0, length - side)) for length in backdrop.size)
    region = (slice(None), slice(None), slice(y, y + side), slice(x, x + side))
    return backdrop.planes[region], backdrop.brightness[region]


def _texture(kind: str, backdrop: Backdrop, size_px: float, rng: np.random.Generator,
             generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What target and look-alikes look like: planes (1, P, S, S), unit of the hidden difference (1, 1, S, S)."""
    side = int(np.ceil(1.1 * size_px)) + 2
    planes, level = _patch(backdrop, side, rng)
    if kind == 'hidden':            # only its detail; colour and brightness are those of the place where it is
        return planes - low_pass(planes, max(3, round(size_px / 6))), torch.ones_like(level)
    axis = torch.linspace(-1, 1, side)
    if kind == 'aerial':            # a body with windscreens
        length = axis[None, None, None, :].expand(1, 1, side, side)
        shade = 1.15 - 0.5 * torch.sigmoid((0.1 - (length - 0.35).abs()) * 30) - 0.4 * torch.sigmoid(
            (0.1 - (length + 0.6).abs()) * 30)
        planes, level = (part.mean(dim=(2, 3), keepdim=True) * shade for part in (planes, level))
        return planes, level
    radius = (axis[None, :] ** 2 + axis[:, None] ** 2)[None, None]
    shade = (1.2 - 0.35 * radius) * (1 + 0.08 * smooth_noise((1, 1, side, side), 5, generator))
    mean = planes.mean(dim=(2, 3), keepdim=True)
    return (mean + 0.6 * (planes - mean)) * shade, (0.4 * level.mean() + 0.6 * level) * shade


def _shade(shape: tuple[int, int, int, int], pattern: float, generator: torch.Generator) -> Tensor:
    """Light and dark of a body: patches of its own, and darker towards its edge; a factor about 1."""
    axis = torch.linspace(-1, 1, shape[-1])
    body = 1.5 * (0.4 - axis[None, :] ** 2 - axis[:, None] ** 2).clamp(min=-1)
    return (1 + pattern * (smooth_noise(shape, PATTERN_CELLS, generator) + body)).clamp(0.3, 1.7)


def _growing(path: Array, growth: float, size_px: float) -> Array:
    """A path whose size grows besides, within what the benchmark promises of targets."""
    out = path.copy()
    out[:, 2] *= np.exp(growth * np.linspace(-0.5, 0.5, len(path)))
    out[:, 2] = np.clip(out[:, 2], max(SMALLEST_PX, 0.55 * size_px), min(LARGEST_PX, 1.8 * size_px))
    return out


def _outline(kind: str, side: int, slenderness: float, generator: torch.Generator) -> Tensor:
    if kind != 'aerial':
        flat = F.interpolate(blob(side, generator), (round(side * (1 - slenderness)), side), mode='bilinear')
        return F.pad(flat, (0, 0, round(side * slenderness) // 2, side))[:, :, :side]
    axis = (torch.arange(side) + 0.5) / side * 2 - 1
    radius = (axis[None, :] / 0.95) ** 6 + (axis[:, None] / 0.5) ** 6
    return torch.sigmoid((1 - radius) * side / 6)[None, None]


def _companion(path: Array, rng: np.random.Generator) -> Array:
    """A path that stays near another and now and then passes over it."""
    time = np.arange(len(path))
    angle = rng.uniform(0, 6.28) + np.cumsum(rng.normal(0.03, 0.03, len(path)))
    distance = 1.5 + 1.4 * np.sin(2 * np.pi * time / rng.uniform(45, 90) + rng.uniform(1.0, 2.1))
    way = path.copy()
    way[:, 0] += distance * path[:, 2] * np.cos(angle)
    way[:, 1] += distance * path[:, 2] * np.sin(angle)
    return way


def _hide(path: Array, frames: int, gap: int, offsets: npt.NDArray[np.int64], backdrop: Backdrop,
          rng: np.random.Generator, generator: torch.Generator) -> tuple[Array, npt.NDArray[np.bool_], list[Actor]]:
    """Cut a stretch out of a path and cover both ends: path (N, 3), frames without target (N,), covers."""
    leaves = int(rng.integers(int(0.35 * frames), int(0.55 * frames)))
    skipped = len(path) - frames
    kept = np.concatenate([path[:leaves], path[leaves + skipped:]])
    returns = leaves + gap
    kept[leaves:returns] = path[leaves]
    kept[returns:] = path[returns + skipped:]
    absent = np.zeros(frames, bool)
    absent[leaves:returns] = True
    covers = []
    for moment in (leaves, returns):
        size = COVER * float(kept[moment, 2])
        side = int(min(np.ceil(size), min(backdrop.size) - 1))
        planes, _ = _patch(backdrop, side, rng)
        outline = blob(side, generator, roughness=0.06)
        nothing = torch.zeros((1, HIDDEN_PLANES, side, side))
        place = kept[moment, :2] - (offsets - offsets[moment])[:, ::-1]     # it stands on the ground
        way = np.column_stack([place, np.full(frames, size)])
        covers.append(Actor(torch.cat([outline * torch.cat([planes, nothing], dim=1), outline], dim=1), way,
                            np.zeros(frames), torch.zeros((2, 2, 4, 4)), planes))
    return kept, absent, covers
