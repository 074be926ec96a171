"""SSF-Net: spatial-spectral fusion network with spectral angle awareness.

Source: Wang et al., arXiv 2403.05852. Parts: RGB branch (`backbone`), S2FB, SAFM, SAAM in the hyperspectral head,
additive heads, weighted prediction. Not stated; ours: SAFM fuses the deepest RGB level, on the cells that the heads
use, and both of its outputs go on (the RGB heads see the fused map, too); SAAM compares the fused hyperspectral maps,
and its angle map enters the hyperspectral logits through a learned scale and offset; boxes of the branches are mixed
by the same softmax weights as the classification maps; widths and depths of the S2FB; spectra whitened by the template,
behind `whiten`, and a matched filter on them, behind `match`; the `fast` preset.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from hsi_models.networks.backbone import AdjustedBackbone, BackboneConfig, ImageNetNormalisation
from hsi_models.networks.heads import AdditiveHead, LevelHeads
from hsi_models.networks.layers.adjust import centre_crop
from hsi_models.networks.layers.channel_attention import GatedFusion
from hsi_models.networks.layers.one_by_one import one_by_one
from hsi_models.networks.layers.precision import exact
from hsi_models.networks.layers.s2cb import Mode
from hsi_models.networks.layers.s2fb import S2FB
from hsi_models.networks.layers.saam import SAAM
from hsi_models.networks.layers.safm import SAFM
from hsi_models.networks.layers.spectral_embedding import SpectralReference, reference_of
from hsi_models.networks.layers.spectral_match import (
    filter_state,
    match_contrast,
    match_logits,
    match_pixels,
    match_regions,
)
from hsi_models.networks.siamese_network import (
    SEARCH_CELLS,
    TEMPLATE_CELLS,
    SiameseInputs,
    SiameseOutputs,
    State,
    fuse,
)

_MATCH_GAIN = 4.0


@dataclass(frozen=True)
class SsfNetConfig:
    """Shape of the network; the last six fields are the ablations.

    Args:
        backbone: the RGB branch.
        channels: of all maps after the adjust layers.
        nodes: spectral nodes of the S2FB, a multiple of 4.
        widths: features of a node after each stride of the S2FB.
        depths: S2CB blocks of the S2FB's two stages.
        s2fb: branches of the S2CB blocks.
        fusion: `safm`, or SE or ECA attention in its place, or none.
        inter: SAFM with its inter-modality part.
        branches: both, or one alone.
        whiten: spectra whitened by the template, see `SpectralEmbedding`.
        match: a matched filter on whitened spectra in the hyperspectral logits, see `layers.spectral_match`.
    """

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    channels: int = 64
    nodes: int = 16
    widths: tuple[int, int, int] = (8, 16, 32)
    depths: tuple[int, int] = (1, 2)
    s2fb: Mode = 'joint'
    fusion: Literal['safm', 'se', 'eca', 'none'] = 'safm'
    inter: bool = True
    branches: Literal['both', 'rgb', 'hs'] = 'both'
    whiten: bool = True
    match: bool = True

    def __post_init__(self) -> None:
        if self.fusion not in ('safm', 'se', 'eca', 'none'):
            raise ValueError(f"expected fusion 'safm', 'se', 'eca' or 'none', got {self.fusion!r}")
        if self.branches not in ('both', 'rgb', 'hs'):
            raise ValueError(f"expected branches 'both', 'rgb' or 'hs', got {self.branches!r}")
        if self.match and not self.whiten:
            raise ValueError('expected match=False without whitened spectra, got match=True')

    @classmethod
    def preset(cls, name: str) -> SsfNetConfig:
        """`paper`: ResNet-50, 256 channels, spectra as they are; `fast`: MobileNetV3 of a tracker, 64 channels.

        Raises:
            ValueError: no such preset.
        """
        if name == 'paper':
            return cls(BackboneConfig('resnet50'), channels=256, widths=(16, 64, 128), whiten=False, match=False)
        if name == 'fast':
            return cls()
        raise ValueError(f'expected preset paper or fast, got {name!r}')


class SsfNet(nn.Module):
    """Template and search half of SSF-Net; a `SiameseNetwork`."""

    def __init__(self, config: SsfNetConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        if config.branches != 'hs':
            self.normalise = ImageNetNormalisation()
            self.rgb_backbone = AdjustedBackbone(config.backbone, channels)
            self.rgb_heads = LevelHeads(AdditiveHead, channels, self.rgb_backbone.levels, 'rgb')
        if config.branches != 'rgb':
            self.hs_backbone = S2FB(channels, config.nodes, config.widths, config.depths, config.s2fb,
                                    config.whiten)
            self.hs_heads = LevelHeads(AdditiveHead, channels, 1, 'hs')
            self.saam = SAAM()
            self.angle_logits = nn.Conv2d(1, 2, 1)
            if config.match:
                self.match_logits = match_logits(_MATCH_GAIN)
        if config.branches == 'both':
            if config.fusion == 'safm':
                self.template_fusion: nn.Module = SAFM(channels, config.inter)
                self.search_fusion: nn.Module = SAFM(channels, config.inter)
            elif config.fusion != 'none':
                self.template_fusion = GatedFusion(channels, config.fusion)
                self.search_fusion = GatedFusion(channels, config.fusion)
            self.branch_weights = nn.Parameter(torch.zeros(2))

    def template(self, inputs: SiameseInputs, box_size: Tensor, previous: State | None = None) -> State:
        """See `SiameseNetwork.template`; `previous` keeps its spectral reference and matched filter."""
        reference = self._reference(inputs, previous)
        embedded = None if reference is None else self._embed(inputs, reference)
        rgb, hs = self._features(inputs, embedded, template=True)
        state: State = {}
        if self.config.branches != 'hs':
            state |= self.rgb_heads.template(rgb, box_size)
        if self.config.branches != 'rgb':
            state |= self.hs_heads.template(hs, box_size)
            state['region'] = hs[0]
            if embedded is not None and self.config.match:
                with exact(embedded):
                    state |= filter_state(embedded[:, :, 0], box_size, previous)
        return state if reference is None else state | reference._asdict()

    def search(self, state: State, inputs: SiameseInputs) -> SiameseOutputs:
        """See `SiameseNetwork.search`; branches are RGB and hyperspectral, in this order."""
        reference = self._reference(inputs, state)
        embedded = None if reference is None else self._embed(inputs, reference)
        rgb, hs = self._features(inputs, embedded, template=False)
        outputs: list[tuple[Tensor, Tensor]] = []
        angle = contrast = None
        if self.config.branches != 'hs':
            outputs.append(self.rgb_heads(state, rgb))
        if self.config.branches != 'rgb':
            cls, reg = self.hs_heads(state, hs)
            with exact(hs[0]):
                angle = self.saam(state['region'], hs[0])
            cls = cls + self.angle_logits(angle.to(cls.dtype))
            if embedded is not None and self.config.match:
                with exact(embedded):
                    match = match_regions(match_pixels(state['target'], embedded[:, :, 0]))
                    contrast = match_contrast(match, state['own'])
                cls = cls + self.match_logits(match.to(cls.dtype))
            outputs.append((cls, reg))
        branch_cls, branch_reg = (torch.stack(maps, dim=1) for maps in zip(*outputs, strict=True))
        return fuse(branch_cls, branch_reg, self._weights(branch_cls), angle, contrast)

    def _weights(self, branch_cls: Tensor) -> Tensor:
        """Softmax weights of the branches, (B, N)."""
        if self.config.branches != 'both':
            return torch.ones_like(branch_cls[:, :, 0, 0, 0])
        return self.branch_weights.softmax(0).expand(branch_cls.shape[0], 2)

    def _reference(self, inputs: SiameseInputs, state: State | None) -> SpectralReference | None:
        """Of a state, or of a first template; None for a network that does not look at the cube."""
        if self.config.branches == 'rgb':
            return None
        if state is not None:
            return reference_of(state)
        with exact(inputs.cube):
            return self.hs_backbone.embedding.reference(inputs.cube, inputs.centres, inputs.widths)

    def _embed(self, inputs: SiameseInputs, reference: SpectralReference) -> Tensor:
        return self.hs_backbone.embed(inputs.cube, inputs.centres, inputs.widths, reference)

    def _features(self, inputs: SiameseInputs, embedded: Tensor | None,
                  template: bool) -> tuple[list[Tensor], list[Tensor]]:
        """RGB maps, one a level, and the hyperspectral map, cropped to the cells of the heads and fused."""
        cells = TEMPLATE_CELLS if template else SEARCH_CELLS
        rgb: list[Tensor] = []
        hs: list[Tensor] = []
        if self.config.branches != 'hs':
            maps = one_by_one(self.rgb_backbone, self.normalise(inputs.false_colour), self.training)
            rgb = [centre_crop(features, cells) for features in maps]
        if embedded is not None:
            hs = [centre_crop(self.hs_backbone(embedded), cells)]
        if self.config.branches == 'both' and self.config.fusion != 'none':
            fusion = self.template_fusion if template else self.search_fusion
            rgb[-1], hs[0] = fusion(rgb[-1], hs[0])
        return rgb, hs
