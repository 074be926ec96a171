"""What the tests of the Siamese networks share: synthetic pairs, exact weights, overfitting, export."""
from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hsi_models.networks.siamese_network import (
    SearchPath,
    SiameseInputs,
    SiameseOutputs,
    TemplatePath,
    decode_boxes,
)
from hsi_models.training.losses_tracking import TrackingLossConfig, tracking_loss

GOLDEN = Path(__file__).parent / 'golden'
TEMPLATE_BOX = (39, 44, 87, 84)
SEARCH_BOX = (130, 90, 178, 130)
BOX_SIZE = torch.tensor([[48.0, 40.0]])


def hashed(shape: tuple[int, ...], salt: int) -> Tensor:
    """Uniform numbers 0..1 by splitmix64: the same on every machine and with every version of torch."""
    with np.errstate(over='ignore'):
        x = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(salt * 1_000_003)
        x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    return torch.from_numpy(((x >> np.uint64(40)).astype(np.float64) / 2 ** 24).astype(np.float32)).reshape(shape)


class Siamese:
    """Helpers, given to tests as the fixture `siamese`."""

    @staticmethod
    def noise(size: int, bands: int, batch: int = 1, salt: int = 0) -> SiameseInputs:
        return SiameseInputs(hashed((batch, bands, size, size), salt), hashed((batch, 3, size, size), salt + 1),
                             torch.linspace(0.1, 0.4, bands), torch.full((bands,), 0.03))

    @staticmethod
    def scene(size: int, bands: int, box: tuple[int, int, int, int], salt: int) -> SiameseInputs:
        """Smooth background of one material, a box of another."""
        coarse = hashed((1, 1, size // 8 + 1, size // 8 + 1), salt)
        texture = nn.functional.interpolate(coarse, size=(size, size), mode='bilinear')
        wavelength = torch.linspace(0, 1, bands).view(1, bands, 1, 1)
        cube = texture * (0.4 + 0.3 * wavelength)
        left, top, right, bottom = box
        cube[..., top:bottom, left:right] = 0.2 + 0.5 * torch.exp(-((wavelength - 0.3) / 0.2) ** 2)
        return SiameseInputs(cube, cube[:, [bands - 1, bands // 2, 0]], torch.linspace(0.1, 0.4, bands),
                             torch.full((bands,), 0.03))

    @staticmethod
    def set_weights(network: nn.Module) -> None:
        """Exact pseudo-random weights of sensible size."""
        with torch.no_grad():
            for salt, (name, value) in enumerate(network.state_dict().items()):
                if not value.is_floating_point() or 'running' in name:
                    continue
                fan_in = value[0].numel() if value.ndim > 1 else 50
                shift = 1.0 if value.ndim == 1 and name.endswith('weight') else 0.0
                value.copy_((hashed(tuple(value.shape), salt) - 0.5) * (24 / fan_in) ** 0.5 + shift)

    @staticmethod
    def calibrate(network: nn.Module, template: SiameseInputs, search: SiameseInputs) -> None:
        """Batch norm statistics of one pair, then evaluation mode."""
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = None
                module.reset_running_stats()
        network.train()
        with torch.no_grad():
            network.search(network.template(template, BOX_SIZE), search)
        network.eval()

    @staticmethod
    def shapes(network: Callable[[Any], nn.Module], config: object, bands: int) -> int:
        """Both halves on shapes alone, which costs nothing; the number of branches."""
        with torch.device('meta'), torch.no_grad():
            module = network(config).eval()
            template, search = (SiameseInputs(torch.empty(1, bands, size, size), torch.empty(1, 3, size, size),
                                              torch.empty(bands), torch.empty(bands)) for size in (127, 255))
            outputs = module.search(module.template(template, torch.empty(1, 2)), search)
        assert outputs.cls.shape == (1, 2, 25, 25)
        assert outputs.reg.shape == (1, 4, 25, 25)
        return outputs.branch_cls.shape[1]

    @classmethod
    def overfit(cls, network: nn.Module, bands: int, steps: int = 60) -> tuple[float, list[dict[str, float]]]:
        """Train on one pair, from step 16 with fixed batch norm statistics, until the best cell's box has IoU .92.

        Returns:
            that IoU, and the terms of the loss in every step.
        """
        template, search = cls.scene(127, bands, TEMPLATE_BOX, 1), cls.scene(255, bands, SEARCH_BOX, 2)
        truth = torch.tensor([SEARCH_BOX], dtype=torch.float32)
        optimiser = torch.optim.Adam(network.parameters())
        reached, history = 0.0, []
        network.train()
        for step in range(steps):
            if step == 16:
                cls.calibrate(network, template, search)
            optimiser.param_groups[0]['lr'] = 3e-3 * (1 - step / steps)
            outputs = network.search(network.template(template, BOX_SIZE), search)
            reached = 0.0 if network.training else iou_of_best(outputs, truth[0])
            if reached > 0.92:
                break
            solutions = (network.self_expression(template),) if hasattr(network, 'self_expression') else ()
            generator = torch.Generator().manual_seed(step)
            terms = tracking_loss(outputs, truth, TrackingLossConfig(), solutions, generator)
            history.append({name: value.item() for name, value in terms.items()})
            optimiser.zero_grad()
            terms['total'].backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
        return reached, history

    @classmethod
    def untrained(cls, network: nn.Module, bands: int) -> list[str]:
        """Names of weights that one training step does not reach."""
        template, search = cls.scene(127, bands, TEMPLATE_BOX, 1), cls.scene(255, bands, SEARCH_BOX, 2)
        outputs = network.train().search(network.template(template, BOX_SIZE), search)
        solutions = (network.self_expression(template),) if hasattr(network, 'self_expression') else ()
        truth = torch.tensor([SEARCH_BOX], dtype=torch.float32)
        tracking_loss(outputs, truth, TrackingLossConfig(), solutions)['total'].backward()
        return [name for name, value in network.named_parameters() if value.grad is None]

    @classmethod
    def check_golden(cls, network: nn.Module, name: str) -> None:
        """Outputs with exact weights against stored ones; HSI_WRITE_GOLDEN=1 stores them anew."""
        from safetensors.torch import load_file, save_file

        template, search = cls.noise(127, 16, salt=3), cls.noise(255, 16, salt=5)
        cls.set_weights(network)
        cls.calibrate(network, template, search)
        with torch.no_grad():
            outputs = network.search(network.template(template, BOX_SIZE), search)
        got = {'cls': outputs.cls, 'reg': outputs.reg}
        path = GOLDEN / f'{name}.safetensors'
        if os.environ.get('HSI_WRITE_GOLDEN'):
            save_file({key: value.contiguous() for key, value in got.items()}, str(path))
        for key, expected in load_file(str(path)).items():
            scale = float(expected.abs().max())
            assert float(expected.std()) > 1e-2 * scale, f'{key} is nearly constant: it would prove nothing'
            torch.testing.assert_close(got[key], expected, rtol=0, atol=1e-3 * scale)

    @classmethod
    def export_error(cls, network: nn.Module, bands: int) -> float:
        """Largest difference of template and search path in ONNX Runtime to eager, boxes in units of 32 pixels."""
        onnxruntime = pytest.importorskip('onnxruntime')
        pytest.importorskip('onnx')
        template, search = cls.noise(127, bands, salt=3), cls.noise(255, bands, salt=5)
        cls.calibrate(network, template, search)
        state = network.template(template, BOX_SIZE)
        names = sorted(state)

        def run(path: nn.Module, inputs: dict[str, Tensor]) -> list[Tensor]:
            file = io.BytesIO()
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')     # the tracer's remarks on sizes, which are fixed
                torch.onnx.export(path.eval(), tuple(inputs.values()), file, dynamo=False, opset_version=17,
                                  input_names=list(inputs))
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            session = onnxruntime.InferenceSession(file.getvalue(), options, providers=['CPUExecutionProvider'])
            used = {entry.name for entry in session.get_inputs()}
            return [torch.from_numpy(value) for value in
                    session.run(None, {key: value.numpy() for key, value in inputs.items() if key in used})]

        def plain(inputs: SiameseInputs) -> dict[str, Tensor]:
            return {'cube': inputs.cube, 'false_colour': inputs.false_colour, 'centres': inputs.centres,
                    'widths': inputs.widths}

        with torch.no_grad():
            state = network.template(template, BOX_SIZE)
            expected = network.search(state, search)
            exported_state = run(TemplatePath(network), {**plain(template), 'box_size': BOX_SIZE})
            outputs = run(SearchPath(network, names), {**plain(search), **{key: state[key] for key in names}})
        cls_map, reg, *more = outputs
        differences = [(got - state[key]).abs().max() for got, key in zip(exported_state, names, strict=True)]
        differences += [(cls_map - expected.cls).abs().max(), (reg - expected.reg).abs().max() / 32]
        contrast = [] if expected.contrast is None else [expected.contrast]
        differences += [(one - other).abs().max() for one, other in zip(more, contrast, strict=True)]
        return float(torch.stack(differences).max())


def iou_of_best(outputs: SiameseOutputs, truth: Tensor) -> float:
    outputs = replace(outputs, cls=outputs.cls.detach(), reg=outputs.reg.detach())
    best = int(outputs.cls[0].softmax(0)[1].argmax())
    box = decode_boxes(outputs.reg)[0].flatten(1)[:, best]
    sides = (torch.minimum(box[2:], truth[2:]) - torch.maximum(box[:2], truth[:2])).clamp_min(0)
    intersection = sides.prod()
    union = (box[2:] - box[:2]).prod() + (truth[2:] - truth[:2]).prod() - intersection
    return float(intersection / union)


@pytest.fixture(scope='session')
def siamese() -> type[Siamese]:
    return Siamese


@pytest.fixture(autouse=True)
def _one_thread_one_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
