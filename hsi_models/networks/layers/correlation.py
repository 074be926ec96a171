"""How a template is compared with a search map: depth-wise, or additive with the template half cached."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hsi_models.networks.siamese_network import TEMPLATE_SIZE


def depthwise_correlation(search: Tensor, template: Tensor) -> Tensor:
    """Cross-correlation of each channel with the template's, sample by sample.

    Args:
        search: (B, C, H, W).
        template: (B, C, h, w), the kernels.

    Returns:
        (B, C, H - h + 1, W - w + 1).
    """
    batch, channels = template.shape[:2]
    response = F.conv2d(search.reshape(1, batch * channels, *search.shape[2:]),
                        template.reshape(batch * channels, 1, *template.shape[2:]), groups=batch * channels)
    return response.reshape(batch, channels, *response.shape[2:])


class AdditiveCorrelation(nn.Module):
    """A k x k convolution over [template, search] taken apart: each side has its own, and the halves are added.

    Source: SSF-Net's head (MODELS: 5x5 on each side, the template half collapses to 1x1 and is cached, an MLP
    2-32-32-C on the box size; sum, batch norm, ReLU). Not stated; ours: the box size enters over 127 pixels.
    """

    def __init__(self, channels: int, kernel: int = 5, prior: int = 32) -> None:
        super().__init__()
        self.template_half = nn.Conv2d(channels, channels, kernel, bias=False)
        self.search_half = nn.Conv2d(channels, channels, kernel, bias=False)
        self.prior = nn.Sequential(nn.Linear(2, prior), nn.ReLU(), nn.Linear(prior, prior), nn.ReLU(),
                                   nn.Linear(prior, channels))
        self.norm = nn.BatchNorm2d(channels)

    def template(self, template: Tensor, box_size: Tensor) -> Tensor:
        """(B, C, k, k) and box width and height in template pixels (B, 2) -> (B, C, 1, 1), to be cached."""
        prior = self.prior(box_size.to(template.dtype) / TEMPLATE_SIZE)
        half: Tensor = self.template_half(template) + prior[:, :, None, None]
        return half

    def forward(self, half: Tensor, search: Tensor) -> Tensor:
        """Cached (B, C, 1, 1) and search map (B, C, H, W) -> (B, C, H - k + 1, W - k + 1)."""
        return torch.relu(self.norm(half + self.search_half(search)))
