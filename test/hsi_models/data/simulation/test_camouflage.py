"""Camouflage: false colour does not show the target, its spectrum does; hiding hides; equal by seed."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hsi_models.boxes import Box
from hsi_models.colour import FalseColour
from hsi_models.data.simulation.backdrop import hidden_spectra, picture_backdrop
from hsi_models.data.simulation.cameras import nominal_camera
from hsi_models.data.simulation.camouflage import KINDS, SHAKE_PX, Camouflage, CamouflageOptions
from hsi_models.data.simulation.compose import smooth_noise
from hsi_models.data.simulation.grade import separability
from hsi_models.frame import HyperspectralFrame

VIEW = (80, 100)


def camouflage(kind: str = 'twins', **changes: object) -> Camouflage:
    generator = torch.Generator().manual_seed(0)
    size = VIEW[0] + 2 * SHAKE_PX, VIEW[1] + 2 * SHAKE_PX
    rgb = (0.35 + 0.1 * smooth_noise((1, 3, *size), 12, generator)).clamp(0.02, 1)
    camera = nominal_camera('vis')
    backdrop = picture_backdrop(rgb, size, generator, strength=0.5)
    plan = Camouflage(kind, backdrop, hidden_spectra(camera, 3, np.random.default_rng(0)), seed=3, frames=40,
                      size_px=20, options=CamouflageOptions(contrast=0.3, clutter=0.1))
    return replace(plan, **changes)  # type: ignore[arg-type]


def reflectance_cube(plan: Camouflage, index: int = 0) -> np.ndarray:
    """What a camera without noise measures, over white reference, bands sorted."""
    camera = replace(nominal_camera('vis'), parallax=False)
    bands = torch.as_tensor(camera.matrix(plan.spectra)).float() @ plan.stage().frame(index).flatten(2)
    cube = bands.reshape(camera.bands, *VIEW).permute(1, 2, 0).numpy() / camera.white_levels()
    return np.ascontiguousarray(cube[..., camera.description().band_order(camera.bands)], np.float32)


@pytest.mark.parametrize('kind', KINDS)
def test_the_difference_does_not_show_in_false_colour_but_in_the_spectrum(kind: str) -> None:
    strong, none = (camouflage(kind, options=CamouflageOptions(contrast=contrast, clutter=0.0))
                    for contrast in (0.3, 0.0))
    info = nominal_camera('vis').description().spectral_info(16)
    cubes = [reflectance_cube(plan) for plan in (strong, none)]
    frames = [HyperspectralFrame(cube, info) for cube in cubes]
    colour = FalseColour.fit(frames[1])
    x, y, w, h = (int(v) for v in strong.stage().box(0))
    inside = (slice(y, y + h), slice(x, x + w))
    shown = np.abs(colour.apply(frames[0]).astype(int) - colour.apply(frames[1]))[inside]
    assert np.quantile(shown, 0.98) <= 3                            # of 255: below what eyes or noise leave
    change = np.linalg.norm(cubes[0] - cubes[1], axis=-1)[inside] / np.linalg.norm(cubes[1], axis=-1)[inside]
    assert change.max() > 0.05
    noise = np.random.default_rng(0).normal(0, 0.004, cubes[0].shape).astype(np.float32)
    box = Box(*strong.stage().box(0))
    assert separability(cubes[0] + noise, box) > 0.9


def test_the_hidden_target_takes_the_colours_of_what_is_behind_it() -> None:
    plan = camouflage('hidden', options=CamouflageOptions(contrast=0.0, clutter=0.0, own_texture=0.0))
    stage = plan.stage()
    dy, dx = stage.offsets[5]
    bare = stage.planes[:, :, dy:dy + VIEW[0], dx:dx + VIEW[1]]
    torch.testing.assert_close(stage.frame(5), bare, atol=2e-2, rtol=0)
    own = camouflage('hidden', options=CamouflageOptions(contrast=0.0, clutter=0.0, own_texture=1.0)).stage().frame(5)
    assert (own - bare).abs().max() > 0.03


def test_contrast_changes_nothing_else() -> None:
    low, high = (camouflage(options=CamouflageOptions(contrast=contrast)) for contrast in (0.05, 0.4))
    for index in (0, 20):
        assert low.stage().box(index) == high.stage().box(index)
        colours = [plan.stage().frame(index)[:, :13] for plan in (low, high)]
        assert torch.equal(*colours)


def test_look_alikes_stand_in_sight_and_apart_at_first() -> None:
    for seed in range(4):
        target, others = camouflage(seed=seed).stage().opacities(0)
        assert float(others.sum()) > 0.8 * float(target.sum())
        assert float((target * others).sum()) < 0.25 * float(target.sum())


def test_a_target_that_hides_is_gone_for_a_while_and_comes_out_elsewhere() -> None:
    scene = camouflage('hidden', hide=True, frames=70, size_px=14).scene('x')
    gone = np.isnan(scene.boxes[:, 0])
    assert 10 <= gone.sum() <= 45
    assert not gone[0]
    assert not gone[-1]
    runs = np.flatnonzero(np.diff(np.concatenate([[0], gone.astype(int), [0]])))
    longest = max(zip(runs[::2], runs[1::2], strict=True), key=lambda run: run[1] - run[0])
    before, after = scene.boxes[longest[0] - 1, :2], scene.boxes[longest[1], :2]
    assert np.linalg.norm(after - before) > 5
    assert 'hide' in scene.attributes


def test_a_target_grows_and_turns_so_that_its_first_box_does_not_fit_for_long() -> None:
    options = CamouflageOptions(contrast=0.1, growth=0.8, turn=1.5, slenderness=0.3, bend=0.0)
    still = np.tile([50.0, 40.0, 24.0], (40, 1))
    stage = camouflage(options=options, track=still, size_px=24).stage()
    boxes = np.array([stage.box(index) for index in range(40)])
    areas = boxes[:, 2] * boxes[:, 3]
    assert 3 < areas[-1] / areas[0] < 8                 # exp(1.6) is 4.95, and what the turn does to a slender thing
    shapes = np.log(boxes[:, 2] / boxes[:, 3])
    assert np.ptp(shapes) > 0.3


def test_light_and_dark_of_its_own_is_on_a_target_but_not_in_its_unit_spectra() -> None:
    plain, patterned = (camouflage(options=CamouflageOptions(contrast=0, clutter=0, look_alikes=0, pattern=pattern))
                        .stage() for pattern in (0.0, 0.4))
    assert plain.box(0) == patterned.box(0)
    x, y, w, h = (int(v) for v in plain.box(0))
    inside = (slice(None), slice(None), slice(y + h // 4, y + 3 * h // 4), slice(x + w // 4, x + 3 * w // 4))
    norms = [stage.frame(0)[inside].norm(dim=1, keepdim=True) for stage in (plain, patterned)]
    assert (norms[1] / norms[0]).std() > 0.1
    change = plain.frame(0)[inside] / norms[0] - patterned.frame(0)[inside] / norms[1]
    assert change.norm(dim=1).median() < 0.005          # not nothing: neighbours of two colours mix in other shares


def test_frames_are_equal_by_seed_in_any_order() -> None:
    first, second = camouflage().stage(), camouflage().stage()
    expected = [first.frame(index) for index in (0, 7)]
    assert torch.equal(second.frame(7), expected[1])
    assert torch.equal(second.frame(0), expected[0])
    assert not torch.equal(camouflage(seed=4).stage().frame(0), expected[0])


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a camouflage of twins, fakes, hidden, aerial, got 'x'"):
        camouflage('x')
