"""CST: published sizes, its three attention parts against slow plain references, and what it must not depend on."""
from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from hsi_models.networks.cst import Cst, CstConfig, pad_to_multiple
from hsi_models.networks.layers.cross_scope_spatial import CrossScopeSpatialAttention
from hsi_models.networks.layers.cross_scope_spectral import ConciseFeedForward, CrossScopeSpectralAttention

SMALL = CstConfig(5, 2, dim=16, depths=(2,), heads=2, window=(2, 4), expansion=1.5, drop_path=0.0)
PUBLISHED_MILLIONS = {128: (9.95, 11.12, 12.29), 102: (9.83, 10.99, 12.16), 48: (9.56, 10.73, 11.90)}


@pytest.mark.parametrize('bands', PUBLISHED_MILLIONS)
def test_parameter_counts_equal_the_published_ones(bands):
    for scale, millions in zip((2, 4, 8), PUBLISHED_MILLIONS[bands], strict=True):
        with torch.device('meta'):
            count = sum(p.numel() for p in Cst(CstConfig.preset('paper', bands, scale)).parameters())
        assert count / 1e6 == pytest.approx(millions, abs=0.0051)


def plain_spatial_attention(layer, x):
    """CSA by loops over images, halves, windows, heads and query cells, straight from its description."""
    batch, height, width, dim = x.shape
    q, k, v = layer.qkv(x).chunk(3, dim=-1)
    attended = torch.zeros_like(x)
    for half, part in enumerate((layer.flat, layer.upright)):
        rows, columns, heads = part.rows, part.columns, part.heads
        shift = (rows // 2, columns // 2) if part.shifted else (0, 0)
        bias = part.position_bias()
        own = slice(half * dim // 2, (half + 1) * dim // 2)
        size = dim // 2 // heads
        for b in range(batch):
            qh, kh, vh = (torch.roll(t[b, :, :, own], (-shift[0], -shift[1]), (0, 1)) for t in (q, k, v))
            image = qh.permute(2, 0, 1)[None]
            channels = dim // 2
            pooled = torch.cat((F.adaptive_avg_pool2d(image[:, :channels // 2], (rows, columns)),
                                F.adaptive_max_pool2d(image[:, channels // 2:], (rows, columns))), 1)[0]
            query = pooled.permute(1, 2, 0).reshape(rows * columns, channels)
            result = torch.zeros_like(qh)
            for top in range(0, height, rows):
                for left in range(0, width, columns):
                    cells = [(top + i, left + j) for i in range(rows) for j in range(columns)]
                    side = [(part.shifted and y >= height - shift[0], part.shifted and c >= width - shift[1])
                            for y, c in cells]
                    for head in range(heads):
                        channel = slice(head * size, (head + 1) * size)
                        for i, (y, c) in enumerate(cells):
                            scores = torch.stack([
                                query[i, channel] @ kh[cell[0], cell[1], channel] / math.sqrt(size) + bias[head, i, j]
                                if side[i] == side[j] else torch.tensor(-math.inf) for j, cell in enumerate(cells)])
                            weights = scores.softmax(0)
                            result[y, c, channel] = sum(w * vh[cell[0], cell[1], channel]
                                                        for w, cell in zip(weights, cells, strict=True))
            attended[b, :, :, own] = torch.roll(result, shift, (0, 1))
    local = layer.local(v.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return x + layer.out(attended + local)


@pytest.mark.parametrize('shifted', [False, True])
@torch.no_grad()
def test_spatial_attention_agrees_with_plain_loops(shifted):
    torch.manual_seed(0)
    layer = CrossScopeSpatialAttention(8, 4, (2, 4), shifted)
    x = torch.randn(2, 8, 4, 8)
    torch.testing.assert_close(layer(x), plain_spatial_attention(layer, x), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_spectral_attention_agrees_with_plain_loops():
    torch.manual_seed(0)
    layer = CrossScopeSpectralAttention(8, 2)
    layer.temperature.copy_(torch.tensor([1.5, 0.5]).reshape(2, 1, 1))
    x = torch.randn(2, 8, 4, 6)
    reduced = F.conv2d(F.conv2d(x, layer.qk.weight), layer.reduce.weight, layer.reduce.bias, stride=2, groups=8)
    value = F.conv2d(x, layer.v.weight)
    mixed = torch.zeros_like(value)
    for b in range(2):
        for head in range(2):
            own = range(head * 2, head * 2 + 2)
            for i in own:
                scores = torch.stack([F.cosine_similarity(reduced[b, i].flatten(), reduced[b, 4 + j].flatten(), dim=0)
                                      * layer.temperature[head, 0, 0] for j in own]).softmax(0)
                mixed[b, i] = sum(w * value[b, j] for w, j in zip(scores, own, strict=True))
    torch.testing.assert_close(layer(x), F.conv2d(mixed, layer.out.weight, layer.out.bias), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_feed_forward_agrees_with_plain_loops():
    torch.manual_seed(0)
    layer = ConciseFeedForward(4, 1.5)
    x = torch.randn(1, 4, 5, 3)
    expanded = torch.einsum('oc,bchw->bohw', layer.expand.weight[:, :, 0, 0], x)
    padded, local = F.pad(expanded, (1, 1, 1, 1)), torch.zeros_like(expanded)
    for y in range(5):
        for c in range(3):
            local[0, :, y, c] = (padded[0, :, y:y + 3, c:c + 3] * layer.local.weight[:, 0]).sum((1, 2))
    gate = 0.5 * local[:, :6] * (1 + torch.erf(local[:, :6] / math.sqrt(2)))
    expected = torch.einsum('oc,bchw->bohw', layer.out.weight[:, :, 0, 0], gate * local[:, 6:])
    torch.testing.assert_close(layer(x), expected + layer.out.bias[:, None, None], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_result_does_not_depend_on_the_other_images_of_the_batch():
    torch.manual_seed(0)
    network, images = Cst(SMALL).eval(), torch.randn(3, 5, 8, 8)
    alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(network(images), alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(network(images.flip(0)).flip(0), alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('size', [(7, 9), (1, 1), (8, 5)])
@torch.no_grad()
def test_any_size_equals_the_crop_of_the_padded_one(size):
    torch.manual_seed(0)
    network, image = Cst(SMALL).eval(), torch.randn(1, 5, *size)
    whole = network(pad_to_multiple(image, 4))
    assert torch.equal(network(image), whole[..., :2 * size[0], :2 * size[1]])


def test_padding_repeats_the_border():
    image = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert pad_to_multiple(image, 4)[0, 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]
    assert pad_to_multiple(image[..., :2], 2) is not None


@pytest.mark.parametrize('scale', [2, 4, 8])
@torch.no_grad()
def test_every_scale_and_the_fast_preset(scale):
    network = Cst(CstConfig.preset('fast', 3, scale)).eval()
    assert network(torch.rand(1, 3, 6, 10)).shape == (1, 3, 6 * scale, 10 * scale)


def test_stochastic_depth_only_while_training():
    network = Cst(CstConfig(5, 2, dim=16, depths=(2,), heads=2, window=(2, 4), drop_path=0.9))
    x = torch.rand(1, 5, 8, 8)
    assert torch.equal(network.eval()(x), network(x))
    torch.manual_seed(0)
    assert not torch.equal(network.train()(x), network(x))


@pytest.mark.parametrize(('changes', 'message'), [
    ({'bands': 0}, 'at least 1 band'), ({'scale': 3}, 'scale 2, 4 or 8'), ({'heads': 3}, 'even number of heads'),
    ({'depths': ()}, 'at least one block'), ({'window': (3, 16)}, 'even window')])
def test_wrong_shapes_of_the_network_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        CstConfig(**{'bands': 4, **changes})


def test_unknown_preset():
    with pytest.raises(ValueError, match="preset paper or fast, got 'slow'"):
        CstConfig.preset('slow', 4, 2)
