"""Where the spectra of a search crop are the target's: a matched filter on whitened spectra, nothing to learn.

Ours, beside SAAM, which compares features: the mean of the template's whitened target spectra is a matched filter
(Manolakis and Shaw, IEEE Signal Processing Magazine 19, 2002), whose answer is about 0 to what is around the target and
largest where a region shows nothing but the target, so that its peak is the place. What it answers to the target itself
says how far the spectrum tells: .8 for a target unlike anything else in the template crop, 0 for one like all the rest.
"""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from hsi_models.networks.siamese_network import RESPONSE_SIZE, SEARCH_CELLS, SEARCH_SIZE, STRIDE, TEMPLATE_SIZE

_COMMON = 1.0                                           # squared length of a mean spectrum that is trusted by half
_INNER = 0.7                                            # share of the box whose spectra are the target's
_FIRST = (SEARCH_SIZE + 1 - SEARCH_CELLS * STRIDE) // 2  # pixel at which the first cell begins
_WINDOW = SEARCH_CELLS - RESPONSE_SIZE + 1               # cells of a region


def target_filter(spectra: Tensor, box_size: Tensor) -> Tensor:
    """Mean whitened spectrum of the target over its squared length, less where it is short.

    Args:
        spectra: of the template crop, whitened, (B, K, 127, 127).
        box_size: (B, 2), pixels of the crop; the target is in its middle.

    Returns:
        (B, K), float32.
    """
    away = (torch.arange(TEMPLATE_SIZE, device=spectra.device) + 0.5 - TEMPLATE_SIZE / 2).abs()
    # At least the pixel in the middle, of however thin a box.
    near = (away <= (0.5 * _INNER * box_size.float()).clamp_min(0.5)[:, :, None]).float()       # (B, 2, 127): x, y
    inside = near[:, 1, :, None] * near[:, 0, None, :]
    total = (spectra.float() * inside[:, None]).sum(dim=(2, 3))
    mean = total / inside.sum(dim=(1, 2))[:, None]
    found: Tensor = mean / ((mean ** 2).sum(dim=1, keepdim=True) + _COMMON)
    return found


def spectral_match(target: Tensor, spectra: Tensor) -> Tensor:
    """Answer of the filter to regions of 7 x 7 cells.

    Args:
        target: (B, K), of `target_filter`.
        spectra: of the search crop, whitened, (B, K, 255, 255).

    Returns:
        (B, 1, 25, 25), float32, -1..2.
    """
    pixels = (spectra.float() * target.float()[:, :, None, None]).sum(dim=1, keepdim=True).clamp(-1, 2)
    end = _FIRST + SEARCH_CELLS * STRIDE
    cells = F.avg_pool2d(pixels[:, :, _FIRST:end, _FIRST:end], STRIDE)
    return F.avg_pool2d(cells, _WINDOW, stride=1)
