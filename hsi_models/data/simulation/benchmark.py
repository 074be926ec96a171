"""The benchmark: recipes to sequences on disk, their groups, and the hashes that freeze them."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from hsi_models.boxes import Box
from hsi_models.data.simulation.backdrop import Backdrop, cube_backdrop, hidden_spectra, picture_backdrop
from hsi_models.data.simulation.cameras import measured_camera
from hsi_models.data.simulation.camouflage import SHAKE_PX, Camouflage, CamouflageOptions
from hsi_models.data.simulation.grade import GRADES, separability
from hsi_models.data.simulation.motion import fit_track, read_track
from hsi_models.data.simulation.ordinary import ordinary_scene
from hsi_models.data.simulation.pan import pan_mosaic, pan_scene
from hsi_models.data.simulation.recipes import SPLITS, VIEW, Recipe
from hsi_models.data.simulation.scene import Scene, expose, render, write_sequence
from hsi_models.data.simulation.snapshot import SnapshotCamera
from hsi_models.data.simulation.videos import open_video
from hsi_models.evaluation.truth import read_json
from hsi_models.host import processor_vendor
from hsi_models.mosaic import mosaic_to_cube

VERSION = 1
LOWEST_CONTRAST, HIGHEST_CONTRAST = 0.005, 0.9
HIDE_SEPARABILITY = (0.96, 0.995)
GOAL = (0.65, 0.97)             # part of the range of a grade from which separabilities are drawn
VIDEO_LIGHT = 0.5               # strength of the light's change, beside what the video brings with it
# Of the camera, 1 at a full well of 10000 electrons. Videos are darker than what is put into pictures: with a better
# exposure their dark parts have the signal to noise of real mosaics.
NOISE = {'ordinary': (0.5, 0.9), '': (0.7, 1.2)}
ATTEMPTS = 6


@dataclass(frozen=True)
class _Hardness:
    """Ranges from which a group's sequences draw; see `CamouflageOptions`.

    Where the spectrum says less, the picture has to say more, or nothing could be tracked at all.
    """

    clutter: tuple[float, float]
    own_texture: tuple[float, float]
    pattern: tuple[float, float]
    variation: tuple[float, float]
    companions: int
    look_alikes: tuple[int, int] = (2, 4)
    drift: tuple[float, float] = (0.1, 0.25)
    speed: tuple[float, float] = (0.08, 0.14)
    # Things come nearer, turn, and are not round: the first frame's box does not fit for long.
    growth: tuple[float, float] = (0.4, 0.8)
    turn: tuple[float, float] = (0.8, 1.8)
    slenderness: tuple[float, float] = (0.1, 0.3)


_HARDNESS = {
    'camouflage_1': _Hardness((0.03, 0.15), (0.45, 0.75), (0.08, 0.17), (0.1, 0.25), 1),
    'camouflage_2': _Hardness((0.1, 0.25), (0.65, 0.95), (0.18, 0.3), (0.12, 0.3), 1),
    'camouflage_3': _Hardness((0.2, 0.4), (0.75, 1.0), (0.28, 0.4), (0.12, 0.3), 0),
    'hide': _Hardness((0.03, 0.2), (0.4, 0.7), (0.1, 0.2), (0.1, 0.25), 1)}


@dataclass(frozen=True)
class Made:
    """One sequence on disk.

    Args:
        name: of its folder.
        group: of the benchmark.
        frames: N.
        sha256: of pixel values, boxes and camera.
        separability: on the first frame, for camouflage and hide; nan else.
    """

    name: str
    group: str
    frames: int
    sha256: str
    separability: float = float('nan')


def make_sequence(recipe: Recipe, data: Path, out: Path) -> Made:
    """Generate one sequence into `out / recipe.name`.

    Args:
        recipe: see `recipes.benchmark_recipes`.
        data: folder with `videos`, `hsi_cubes`, `real_mosaics`, `sensor_responses` and `hotc2020_gt_boxes`.
        out: folder of the benchmark.

    Raises:
        FileNotFoundError: a source is missing.
        ValueError: a source is malformed, or no contrast gives the grade that was asked for.
    """
    digest, roc = hashlib.sha256(), float('nan')
    if recipe.scene == 'pan_mosaic':
        description, images, boxes = pan_mosaic(data / 'real_mosaics' / f'{recipe.source}.tif', recipe.target,
                                                (128, 208), recipe.frames, recipe.seed)
        attributes: tuple[str, ...] = ('pan', 'real')
    else:
        camera = _camera(recipe, data)
        scene, roc = _scene(recipe, data, camera)
        exposure = expose(scene, camera, _brightest(recipe))
        description, images = camera.description(exposure), render(scene, camera, recipe.seed, exposure)
        boxes, attributes = scene.boxes, scene.attributes
    write_sequence(out / recipe.name, description, _hashed(images, digest), boxes, attributes)
    digest.update((out / recipe.name / 'groundtruth_rect.txt').read_bytes())
    digest.update((out / recipe.name / 'wavelengths.json').read_bytes())
    return Made(recipe.name, recipe.group, len(boxes), digest.hexdigest(), roc)


def write_groups(made: list[Made], path: Path) -> None:
    """Write `groups.json`, group -> names; `camouflage` holds its three grades together.

    What the file says of other sequences that are still beside it stays.

    Raises:
        ValueError: there is such a file, and it holds something else.
    """
    stays = read_json(path) if path.exists() else {}
    if not isinstance(stays, dict) or not all(isinstance(names, list) for names in stays.values()):
        raise ValueError(f'{path}: expected an object group -> list of sequences, got something else; remove it')
    groups = {group: {str(name) for name in names if (path.parent / str(name)).is_dir()}
              for group, names in stays.items()}
    for sequence in made:
        for group in {sequence.group, sequence.group.split('_')[0]}:
            groups.setdefault(group, set()).add(sequence.name)
    listed = {group: sorted(names) for group, names in sorted(groups.items()) if names}
    path.write_text(json.dumps(listed, indent=1) + '\n')


@cache
def manifest() -> dict[str, Any]:
    """The shipped manifest: whether it is frozen, and each split's sequences with their hashes."""
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / f'benchmark_v{VERSION}.json').read_text())
    return loaded


def this_platform() -> dict[str, str]:
    """What the last bits of a generated sequence depend on: processor, instruction set and libraries."""
    import platform

    return {'machine': platform.machine(), 'vendor': processor_vendor(),
            'instructions': torch.backends.cpu.get_cpu_capability(),
            'torch': torch.__version__.split('+')[0], 'opencv': cv2.__version__, 'numpy': np.__version__}


def update_manifest(path: Path, split: str, made: list[Made]) -> None:
    """Put the sequences of a split into a manifest file, which is made if it is not there, not frozen."""
    content: dict[str, Any] = (json.loads(path.read_text()) if path.is_file() else
                               {'version': VERSION, 'frozen': False, 'splits': {name: [] for name in SPLITS}})
    content['platform'] = this_platform()
    content['splits'][split] = [{key: value for key, value in asdict(sequence).items() if value == value}
                                for sequence in made]
    path.write_text(json.dumps(content, indent=1) + '\n')


def differences(split: str, made: list[Made]) -> list[str]:
    """Names whose hash is not that of the manifest; a manifest without the split (not yet frozen) knows none."""
    expected = {entry['name']: entry['sha256'] for entry in manifest()['splits'].get(split, [])}
    return [sequence.name for sequence in made if expected and expected.get(sequence.name) != sequence.sha256]


def _camera(recipe: Recipe, data: Path) -> SnapshotCamera:
    """The measured camera, its noise between that of a good and of a poor exposure."""
    low, high = NOISE['ordinary' if recipe.group == 'ordinary' else '']
    factor = float(np.random.default_rng([recipe.seed, 3]).uniform(low, high))
    return measured_camera(recipe.camera, data / 'sensor_responses').with_noise(factor)


def _brightest(recipe: Recipe) -> float:
    """HOTC's values fill a third of the range; some exposures are better."""
    return float(np.random.default_rng([recipe.seed, 4]).uniform(0.3, 0.85))


def _scene(recipe: Recipe, data: Path, camera: SnapshotCamera) -> tuple[Scene, float]:
    if recipe.scene == 'ordinary':
        video = open_video(data, recipe.source)
        return ordinary_scene(video, recipe.seed, recipe.light, light_strength=VIDEO_LIGHT), float('nan')
    view = VIEW[recipe.camera]
    if recipe.scene == 'pan':
        backdrop = cube_backdrop(data / 'hsi_cubes' / f'{recipe.source}.npz', recipe.zoom)
        fitting = min(view[0], backdrop.size[0] * 2 // 3), min(view[1], backdrop.size[1] * 2 // 3)
        return pan_scene(recipe.name, backdrop, recipe.target, fitting, recipe.frames, recipe.seed,
                         recipe.light), float('nan')
    rng = np.random.default_rng([recipe.seed, 5])
    low, high = GRADES.get(recipe.group, HIDE_SEPARABILITY)
    goal = rng.uniform(low + GOAL[0] * (high - low), low + GOAL[1] * (high - low))
    for attempt in range(ATTEMPTS):
        # What the target looks like may decide that no contrast gives the grade: another draw, and calmer ground.
        drawn = replace(recipe, seed=recipe.seed + 10_000 * attempt)
        camouflage = _camouflage(drawn, data, camera, view, clutter=0.75 ** attempt)
        camouflage, roc = reach(camouflage, camera, goal, drawn.seed)
        if low <= roc <= high:
            return camouflage.scene(recipe.name), roc
    raise ValueError(f'{recipe.name}: expected a separability of {low:g}..{high:g}, got {roc:.3f} at last')


def _camouflage(recipe: Recipe, data: Path, camera: SnapshotCamera, view: tuple[int, int],
                clutter: float) -> Camouflage:
    rng = np.random.default_rng([recipe.seed, 6])
    size = view[0] + 2 * SHAKE_PX, view[1] + 2 * SHAKE_PX
    backdrop: Backdrop
    if recipe.scene == 'aerial':
        backdrop = cube_backdrop(data / 'hsi_cubes' / f'{recipe.source}.npz', recipe.zoom, size)
    else:
        video = open_video(data, recipe.source)
        generator = torch.Generator().manual_seed(recipe.seed)
        backdrop = picture_backdrop(video.rgb(int(rng.integers(len(video)))), size, generator)
    hard = _HARDNESS[recipe.group]
    options = CamouflageOptions(
        clutter=clutter * float(rng.uniform(*hard.clutter)), variation=float(rng.uniform(*hard.variation)),
        drift=float(rng.uniform(*hard.drift)), own_texture=float(rng.uniform(*hard.own_texture)),
        look_alikes=int(rng.integers(hard.look_alikes[0], hard.look_alikes[1] + 1)), companions=hard.companions,
        speed=float(rng.uniform(*hard.speed)), growth=float(rng.choice([-1, 1]) * rng.uniform(*hard.growth)),
        turn=float(rng.choice([-1, 1]) * rng.uniform(*hard.turn)),
        slenderness=float(rng.uniform(*hard.slenderness)), pattern=float(rng.uniform(*hard.pattern)))
    actual = backdrop.size[0] - 2 * SHAKE_PX, backdrop.size[1] - 2 * SHAKE_PX
    track = fit_track(read_track(data / 'hotc2020_gt_boxes' / recipe.motion, recipe.frames), actual, recipe.size_px,
                      rng) if recipe.motion else None
    return Camouflage(recipe.scene, backdrop, hidden_spectra(camera, 3, rng), recipe.seed, recipe.frames,
                      recipe.size_px, options, recipe.light, track, recipe.hide)


def reach(camouflage: Camouflage, camera: SnapshotCamera, goal: float, seed: int) -> tuple[Camouflage, float]:
    """Find the contrast at which the first frame has a separability, by bisection of its logarithm.

    Returns:
        the camouflage with that contrast, and the separability it has.
    """
    low, high = np.log(LOWEST_CONTRAST), np.log(HIGHEST_CONTRAST)
    best, found = camouflage, float('nan')
    for _ in range(9):
        middle = float(np.exp((low + high) / 2))
        trial = replace(camouflage, options=replace(camouflage.options, contrast=middle))
        roc = first_separability(trial, camera, seed)
        if not abs(found - goal) < abs(roc - goal):
            best, found = trial, roc
        low, high = (low, np.log(middle)) if roc > goal else (np.log(middle), high)
    return best, found


def first_separability(camouflage: Camouflage, camera: SnapshotCamera, seed: int) -> float:
    """`grade.separability` of the first frame as the camera gives it, over white reference; nan where the target is
    not seen in it."""
    stage = camouflage.stage()
    if not np.isfinite(stage.box(0)).all():
        return float('nan')
    target, others = stage.opacities(0)
    scene = Scene('first', camouflage.spectra, stage.frame, np.array([stage.box(0)]),
                  np.ones((1, len(camouflage.spectra))))
    exposure = expose(scene, camera)
    image = next(render(scene, camera, seed, exposure))
    cube = mosaic_to_cube(image, *camera.mosaic) / camera.white_levels(exposure)
    return separability(cube.astype(np.float32), Box(*scene.boxes[0]), (others * (1 - target) > 0.8).numpy())


def _hashed(images: Iterator[npt.NDArray[np.uint16]], digest: Any) -> Iterator[npt.NDArray[np.uint16]]:
    for image in images:
        digest.update(np.ascontiguousarray(image, '<u2').tobytes())
        yield image
