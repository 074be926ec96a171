"""The benchmark's recipes, version 1: what each sequence of validation and test is made of."""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

SPLITS = ('validation', 'test')
VIEW = {'vis': (176, 240), 'nir': (160, 216)}

LIGHTS = ('drift', 'cloud', 'steady', 'shadow', 'lamp', 'flicker')
HARD_LIGHTS = ('drift', 'shadow', 'cloud', 'flicker', 'drift')
_VIDEOS = {
    'validation': ('bmx_trees', 'goat', 'parkour', 'drone1', 'mohiniyattam', 'motorcycle_chase', 'uavdt_s0310',
                   'uavdt_s1001', 'uavdt_s1301', 'uavdt_s1606'),
    'test': ('gull2', 'mountainbike6', 'biker', 'diving', 'girl', 'human7', 'jogging', 'bike1', 'car14', 'car16',
             'group3', 'book', 'car1', 'tiger', 'traffic', 'marathon6', 'matrix', 'monkey', 'transparent_fish',
             'basketball')}
# Pictures behind camouflage: frames of the same split's videos, large enough and rich in detail.
_PICTURES = {'validation': ('parkour', 'motorcycle_chase', 'uavdt_s1001', 'drone1', 'uavdt_s0310', 'mohiniyattam'),
             'test': ('traffic', 'tiger', 'mountainbike6', 'jogging', 'car1', 'bike1', 'book', 'group3', 'marathon6',
                      'car16', 'diving', 'human7')}
_CUBES = {'validation': ('abu_airport_1_100x100x205', 'muufl_sub_51x88x72'),
          'test': ('abu_urban_3_100x100x191', 'abu_beach_2_100x100x193', 'paris_hyperion_72x72x128')}
_ZOOM = {'abu_airport_1_100x100x205': 2.6, 'abu_urban_3_100x100x191': 2.6, 'abu_beach_2_100x100x193': 2.6,
         'paris_hyperion_72x72x128': 3.6, 'muufl_sub_51x88x72': 3.8}
_MOTION = ('', 'car_gt.txt', 'rider1_gt.txt', '', 'toy2_gt.txt', 'bus2_gt.txt', '', 'ball_gt.txt')
# Source, target x, y, w, h in pixels of the source. Chosen by eye; each can be told from its surroundings.
_PANS = {
    'validation': (('4_baichideng2_11', (384, 70, 34, 36)),
                   ('room_scene_colorchecker_testborad_prefix_6', (385, 44, 38, 36)),
                   ('abu_airport_1_100x100x205', (22, 46, 11, 6)), ('abu_airport_1_100x100x205', (50, 54, 10, 6))),
    'test': (('mei_shanghai_5_0', (444, 198, 41, 20)), ('mei_shanghai_5_0', (240, 160, 26, 34)),
             ('outside_palace_small_easterngate2_prefix_13', (398, 168, 34, 48)),
             ('outside_palace_small_easterngate2_prefix_13', (126, 152, 50, 20)),
             ('abu_urban_3_100x100x191', (17, 6, 7, 7)), ('abu_urban_3_100x100x191', (30, 17, 7, 7)),
             ('abu_beach_2_100x100x193', (27, 49, 6, 6)), ('paris_hyperion_72x72x128', (38, 54, 9, 11)))}
_DRAW = 777_000         # between the seeds of one draw and the next
_GRADES = (1, 2, 3, 1, 2, 1, 3, 2, 1)
_CAMERAS = ('vis', 'nir', 'vis', 'nir', 'vis', 'vis', 'nir', 'nir', 'nir')
CAMOUFLAGES = ('twins', 'hidden', 'fakes', 'hidden', 'twins', 'aerial')


@dataclass(frozen=True)
class Recipe:
    """One sequence.

    Args:
        name: of its folder.
        group: of the benchmark; for camouflage the grade is part of it.
        scene: `ordinary`, `pan`, `pan_mosaic`, or a kind of camouflage.
        source: video, cube or picture.
        camera: `vis` or `nir`.
        seed: of everything random in it.
        frames: N (as many as the video has, for `ordinary`).
        light: kind of `illumination_course`.
        size_px: of the target, pixels, where it is put in.
        motion: file of real boxes that gives the path; '' for a smooth random one.
        hide: the target disappears and comes back.
        zoom: pixels a pixel of a cube.
        target: x, y, w, h in the source, for pans.
    """

    name: str
    group: str
    scene: str
    source: str
    camera: str
    seed: int
    frames: int = 0
    light: str = 'steady'
    size_px: float = 0.0
    motion: str = ''
    hide: bool = False
    zoom: float = 1.0
    target: tuple[float, float, float, float] = (0, 0, 0, 0)


def benchmark_recipes(split: str, draw: int = 0) -> tuple[Recipe, ...]:
    """All sequences of `validation` (26) or `test` (54).

    Raises:
        ValueError: no such split.
    """
    if split not in SPLITS:
        raise ValueError(f'expected a split of {", ".join(SPLITS)}, got {split!r}')
    if draw < 0 or (draw and split != 'validation'):
        raise ValueError(f'expected draw 0, or one above for validation, got {draw} for {split}')
    seed = 1_000_000 * (1 + SPLITS.index(split))
    recipes = [Recipe(f'ordinary_{number:02d}_{video}', 'ordinary', 'ordinary', video, _camera(number), seed + number,
                      light=LIGHTS[number % 6]) for number, video in enumerate(_VIDEOS[split])]
    count = {'validation': 8, 'test': 18}[split]
    recipes += [_camouflage(split, number, seed + 100 + number, f'camouflage_{_GRADES[number % len(_GRADES)]}')
                for number in range(count)]
    recipes += [_camouflage(split, number + 3, seed + 200 + number, 'hide')
                for number in range({'validation': 4, 'test': 8}[split])]
    for number, (source, box) in enumerate(_PANS[split]):
        real = source not in _ZOOM
        zoom = 1.0 if real else 1.35 * _ZOOM[source]
        recipes.append(Recipe(f'pan_{number:02d}_{source[:12]}', 'pan', 'pan_mosaic' if real else 'pan', source,
                              'vis' if real else _camera(number), seed + 300 + number, 70, light=LIGHTS[number % 2],
                              zoom=zoom, target=(box[0] * zoom, box[1] * zoom, box[2] * zoom, box[3] * zoom)))
    return tuple(replace(one, name=f'{one.name}_draw{draw}', seed=one.seed + _DRAW * draw) if draw else one
                 for one in recipes)


def _camera(number: int) -> str:
    return 'nir' if number % 2 else 'vis'


def _camouflage(split: str, number: int, seed: int, group: str) -> Recipe:
    rng = np.random.default_rng(seed)
    kind = CAMOUFLAGES[(number + number // 6) % 6]
    sources = _CUBES[split] if kind == 'aerial' else _PICTURES[split]
    source = sources[(number // 6 if kind == 'aerial' else number) % len(sources)]
    hide = group == 'hide'
    size = rng.uniform(22, 30) if kind == 'aerial' else rng.uniform(26, 44)
    return Recipe(f'{group}_{number:02d}_{kind}_{source.split("_100x")[0][:16]}', group, kind, source,
                  _CAMERAS[number % 9], seed, int(rng.integers(64, 101)), HARD_LIGHTS[number % 5],
                  round(float(size), 1), '' if hide else _MOTION[number % len(_MOTION)], hide,
                  _ZOOM.get(source, 1.0))
