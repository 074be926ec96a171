"""BCR-Net: one grouping a sequence, any camera, fusion and ablations, overfitting, golden tensors, export."""
from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hsi_models.networks.backbone import BackboneConfig
from hsi_models.networks.bcr_net import BcrNet, BcrNetConfig
from hsi_models.networks.siamese_network import SiameseInputs, SiameseNetwork

BOX = torch.tensor([[48.0, 40.0]])
# The same code as the preset, cheaper.
SMALL = BcrNetConfig(BackboneConfig(levels=(4, 5, 6)), channels=16)


def build(siamese, **changes) -> BcrNet:
    """With batch norm statistics of one pair: without them features fade away and equal each other trivially."""
    torch.manual_seed(0)
    network = BcrNet(replace(SMALL, **changes))
    siamese.calibrate(network, siamese.noise(127, 8), siamese.noise(255, 8, salt=1))
    return network


@pytest.fixture(scope='module')
def network(siamese) -> BcrNet:
    return build(siamese)


@pytest.mark.parametrize('bands', [3, 8, 15, 16, 25, 31, 61, 128])
def test_same_weights_take_any_band_count(network, siamese, bands):
    with torch.no_grad():
        state = network.template(siamese.noise(127, bands), BOX)
        outputs = network.search(state, siamese.noise(255, bands, salt=1))
    groups = (bands + 2) // 3 + 1       # the matched filter's
    assert outputs.branch_cls.shape == (1, groups, 2, 25, 25)
    assert outputs.cls.shape == (1, 2, 25, 25)
    assert outputs.reg.shape == (1, 4, 25, 25)
    assert bool(torch.isfinite(outputs.cls).all())
    assert bool(torch.isfinite(outputs.reg).all())
    assert float(outputs.branch_weights.sum()) == pytest.approx(1, abs=1e-5)
    # Every band reaches the backbone.
    assert bool(((state['projection'] != 0).sum(dim=1) >= 1).all())


def test_is_a_siamese_network_of_the_agreed_size():
    fast = BcrNet(BcrNetConfig.preset('fast'))
    assert isinstance(fast, SiameseNetwork)
    assert sum(value.numel() for value in fast.parameters()) < 3e6


def test_paper_preset_freezes_its_backbone():
    with torch.device('meta'):
        paper = BcrNet(BcrNetConfig.preset('paper')).train()
    backbone = paper.backbone.backbone
    assert not any(value.requires_grad for value in backbone.parameters())
    assert not any(module.training for module in backbone.modules())
    assert all(value.requires_grad for value in paper.heads.parameters())


@pytest.mark.parametrize('preset', ['paper', 'fast'])
@pytest.mark.parametrize('bands', [3, 8, 15, 16, 25, 31, 61, 128])
def test_the_presets_take_any_band_count(siamese, preset, bands):
    config = BcrNetConfig.preset(preset)
    assert siamese.shapes(BcrNet, config, bands) == config.groups(bands) == (bands + 2) // 3 + (preset == 'fast')


def test_search_uses_the_grouping_of_the_template(siamese):
    shared, independent = build(siamese), build(siamese, grouping='independent')
    independent.load_state_dict(shared.state_dict())
    template, search = siamese.noise(127, 8), siamese.noise(255, 8, salt=1)
    # Other bands are the bright ones now: another order of importance.
    gains = torch.linspace(0.2, 1.0, 8).view(1, 8, 1, 1)
    brightened = replace(search, cube=search.cube * gains)
    with torch.no_grad():
        state = shared.template(replace(template, cube=template.cube * gains.flip(1)), BOX)
        first = shared.search(state, brightened)
        other = independent.search(state, brightened)
    assert not torch.allclose(first.branch_cls, other.branch_cls, atol=1e-3)
    # The most important composite is made of the template's bands 0 to 2, whatever the search crop looks like.
    assert set(state['projection'][0, :3].argmax(dim=1).tolist()) == {0, 1, 2}


def test_groups_run_as_one_batch_equal_each_alone(siamese):
    network = build(siamese, match=False)
    with torch.no_grad():
        state = network.template(siamese.noise(127, 9), BOX)
        search = siamese.noise(255, 9, salt=1)
        outputs = network.search(state, search)
        for group in range(3):
            alone = {name: value[:, group:group + 1] for name, value in state.items()}
            alone['projection'] = state['projection'][:, 3 * group:3 * group + 3]
            alone['offset'] = state['offset'][:, 3 * group:3 * group + 3]
            torch.testing.assert_close(network.search(alone, search).cls, outputs.branch_cls[:, group], rtol=1e-3,
                                       atol=1e-4)


def test_samples_of_a_batch_do_not_mix(network, siamese):
    box = torch.tensor([[48.0, 40.0], [30.0, 60.0]])
    with torch.no_grad():
        template, search = siamese.noise(127, 7, batch=2), siamese.noise(255, 7, batch=2, salt=1)
        both = network.search(network.template(template, box), search)
        second = network.search(network.template(replace(template, cube=template.cube[1:]), box[1:]),
                                replace(search, cube=search.cube[1:]))
    torch.testing.assert_close(both.cls[1:], second.cls, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(('changes', 'expected'), [
    ({'fusion': 'uniform', 'reliability': False}, 'equal'),
    ({'fusion': 'importance', 'reliability': False}, 'shares'),
    ({'fusion': 'importance', 'reliability': True}, 'shares and response'),
])
def test_fusion_weights(siamese, changes, expected):
    network = build(siamese, match=False, **changes)
    with torch.no_grad():
        state = network.template(siamese.noise(127, 8), BOX)
        outputs = network.search(state, siamese.noise(255, 8, salt=1))
    target = outputs.branch_cls.softmax(dim=2)[:, :, 1].flatten(2)
    response = target.amax(dim=2) - target.mean(dim=2) + 1e-3
    weights = {'equal': torch.ones(1, 3), 'shares': state['shares'], 'shares and response': state['shares'] * response}
    wanted = weights[expected] / weights[expected].sum()
    torch.testing.assert_close(outputs.branch_weights, wanted)
    torch.testing.assert_close(outputs.cls, (wanted[..., None, None, None] * outputs.branch_cls).sum(1))


@pytest.mark.parametrize(('bands', 'groups'), [('adjacent', 3), ('pca', 1)])
def test_grouping_ablations(siamese, bands, groups):
    network = build(siamese, bands=bands, match=False)
    assert not hasattr(network, 'bimm')
    with torch.no_grad():
        state = network.template(siamese.noise(127, 8), BOX)
        outputs = network.search(state, siamese.noise(255, 8, salt=1))
    assert outputs.branch_cls.shape[1] == groups
    if bands == 'adjacent':
        assert state['projection'][0].argmax(dim=1).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7]


def concealed(siamese, size: int, corners: tuple[int, int, int, int], salt: int = 0) -> SiameseInputs:
    """Noise with a target that only the spectrum shows, whose brightness is that of what is around it."""
    inputs = siamese.noise(size, 8, salt=salt)
    cube = 0.5 + 0.1 * inputs.cube
    x1, y1, x2, y2 = corners
    cube[:, ::2, y1:y2, x1:x2] += 0.1
    cube[:, 1::2, y1:y2, x1:x2] -= 0.1
    return replace(inputs, cube=cube)


def test_a_matched_filter_is_one_group_more_and_raises_the_logits_where_the_target_is(siamese):
    network = build(siamese)
    with torch.no_grad():
        state = network.template(concealed(siamese, 127, (40, 44, 88, 84)), BOX)
        outputs = network.search(state, concealed(siamese, 255, (160, 60, 208, 100), salt=1))
        network.match_logits.weight.zero_()
        without = network.search(state, concealed(siamese, 255, (160, 60, 208, 100), salt=1))
    assert 0.3 < float(state['own']) < 1
    raised = (outputs.cls - without.cls)[0]
    row, column = divmod(int(raised[1].argmax()), 25)
    assert abs((column - 12) * 8 + 127.5 - 184) <= 12
    assert abs((row - 12) * 8 + 127.5 - 80) <= 12
    torch.testing.assert_close(raised[0], -raised[1])
    assert outputs.branch_weights.shape == (1, 4)
    assert float(outputs.contrast[0, 0, row, column]) == pytest.approx(1, abs=0.25)
    assert float(outputs.contrast[0, 0, -6:, :6].max()) < 0.3


def test_where_no_spectrum_tells_the_matched_filter_counts_little(siamese):
    network = build(siamese, reliability=False)
    with torch.no_grad():
        state = network.template(siamese.noise(127, 8), BOX)
        outputs = network.search(state, siamese.noise(255, 8, salt=1))
    assert float(outputs.branch_weights[0, -1]) < 0.1


def test_false_colour_has_no_spectrum_to_match(siamese):
    network = build(siamese, bands='false_colour')
    with torch.no_grad():
        outputs = network.search(network.template(siamese.noise(127, 8), BOX), siamese.noise(255, 8, salt=1))
    assert network.config.groups(8) == outputs.branch_cls.shape[1] == 1
    assert outputs.contrast is None


@pytest.mark.parametrize('changes', [{'bands': 'random'}, {'fusion': 'mean'}, {'grouping': 'each'}])
def test_unknown_ablations_are_refused(siamese, changes):
    with pytest.raises(ValueError, match="expected .* got '"):
        build(siamese, **changes)


def test_template_update_keeps_the_grouping(network, siamese):
    with torch.no_grad():
        first = network.template(siamese.noise(127, 8), BOX)
        later = network.template(siamese.noise(127, 8, salt=7), BOX, previous=first)
    assert all(torch.equal(first[name], later[name]) for name in ('projection', 'offset', 'shares'))
    assert not torch.equal(first['group_cls0'], later['group_cls0'])


def test_tracking_loss_reaches_bimm_through_the_fusion_weights(siamese):
    network = build(siamese)
    outputs = network.search(network.template(siamese.noise(127, 8), BOX), siamese.noise(255, 8, salt=1))
    outputs.cls.square().sum().backward()
    gradient = network.bimm.descriptor.weight.grad
    assert gradient is not None
    assert float(gradient.abs().max()) > 0


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_says_about_the_same(siamese, dtype):
    network = build(siamese)
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
    assert siamese.untrained(BcrNet(SMALL), 8) == []


def test_overfits_one_pair(siamese):
    reached, losses = siamese.overfit(BcrNet(BcrNetConfig.preset('fast')), bands=4)
    assert reached > 0.9
    assert losses[-1]['total'] < losses[0]['total']


def test_golden(siamese):
    siamese.check_golden(BcrNet(replace(BcrNetConfig.preset('fast'), match=False)), 'bcr_net')


def test_onnx_export_equals_eager(siamese):
    assert siamese.export_error(BcrNet(BcrNetConfig.preset('fast')), 16) < 1e-3
