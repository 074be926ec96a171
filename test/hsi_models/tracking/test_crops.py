"""The crop keeps its geometry to a hundredth of a pixel, for any number of bands and at every edge."""
from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from hsi_models.boxes import Box
from hsi_models.tracking import crops
from hsi_models.tracking.crops import crop, siamese_region, to_crop, to_frame


def ramp(height: int, width: int, bands: int = 1) -> np.ndarray:
    """Value at the continuous position (x, y): 100 y + x, times the band's number from 1."""
    y, x = np.arange(height)[:, None] + 0.5, np.arange(width) + 0.5
    return ((100 * y + x)[..., None] * np.arange(1, bands + 1)).astype(np.float32)


@pytest.mark.parametrize('bands', [1, 3, 4, 5, 16, 61, 200])
@pytest.mark.parametrize(('region', 'size'), [
    (Box(3.3, 4.7, 20.2, 11.1), (13, 17)),      # about one pixel a pixel
    (Box(3.3, 4.7, 20.2, 11.1), (40, 60)),      # enlarged
    (Box(2.2, 4.6, 45, 41), (11, 9)),           # reduced: averaged first
    (Box(5, 6, 8, 9), (9, 8)),                  # whole pixels
])
def test_a_crop_samples_the_centres_of_its_pixels(region: Box, size: tuple[int, int], bands: int) -> None:
    got = crop(ramp(50, 60, bands), region, size)
    y = region.y + (np.arange(size[0])[:, None] + 0.5) * region.h / size[0]
    x = region.x + (np.arange(size[1]) + 0.5) * region.w / size[1]
    expected = (100 * y + x)[..., None] * np.arange(1, bands + 1)
    assert got.shape == (*size, bands)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-3 * bands)


def test_whole_pixels_are_returned_as_they_are() -> None:
    image = np.random.default_rng(0).integers(0, 1023, (20, 30, 16)).astype(np.uint16)
    np.testing.assert_array_equal(crop(image, Box(4, 5, 10, 8), (8, 10)), image[5:13, 4:14])


def test_a_reduced_crop_averages_and_does_not_alias() -> None:
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (40, 20))[..., None]
    np.testing.assert_allclose(crop(stripes, Box(0, 0, 40, 40), (10, 10)), 0.5)


def test_an_image_without_bands_gives_a_crop_without_bands() -> None:
    assert crop(ramp(20, 20)[..., 0], Box(1, 1, 5, 5), (5, 5)).shape == (5, 5)


def test_outside_the_image_lies_its_edge_or_its_mean() -> None:
    image = ramp(20, 20, 2)
    edge = crop(image, Box(-4, 2, 8, 4), (4, 8))
    np.testing.assert_allclose(edge[:, :4], np.repeat(image[2:6, :1], 4, axis=1))
    mean = crop(image, Box(-4, 2, 8, 4), (4, 8), border='mean')
    np.testing.assert_allclose(mean[:, :4], np.broadcast_to(image.mean(axis=(0, 1)), (4, 4, 2)), rtol=1e-5)
    np.testing.assert_allclose(mean[:, 4:], image[2:6, :4])


def test_a_region_far_outside_shows_the_nearest_edge() -> None:
    np.testing.assert_allclose(crop(ramp(20, 20), Box(500, -300, 5, 5), (5, 5))[..., 0], ramp(20, 20)[0, -1, 0])


def test_boxes_go_into_a_crop_and_back() -> None:
    region, size, box = Box(3.5, -2, 40, 20), (64, 128), Box(10, 4, 7, 6)
    inside = to_crop(box, region, size)
    np.testing.assert_allclose(tuple(inside), (6.5 * 3.2, 6 * 3.2, 7 * 3.2, 6 * 3.2))
    np.testing.assert_allclose(tuple(to_frame(inside, region, size)), tuple(box))


def test_siamese_search_has_the_pixel_size_of_the_template() -> None:
    box = Box(10, 20, 30, 50)
    template, search = siamese_region(box), siamese_region(box, 255)
    assert template.w == pytest.approx(np.sqrt((30 + 40) * (50 + 40)))
    assert template.w / 127 == pytest.approx(search.w / 255)
    assert search.centre == pytest.approx(box.centre)


@pytest.mark.parametrize(('image', 'size', 'border', 'message'), [
    (np.zeros(5), (4, 4), 'replicate', r'shape \(H, W\) or \(H, W, C\), got \(5,\)'),
    (np.zeros((0, 5, 3)), (4, 4), 'replicate', r'got \(0, 5, 3\)'),
    (np.zeros((5, 5)), (0, 4), 'replicate', r'>= 1, got \(0, 4\)'),
    (np.zeros((5, 5)), (4, 4), 'wrap', "'replicate' or 'mean', got 'wrap'"),
])
def test_bad_input_is_named(image: np.ndarray, size: tuple[int, int], border: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        crop(image, Box(0, 0, 4, 4), size, border)  # type: ignore[arg-type]


def test_a_whole_image_is_averaged_without_a_copy_of_it(monkeypatch):
    """What lies beyond the last pixel is not asked for where every sample lies on one."""
    image = np.random.default_rng(0).random((32, 48, 5)).astype(np.float32)
    asked = []
    pixels = crops._pixels
    monkeypatch.setattr(crops, '_pixels', lambda *args: asked.append(pixels(*args)) or asked[-1])
    small = crop(image, Box(0, 0, 48, 32), (8, 12))
    assert np.shares_memory(asked[0], image)
    np.testing.assert_allclose(small, image.reshape(8, 4, 12, 4, 5).mean(axis=(1, 3)), rtol=1e-5)


def gathered(image: np.ndarray, region: Box, size: tuple[int, int]) -> np.ndarray:
    """The crop from all its pixels, gathered at the full resolution with the edge repeated."""
    values, samples = image, []
    steps = []
    for axis, (start, length) in enumerate(((region.y, region.h), (region.x, region.w))):
        step = max(1, int(length / size[axis] + 1e-9))
        first = int(np.floor(start + 0.5 * length / size[axis] - 0.5 * step))
        at = (start + (np.arange(size[axis]) + 0.5) * (length / size[axis]) - first) / step - 0.5
        indices = np.clip(first + np.arange((int(at[-1]) + 2) * step), 0, image.shape[axis] - 1)
        values = values.take(indices, axis)
        samples.append(at)
        steps.append(step)
    total = values[::steps[0], ::steps[1]].astype(np.float32)
    for row, column in list(np.ndindex(*steps))[1:]:
        total += values[row::steps[0], column::steps[1]]
    if steps[0] * steps[1] > 1:
        total *= np.float32(1 / (steps[0] * steps[1]))
    for axis in (1, 0) if size[0] > total.shape[0] else (0, 1):
        lower = samples[axis].astype(np.intp)
        near, far = total.take(lower, axis), total.take(lower + 1, axis)
        shape = (-1,) + (1,) * (total.ndim - 1 - axis)
        total = (far - near) * (samples[axis] - lower).astype(np.float32).reshape(shape) + near
    return total


@pytest.mark.parametrize(('region', 'size'), [
    (Box(3.3, 4.7, 20.2, 11.1), (13, 17)), (Box(3.3, 4.7, 20.2, 11.1), (40, 60)), (Box(2.2, 4.6, 45, 41), (11, 9)),
    (Box(-20, -30, 90, 95), (31, 31)), (Box(-40.3, 10.1, 130.7, 61.2), (16, 25)), (Box(-300, -300, 420, 430), (7, 9)),
])
def test_an_ordinary_region_is_bit_for_bit_what_its_pixels_give(region: Box, size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 1023, (50, 60, 6)).astype(np.uint16)
    np.testing.assert_array_equal(crop(image, region, size), gathered(image, region, size))


@pytest.mark.parametrize('border', ['replicate', 'mean'])
@pytest.mark.parametrize('bands', [(), (3,)])
def test_a_region_far_larger_than_the_image_shows_the_same_without_its_pixels(monkeypatch, border, bands) -> None:
    image = np.random.default_rng(0).random((50, 60, *bands), np.float32)
    regions = Box(-310.3, -95.5, 800, 900), Box(10, 20, 900, 700), Box(70, -900, 800, 850)
    wide = [crop(image, region, (17, 19), border) for region in regions]
    monkeypatch.setattr(crops, '_FEW', 1 << 30)
    for got, region in zip(wide, regions, strict=True):
        expected = crop(image, region, (17, 19), border)
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(got, expected, atol=1e-4)


def test_memory_is_that_of_the_image_and_the_crop_however_large_the_region() -> None:
    image = np.ones((256, 512, 16), np.uint16)
    tracemalloc.start()
    for side in (20000, 1e9):
        assert crop(image, Box(0, 0, side, side), (127, 127)).shape == (127, 127, 16)
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()
    with pytest.raises(ValueError, match='expected a region within'):
        crop(image, Box(0, 0, 1e30, 1e30), (127, 127))
