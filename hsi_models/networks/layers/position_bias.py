"""Dynamic position bias: a small MLP from the relative position of two window cells to one bias a head."""
from __future__ import annotations

import torch
from torch import Tensor, nn


class DynamicPositionBias(nn.Module):
    """Bias of attention inside a window of rows x columns cells (CST, arXiv 2311.17340; from CrossFormer).

    Args:
        dim: width of the MLP.
        heads: attention heads.
        rows, columns: window size, cells.
    """

    positions: Tensor
    pairs: Tensor

    def __init__(self, dim: int, heads: int, rows: int, columns: int) -> None:
        super().__init__()
        self.cells = rows * columns

        def layer(out: int) -> nn.Sequential:
            return nn.Sequential(nn.LayerNorm(dim), nn.ReLU(), nn.Linear(dim, out))

        self.mlp = nn.Sequential(nn.Linear(2, dim), layer(dim), layer(dim), layer(heads))
        offsets = torch.cartesian_prod(torch.arange(1 - rows, rows), torch.arange(1 - columns, columns))
        self.register_buffer('positions', offsets.float(), persistent=False)
        cells = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
        relative = cells[:, None] - cells[None, :] + torch.tensor([rows - 1, columns - 1])
        self.register_buffer('pairs', relative[..., 0] * (2 * columns - 1) + relative[..., 1], persistent=False)

    def forward(self) -> Tensor:
        """(heads, N, N), N = rows * columns."""
        table: Tensor = self.mlp(self.positions)
        return table[self.pairs.flatten()].reshape(self.cells, self.cells, -1).permute(2, 0, 1)
