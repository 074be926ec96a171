"""BIMM: band importance modelling module of BCR-Net.

Source: BCR-Net section 3.2: min over C of |X - C X|_F^2 with C >= 0 and diag C = 0, solved by an unrolled network; a
U-Net on the cube whose encoder level is CEM(SEM(Conv3D(.))), a nested decoder of SDUB and SGRM, channel weight
refinement; the sum of row i is the importance of band i. Not stated; ours: everything keeps the band axis, so that any
band count works (2-D layers treat each band alike); three levels of 8, 16 and 32 features, 3x3x3 kernels with batch
norm and ReLU, means of 2 x 2 pixels between levels; the cube averaged over 4 x 4 pixels and divided by its root mean
square first, so that gain does not matter; the bands' wavelengths as a second input; a 1x1 convolution from a band's
features to its descriptor g, which may have several entries (`rank` 1 gives the paper's g g^T); first coefficients in
units of 1 / (C - 1), their diagonal already 0.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hsi_models.networks.layers.cem import CEM
from hsi_models.networks.layers.channel_weight_refinement import ChannelWeightRefinement, zero_diagonal
from hsi_models.networks.layers.sdub import SDUB
from hsi_models.networks.layers.sem import SEM
from hsi_models.networks.layers.sgrm import SGRM

POOL = 4


@dataclass(frozen=True, eq=False)
class SelfExpression:
    """Bands as non-negative mixtures of the other bands.

    Args:
        steps: coefficients C0 (first guess) and after each refinement step, each (B, C, C), >= 0, zero diagonal.
        spectra: X (B, C, N), what the problem is solved for: pooled pixels over their root mean square.
    """

    steps: tuple[Tensor, ...]
    spectra: Tensor

    @property
    def coefficients(self) -> Tensor:
        """C (B, C, C): row i says how band i is made from the others."""
        return self.steps[-1]

    @property
    def importance(self) -> Tensor:
        """Row sums of C, (B, C)."""
        return self.coefficients.sum(dim=2)


class EncoderLevel(nn.Module):
    """CEM(SEM(Conv3D(x)))."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.convolution = nn.Sequential(nn.Conv3d(channels, out, 3, padding=1, bias=False), nn.BatchNorm3d(out),
                                         nn.ReLU())
        self.sem, self.cem = SEM(), CEM(out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, C, H, W) -> (B, out, C, H, W)."""
        return cast(Tensor, self.cem(self.sem(self.convolution(x))))


class BIMM(nn.Module):
    """Cube -> self-expression coefficients.

    Args:
        widths: features of the levels, multiples of 4.
        rank: entries of a band's descriptor.
        steps, gradient: see `ChannelWeightRefinement`.
    """

    def __init__(self, widths: tuple[int, ...] = (8, 16, 32), rank: int = 1, steps: int = 1,
                 gradient: bool = False) -> None:
        super().__init__()
        inputs = (2, *widths[:-1])
        self.encoder = nn.ModuleList(EncoderLevel(a, b) for a, b in zip(inputs, widths, strict=True))
        lower = list(zip(widths[1:], widths[:-1], strict=True))
        self.upsample = nn.ModuleList(SDUB(high, low) for high, low in lower)
        self.refine = nn.ModuleList(SGRM(low) for _, low in lower)
        self.descriptor = nn.Conv2d(widths[0], rank, 1)
        self.refinement = ChannelWeightRefinement(steps, gradient)

    def forward(self, cube: Tensor, centres: Tensor) -> SelfExpression:
        """Solve for one cube a sample.

        Args:
            cube: (B, C, S, S), intensities >= 0, C >= 3, bands in ascending wavelength.
            centres: (C,), normalised band centres.
        """
        batch, bands = cube.shape[:2]
        pooled = F.avg_pool2d(cube, POOL)
        pooled = pooled / pooled.float().square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp_min(1e-6)
        position = centres.to(cube.dtype).view(1, bands, 1, 1).expand_as(pooled)
        features = self._decode(self._encode(torch.stack([pooled.to(cube.dtype), position], dim=1)))
        # float32 from here on: sums of many products.
        descriptor = self.descriptor(features).mean(dim=(2, 3)).reshape(batch, bands, -1).float()
        similarity = torch.matmul(descriptor, descriptor.transpose(1, 2))
        initial = zero_diagonal(F.softplus(similarity)) / (bands - 1)
        spectra = pooled.float().flatten(2)
        gram = torch.matmul(spectra, spectra.transpose(1, 2)) / spectra.shape[2]
        return SelfExpression((initial, *self.refinement(initial, gram)), spectra)

    def _encode(self, x: Tensor) -> list[Tensor]:
        """(B, 2, C, H, W) -> a map (B, F, C, H, W) a level, each half the size of the one before."""
        maps: list[Tensor] = []
        for level in self.encoder:
            maps.append(level(_halve(maps[-1]) if maps else x))
        return maps

    def _decode(self, maps: list[Tensor]) -> Tensor:
        """D_l = SGRM(E_l, SDUB(D_{l+1})), down to the first level: (B * C, F, H, W), one map a band."""
        slices = [level.transpose(1, 2).flatten(0, 1) for level in maps]
        decoded = slices[-1]
        for level in reversed(range(len(slices) - 1)):
            decoded = self.refine[level](slices[level], self.upsample[level](decoded))
        return decoded


def _halve(x: Tensor) -> Tensor:
    """Mean of 2 x 2 pixels of each band: (B, F, C, H, W) -> (B, F, C, H // 2, W // 2)."""
    pooled = F.avg_pool2d(x.flatten(1, 2), 2)
    return pooled.reshape(*x.shape[:3], *pooled.shape[2:])
