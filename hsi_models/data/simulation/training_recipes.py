"""Recipes of sequences to train with: the benchmark's kinds of scenes, from sources that it does not judge with."""
from __future__ import annotations

import numpy as np

from hsi_models.data.simulation.recipes import CAMOUFLAGES, HARD_LIGHTS, LIGHTS, Recipe
from hsi_models.data.simulation.videos import CORPUS

COUNT = 208
"""Sequences that shipped weights were trained with."""

# Of the corpus: in colour, one picture size, at least 12 frames of 240 x 200 pixels; none is held out for validation
# (`corpus.in_validation`).
CLIPS = ('davis_blackswan', 'davis_breakdance', 'davis_camel', 'davis_car-roundabout', 'davis_car-shadow', 'davis_cows',
         'davis_dance-twirl', 'davis_dog', 'davis_drift-chicane', 'davis_drift-straight', 'davis_horsejump-high',
         'davis_kite-surf', 'davis_libby', 'davis_motocross-jump', 'davis_paragliding-launch', 'davis_scooter-black',
         'davis_soapbox', 'davis_tennis', 'davis17_schoolgirls', 'davis17_dogs_jump', 'cdnet_highway')
# The cubes that no split of the benchmark has, with pixels of a scene a pixel of the cube.
CUBES = {'abu_airport_2_100x100x205': 2.6, 'abu_airport_3_100x100x205': 2.6, 'abu_beach_1_150x150x188': 2.0,
         'abu_urban_1_100x100x204': 2.6, 'abu_urban_2_100x100x207': 2.6, 'aviris_vi_demo_90x90x224': 2.9,
         'enmap_potsdam_mosaic_192x160x218': 1.7, 'moffett_50x50x189': 5.2}
# Paths of the targets; '' for a smooth random one.
MOTION = ('', 'car2_gt.txt', '', 'rider2_gt.txt', 'pedestrain_gt.txt', '', 'kangaroo_gt.txt', '', 'worker_gt.txt',
          'toy1_gt.txt', '')
_SEED = 5_000_000
_ORDINARY_EVERY = 4
_HIDE_EVERY = 5         # of the others
_KINDS = (*CAMOUFLAGES, 'aerial')


def training_recipes(count: int = COUNT) -> tuple[Recipe, ...]:
    """`count` sequences: a quarter ordinary, of the others a fifth hide and the rest camouflage of all grades alike.

    Raises:
        ValueError: no sequences asked for.
    """
    if count < 1:
        raise ValueError(f'expected a count >= 1, got {count}')
    return tuple(_recipe(number) for number in range(count))


def _recipe(number: int) -> Recipe:
    index, place = divmod(number, _ORDINARY_EVERY)
    seed = _SEED + number
    rng = np.random.default_rng(seed)
    camera = ('vis', 'nir')[int(rng.integers(2))]
    if place == _ORDINARY_EVERY - 1:
        clip = CLIPS[index % len(CLIPS)]
        return Recipe(f'ordinary_{number:03d}_{clip}', 'ordinary', 'ordinary', f'{CORPUS}/{clip}/0', camera, seed,
                      light=LIGHTS[int(rng.integers(len(LIGHTS)))])
    other = index * (_ORDINARY_EVERY - 1) + place
    hide, kind = other % _HIDE_EVERY == _HIDE_EVERY - 1, _KINDS[other % len(_KINDS)]
    group = 'hide' if hide else f'camouflage_{1 + other % 3}'
    if kind == 'aerial':
        source = list(CUBES)[int(rng.integers(len(CUBES)))]
        name, zoom, size = source.split('_100x')[0][:16], CUBES[source], rng.uniform(22, 30)
    else:
        name, zoom, size = CLIPS[int(rng.integers(len(CLIPS)))], 1.0, rng.uniform(26, 44)
        source = f'{CORPUS}/{name}/0'
    return Recipe(f'{group}_{number:03d}_{kind}_{name}', group, kind, source, camera, seed, int(rng.integers(64, 101)),
                  HARD_LIGHTS[int(rng.integers(len(HARD_LIGHTS)))], round(float(size), 1),
                  '' if hide else MOTION[other % len(MOTION)], hide, zoom)
