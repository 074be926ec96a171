"""S2FB: spatial-spectral feature backbone of SSF-Net, a stack of S2CB blocks.

Source: SSF-Net (template 127 -> C x 18 x 18, search 255 -> C x 34 x 34). Not stated; ours: the spectral embedding at
the start; three 3x3 convolutions of stride 2 and padding 2 between the blocks, which are the plainest way to those
sizes; two of them halve the spectral axis too, as features become wider; no blocks before the first of them (cost).
"""
from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from hsi_models.networks.layers.adjust import Adjust
from hsi_models.networks.layers.precision import exact
from hsi_models.networks.layers.s2cb import S2CB, Mode
from hsi_models.networks.layers.spectral_embedding import SpectralEmbedding, SpectralReference


class StrideConvolution(nn.Module):
    """Half the size in space and `spectral` times fewer nodes: a 3-D convolution of kernel (spectral, 3, 3).

    Written as a 2-D one over the features of `spectral` neighbouring nodes: the same sum.
    """

    def __init__(self, features: int, out: int, spectral: int) -> None:
        super().__init__()
        self.spectral = spectral
        self.body = nn.Sequential(nn.Conv2d(features * spectral, out, 3, 2, 2, bias=False), nn.BatchNorm2d(out),
                                  nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, F, n, n) -> (B, K / spectral, out, m, m), m = (n + 1) // 2 + 1."""
        batch, nodes, features = x.shape[:3]
        stacked = x.reshape(-1, self.spectral * features, *x.shape[3:])
        out: Tensor = self.body(stacked)
        return out.reshape(batch, nodes // self.spectral, *out.shape[1:])


class S2FB(nn.Module):
    """Cube of any band count -> feature map at stride 8.

    Args:
        out: channels of the map.
        nodes: spectral nodes K after the embedding, a multiple of 4.
        widths: features F of a node after each of the three strides.
        depths: S2CB blocks after the second and after the third stride.
        mode: which branches the blocks have.
        whiten: see `SpectralEmbedding`.
    """

    def __init__(self, out: int, nodes: int = 16, widths: tuple[int, int, int] = (8, 16, 32),
                 depths: tuple[int, int] = (1, 2), mode: Mode = 'joint', whiten: bool = True) -> None:
        super().__init__()
        if nodes < 4 or nodes % 4:
            raise ValueError(f'expected a multiple of 4 spectral nodes, got {nodes}')
        self.embedding = SpectralEmbedding(nodes, whiten)
        first, second, third = widths
        self.body = nn.Sequential(
            StrideConvolution(self.embedding.features, first, 1),
            StrideConvolution(first, second, 2), *(S2CB(second, mode) for _ in range(depths[0])),
            StrideConvolution(second, third, 2), *(S2CB(third, mode) for _ in range(depths[1])))
        self.adjust = Adjust(third * nodes // 4, out)

    def embed(self, cube: Tensor, centres: Tensor, widths: Tensor, reference: SpectralReference) -> Tensor:
        """As `SpectralEmbedding.forward`."""
        with exact(cube):
            return cast(Tensor, self.embedding(cube, centres, widths, reference))

    def forward(self, embedded: Tensor) -> Tensor:
        """What `embed` gives: of (B, C, 127, 127) -> (B, out, 18, 18), of 255 -> 34."""
        features = self.body(embedded)
        return cast(Tensor, self.adjust(features.flatten(1, 2)))
