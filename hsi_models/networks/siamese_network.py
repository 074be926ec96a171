"""What all Siamese tracking networks have in common: inputs, outputs, geometry, and the two exportable paths.

Geometry (SiamBAN family): template crop 127, search crop 255 (same scale), stride 8, response 25 x 25. Response cell
(row i, column j) stands for the point ((j - 12) * 8 + 127.5, (i - 12) * 8 + 127.5) of the search crop, in continuous
pixel coordinates (pixel k covers [k, k + 1)).
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

TEMPLATE_SIZE = 127
SEARCH_SIZE = 255
RESPONSE_SIZE = 25
STRIDE = 8
TEMPLATE_CELLS = 7
SEARCH_CELLS = 31

State = dict[str, Tensor]
"""What a network keeps of its template: floating tensors with the batch first."""


@dataclass(frozen=True, eq=False)
class SiameseInputs:
    """One batch of crops; all samples of a batch come from cameras with the same bands.

    Args:
        cube: (B, C, S, S), intensity over full scale, 0..1, bands in ascending wavelength; S is 127 (template) or
            255 (search).
        false_colour: (B, 3, S, S), sRGB, 0..1, from `hsi_models.colour.FalseColour`, or a registered RGB camera's.
        centres: (C,), normalised band centres, see `hsi_models.band_positions`.
        widths: (C,), normalised band widths, likewise.
    """

    cube: Tensor
    false_colour: Tensor
    centres: Tensor
    widths: Tensor


@dataclass(frozen=True, eq=False)
class SiameseOutputs:
    """What a network says of a search crop, N branches (SSF-Net: RGB and hyperspectral; BCR-Net: one a group).

    Args:
        cls: (B, 2, 25, 25), logits of background and target, branches fused.
        reg: (B, 4, 25, 25), distances from a cell's point to the left, top, right and bottom edge of the box,
            pixels of the search crop, > 0, branches fused.
        branch_cls: (B, N, 2, 25, 25).
        branch_reg: (B, N, 4, 25, 25).
        branch_weights: (B, N), >= 0, sum 1: how much each branch counted.
        angle: (B, 1, 25, 25), spectral agreement -1..1 (1 = same direction), None where a network has no such map.
        contrast: (B, 1, 25, 25), how far the spectra around a cell are the target's, 1 = as in the template, None
            likewise.
    """

    cls: Tensor
    reg: Tensor
    branch_cls: Tensor
    branch_reg: Tensor
    branch_weights: Tensor
    angle: Tensor | None = None
    contrast: Tensor | None = None


@runtime_checkable
class SiameseNetwork(Protocol):
    """A template half, computed once and cached, and a search half."""

    def template(self, inputs: SiameseInputs, box_size: Tensor, previous: State | None = None) -> State:
        """State of a template.

        Args:
            inputs: crops of 127 x 127.
            box_size: (B, 2), width and height of the target, pixels of the template crop.
            previous: the state to update: what is to stay the same for a sequence (brightness level, band
                grouping) is taken from it. None at initialisation.
        """
        ...

    def search(self, state: State, inputs: SiameseInputs) -> SiameseOutputs:
        """Where the template is in crops of 255 x 255."""
        ...


def fuse(branch_cls: Tensor, branch_reg: Tensor, weights: Tensor, angle: Tensor | None = None,
         contrast: Tensor | None = None) -> SiameseOutputs:
    """Outputs of N branches, averaged with weights.

    Args:
        branch_cls: (B, N, 2, H, W).
        branch_reg: (B, N, 4, H, W).
        weights: (B, N), sum 1.
        angle, contrast: (B, 1, H, W) or None.
    """
    factor = weights[:, :, None, None, None]
    return SiameseOutputs((factor * branch_cls).sum(1), (factor * branch_reg).sum(1), branch_cls, branch_reg, weights,
                          angle, contrast)


def response_points(device: torch.device | None = None, cells: int = RESPONSE_SIZE, stride: int = STRIDE) -> Tensor:
    """(2, n, n): x and y of the point that each of n x n response cells stands for, pixels of the search crop."""
    steps = (torch.arange(cells, device=device, dtype=torch.float32) - cells // 2) * stride
    steps = steps + SEARCH_SIZE / 2
    rows, columns = torch.meshgrid(steps, steps, indexing='ij')
    return torch.stack([columns, rows])


def decode_boxes(reg: Tensor, stride: int = STRIDE) -> Tensor:
    """Corners x1, y1, x2, y2 (B, 4, n, n) in pixels of the search crop from l, t, r, b distances."""
    points = response_points(reg.device, reg.shape[-1], stride).to(reg.dtype)
    return torch.cat([points - reg[:, :2], points + reg[:, 2:]], dim=1)


class TemplatePath(nn.Module):
    """The template half with plain tensors in and out, for export; the state in the order of its sorted names."""

    def __init__(self, network: SiameseNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, cube: Tensor, false_colour: Tensor, centres: Tensor, widths: Tensor,
                box_size: Tensor) -> tuple[Tensor, ...]:
        """Shapes as in `SiameseInputs` and `SiameseNetwork.template`."""
        state: State = self.network.template(SiameseInputs(cube, false_colour, centres, widths), box_size)
        return tuple(state[name] for name in sorted(state))


class SearchPath(nn.Module):
    """The search half with plain tensors in and out, for export.

    Args:
        network: the network.
        names: names of the state; sorted, as `TemplatePath` gives it.
    """

    def __init__(self, network: SiameseNetwork, names: list[str]) -> None:
        super().__init__()
        self.network, self.names = network, sorted(names)

    def forward(self, cube: Tensor, false_colour: Tensor, centres: Tensor, widths: Tensor,
                *state: Tensor) -> tuple[Tensor, ...]:
        """Fused classification logits, regression and, where the network has it, contrast, see `SiameseOutputs`."""
        inputs = SiameseInputs(cube, false_colour, centres, widths)
        outputs: SiameseOutputs = self.network.search(dict(zip(self.names, state, strict=True)), inputs)
        return (outputs.cls, outputs.reg) if outputs.contrast is None else (outputs.cls, outputs.reg, outputs.contrast)
