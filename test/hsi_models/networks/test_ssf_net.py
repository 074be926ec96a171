"""SSF-Net: any camera, branches and ablations, the cache, overfitting, golden tensors, export."""
from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hsi_models.networks.siamese_network import SiameseNetwork
from hsi_models.networks.ssf_net import SsfNet, SsfNetConfig

BOX = torch.tensor([[48.0, 40.0]])


def fast(siamese, **changes) -> SsfNet:
    """With batch norm statistics of one pair: without them features fade away and equal each other trivially."""
    torch.manual_seed(0)
    network = SsfNet(replace(SsfNetConfig.preset('fast'), **changes))
    siamese.calibrate(network, siamese.noise(127, 8), siamese.noise(255, 8, salt=1))
    return network


@pytest.fixture(scope='module')
def network(siamese) -> SsfNet:
    return fast(siamese)


@pytest.mark.parametrize('bands', [3, 8, 15, 16, 25, 31, 61, 128])
def test_same_weights_take_any_band_count(network, siamese, bands):
    with torch.no_grad():
        state = network.template(siamese.noise(127, bands), BOX)
        outputs = network.search(state, siamese.noise(255, bands, salt=1))
    assert outputs.cls.shape == (1, 2, 25, 25)
    assert outputs.reg.shape == (1, 4, 25, 25)
    assert outputs.angle is not None
    assert outputs.angle.shape == (1, 1, 25, 25)
    assert all(bool(torch.isfinite(value).all()) for value in (outputs.cls, outputs.reg, outputs.angle))
    assert float(outputs.reg.min()) > 0


def test_is_a_siamese_network_of_the_agreed_size(network):
    assert isinstance(network, SiameseNetwork)
    assert sum(value.numel() for value in network.parameters()) < 3e6


def test_paper_preset_has_resnet_and_256_channels():
    with torch.device('meta'):
        paper = SsfNet(SsfNetConfig.preset('paper'))
        bands = torch.empty(16), torch.empty(16)
        reference = paper.hs_backbone.embedding.reference(torch.empty(1, 16, 127, 127), *bands)
        embedded = paper.hs_backbone.embed(torch.empty(1, 16, 255, 255), *bands, reference)
        outputs = paper.hs_backbone(embedded)
    assert outputs.shape == (1, 256, 34, 34)
    assert paper.rgb_backbone.levels == 3


@pytest.mark.parametrize('bands', [3, 8, 15, 16, 25, 31, 61, 128])
def test_the_paper_preset_takes_any_band_count(siamese, bands):
    assert siamese.shapes(SsfNet, SsfNetConfig.preset('paper'), bands) == 2


def test_state_is_all_that_search_needs_of_the_template(network, siamese):
    with torch.no_grad():
        state = network.template(siamese.noise(127, 8), BOX)
        copied = {name: value.clone() for name, value in state.items()}
        first = network.search(state, siamese.noise(255, 8, salt=1))
        second = network.search(copied, siamese.noise(255, 8, salt=1))
        # The additive head's template half has collapsed to one vector a head.
        assert {tuple(state[name].shape[2:]) for name in state if name.startswith(('rgb_', 'hs_'))} == {(1, 1)}
    torch.testing.assert_close(first.cls, second.cls)
    assert all(torch.equal(copied[name], state[name]) for name in state)


def test_samples_of_a_batch_do_not_mix(network, siamese):
    box = torch.tensor([[48.0, 40.0], [30.0, 60.0]])
    with torch.no_grad():
        template, search = siamese.noise(127, 8, batch=2), siamese.noise(255, 8, batch=2, salt=1)
        both = network.search(network.template(template, box), search)
        alone = [replace(crop, cube=crop.cube[1:], false_colour=crop.false_colour[1:]) for crop in (template, search)]
        second = network.search(network.template(alone[0], box[1:]), alone[1])
    torch.testing.assert_close(both.cls[1:], second.cls, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(both.reg[1:], second.reg, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(('branches', 'blind_to'), [('rgb', 'cube'), ('hs', 'false_colour')])
def test_a_branch_alone_sees_its_modality_alone(siamese, branches, blind_to):
    network = fast(siamese, branches=branches)
    template, search = siamese.noise(127, 8), siamese.noise(255, 8, salt=1)
    changed = replace(search, **{blind_to: getattr(search, blind_to).flip(-1)})
    with torch.no_grad():
        state = network.template(template, BOX)
        outputs, others = network.search(state, search), network.search(state, changed)
    assert outputs.branch_cls.shape[1] == 1
    torch.testing.assert_close(outputs.cls, others.cls)


@pytest.mark.parametrize('changes', [{'s2fb': 'spatial'}, {'s2fb': 'spectral'}, {'fusion': 'se'}, {'fusion': 'eca'},
                                     {'fusion': 'none'}, {'inter': False}, {'match': False},
                                     {'match': False, 'whiten': False}])
def test_ablations_run_and_have_other_weights(network, siamese, changes):
    other = fast(siamese, **changes)
    with torch.no_grad():
        outputs = other.search(other.template(siamese.noise(127, 8), BOX), siamese.noise(255, 8, salt=1))
    assert outputs.cls.shape == (1, 2, 25, 25)
    assert other.state_dict().keys() != network.state_dict().keys()


def test_plain_spectra_have_the_same_weights_and_another_answer(siamese):
    networks = [SsfNet(replace(SsfNetConfig.preset('fast'), whiten=whiten, match=False)).eval()
                for whiten in (False, True)]
    networks[1].load_state_dict(networks[0].state_dict())
    with torch.no_grad():
        plain, whitened = (each.search(each.template(siamese.noise(127, 8), BOX), siamese.noise(255, 8, salt=1)).cls
                           for each in networks)
    assert not torch.allclose(plain, whitened, atol=1e-3)


def test_a_matched_filter_needs_whitened_spectra():
    with pytest.raises(ValueError, match='expected match=False without whitened spectra'):
        SsfNetConfig(whiten=False)


@pytest.mark.parametrize('changes', [{'fusion': 'sum'}, {'branches': 'all'}, {'s2fb': 'both'}])
def test_unknown_ablations_are_refused(siamese, changes):
    with pytest.raises(ValueError, match="expected .* got '"):
        fast(siamese, **changes)


def test_prediction_is_the_weighted_mean_of_both_branches(siamese):
    network = fast(siamese)
    with torch.no_grad():
        network.branch_weights.copy_(torch.tensor([2.0, -1.0]))
        outputs = network.search(network.template(siamese.noise(127, 8), BOX), siamese.noise(255, 8, salt=1))
    weight = float(torch.tensor([2.0, -1.0]).softmax(0)[0])
    expected = weight * outputs.branch_cls[:, 0] + (1 - weight) * outputs.branch_cls[:, 1]
    torch.testing.assert_close(outputs.cls, expected)


def test_template_update_keeps_the_spectral_reference(network, siamese):
    with torch.no_grad():
        first = network.template(siamese.noise(127, 8), BOX)
        crop = siamese.noise(127, 8, salt=9)
        later = network.template(replace(crop, cube=crop.cube * 0.3), BOX, previous=first)
    assert all(torch.equal(first[name], later[name]) for name in ('level', 'centre', 'whitening'))
    assert not torch.equal(first['region'], later['region'])


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_says_about_the_same(siamese, dtype):
    network = fast(siamese)
    template, search = siamese.noise(127, 8), siamese.noise(255, 8, salt=1)
    with torch.no_grad():
        full = network.search(network.template(template, BOX), search)
        network.to(dtype)
        lower = [replace(crop, cube=crop.cube.to(dtype), false_colour=crop.false_colour.to(dtype))
                 for crop in (template, search)]
        half = network.search(network.template(lower[0], BOX), lower[1])
    assert half.cls.dtype == dtype
    agreement = torch.corrcoef(torch.stack([full.cls.flatten(), half.cls.float().flatten()]))[0, 1]
    assert float(agreement) > 0.95
    assert bool(torch.isfinite(half.reg).all())


def test_every_weight_is_trained(siamese):
    assert siamese.untrained(SsfNet(SsfNetConfig.preset('fast')), 8) == []


def test_overfits_one_pair(siamese):
    reached, losses = siamese.overfit(SsfNet(SsfNetConfig.preset('fast')), bands=8)
    assert reached > 0.9
    assert losses[-1]['angle'] < 0.8 * losses[0]['angle']       # SAAL goes down in training


def test_golden(siamese):
    siamese.check_golden(SsfNet(SsfNetConfig.preset('fast')), 'ssf_net')


def test_onnx_export_equals_eager(siamese):
    assert siamese.export_error(SsfNet(SsfNetConfig.preset('fast')), 16) < 1e-3
