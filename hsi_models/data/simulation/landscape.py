"""A landscape seen from a drone, painted as abundances of materials, with a road for cars to go round on."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Points = npt.NDArray[np.float64]

CAR_MATERIALS = ('glass', 'white_paint')
"""What a car is made of beside its paint, in the order of `car_sprite`'s channels."""

SPRITE_SCALE = 3
_CAR_LENGTH, _CAR_WIDTH = 46, 24
_TEXTURE = {'grass': 0.35, 'dry_grass': 0.25, 'crop': 0.3, 'soil': 0.3, 'foliage': 0.7, 'asphalt': 0.12, 'gravel': 0.3,
            'sand': 0.12, 'water': 0.15, 'concrete': 0.08, 'roof_tile': 0.12, 'slate': 0.12, 'white_paint': 0.05}
_GROVE_AT, _GROVE_SHARE = 0.28, 0.025


@dataclass(frozen=True, eq=False)
class Landscape:
    """What `paint_landscape` gives.

    Args:
        materials: names for `materials.reflectance`, K of them.
        abundance: weight of each material, shading included, (H, W, K) float32.
        canopy: opacity of what hides the road, (H, W) float32, 0..1.
        road: centre line, x and y in pixels, evenly spaced and closed, (M, 2).
        unit: pixels for what is one pixel in a picture of 256 x 512.
    """

    materials: tuple[str, ...]
    abundance: Array
    canopy: Array
    road: Points
    unit: float

    def car_pose(self, position: float, lane: int) -> Points:
        """Matrix (2, 3) from pixels of `car_sprite` to pixels of the landscape.

        Args:
            position: share of the way round, 0..1.
            lane: 1 with the direction of the road, -1 against it.
        """
        count = len(self.road)
        at = position * count
        index = int(at) % count
        after = self.road[(index + 1) % count]
        centre = self.road[index] + (at - int(at)) * (after - self.road[index])
        tangent = self.road[(index + 3) % count] - self.road[(index - 3) % count]
        tangent = tangent / np.linalg.norm(tangent)
        scale = _nearness(centre[1], self.abundance.shape[0]) * self.unit
        centre = centre + lane * 15 * scale * np.array([-tangent[1], tangent[0]])
        rotation = lane * scale / SPRITE_SCALE * np.array([[tangent[0], -tangent[1]], [tangent[1], tangent[0]]])
        middle = SPRITE_SCALE * np.array([_CAR_LENGTH, _CAR_WIDTH]) / 2
        return np.column_stack([rotation, centre - rotation @ middle])


def _nearness(y: float, height: int) -> float:
    """Scale of things at row y: the drone looks down at a slant."""
    return 0.72 + 0.5 * y / height


def cloud_noise(rng: np.random.Generator, shape: tuple[int, int], coarsest_px: float, octaves: int = 4) -> Array:
    """Smooth noise of several scales, shape (H, W), mean about 0, standard deviation 1."""
    out = np.zeros(shape, np.float32)
    for octave in range(octaves):
        cell = max(coarsest_px / 2 ** octave, 1.0)
        grid = rng.standard_normal((int(shape[0] / cell) + 3, int(shape[1] / cell) + 3), np.float32)
        out += cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC) * np.float32(0.6 ** octave)
    out -= out.mean()
    return np.asarray(out / out.std(), np.float32)


class _Painter:
    """Layers of materials, painted one over the other with soft edges."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int]) -> None:
        self.rng, self.shape = rng, shape
        self.layers: dict[str, Array] = {}
        self.shade = np.ones(shape, np.float32)

    def paint(self, material: str, mask: Array) -> None:
        for layer in self.layers.values():
            layer *= 1 - mask
        self.layers[material] = self.layers.get(material, np.zeros(self.shape, np.float32)) + mask

    def cast_shadow(self, mask: Array, offset: float, depth: float = 0.5) -> None:
        moved = cv2.warpAffine(mask, np.array([[1, 0, offset], [0, 1, offset]]), self.shape[::-1])
        self.shade *= 1 - depth * cv2.GaussianBlur(moved, (0, 0), 0.8)

    def polygon(self, points: npt.ArrayLike) -> Array:
        mask = np.zeros(self.shape, np.uint8)
        fixed = np.rint(np.asarray(points) * 16).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, shift=4)
        return mask.astype(np.float32) / 255

    def stroke(self, points: Points, radius: npt.ArrayLike) -> Array:
        mask = np.zeros(self.shape, np.uint8)
        for (x, y), r in zip(points, np.broadcast_to(radius, len(points)), strict=True):
            cv2.circle(mask, (round(x * 16), round(y * 16)), round(float(r) * 16), 255, -1, cv2.LINE_AA, 4)
        return mask.astype(np.float32) / 255

    def blob(self, centre: npt.ArrayLike, radius: float, stretch: float = 1.0) -> Array:
        angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        phases = self.rng.uniform(0, 2 * np.pi, 4)
        wobble = 1 + sum(0.14 / k * np.sin(k * angles + p) for k, p in zip((2, 3, 4, 7), phases, strict=True))
        return self.polygon(np.asarray(centre) + radius * wobble[:, None]
                            * np.column_stack([stretch * np.cos(angles), np.sin(angles)]))

    def trees(self, centres: Points, radii: Points) -> Array:
        """Crowns with a lit and a shaded side; returns where they are."""
        crowns = [self.blob(centre, float(radius)) for centre, radius in zip(centres, radii, strict=True)]
        whole: Array = np.max(crowns, axis=0)
        self.cast_shadow(whole, 0.22 * float(radii.mean()))
        for crown, centre, radius in zip(crowns, centres, radii, strict=True):
            y, x = np.mgrid[:self.shape[0], :self.shape[1]].astype(np.float32)
            relief = 1.1 - 0.45 * np.clip(((x - centre[0]) + (y - centre[1])) / (1.4 * radius), -1, 1)
            self.shade = self.shade * (1 - crown) + crown * relief.astype(np.float32)
            self.paint('foliage', crown)
        return whole


def paint_landscape(rng: np.random.Generator, shape: tuple[int, int], trees: bool = True) -> Landscape:
    """Meadow, field, pond and houses around a closed road.

    Args:
        rng: source of everything random.
        shape: (H, W) in pixels.
        trees: whether a grove hides a stretch of the road.
    """
    height, width = shape
    unit = float(np.sqrt(height * width / (280 * 536)))
    painter = _Painter(rng, shape)
    road = _road(rng, height, width)
    painter.paint('grass', np.ones(shape, np.float32))
    painter.paint('dry_grass', np.clip(0.35 + 0.3 * cloud_noise(rng, shape, 60 * unit), 0, 0.9))
    _paint_field(painter, unit)
    pond = painter.blob((0.45 * width, 0.52 * height), 0.14 * height, 1.7)
    painter.paint('sand', cv2.GaussianBlur(cv2.dilate(pond, np.ones((7, 7))), (0, 0), 1.5 * unit))
    painter.paint('water', pond)
    _paint_road(painter, road, unit)
    _paint_houses(painter, unit)
    lone = rng.uniform(0, 1, (60, 2)) * (width, height)
    clear = np.linalg.norm(lone[:, None] - road[None], axis=-1).min(1)
    away = np.hypot((lone[:, 0] - 0.45 * width) / 1.7, lone[:, 1] - 0.52 * height)
    lone = lone[(clear > 48 * unit) & (away > 0.17 * height)][:22]
    if len(lone):
        painter.trees(lone, rng.uniform(7, 13, len(lone)) * unit)
    canopy = np.zeros(shape, np.float32)
    if trees:
        count = len(road)
        stretch = road[np.arange(int(_GROVE_AT * count), int((_GROVE_AT + _GROVE_SHARE) * count), 3) % count]
        centres = np.repeat(stretch, 3, axis=0) + rng.uniform(-25, 25, (3 * len(stretch), 2)) * unit
        centres = np.concatenate([centres, stretch])
        canopy = painter.trees(centres, rng.uniform(17, 25, len(centres)) * unit)
    for material, layer in painter.layers.items():
        grain = cloud_noise(rng, shape, {'foliage': 6, 'water': 10}.get(material, 14) * unit, 4)
        layer *= painter.shade * np.clip(1 + _TEXTURE[material] * 0.5 * grain, 0.25, 2)
    abundance = np.stack(list(painter.layers.values()), axis=-1)
    return Landscape(tuple(painter.layers), np.ascontiguousarray(abundance), canopy, road, unit)


def _road(rng: np.random.Generator, height: int, width: int) -> Points:
    """A closed curve, evenly spaced: about one point a pixel."""
    angle = np.linspace(0, 2 * np.pi, 4000, endpoint=False) + 2.2
    bend = rng.uniform(0, 2 * np.pi, 2)
    x = width * (0.5 + 0.37 * np.cos(angle) + 0.03 * np.sin(2 * angle + bend[0]))
    y = height * (0.5 + 0.31 * np.sin(angle) + 0.035 * np.sin(2 * angle + bend[1]))
    curve = np.column_stack([x, y])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0, append=curve[:1]), axis=1))])
    at = np.linspace(0, length[-1], int(length[-1]), endpoint=False)
    closed = np.concatenate([curve, curve[:1]])
    return np.column_stack([np.interp(at, length, closed[:, axis]) for axis in (0, 1)])


def _paint_road(painter: _Painter, road: Points, unit: float) -> None:
    nearness = np.array([_nearness(y, painter.shape[0]) for y in road[:, 1]]) * unit
    painter.paint('gravel', painter.stroke(road, 33 * nearness))
    painter.paint('asphalt', painter.stroke(road, 29 * nearness))
    dashes = (np.arange(len(road)) // int(14 * unit + 1)) % 2 == 0
    painter.paint('white_paint', 0.75 * painter.stroke(road[dashes], 0.9 * nearness[dashes]))


def _paint_field(painter: _Painter, unit: float) -> None:
    height, width = painter.shape
    y, x = np.mgrid[:height, :width]
    corners = [(0.70 * width, -2), (width + 2, -2), (width + 2, 0.36 * height), (0.84 * width, 0.2 * height)]
    field = painter.polygon(corners)
    rows = 0.5 + 0.5 * np.sin((0.8 * x + 1.1 * y) / (1.9 * unit))
    painter.paint('soil', field)
    painter.paint('crop', (field * rows * 0.9).astype(np.float32))


def _paint_houses(painter: _Painter, unit: float) -> None:
    height, width = painter.shape
    for u, v, w, h, material in ((0.035, 0.03, 0.085, 0.12, 'roof_tile'), (0.90, 0.84, 0.075, 0.13, 'roof_tile'),
                                 (0.025, 0.83, 0.09, 0.14, 'slate'), (0.60, 0.46, 0.07, 0.11, 'roof_tile'),
                                 (0.68, 0.56, 0.05, 0.10, 'concrete'), (0.15, 0.02, 0.05, 0.09, 'concrete')):
        x0, y0, x1, y1 = u * width, v * height, (u + w) * width, (v + h) * height
        middle = (y0 + y1) / 2
        whole = painter.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        painter.cast_shadow(whole, 6 * unit)
        painter.shade = painter.shade * (1 - whole) + whole
        painter.paint(material, whole)
        painter.shade -= 0.35 * painter.polygon([(x0, middle), (x1, middle), (x1, y1), (x0, y1)])


def car_sprite(rng: np.random.Generator) -> Array:
    """A car from above, heading along x: paint, `CAR_MATERIALS`, opacity; (72, 138, 4) float32.

    The first three are weights of spectra, shading included; the picture is `SPRITE_SCALE` times too large.
    """
    length, width = _CAR_LENGTH * SPRITE_SCALE, _CAR_WIDTH * SPRITE_SCALE
    painter = _Painter(rng, (width, length))
    ys, xs = np.mgrid[:width, :length]
    body = painter.stroke(np.column_stack([np.linspace(0.16, 0.84, 60) * length, np.full(60, width / 2)]), 0.0)
    cv2.rectangle(body, (int(0.1 * length), int(0.08 * width)), (int(0.9 * length), int(0.92 * width)), 1.0, -1)
    body = np.asarray(np.clip(cv2.GaussianBlur(body, (0, 0), 5) * 3 - 1.0, 0, 1), np.float32)
    painter.paint('paint', body)
    for x0, x1, near, far in ((0.60, 0.72, 0.24, 0.16), (0.33, 0.25, 0.24, 0.17)):
        painter.paint('glass', painter.polygon(np.array(
            [(x0, near), (x1, far), (x1, 1 - far), (x0, 1 - near)]) * (length, width)))
    for side in (0.14, 0.80):
        painter.paint('glass', painter.polygon(np.array(
            [(0.36, side), (0.58, side), (0.58, side + 0.06), (0.36, side + 0.06)]) * (length, width)))
        painter.paint('white_paint', painter.polygon(np.array(
            [(0.86, side), (0.90, side), (0.90, side + 0.07), (0.86, side + 0.07)]) * (length, width)))
    relief = 1.08 - 0.30 * ((ys / width - 0.5) ** 2 * 3) + 0.06 * cloud_noise(rng, (width, length), 24)
    relief -= 0.25 * (np.abs(xs / length - 0.76) < 0.012) * (np.abs(ys / width - 0.5) < 0.3)
    layers = [painter.layers[name] * relief.astype(np.float32) * body for name in ('paint', *CAR_MATERIALS)]
    return np.ascontiguousarray(np.stack([*layers, body], axis=-1), np.float32)
