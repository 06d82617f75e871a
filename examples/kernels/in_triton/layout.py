"""What every launch needs: a tensor as rows, and a block that holds one."""

import torch
import triton


def rows_of(x: torch.Tensor) -> torch.Tensor:
    """A tensor of any rank as rows of its last axis: a view where its strides allow one, a copy elsewhere."""
    return x.reshape(-1, x.shape[-1])


def block_of(columns: int) -> int:
    """The power of two that holds a row: Triton knows no other length of a block."""
    return triton.next_power_of_2(columns)
