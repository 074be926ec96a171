"""Training pairs: what is in them is where the boxes say, is equal by seed, and some of it only the spectrum shows."""
from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hsi_models.data.simulation.cameras import nominal_camera
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


def test_twins_and_covers_change_the_search_region_only() -> None:
    plain = simulator().draw(4, 2, CAMERA)
    full = simulator(replace(SMALL, twin=1.0, cover=1.0, blur=1.0)).draw(4, 2, CAMERA)
    assert torch.equal(plain.template, full.template)
    assert torch.equal(plain.boxes, full.boxes)
    assert (plain.search - full.search).abs().max() > 0.05


@pytest.mark.parametrize(('change', 'message'), [
    ({'template_px': 4}, 'expected template_px >= 8 and search_px >= template_px, got 4 and 255'),
    ({'twin': 1.5}, 'expected twin 0..1, got 1.5')])
def test_bad_options_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairConfig(**change)  # type: ignore[arg-type]


def test_bad_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match=r'expected pictures \(N, 3, S, S\) uint8, got \(4, 3, 8, 8\) torch.float32'):
        PairSimulator(torch.zeros((4, 3, 8, 8)), torch.zeros((4, 4)))
    with pytest.raises(ValueError, match=r'expected boxes \(4, 4\), one a picture, got \(3, 4\)'):
        PairSimulator(torch.zeros((4, 3, 8, 8), dtype=torch.uint8), torch.zeros((3, 4)))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
def test_the_same_works_on_a_gpu() -> None:
    cpu = simulator()
    gpu = PairSimulator(cpu.pictures.cuda(), cpu.boxes, PairConfig(template_px=32, search_px=64))
    first, same = (gpu.draw(4, 3) for _ in range(2))
    assert first.search.is_cuda
    assert torch.equal(first.search, same.search)
