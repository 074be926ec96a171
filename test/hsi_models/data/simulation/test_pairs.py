"""Training pairs: what is in them is where the boxes say, is equal by seed, and some of it only the spectrum shows."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from hsi_models.data.simulation.cameras import nominal_camera
from hsi_models.data.simulation.pair_cameras import CameraTensors
from hsi_models.data.simulation.pairs import PairConfig, PairSimulator

SMALL = PairConfig(template_px=32, search_px=64, twin=0.0, cover=0.0, blur=0.0, hidden=0.0)
CAMERA = nominal_camera('vis').with_noise(0.2)


def simulator(config: PairConfig = SMALL) -> PairSimulator:
    pictures = torch.full((4, 3, 96, 96), 60, dtype=torch.uint8)
    pictures[:, 1, 40:60, 30:54] = 220                              # a green rectangle
    return PairSimulator(pictures, torch.tensor([[30.0, 40.0, 24.0, 20.0]]).expand(4, 4), config)


def test_boxes_lie_around_the_target_in_template_and_search() -> None:
    batch = simulator(replace(SMALL, turn_rad=0.0)).draw(6, seed=1, camera=CAMERA)
    assert batch.template.shape == (6, 16, 32, 32)
    assert batch.search.shape == (6, 16, 64, 64)
    assert torch.equal(batch.wavelengths_nm, batch.wavelengths_nm.sort().values)
    green = batch.search[:, 11:14].mean(dim=1) / batch.search[:, 14:].mean(dim=1).clamp(min=0.02)
    background = green.flatten(1).median(dim=1).values
    for ratio, usual, (x, y, w, h) in zip(green, background, batch.boxes.tolist(), strict=True):
        rows, columns = torch.nonzero(ratio > 1.35 * usual, as_tuple=True)
        found = torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()
        expected = torch.tensor([x, y, x + w, y + h]).clamp(0, 64)
        torch.testing.assert_close(found, expected, atol=2.5, rtol=0)


def test_batches_are_equal_by_seed() -> None:
    config = PairConfig(template_px=32, search_px=64)
    first, same, other = (simulator(config).draw(3, seed) for seed in (5, 5, 6))
    assert torch.equal(first.search, same.search)
    assert torch.equal(first.template, same.template)
    assert torch.equal(first.boxes, same.boxes)
    assert first.search.shape != other.search.shape or not torch.equal(first.search, other.search)


def test_values_are_shares_of_full_scale_in_any_number_of_bands() -> None:
    counts = set()
    for seed in range(5):
        batch = simulator().draw(2, seed)
        counts.add(batch.search.shape[1])
        assert batch.search.shape[1] == len(batch.wavelengths_nm)
        assert batch.search.min() >= 0
        assert batch.search.max() <= 1
    assert len(counts) > 1


def test_a_hidden_difference_is_in_both_and_only_in_the_target() -> None:
    camera = replace(CAMERA, parallax=False)
    plain, marked = (simulator(replace(SMALL, hidden=share, contrast=(0.4, 0.4))).draw(3, 2, camera)
                     for share in (0.0, 1.0))
    for name in ('template', 'search'):
        change = (getattr(marked, name) - getattr(plain, name)).abs().mean(dim=1)
        if name == 'search':
            x, y, w, h = plain.boxes[0].tolist()
            inside = change[0, int(y + h / 3):int(y + 2 * h / 3), int(x + w / 3):int(x + 2 * w / 3)]
        else:
            inside = change[0, 12:20, 12:20]
        assert inside.mean() > 4 * change[0].median()


def stands_out(views: torch.Tensor, boxes: torch.Tensor) -> float:
    """Largest difference between the middle of the target and the corner of the view, a band, over the latter."""
    found = []
    for view, (x, y, w, h) in zip(views, boxes.tolist(), strict=True):
        inside = view[:, int(y + h / 3):int(y + 2 * h / 3), int(x + w / 3):int(x + 2 * w / 3)].mean(dim=(1, 2))
        corner = view[:, :4, :4].mean(dim=(1, 2))
        found.append(float(((inside - corner).abs() / corner).max()))
    return min(found)


def test_only_the_spectrum_shows_a_concealed_target() -> None:
    camera = replace(CAMERA, parallax=False)
    faint = replace(SMALL, hidden=1.0, contrast=(1e-6, 1e-6), light_change=0.0)
    open_, concealed, told = (simulator(config).draw(3, 2, camera) for config in (
        faint, replace(faint, conceal=1.0), replace(faint, conceal=1.0, contrast=(0.4, 0.4))))

    for views in ('template', 'search'):
        boxes = 'template_boxes' if views == 'template' else 'boxes'
        seen, unseen, by_spectrum = (stands_out(getattr(batch, views), getattr(batch, boxes))
                                     for batch in (open_, concealed, told))
        assert unseen < 0.3 * seen
        assert by_spectrum > 2 * unseen


def test_nothing_is_concealed_without_a_spectrum_of_its_own() -> None:
    batches = [simulator(replace(SMALL, conceal=share)).draw(3, 3, replace(CAMERA, parallax=False))
               for share in (0.0, 1.0)]
    plain, asked = (stands_out(batch.template, batch.template_boxes) for batch in batches)
    assert asked > 0.5 * plain


def test_what_is_beside_a_target_is_turned_no_further_than_asked() -> None:
    hidden = replace(SMALL, hidden=1.0, twin=1.0, turn_rad=0.0)
    turned, upright = (simulator(replace(hidden, twin_turn_rad=turn)).draw(4, 2, CAMERA) for turn in (3.2, 0.0))
    assert torch.equal(turned.template, upright.template)
    assert (turned.search - upright.search).abs().max() > 0.05


def test_twins_and_covers_change_the_search_region_only() -> None:
    plain = simulator().draw(4, 2, CAMERA)
    full = simulator(replace(SMALL, twin=1.0, cover=1.0, blur=1.0)).draw(4, 2, CAMERA)
    assert torch.equal(plain.template, full.template)
    assert torch.equal(plain.boxes, full.boxes)
    assert (plain.search - full.search).abs().max() > 0.05


def test_template_and_search_show_the_same_target_at_different_times() -> None:
    pictures = torch.full((4, 3, 96, 96), 60, dtype=torch.uint8)
    for number, green in enumerate((220, 140, 0, 0)):
        pictures[number, 1, 40:60, 30:54] = green
    boxes = torch.tensor([[30.0, 40.0, 24.0, 20.0]]).expand(4, 4)
    config = replace(SMALL, light_change=0.0, zoom=0.0, turn_rad=0.0, shift=0.0)
    pairs = PairSimulator(pictures, boxes, config, weights=torch.tensor([1.0, 0, 0, 0]),
                          partners=torch.tensor([[1, 1], [0, 2], [2, 1], [3, 1]]))
    batch = pairs.draw(6, 1, CAMERA)
    template, search = batch.template[:, 11:13, 16, 16], batch.search[:, 11:13, 32, 32]
    assert (search < template).all()                                # always the darker second picture
    still = PairSimulator(pictures[:1], boxes[:1], config).draw(6, 1, CAMERA)
    torch.testing.assert_close(still.template[:, :, 14:18, 14:18].mean(dim=(2, 3)),
                               still.search[:, :, 30:34, 30:34].mean(dim=(2, 3)), atol=0.03, rtol=0.1)


def test_negative_pairs_show_another_group_and_have_no_box() -> None:
    pictures = torch.full((4, 3, 96, 96), 60, dtype=torch.uint8)
    boxes = torch.tensor([[30.0, 40.0, 24.0, 20.0]]).expand(4, 4)
    config = replace(SMALL, negative=1.0)
    batch = PairSimulator(pictures, boxes, config, groups=torch.tensor([0, 0, 1, 1])).draw(40, 1, CAMERA)
    absent = batch.boxes.isnan().all(dim=1)
    assert 0.3 < absent.float().mean() < 0.7                        # half of the draws meet their own group
    assert batch.boxes[~absent].isfinite().all()
    assert batch.template_boxes.isfinite().all()
    same = PairSimulator(pictures, boxes, config, groups=torch.zeros(4)).draw(8, 1, CAMERA)
    assert same.boxes.isfinite().all()


def test_the_box_of_the_template_is_as_a_tracker_is_told_it() -> None:
    exact, off = (simulator(replace(SMALL, box_error=error)).draw(16, 3, CAMERA) for error in (0.0, 0.1))
    for batch in (exact, off):
        torch.testing.assert_close(batch.template_boxes[:, :2] + batch.template_boxes[:, 2:] / 2,
                                   torch.full((16, 2), 16.0))
    # Template region of a 24 x 20 target: `siamese_region`.
    side = ((24 + 22) * (20 + 22)) ** 0.5
    torch.testing.assert_close(exact.template_boxes[0, 2:], 32 / side * torch.tensor([24.0, 20.0]))
    assert off.template_boxes[:, 2].std() > 0
    torch.testing.assert_close(exact.boxes, off.boxes)


def test_shadow_drift_unevenness_and_light_change_what_they_should() -> None:
    plain = simulator(replace(SMALL, light_change=0.0)).draw(8, 2, CAMERA)
    shadow = simulator(replace(SMALL, light_change=0.0, shadow=1.0)).draw(8, 2, CAMERA)
    assert shadow.search.mean() < 0.9 * plain.search.mean()
    assert torch.equal(simulator(replace(SMALL, light_change=0.0)).draw(8, 2, CAMERA).template, plain.template)
    marked = replace(SMALL, hidden=1.0, contrast=(0.4, 0.4), light_change=0.0)
    drift, uneven = (simulator(replace(marked, **{name: 0.5})).draw(8, 2, CAMERA) for name in ('drift', 'uneven'))
    same = simulator(marked).draw(8, 2, CAMERA)
    assert torch.equal(drift.template, same.template)
    assert not torch.equal(drift.search, same.search)
    assert not torch.equal(uneven.template, same.template)


def test_a_pool_of_cameras_repeats_itself_and_tells_its_bands() -> None:
    pairs = simulator(replace(SMALL, cameras=2))
    seen = {tuple(pairs.draw(1, seed).wavelengths_nm.tolist()) for seed in range(8)}
    assert len(seen) == 2
    assert all(pairs.bands(seed) == pairs.draw(1, seed).search.shape[1] for seed in range(4))


def test_another_configuration_shares_the_pictures() -> None:
    pairs = simulator()
    other = pairs.with_config(replace(SMALL, search_px=48, cameras=3))
    assert other.pictures is pairs.pictures
    assert other.draw(2, 1).search.shape[2:] == (48, 48)
    assert pairs.draw(2, 1).search.shape[2:] == (64, 64)


def test_camera_tensors_see_what_the_camera_sees() -> None:
    camera = nominal_camera('nir')
    tensors = CameraTensors.of(camera, np.random.default_rng(0), torch.device('cpu'))
    order = torch.as_tensor(camera.description().band_order(camera.bands).copy())
    signal = 400 * torch.rand((1, camera.bands, 20, 20), generator=torch.Generator().manual_seed(0))
    seen = tensors.expose(signal[:, order], None) * camera.full_scale
    expected = camera.digitise(camera.focus(signal).clamp(min=0), None)[:, order]
    torch.testing.assert_close(seen, expected, atol=1.0, rtol=0)
    assert torch.equal(tensors.wavelengths_nm, tensors.wavelengths_nm.sort().values)


@pytest.mark.parametrize(('change', 'message'), [
    ({'template_px': 4}, 'expected template_px >= 8 and search_px >= template_px, got 4 and 255'),
    ({'twin': 1.5}, 'expected twin 0..1, got 1.5'),
    ({'contrast': (0.0, 1.0)}, 'expected contrast from > 0')])
def test_bad_options_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairConfig(**change)


def test_bad_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match=r'expected pictures \(N, 3, S, S\) uint8, got \(4, 3, 8, 8\) torch.float32'):
        PairSimulator(torch.zeros((4, 3, 8, 8)), torch.zeros((4, 4)))
    with pytest.raises(ValueError, match=r'expected boxes \(4, 4\), one a picture, got \(3, 4\)'):
        PairSimulator(torch.zeros((4, 3, 8, 8), dtype=torch.uint8), torch.zeros((3, 4)))
    with pytest.raises(ValueError, match=r'expected partners of shape \(4, 2\), got \(4,\)'):
        PairSimulator(torch.zeros((4, 3, 8, 8), dtype=torch.uint8), torch.zeros((4, 4)), partners=torch.zeros(4))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
def test_the_same_works_on_a_gpu() -> None:
    cpu = simulator()
    gpu = PairSimulator(cpu.pictures.cuda(), cpu.boxes, PairConfig(template_px=32, search_px=64))
    first, same = (gpu.draw(4, 3) for _ in range(2))
    assert first.search.is_cuda
    assert torch.equal(first.search, same.search)
