"""The default tracker's network: its start is the untrained fusion, its halves fit together, its gate has limits."""
from __future__ import annotations

import pytest
import torch
from torch import nn

from hsi_models.networks.auto_net import AutoNet
from hsi_models.networks.fold import fold_batch_norms


@pytest.fixture(scope='module')
def network() -> AutoNet:
    torch.manual_seed(0)
    net = AutoNet().eval()
    for parameter in net.head.parameters():      # random weights answer the same everywhere otherwise
        parameter.data += 0.05 * torch.randn_like(parameter)
    return net


def _crops(batch: int = 1, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand((batch, 2, 3, 127, 127), generator=generator),
            torch.rand((batch, 2, 3, 255, 255), generator=generator))


@torch.no_grad()
def test_before_training_it_is_the_rule_of_the_fusion(network: AutoNet) -> None:
    template, search = _crops()
    state = network.template(template, torch.tensor([[0.95, 0.8, 0.5]]))
    logits, distances = network.streams(search, *state)
    mixed, boxes = network.search(search, *state)
    scores = logits[0].softmax(dim=1)[:, 1]
    torch.testing.assert_close(mixed[0].softmax(dim=0)[1], 0.65 * scores[0] + 0.35 * scores[1])
    torch.testing.assert_close(boxes[0], 0.65 * distances[0, 0] + 0.35 * distances[0, 1])


@torch.no_grad()
def test_pairs_of_a_batch_do_not_touch_each_other(network: AutoNet) -> None:
    template, search = _crops(2)
    trust = torch.tensor([[0.99, 0.9, 1.0], [0.6, 0.1, 0.0]])
    both = network.search(search, *network.template(template, trust))
    alone = network.search(search[1:], *network.template(template[1:], trust[1:]))
    for one, other in zip(both, alone, strict=True):
        torch.testing.assert_close(one[1:], other, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_without_trust_the_probability_hardly_counts(network: AutoNet) -> None:
    template, search = _crops()
    state = network.template(template, torch.zeros(1, 3))
    other = search.clone()
    other[:, 1] = 1 - other[:, 1]
    scores = [network.search(value, *state)[0].softmax(dim=1)[:, 1] for value in (search, other)]
    assert float((scores[0] - scores[1]).abs().max()) <= 0.021


@torch.no_grad()
def test_a_share_of_what_the_gate_learned_lies_between_the_rule_and_all_of_it() -> None:
    gates = []
    scores, probability, trust = torch.rand(1, 2, 5, 5), torch.rand(1, 1, 5, 5), torch.full((1, 3), 0.8)
    for share in (0.0, 0.5, 1.0):
        torch.manual_seed(0)
        network = AutoNet().eval()
        rule = network.gate(scores, probability, trust)
        nn.init.normal_(network.gate.layers[-1].weight, std=0.3)
        network.gate.scale(share)
        gates.append(network.gate(scores, probability, trust).logit())
    torch.testing.assert_close(gates[0], rule.logit())
    torch.testing.assert_close(gates[1], (gates[0] + gates[2]) / 2)
    assert float((gates[2] - gates[0]).abs().max()) > 0.1


def test_every_tensor_gets_a_gradient() -> None:
    network = AutoNet().train()
    nn.init.normal_(network.gate.layers[-1].weight, std=0.1)
    template, search = _crops()
    logits, distances = network.search(search, *network.template(template, torch.full((1, 3), 0.5)))
    (logits.square().mean() + distances.square().mean()).backward()
    assert not [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not list(network.buffers()), 'nothing is copied through that is not trained'


def test_folding_keeps_the_function() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5), nn.ReLU(),
                          nn.Sequential(nn.Conv2d(5, 4, 1), nn.BatchNorm2d(4)))
    for part in plain.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.normal_(part.weight)
    x = torch.randn(2, 3, 9, 9)
    expected = plain.eval()(x)
    torch.testing.assert_close(fold_batch_norms(plain)(x), expected, rtol=1e-4, atol=1e-5)


def test_a_batch_norm_without_a_convolution_is_refused() -> None:
    with pytest.raises(ValueError, match='behind a convolution'):
        fold_batch_norms(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3)))
