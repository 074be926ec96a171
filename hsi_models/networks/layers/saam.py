"""SAAM: spectral angle awareness module of SSF-Net's hyperspectral head.

Source: SSF-Net (region-level similarity of template and search by spectral angle, map of 25 x 25). The form
s = 1 - (2 / pi) arccos(<t, r> / (|t| |r|)) is ours, and so is what t and r are: all feature vectors of the template's
7 x 7 cells, and of every 7 x 7 window of the search map, each taken as one long vector.
"""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hsi_models.networks.layers.correlation import depthwise_correlation

# arccos has an infinite slope at 1; this is .0014 rad away from it.
_MAX_COSINE = 1 - 1e-6


class SAAM(nn.Module):
    """Spectral agreement of the template with every region of a search map; nothing to learn."""

    def forward(self, template: Tensor, search: Tensor) -> Tensor:
        """Agreement -1..1, 1 at the same direction, 0 at a right angle.

        Args:
            template: (B, C, h, h), features of the template region.
            search: (B, C, H, W).

        Returns:
            (B, 1, H - h + 1, W - h + 1), float32.
        """
        # float32 throughout: a region's squared length overflows float16.
        search = search.float()
        direction = F.normalize(template.float().flatten(1), dim=1).reshape(template.shape)
        window = template.shape[-1]
        product = depthwise_correlation(search, direction).sum(dim=1, keepdim=True)
        energy = F.avg_pool2d((search ** 2).sum(dim=1, keepdim=True), window, stride=1) * window ** 2
        # A region without signal (beyond the image's border) has no direction: a floor relative to the map keeps its
        # gradient finite and the result independent of scale.
        floor = (1e-4 * energy.mean(dim=(2, 3), keepdim=True)).clamp_min(1e-12)
        cosine = product / torch.maximum(energy, floor).sqrt()
        angle = torch.acos(cosine.clamp(-_MAX_COSINE, _MAX_COSINE))
        return 1 - angle * (2 / math.pi)
