"""Where the spectra of a search crop are the target's: a matched filter on whitened spectra, nothing to learn.

Ours, beside what the published networks compare, which is features: the mean of the template's whitened target spectra
is a matched filter (Manolakis and Shaw, IEEE Signal Processing Magazine 19, 2002), whose answer is about 0 to what is
around the target and largest where a region shows nothing but the target, so that its peak is the place. What it
answers to the target itself says how far the spectrum tells: .8 for a target unlike anything else in the template crop,
0 for one like all the rest.
"""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hsi_models.networks.siamese_network import RESPONSE_SIZE, SEARCH_CELLS, SEARCH_SIZE, STRIDE, TEMPLATE_SIZE

_COMMON = 1.0                                           # squared length of a mean spectrum that is trusted by half
_INNER = 0.7                                            # share of the box whose spectra are the target's
_FIRST = (SEARCH_SIZE + 1 - SEARCH_CELLS * STRIDE) // 2  # pixel at which the first cell begins
_WINDOW = SEARCH_CELLS - RESPONSE_SIZE + 1               # cells of a region
_PICTURE_GAIN, _PICTURE_LEVEL = 3.0, -0.6
_TELLS = 0.25                                           # answer to a target from which its spectrum tells it for itself


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


def filter_state(spectra: Tensor, box_size: Tensor, previous: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
    """What a state keeps: the filter, `target`, and what it answers to the target itself, `own`.

    Args:
        spectra, box_size: of a template, as for `target_filter`.
        previous: a state whose filter is kept: a renewed template would follow what has drifted.
    """
    if previous is not None:
        return {'target': previous['target'], 'own': previous['own']}
    target = target_filter(spectra, box_size)
    return {'target': target, 'own': match_own(match_pixels(target, spectra))}


def match_pixels(target: Tensor, spectra: Tensor) -> Tensor:
    """Answer of the filter to every pixel.

    Args:
        target: (B, K), of `target_filter`.
        spectra: of a crop, whitened, (B, K, H, W).

    Returns:
        (B, 1, H, W), float32, -1..2.
    """
    return (spectra.float() * target.float()[:, :, None, None]).sum(dim=1, keepdim=True).clamp(-1, 2)


def match_regions(pixels: Tensor) -> Tensor:
    """Mean answers (B, 1, 25, 25) to regions of 7 x 7 cells, from those to the pixels of a search crop, of 255."""
    end = _FIRST + SEARCH_CELLS * STRIDE
    cells = F.avg_pool2d(pixels[:, :, _FIRST:end, _FIRST:end], STRIDE)
    return F.avg_pool2d(cells, _WINDOW, stride=1)


def match_own(pixels: Tensor) -> Tensor:
    """Mean answer (B, 1), 0..1, to the region around the target itself, from those to the pixels of a template crop."""
    edge = (TEMPLATE_SIZE - _WINDOW * STRIDE) // 2
    end = edge + _WINDOW * STRIDE
    return pixels[:, :, edge:end, edge:end].mean(dim=(2, 3)).clamp(0, 1)


def match_contrast(regions: Tensor, own: Tensor) -> Tensor:
    """Answers to regions as a share of what the target itself gave: 1 where it is, 0 where nothing is like it.

    Args:
        regions: of `match_regions`, (B, 1, 25, 25).
        own: of `match_own`, (B, 1).

    Returns:
        (B, 1, 25, 25), float32; about 1 everywhere for a target that its spectrum does not tell.
    """
    own = own.float()[:, :, None, None]
    return 1 + (regions - own) / own.clamp_min(_TELLS)


def match_picture(pixels: Tensor) -> Tensor:
    """Answers (B, 1, S, S) as a grey picture (B, 3, S, S) of about zero mean and unit deviation, noise smoothed."""
    smooth = F.avg_pool2d(pixels, 3, stride=1, padding=1, count_include_pad=False)
    return (_PICTURE_GAIN * smooth + _PICTURE_LEVEL).expand(-1, 3, -1, -1)


def match_logits(gain: float) -> nn.Conv2d:
    """Answers to regions -> logits of background and target, -gain and +gain times them at the start.

    Args:
        gain: large from the start, because steps of an optimiser are small.
    """
    layer = nn.Conv2d(1, 2, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([-gain, gain]).reshape(2, 1, 1, 1))
    return layer
