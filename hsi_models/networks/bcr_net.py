"""BCR-Net: band and context refinement network.

Source: Remote Sensing 2025, 17(22), 3689, sections 3.1-3.4. Parts: BIMM and importance-guided grouping (the template's
grouping is the search frames' too; `grouping='independent'` restores the paper's own sorting of each), a shared RGB
backbone run once over all groups as one batch, CFRM on three levels, box-adaptive heads, importance-weighted fusion.
Not stated; ours: CFRM after the adjust layers; one CFRM a level and one set of heads for all groups, so that any band
count works; template update by the rule of `hsi_models.tracking.template_update`, which keeps the first grouping; a
reliability of each group's response in the frame (highest minus mean target probability) as a second factor of its
weight, behind `reliability`; a decorrelation stretch of the bands, behind `stretch`; a matched filter on whitened
spectra as one group more and in the logits of all, behind `match`; the `fast` preset, whose backbone is trained.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from hsi_models.networks.backbone import AdjustedBackbone, BackboneConfig
from hsi_models.networks.heads import BoxAdaptiveHead, LevelHeads
from hsi_models.networks.layers.adjust import centre_crop
from hsi_models.networks.layers.band_grouping import (
    Grouping,
    adjacent_groups,
    group_bands,
    group_count,
    groups_by_importance,
    principal_components,
)
from hsi_models.networks.layers.bimm import BIMM, SelfExpression
from hsi_models.networks.layers.cfrm import CFRM
from hsi_models.networks.layers.one_by_one import one_by_one
from hsi_models.networks.layers.precision import exact
from hsi_models.networks.layers.spectral_embedding import SpectralEmbedding, SpectralReference, reference_of
from hsi_models.networks.layers.spectral_match import (
    filter_state,
    match_contrast,
    match_logits,
    match_picture,
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

_NODES, _MATCH_GAIN = 16, 2.0       # of the spectra that are matched


@dataclass(frozen=True)
class BcrNetConfig:
    """Shape of the network; the last six fields are the ablations.

    Args:
        backbone: the shared RGB backbone.
        channels: of all maps after the adjust layers.
        bimm_rank, bimm_steps, bimm_gradient: see `BIMM`; 1, 1 and False in the paper.
        key_stride: see `CFRM`; 1 in the paper.
        reliability: weigh groups by their response in the frame as well.
        grouping: `shared`: the template's groups for all frames; `independent`: every search crop is sorted on its own.
        bands: how groups are made: by BIMM's importance, of neighbouring bands, one of principal components, or one
            that is false colour (the network without any spectrum).
        fusion: groups weighted by importance or uniformly.
        stretch: decorrelation stretch of the bands, see `layers.band_grouping`; not in the paper, no weights yet.
        match: a matched filter on whitened spectra, see `layers.spectral_match`: its answers are one group more, with
            what it answers to the target itself for importance, and go into the logits of all; not in the paper.
    """

    backbone: BackboneConfig = field(default_factory=lambda: BackboneConfig(levels=(3, 6, 9)))
    channels: int = 64
    bimm_rank: int = 4
    bimm_steps: int = 4
    bimm_gradient: bool = True
    key_stride: int = 2
    reliability: bool = True
    grouping: Literal['shared', 'independent'] = 'shared'
    bands: Literal['bimm', 'adjacent', 'pca', 'false_colour'] = 'bimm'
    fusion: Literal['importance', 'uniform'] = 'importance'
    stretch: bool = False
    match: bool = True

    def __post_init__(self) -> None:
        if self.grouping not in ('shared', 'independent'):
            raise ValueError(f"expected grouping 'shared' or 'independent', got {self.grouping!r}")
        if self.bands not in ('bimm', 'adjacent', 'pca', 'false_colour'):
            raise ValueError(f"expected bands 'bimm', 'adjacent', 'pca' or 'false_colour', got {self.bands!r}")
        if self.fusion not in ('importance', 'uniform'):
            raise ValueError(f"expected fusion 'importance' or 'uniform', got {self.fusion!r}")

    @classmethod
    def preset(cls, name: str) -> BcrNetConfig:
        """`paper`: frozen ResNet-50, 256 channels, the paper's forms; `fast`: MobileNetV3 of a tracker, 64 channels.

        Raises:
            ValueError: no such preset.
        """
        if name == 'paper':
            return cls(BackboneConfig('resnet50', frozen=True), channels=256, bimm_rank=1, bimm_steps=1,
                       bimm_gradient=False, key_stride=1, reliability=False, match=False)
        if name == 'fast':
            return cls()
        raise ValueError(f'expected preset paper or fast, got {name!r}')

    @property
    def matches(self) -> bool:
        """Whether spectra are matched: not where false colour is all that is seen."""
        return self.match and self.bands != 'false_colour'

    def groups(self, bands: int) -> int:
        """Pictures that the backbone sees of a crop of C bands."""
        return {'pca': 1, 'false_colour': 1}.get(self.bands, group_count(bands)) + int(self.matches)


class BcrNet(nn.Module):
    """Template and search half of BCR-Net; a `SiameseNetwork` that looks at false colour in one ablation only."""

    def __init__(self, config: BcrNetConfig) -> None:
        super().__init__()
        self.config = config
        if config.bands == 'bimm':
            self.bimm = BIMM(rank=config.bimm_rank, steps=config.bimm_steps, gradient=config.bimm_gradient)
        self.backbone = AdjustedBackbone(config.backbone, config.channels)
        self.cfrm = nn.ModuleList(CFRM(config.channels, config.key_stride) for _ in range(self.backbone.levels))
        self.heads = LevelHeads(BoxAdaptiveHead, config.channels, self.backbone.levels, 'group')
        if config.matches:
            self.embedding = SpectralEmbedding(_NODES)
            self.match_logits = match_logits(_MATCH_GAIN)

    def self_expression(self, inputs: SiameseInputs) -> SelfExpression:
        """BIMM's solution for the cubes of either crop, for the reconstruction loss; only where bands are `bimm`."""
        solution: SelfExpression = self.bimm(inputs.cube, inputs.centres)
        return solution

    def template(self, inputs: SiameseInputs, box_size: Tensor, previous: State | None = None) -> State:
        """See `SiameseNetwork.template`; `previous` keeps its grouping and matched filter."""
        grouping = self._group(inputs) if previous is None else _grouping_of(previous)
        state: State = {'projection': grouping.projection, 'offset': grouping.offset, 'shares': grouping.shares}
        answers = None
        if self.config.matches:
            with exact(inputs.cube):
                reference = self._reference(inputs, previous)
                spectra = self._spectra(inputs, reference)
                state |= filter_state(spectra, box_size, previous) | reference._asdict()
                answers = match_pixels(state['target'], spectra)
        maps = self._features(grouping, inputs, answers, TEMPLATE_CELLS)
        groups = grouping.shares.shape[1] + int(self.config.matches)
        cached = self.heads.template(maps, box_size.repeat_interleave(groups, dim=0))
        return state | {name: value.reshape(-1, groups, *value.shape[1:]) for name, value in cached.items()}

    def search(self, state: State, inputs: SiameseInputs) -> SiameseOutputs:
        """See `SiameseNetwork.search`; branches are groups, the most important first, and the matched filter's."""
        shared = self.config.grouping == 'shared'
        grouping = _grouping_of(state) if shared else self._group(inputs)
        answers = None
        if self.config.matches:
            with exact(inputs.cube):
                answers = match_pixels(state['target'], self._spectra(inputs, reference_of(state)))
        maps = self._features(grouping, inputs, answers, SEARCH_CELLS)
        cached = {name: value.flatten(0, 1) for name, value in state.items() if name.startswith(self.heads.prefix)}
        cls, reg = self.heads(cached, maps)
        shares = grouping.shares if answers is None else torch.cat([grouping.shares, state['own']], dim=1)
        groups = shares.shape[1]
        branch_cls = cls.reshape(-1, groups, *cls.shape[1:])
        branch_reg = reg.reshape(-1, groups, *reg.shape[1:])
        weights = self._weights(shares.to(cls.dtype), branch_cls)
        contrast = None
        if answers is not None:
            with exact(answers):
                match = match_regions(answers)
                contrast = match_contrast(match, state['own'])
            branch_cls = branch_cls + self.match_logits(match.to(cls.dtype))[:, None]
        return fuse(branch_cls, branch_reg, weights, contrast=contrast)

    def _reference(self, inputs: SiameseInputs, state: State | None) -> SpectralReference:
        """What spectra are whitened with: the template's own, or that of an earlier state."""
        if state is not None:
            return reference_of(state)
        return self.embedding.reference(inputs.cube, inputs.centres, inputs.widths)

    def _spectra(self, inputs: SiameseInputs, reference: SpectralReference) -> Tensor:
        """Whitened, of every pixel, (B, K, S, S)."""
        return self.embedding.shapes(inputs.cube, inputs.centres, inputs.widths, reference)

    def _bands(self, inputs: SiameseInputs) -> Tensor:
        """What is grouped, (B, C, S, S)."""
        return inputs.false_colour if self.config.bands == 'false_colour' else inputs.cube

    def _group(self, inputs: SiameseInputs) -> Grouping:
        bands = self._bands(inputs)
        with exact(bands):
            if self.config.bands == 'pca':
                return principal_components(bands)
            if self.config.bands != 'bimm':
                importance = torch.ones_like(bands[:, :, 0, 0], dtype=torch.float32)
                return group_bands(bands, importance, adjacent_groups(importance), self.config.stretch)
            importance = self.self_expression(inputs).importance
            return group_bands(bands, importance, groups_by_importance(importance), self.config.stretch)

    def _features(self, grouping: Grouping, inputs: SiameseInputs, answers: Tensor | None,
                  cells: int) -> list[Tensor]:
        """Maps (B * G, channels, cells, cells), one a level; with answers they are one group more."""
        cube = self._bands(inputs)
        with exact(cube):
            composites = grouping.apply(cube)
            if answers is not None:
                groups = composites.reshape(cube.shape[0], -1, *composites.shape[1:])
                picture = match_picture(answers).to(cube.dtype)
                composites = torch.cat([groups, picture[:, None]], dim=1).flatten(0, 1)
        maps = one_by_one(self._refined, composites, self.training)
        return [centre_crop(level, cells) for level in maps]

    def _refined(self, composites: Tensor) -> list[Tensor]:
        return [cfrm(level) for cfrm, level in zip(self.cfrm, self.backbone(composites), strict=True)]

    def _weights(self, shares: Tensor, branch_cls: Tensor) -> Tensor:
        """Weight of each group, (B, G), sum 1."""
        weights = shares if self.config.fusion == 'importance' else torch.ones_like(shares)
        if self.config.reliability:
            # Measured, not learned: no gradient.
            target = branch_cls.detach().softmax(dim=2)[:, :, 1].flatten(2)
            weights = weights * (target.amax(dim=2) - target.mean(dim=2) + 1e-3)
        return weights / weights.sum(dim=1, keepdim=True)


def _grouping_of(state: State) -> Grouping:
    return Grouping(state['projection'], state['offset'], state['shares'])
