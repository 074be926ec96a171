"""Super-resolvers on whole frames: seams, dtypes, scales, memory of the tile, and bad input."""
from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
import torch

from hsi_models.superresolution.factory import NAMES, create_super_resolver, measure, wrap_network
from hsi_models.superresolution.networks import build_network
from hsi_models.superresolution.super_resolver import SuperResolver, TiledSuperResolver, Tiling

WHOLE = Tiling(1024, 0)


def eigen_resolver(tiling=None, scale=2):
    """cst_eigen with random weights whose detail is about as strong as a trained network's."""
    torch.manual_seed(0)
    network = build_network('cst_eigen', scale, 10).eval()
    torch.nn.init.normal_(network.detail.weight, std=0.03)
    return wrap_network('cst_eigen', network, scale, 10, tiling=tiling)


def scene(height=64, width=80, bands=16):
    rng = np.random.default_rng(0)
    abundance = cv2.GaussianBlur(rng.random((height, width, 4), dtype=np.float32), (0, 0), 1.5)
    return abundance @ rng.random((4, bands), dtype=np.float32)


def shrink(cube, scale=2):
    from hsi_models.superresolution.evaluation import shrink
    return shrink(cube, scale)


@pytest.mark.parametrize('name', ['bicubic', 'back_projection'])
@pytest.mark.parametrize('scale', [2, 3, 4, 8])
def test_without_learning_any_scale(name, scale):
    resolver = create_super_resolver(name, scale)
    assert isinstance(resolver, SuperResolver)
    assert resolver.upscale(scene(5, 7, 3)).shape == (5 * scale, 7 * scale, 3)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.int16, np.float16, np.float32, np.float64])
def test_dtype_and_scale_are_kept(dtype):
    cube = (scene() * 50 + 20).astype(dtype)
    large = eigen_resolver(WHOLE).upscale(cube)
    assert large.dtype == dtype
    tolerance = 0.75 if np.issubdtype(dtype, np.integer) else 0.05
    np.testing.assert_allclose(shrink(large.astype(np.float32)), cube.astype(np.float32), atol=tolerance)


def test_the_result_scales_with_the_input():
    resolver, cube = eigen_resolver(WHOLE), scene()
    np.testing.assert_allclose(resolver.upscale(cube * 1e4) / 1e4, resolver.upscale(cube), atol=1e-4)


def test_one_tile_degrades_to_the_input_exactly():
    cube = scene()
    np.testing.assert_allclose(shrink(eigen_resolver(WHOLE).upscale(cube)), cube, atol=2e-6)


def test_seams_are_far_below_the_detail():
    cube = scene(96, 96)
    whole, tiled = eigen_resolver(WHOLE).upscale(cube), eigen_resolver(Tiling(32, 16)).upscale(cube)
    detail = whole - create_super_resolver('back_projection').upscale(cube)
    assert np.abs(tiled - whole).max() < 0.1 * np.abs(detail).max()
    assert np.sqrt(((tiled - whole) ** 2).mean()) < 0.02 * np.sqrt((detail ** 2).mean())
    unlearnt = [create_super_resolver('back_projection', tiling=tiling).upscale(cube) for tiling in (WHOLE, Tiling(32))]
    np.testing.assert_allclose(unlearnt[0], unlearnt[1], atol=1e-5)


def test_tiles_cover_the_frame_once():
    count = np.zeros((50, 70), int)
    for rows, columns, wide_rows, wide_columns in Tiling(32, 16).cut(50, 70):
        count[rows, columns] += 1
        assert wide_rows.start <= rows.start < rows.stop <= wide_rows.stop
        assert wide_columns.stop - wide_columns.start <= 32 + 2 * 16
    assert (count == 1).all()


def test_the_function_never_sees_more_than_a_tile():
    seen = []

    def enlarge_tile(tile, _):
        seen.append(tuple(tile.shape))
        return tile.repeat_interleave(2, -1).repeat_interleave(2, -2)

    cube = scene(128, 256, 4)
    resolver = TiledSuperResolver(2, enlarge_tile, tiling=Tiling(32, 16))
    tracemalloc.start()
    large = resolver.upscale(cube)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(large, cube.repeat(2, 0).repeat(2, 1))
    assert max(shape[-1] for shape in seen) == 64
    assert peak < large.nbytes + 2 * 64 * 64 * 4 * 4 * 4 * 2


def test_a_subspace_may_be_shared_between_frames():
    resolver, cube = eigen_resolver(WHOLE), scene()
    subspace = resolver.fit(cube)
    np.testing.assert_allclose(resolver.upscale(cube, subspace), resolver.upscale(cube), atol=1e-6)
    with pytest.raises(ValueError, match='subspace of 8 bands, got one of 16'):
        resolver.upscale(cube[..., :8], subspace)


@pytest.mark.parametrize('name', ['back_projection', 'cst_eigen'])
@pytest.mark.parametrize('cube', [
    np.full((1, 1, 3), 9, np.uint8), np.zeros((9, 6, 4), np.float32), np.full((8, 8, 4), 65535, np.uint16),
    np.full((8, 8, 1), 17, np.uint8), np.full((3, 5, 61), -4, np.int16)],
    ids=['one pixel', 'zeros', 'saturated', 'one band', 'negative'])
def test_constant_cubes_stay_constant(name, cube):
    resolver = eigen_resolver() if name == 'cst_eigen' else create_super_resolver(name)
    large = resolver.upscale(cube)
    assert large.shape == (2 * cube.shape[0], 2 * cube.shape[1], cube.shape[2])
    np.testing.assert_array_equal(large, cube[0, 0, 0])


def test_saturated_pixels_neither_wrap_nor_spread():
    cube = np.full((32, 32, 8), 1000, np.uint16)
    cube[12:16, 12:16] = 65535
    for resolver in (create_super_resolver('back_projection'), eigen_resolver(WHOLE)):
        large = resolver.upscale(cube).astype(int)
        assert large[26:30, 26:30].min() > 40000
        assert large[:16].max() < 5000


@pytest.mark.parametrize(('cube', 'message'), [
    (np.full((4, 4, 2), np.nan, np.float32), '32 of 32 that are nan or infinite'),
    (np.zeros((4, 4), np.uint8), r'shape \(H, W, C\)'), (np.zeros((4, 0, 2), np.uint8), 'at least one pixel'),
    (np.zeros((4, 4, 2), bool), 'integers or floating-point numbers, got bool'), ([[[1]]], 'got list')],
    ids=['nan', 'two axes', 'empty', 'bool', 'list'])
def test_bad_cubes_are_refused(cube, message):
    with pytest.raises(ValueError, match=message):
        create_super_resolver('back_projection').upscale(cube)


def test_the_papers_network_takes_its_band_count_only():
    resolver = TiledSuperResolver(2, lambda tile, _: tile, bands=31)
    with pytest.raises(ValueError, match='31 bands, as this network was trained for, got 4'):
        resolver.upscale(scene(4, 4, 4))


@pytest.mark.parametrize(('arguments', 'error', 'message'), [
    (('edsr',), ValueError, 'expected a super-resolver .*cst_eigen.*got \'edsr\''),
    (('bicubic', 5), ValueError, 'scale 2, 3, 4, 8, got 5'),
    (('cst:paper', 8), FileNotFoundError, 'train cst:paper --scale 8')])
def test_wrong_names_scales_and_missing_weights(arguments, error, message):
    with pytest.raises(error, match=message):
        create_super_resolver(*arguments)


@pytest.mark.parametrize('tiling', [(8, 16), (40, 16), (32, -16), (32, 5)])
def test_wrong_tilings_are_refused(tiling):
    with pytest.raises(ValueError, match='multiples of 16'):
        Tiling(*tiling)


def test_every_name_has_a_size():
    for name in NAMES:
        parameters, gmacs = measure(16, 2, name=name)
        assert (parameters > 0) == (gmacs is not None)
    assert measure(128, 2, name='cst:paper')[0] == pytest.approx(9.95e6, rel=1e-3)
    assert measure(16, 2, name='cst_eigen') == measure(61, 2, name='cst_eigen')
