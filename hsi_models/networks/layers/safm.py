"""SAFM: spectral attention fusion module of SSF-Net.

Source: SSF-Net (intra-modality spectral embedding inside each modality, inter-modality embedding across the two;
template and search separately; better than SE and ECA attention). Not stated; ours: the embedding is attention between
channels (a channel's query meets all channels' keys over the same pixels, by their cosine times a learned temperature),
queries, keys, values and output by 1x1 convolutions, and both embeddings are added to the input.
"""
from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelEmbedding(nn.Module):
    """Every channel of one map described by the channels of a map (itself or another) that vary like it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels, 1, bias=False)
        self.key = nn.Conv2d(channels, channels, 1, bias=False)
        self.value = nn.Conv2d(channels, channels, 1, bias=False)
        self.output = nn.Conv2d(channels, channels, 1, bias=False)
        self.temperature = nn.Parameter(torch.tensor(4.0))

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """(B, C, H, W) twice -> (B, C, H, W): `own` asks, `other` answers."""
        # Unit length over pixels makes the affinities of 49 template cells and 961 search cells comparable.
        query, key = (F.normalize(x.flatten(2), dim=-1) for x in (self.query(own), self.key(other)))
        affinity = (torch.matmul(query, key.transpose(1, 2)) * self.temperature).softmax(dim=-1)
        mixed = torch.matmul(affinity, self.value(other).flatten(2))
        return cast(Tensor, self.output(mixed.reshape(other.shape)))


class ModalityAttention(nn.Module):
    """One modality's side of SAFM: x + intra(x, x) + inter(x, other)."""

    def __init__(self, channels: int, inter: bool) -> None:
        super().__init__()
        self.intra = ChannelEmbedding(channels)
        self.inter = ChannelEmbedding(channels) if inter else None

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """(B, C, H, W) twice -> (B, C, H, W)."""
        out = own + self.intra(own, own)
        if self.inter is not None:
            out = out + self.inter(own, other)
        return cast(Tensor, out)


class SAFM(nn.Module):
    """RGB and hyperspectral maps, each enriched by itself and by the other.

    Args:
        channels: C of both maps.
        inter: with the embedding across modalities; without it each modality stays alone.
    """

    def __init__(self, channels: int, inter: bool = True) -> None:
        super().__init__()
        self.rgb = ModalityAttention(channels, inter)
        self.hs = ModalityAttention(channels, inter)

    def forward(self, rgb: Tensor, hs: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) twice -> the two maps after fusion, same shapes."""
        return self.rgb(rgb, hs), self.hs(hs, rgb)
