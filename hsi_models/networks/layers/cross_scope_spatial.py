"""Cross-scope spatial attention (CSA): keys and values in rectangular windows, queries pooled from the whole map.

Source: CST (Chen et al., arXiv 2311.17340), section on cross-scope spatial self-attention.
"""
from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from hsi_models.networks.layers.position_bias import DynamicPositionBias


def split_windows(x: Tensor, rows: int, columns: int) -> Tensor:
    """(B, H, W, C) -> (B, windows, rows * columns, C); H and W multiples of the window."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // rows, rows, w // columns, columns, c).transpose(2, 3)
    return x.reshape(b, -1, rows * columns, c)


def merge_windows(x: Tensor, rows: int, columns: int, height: int, width: int) -> Tensor:
    """Inverse of `split_windows`: (B, windows, rows * columns, C) -> (B, H, W, C)."""
    b, c = x.shape[0], x.shape[-1]
    x = x.reshape(b, height // rows, width // columns, rows, columns, c).transpose(2, 3)
    return x.reshape(b, height, width, c)


@lru_cache(maxsize=32)
def shift_mask(height: int, width: int, rows: int, columns: int, device: torch.device) -> Tensor:
    """Bias that keeps apart what a cyclic shift by half a window brings together: 0 or -inf.

    Returns:
        (windows, 1, N, N) float32, N = rows * columns; window position i sees position j only if both come from
        the same side of the seam.
    """
    region_y, region_x = torch.zeros(height, dtype=torch.int64), torch.zeros(width, dtype=torch.int64)
    region_y[height - rows // 2:] = 1
    region_x[width - columns // 2:] = 1
    region = (2 * region_y[:, None] + region_x[None, :])[None, :, :, None]
    windows = split_windows(region, rows, columns)[0, :, :, 0]
    apart = windows[:, :, None] != windows[:, None, :]
    return torch.zeros(apart.shape).masked_fill(apart, float('-inf'))[:, None].to(device)


class WindowHalf(nn.Module):
    """Attention of one half of the channels in windows of one orientation.

    Not stated; ours: the queries are scaled by head width ** -.5, and the shifted mask treats a pooled query as if
    it stood at its own place inside the window.
    """

    def __init__(self, dim: int, heads: int, rows: int, columns: int, bias_dim: int, shifted: bool) -> None:
        super().__init__()
        self.heads, self.rows, self.columns, self.shifted = heads, rows, columns, shifted
        self.scale = (dim // heads) ** -0.5
        self.position_bias = DynamicPositionBias(bias_dim, heads, rows, columns)

    def pool(self, q: Tensor) -> Tensor:
        """Whole map (B, H, W, C) -> (B, rows * columns, C): mean for the first half of C, maximum for the rest."""
        b, h, w, c = q.shape
        cells = q.reshape(b, self.rows, h // self.rows, self.columns, w // self.columns, c)
        pooled = cells[..., :c // 2].mean(dim=(2, 4)), cells[..., c // 2:].amax(dim=(2, 4))
        return torch.cat(pooled, dim=-1).reshape(b, -1, c)

    def _split_heads(self, x: Tensor) -> Tensor:
        """(B, windows, N, C) -> (B, windows, heads, N, C / heads)."""
        return x.reshape(*x.shape[:-1], self.heads, -1).transpose(2, 3)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """q, k, v and the result: (B, H, W, C)."""
        _, h, w, c = q.shape
        shift = (self.rows // 2, self.columns // 2)
        if self.shifted:
            q, k, v = (x.roll((-shift[0], -shift[1]), (1, 2)) for x in (q, k, v))
        query = self._split_heads(self.pool(q)[:, None]) * self.scale
        key, value = (self._split_heads(split_windows(x, self.rows, self.columns)) for x in (k, v))
        # one image's queries meet that image's windows only: broadcast over windows, never repeat over the batch
        attention = query @ key.transpose(-2, -1) + self.position_bias()
        if self.shifted:
            attention = attention + shift_mask(h, w, self.rows, self.columns, q.device)
        out = (attention.softmax(-1) @ value).transpose(2, 3).flatten(-2)
        out = merge_windows(out, self.rows, self.columns, h, w)
        return out.roll(shift, (1, 2)) if self.shifted else out


class CrossScopeSpatialAttention(nn.Module):
    """CSA: half of the channels in flat windows, half in upright ones, a depth-wise convolution of V beside them.

    Args:
        dim: channels C, a multiple of 4 * heads / 2.
        heads: attention heads, even; half of them for each orientation.
        window: short and long side of the windows, pixels.
        shifted: shift the windows by half their size, as odd blocks do.
    """

    def __init__(self, dim: int, heads: int, window: tuple[int, int] = (2, 16), shifted: bool = False) -> None:
        super().__init__()
        short, long = window
        half, bias_dim = dim // 2, max(dim // 16, 8)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.flat = WindowHalf(half, heads // 2, short, long, bias_dim, shifted)
        self.upright = WindowHalf(half, heads // 2, long, short, bias_dim, shifted)
        self.local = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) -> (B, H, W, C), its own residual included; H, W multiples of the long side."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        half = x.shape[-1] // 2
        attended = torch.cat((self.flat(q[..., :half], k[..., :half], v[..., :half]),
                              self.upright(q[..., half:], k[..., half:], v[..., half:])), dim=-1)
        local = self.local(v.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        out: Tensor = x + self.out(attended + local)
        return out
