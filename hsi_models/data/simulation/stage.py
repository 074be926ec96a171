"""A stage: a backdrop, actors that move before it, and what of the target can be seen; coefficient planes come out."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from hsi_models.data.simulation.backdrop import Backdrop, low_pass
from hsi_models.data.simulation.compose import motion_blur, over, place

Array = npt.NDArray[np.float64]

HIDDEN_PLANES = 3               # the target's difference, its look-alikes', the drift
SEEN_AT_LEAST = 0.1             # share of the target's area; below there is no true box


@dataclass(frozen=True, eq=False)
class Actor:
    """Something that moves.

    Args:
        sprite: premultiplied planes and opacity, (1, P + HIDDEN_PLANES + 1, S, S).
        path: centre x, y and size in pixels, (N, 3).
        angle_rad: (N,).
        bends: two fields of deformation that swing against each other, (2, 2, 4, 4).
        texture: what the sprite was cut from, for twins of it.
        chameleon: share of its detail taken from what is behind, 0..1, its colour being that of the place anyway;
            None for an actor with a colour of its own.
    """

    sprite: Tensor
    path: Array
    angle_rad: Array
    bends: Tensor
    texture: Tensor
    chameleon: float | None = None


class Stage:
    """A backdrop with actors, the first of them the target; draws the coefficient planes of a frame.

    Args:
        backdrop: at least `SHAKE_PX` pixels larger than the view on each side.
        actors: drawn in order, each over those before; the first is the target.
        offsets: of the view in the backdrop, y and x a frame, (N, 2).
        view: (H, W).
        ground: hidden planes of the ground, (1, HIDDEN_PLANES, H', W').
        gains: a frame: factor of the difference and share of the drift, (N, 2).
        absent: frames without the target, bool (N,).
    """

    def __init__(self, backdrop: Backdrop, actors: list[Actor], offsets: npt.NDArray[np.int64], view: tuple[int, int],
                 ground: Tensor, gains: Array, absent: npt.NDArray[np.bool_]) -> None:
        self.planes = torch.cat([backdrop.planes, ground], dim=1)
        radius = max(3, round(float(actors[0].path[:, 2].mean()) / 6))
        self.low = low_pass(backdrop.planes, radius)
        self.brightness = low_pass(backdrop.brightness, radius)
        self.actors, self.offsets, self.view, self.gains, self.absent = actors, offsets, view, gains, absent

    def frame(self, index: int) -> Tensor:
        """Coefficient planes of frame `index`, (1, P + HIDDEN_PLANES, H, W)."""
        dy, dx = (int(v) for v in self.offsets[index])
        planes = self.planes[:, :, dy:dy + self.view[0], dx:dx + self.view[1]].clone()
        for actor in self.actors[int(self.absent[index]):]:
            window = self._window(actor, index)
            if window is not None:
                y0, y1, x0, x1 = window
                behind = planes[:, :, y0:y1, x0:x1]
                planes[:, :, y0:y1, x0:x1] = over(behind, self._layer(actor, index, window, behind))
        return planes

    def box(self, index: int) -> tuple[float, float, float, float]:
        """x, y, w, h of the target, the part in the picture; nan where less than a tenth of it can be seen."""
        target, others = self.opacities(index)
        if float((target * (1 - others)).sum()) <= SEEN_AT_LEAST * float(target.sum()):
            return (float('nan'),) * 4
        return _bounds(target)

    def opacities(self, index: int) -> tuple[Tensor, Tensor]:
        """Of the target and of all that is before it, each (H, W), 0..1."""
        target, others = torch.zeros(self.view), torch.zeros(self.view)
        for number, actor in enumerate(self.actors):
            window = None if number == 0 and self.absent[index] else self._window(actor, index)
            if window is not None:
                y0, y1, x0, x1 = window
                part = self._moved(actor, actor.sprite[:, -1:], index, window)[0, 0]
                layer = target if number == 0 else others
                layer[y0:y1, x0:x1] = torch.maximum(layer[y0:y1, x0:x1], part)
        return target, others

    def _window(self, actor: Actor, index: int) -> tuple[int, int, int, int] | None:
        x, y, size = actor.path[index]
        reach = 0.85 * size + 3
        y0, y1 = max(0, int(y - reach)), min(self.view[0], int(y + reach) + 1)
        x0, x1 = max(0, int(x - reach)), min(self.view[1], int(x + reach) + 1)
        return (y0, y1, x0, x1) if y1 - y0 > 1 and x1 - x0 > 1 else None

    def _moved(self, actor: Actor, sprite: Tensor, index: int, window: tuple[int, int, int, int]) -> Tensor:
        y0, y1, x0, x1 = window
        x, y, size = actor.path[index]
        swing = 0.35 * index
        field = float(np.cos(swing)) * actor.bends[:1] + float(np.sin(swing)) * actor.bends[1:]
        bend = F.interpolate(field, (y1 - y0, x1 - x0), mode='bicubic', align_corners=True).permute(0, 2, 3, 1)
        centre, scale, angle = (torch.tensor(value, dtype=torch.float32) for value in
                                ([[x - x0, y - y0]], [size / sprite.shape[-1]], [actor.angle_rad[index]]))
        return place(sprite, centre, scale, angle, (y1 - y0, x1 - x0), bend)

    def _layer(self, actor: Actor, index: int, window: tuple[int, int, int, int], behind: Tensor) -> Tensor:
        y0, y1, x0, x1 = window
        layer = self._moved(actor, actor.sprite, index, window)
        before = actor.path[max(index - 1, 0), :2]
        shift = 0.3 * (actor.path[index, :2] - before)
        if np.hypot(*shift) > 0.7:
            layer = motion_blur(layer, torch.tensor(shift[None], dtype=torch.float32))
        alpha, count = layer[:, -1:], behind.shape[1] - HIDDEN_PLANES
        colour, hidden = layer[:, :count], layer[:, count:-1]
        if actor.chameleon is not None:
            dy, dx = (int(v) for v in self.offsets[index])
            region = (slice(None), slice(None), slice(y0 + dy, y1 + dy), slice(x0 + dx, x1 + dx))
            low, level = self.low[region], self.brightness[region]
            # What is behind, with its detail exchanged in part for the target's own.
            taken = low + actor.chameleon * (behind[:, :count] - low)
            colour = alpha * taken + (1 - actor.chameleon) * colour
            hidden = hidden * level
        gain, turned = self.gains[index]
        first = hidden[:, :1] * float(gain)
        drifted = hidden[:, 2:] + first * float(np.sin(turned))
        hidden = torch.cat([first * float(np.cos(turned)), hidden[:, 1:2], drifted], dim=1)
        return torch.cat([colour, hidden, alpha], dim=1)


def _bounds(opacity: Tensor) -> tuple[float, float, float, float]:
    """Box of what is more opaque than a half; nan where nothing is."""
    rows = torch.nonzero((opacity > 0.5).any(dim=1)).flatten()
    columns = torch.nonzero((opacity > 0.5).any(dim=0)).flatten()
    if not len(rows):
        return (float('nan'),) * 4
    x, y = int(columns[0]), int(rows[0])
    return float(x), float(y), float(int(columns[-1]) + 1 - x), float(int(rows[-1]) + 1 - y)
