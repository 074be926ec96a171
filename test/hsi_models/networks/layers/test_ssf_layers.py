"""S2CB, S2FB, SAFM, SAAM, additive correlation: what makes each what it is."""
from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from hsi_models.networks.layers.channel_attention import EfficientChannelAttention, GatedFusion, SqueezeExcitation
from hsi_models.networks.layers.correlation import AdditiveCorrelation, depthwise_correlation
from hsi_models.networks.layers.s2cb import S2CB, SpectralConvolution
from hsi_models.networks.layers.s2fb import S2FB, StrideConvolution
from hsi_models.networks.layers.saam import SAAM
from hsi_models.networks.layers.safm import SAFM
from hsi_models.networks.layers.spectral_embedding import SpectralReference


class TestS2CB:
    def test_spectral_branch_is_a_3d_convolution_along_the_bands(self):
        layer = SpectralConvolution(4)
        x = torch.rand(2, 6, 4, 5, 5)
        kernel = layer.mix.weight.reshape(4, 3, 4).transpose(1, 2)[..., None, None]
        expected = F.conv3d(x.transpose(1, 2), kernel, padding=(1, 0, 0)).transpose(1, 2)
        torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(('mode', 'bands', 'pixels'), [('spatial', 1, 9), ('spectral', 3, 1), ('joint', 3, 9)])
    def test_reach(self, mode, bands, pixels):
        """A change of one value reaches the neighbours in space, in the spectrum, or both."""
        block = S2CB(4, mode).eval()
        x = torch.rand(1, 7, 4, 7, 7)
        changed = x.clone()
        changed[0, 3, :, 3, 3] += 1
        with torch.no_grad():
            reached = (block(changed) - block(x)).abs().amax(dim=2)[0] > 1e-9
        assert int(reached.any(dim=2).any(dim=1).sum()) == bands
        assert int(reached.any(dim=0).sum()) == pixels

    def test_residual(self):
        block = S2CB(4).eval()
        torch.nn.init.zeros_(block.merge[1].weight)
        x = torch.rand(1, 6, 4, 5, 5)
        torch.testing.assert_close(block(x), x)


class TestS2FB:
    @pytest.mark.parametrize(('size', 'cells'), [(127, 18), (255, 34)])
    @pytest.mark.parametrize('bands', [3, 16, 128])
    def test_sizes_of_the_paper(self, size, cells, bands):
        with torch.device('meta'):
            backbone, positions = S2FB(256), (torch.empty(bands), torch.empty(bands))
            reference = SpectralReference(torch.empty(1, 1, 1, 1), torch.empty(1, 16, 1), torch.empty(1, 16, 16))
            out = backbone(backbone.embed(torch.empty(1, bands, size, size), *positions, reference))
        assert out.shape == (1, 256, cells, cells)

    def test_stride_is_a_3d_convolution(self):
        layer = StrideConvolution(3, 5, 2).eval()
        x = torch.rand(2, 4, 3, 9, 9)
        kernel = layer.body[0].weight.reshape(5, 2, 3, 3, 3).transpose(1, 2)
        expected = F.conv3d(x.transpose(1, 2), kernel, stride=2, padding=(0, 2, 2)).transpose(1, 2)
        expected = F.relu(expected / math.sqrt(1 + layer.body[1].eps))
        torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)

    def test_nodes_that_cannot_be_halved_twice_are_refused(self):
        with pytest.raises(ValueError, match='multiple of 4 spectral nodes, got 6'):
            S2FB(8, nodes=6)


class TestSAFM:
    def test_without_inter_it_is_its_intra_part_alone(self):
        safm = SAFM(8, inter=False)
        rgb, hs = torch.rand(2, 2, 8, 5, 5)
        torch.testing.assert_close(safm(rgb, hs)[1], hs + safm.hs.intra(hs, hs))
        torch.testing.assert_close(safm(rgb, hs)[0], rgb + safm.rgb.intra(rgb, rgb))

    def test_a_silenced_inter_part_leaves_the_intra_part(self):
        safm, alone = SAFM(8), SAFM(8, inter=False)
        alone.load_state_dict({name: value for name, value in safm.state_dict().items() if 'inter' not in name})
        torch.nn.init.zeros_(safm.hs.inter.output.weight)
        rgb, hs = torch.rand(2, 2, 8, 5, 5)
        torch.testing.assert_close(safm(rgb, hs)[1], alone(rgb, hs)[1])

    def test_swapped_modalities_swap_outputs_where_weights_are_tied(self):
        safm = SAFM(8)
        safm.rgb.load_state_dict(safm.hs.state_dict())
        rgb, hs = torch.rand(2, 2, 8, 5, 5)
        forward, swapped = safm(rgb, hs), safm(hs, rgb)
        torch.testing.assert_close(forward[0], swapped[1])
        torch.testing.assert_close(forward[1], swapped[0])

    def test_each_modality_hears_the_other(self):
        safm = SAFM(8)
        rgb, hs = torch.rand(2, 2, 8, 5, 5)
        assert not torch.allclose(safm(rgb, hs)[1], safm(rgb.flip(1), hs)[1])


class TestChannelAttention:
    @pytest.mark.parametrize('attention', [SqueezeExcitation(8), EfficientChannelAttention()])
    def test_one_gate_between_0_and_1_a_channel(self, attention):
        x = torch.rand(2, 8, 4, 4) + 0.1
        gate = attention(x).detach() / x
        assert float(gate.min()) > 0
        assert float(gate.max()) < 1
        torch.testing.assert_close(gate, gate[:, :, :1, :1].expand_as(gate))

    def test_eca_looks_at_five_neighbouring_channels(self):
        attention = EfficientChannelAttention()
        x = torch.rand(1, 16, 3, 3)
        changed = x.clone()
        changed[:, 8] += 1
        gates = [(attention(y) / y)[0, :, 0, 0] for y in (x, changed)]
        assert torch.nonzero((gates[0] - gates[1]).abs() > 1e-7).flatten().tolist() == [6, 7, 8, 9, 10]

    def test_fusion_adds_the_other_modality(self):
        fusion = GatedFusion(8, 'se')
        rgb, hs = torch.rand(2, 2, 8, 5, 5)
        torch.testing.assert_close(fusion(rgb, hs)[1], hs + fusion.rgb(rgb))


class TestSAAM:
    def test_unchanged_when_either_input_is_scaled(self):
        template, search = torch.randn(2, 8, 7, 7), torch.randn(2, 8, 31, 31)
        angle = SAAM()(template, search)
        assert angle.shape == (2, 1, 25, 25)
        torch.testing.assert_close(SAAM()(3.7 * template, 0.02 * search), angle, rtol=1e-4, atol=1e-5)

    def test_maximal_where_template_and_region_agree(self):
        search = torch.randn(1, 8, 31, 31)
        template = 2 * search[..., 5:12, 11:18]
        angle = SAAM()(template, search)[0, 0]
        assert divmod(int(angle.argmax()), 25) == (5, 11)
        assert float(angle.max()) == pytest.approx(1, abs=2e-3)

    def test_against_the_formula(self):
        template, search = torch.randn(1, 4, 3, 3), torch.randn(1, 4, 6, 6)
        region = search[0, :, 2:5, 1:4].flatten()
        cosine = torch.dot(template.flatten(), region) / template.norm() / region.norm()
        expected = 1 - 2 / math.pi * math.acos(float(cosine))
        assert float(SAAM()(template, search)[0, 0, 2, 1]) == pytest.approx(expected, abs=1e-5)

    def test_right_angle_is_0_and_opposite_is_minus_1(self):
        template = torch.zeros(1, 2, 1, 1)
        template[:, 0] = 1
        search = torch.tensor([[0.0, 1.0], [-1.0, 0.0]]).T.reshape(1, 2, 1, 2)
        assert SAAM()(template, search).flatten().tolist() == pytest.approx([0, -1], abs=2e-3)

    def test_finite_in_half_precision_and_for_dark_regions(self):
        template, search = 100 * torch.rand(1, 64, 7, 7), 100 * torch.rand(1, 64, 31, 31)
        search[..., :15, :15] = 0
        search.requires_grad_()
        SAAM()(template.half(), search.half()).sum().backward()
        assert search.grad is not None
        assert bool(torch.isfinite(search.grad).all())


class TestCorrelation:
    def test_depthwise_against_loops(self):
        search, template = torch.randn(2, 3, 6, 7), torch.randn(2, 3, 2, 3)
        response = depthwise_correlation(search, template)
        for b, c, i, j in ((0, 0, 0, 0), (1, 2, 4, 4), (1, 0, 2, 3)):
            expected = (search[b, c, i:i + 2, j:j + 3] * template[b, c]).sum()
            torch.testing.assert_close(response[b, c, i, j], expected)

    def test_additive_is_one_convolution_of_both_sides_stacked(self):
        layer = AdditiveCorrelation(4).eval()
        template, search = torch.randn(1, 4, 5, 5), torch.randn(1, 4, 9, 9)
        box = torch.tensor([[40.0, 20.0]])
        kernel = torch.cat([layer.template_half.weight, layer.search_half.weight], dim=1)
        prior = layer.prior(box / 127)[0]
        response = layer(layer.template(template, box), search)
        for i, j in ((0, 0), (4, 2)):
            stacked = torch.cat([template, search[..., i:i + 5, j:j + 5]], dim=1)
            expected = F.relu(layer.norm(F.conv2d(stacked, kernel) + prior[None, :, None, None]))
            torch.testing.assert_close(response[..., i:i + 1, j:j + 1], expected, rtol=1e-4, atol=1e-5)
