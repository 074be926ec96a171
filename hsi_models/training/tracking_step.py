"""One step of training SSF-Net or BCR-Net: from inputs to losses."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from hsi_models.networks.bcr_net import BcrNet
from hsi_models.networks.nanotrack import STRIDE as TEACHER_STRIDE
from hsi_models.networks.nanotrack import NanoTrack
from hsi_models.networks.siamese_network import STRIDE, SiameseOutputs
from hsi_models.networks.ssf_net import SsfNet
from hsi_models.training.losses_tracking import TrackingLossConfig, distillation_loss, tracking_loss
from hsi_models.training.tracking_inputs import TrackingInputs
from hsi_models.training.tracking_validation import best_overlap

_RIGHT = 0.5        # IoU of a teacher's box from which it is asked: it sees no more than false colour shows


class TrackingStep(nn.Module):
    """Inputs to losses: what several processes run side by side.

    Args:
        network: SSF-Net or BCR-Net.
        config: weights of the losses.
        precision: type of the network's arithmetic.
        teacher: what SSF-Net's RGB branch, or BCR-Net as a whole, is to answer where that is right; None for none.
        distillation: weight of the teacher's loss.
    """

    def __init__(self, network: SsfNet | BcrNet, config: TrackingLossConfig, precision: torch.dtype,
                 teacher: NanoTrack | None = None, distillation: float = 1.0) -> None:
        super().__init__()
        self.network, self.config, self.precision = network, config, precision
        self._teacher, self.distillation = (teacher,), distillation     # a tuple: no part of what is trained
        self.solves = isinstance(network, BcrNet) and network.config.bands == 'bimm'

    def forward(self, inputs: TrackingInputs, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses as `tracking_loss` gives them; `generator` samples the cells that count."""
        solved: list[Any] = []
        with self._keeping(solved):
            with self._autocast(inputs.boxes.device):
                state = self.network.template(inputs.template, inputs.box_size)
                outputs = self.network.search(state, inputs.search)
            if len(solved) == 1 and isinstance(self.network, BcrNet):       # the template's; the search crop's, too
                self.network.self_expression(inputs.search)
        losses = tracking_loss(outputs, inputs.boxes, self.config, tuple(solved), generator)
        teacher, = self._teacher
        if teacher is not None:
            losses['teacher'] = self.distillation * self._apart(teacher, inputs, outputs)
            losses['total'] = losses['total'] + losses['teacher']
        return losses

    def _apart(self, teacher: NanoTrack, inputs: TrackingInputs, outputs: SiameseOutputs) -> Tensor:
        """How far SSF-Net's first branch, or all of BCR-Net, is from a teacher, where that is right."""
        with torch.no_grad(), self._autocast(inputs.boxes.device):
            wanted = teacher.search(inputs.search.false_colour, *teacher.template(inputs.template.false_colour))
        right = best_overlap(*wanted, inputs.boxes, TEACHER_STRIDE) > _RIGHT
        step = TEACHER_STRIDE // STRIDE     # cells of the same points
        own = (outputs.branch_cls[:, 0], outputs.branch_reg[:, 0]) if isinstance(self.network, SsfNet) else (
            outputs.cls, outputs.reg)
        cls, reg = (value[:, :, ::step, ::step] for value in own)
        margin = (wanted[0].shape[-1] - cls.shape[-1]) // 2
        wanted_cls, wanted_reg = (value[:, :, margin:-margin, margin:-margin] for value in wanted)
        return distillation_loss(cls, reg, wanted_cls, wanted_reg, right)

    @contextmanager
    def _keeping(self, solved: list[Any]) -> Iterator[None]:
        """Collect BIMM's solutions, which would be computed twice otherwise."""
        if not self.solves or not isinstance(self.network, BcrNet):
            yield
            return
        handle = self.network.bimm.register_forward_hook(lambda module, inputs, solution: solved.append(solution))
        try:
            yield
        finally:
            handle.remove()

    def _autocast(self, device: torch.device) -> AbstractContextManager[object]:
        return torch.autocast(device.type, self.precision) if self.precision != torch.float32 else nullcontext()
