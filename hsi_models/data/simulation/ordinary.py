"""Ordinary scenes: a real annotated colour video, each of its materials given a spectrum for the whole clip."""
from __future__ import annotations

import numpy as np
import torch

from hsi_models.data.simulation.illumination import illumination_course
from hsi_models.data.simulation.scene import Scene
from hsi_models.data.simulation.upsampling import draw_materials, load_basis
from hsi_models.data.simulation.videos import Video


def ordinary_scene(video: Video, seed: int, light: str = 'drift', strength: float = 1.5, materials: int = 24,
                   light_strength: float = 1.0) -> Scene:
    """A colour video turned hyperspectral.

    Args:
        video: frames and boxes.
        seed: of materials and light.
        light: kind of `illumination_course`.
        strength: of the residual spectra, 1 as measured ones.
        materials: how many colours of the first frame get a spectrum of their own.
        light_strength: see `illumination_course`.
    """
    generator = torch.Generator().manual_seed(seed)
    palette = draw_materials(video.rgb(0), generator, materials, strength)
    course = illumination_course(light, len(video), np.random.default_rng([seed, 1]), strength=light_strength)
    return Scene(video.name, load_basis().spectra.numpy().astype(np.float64), lambda index: palette.planes(
        video.rgb(index)), video.boxes, course, ('ordinary', light))
