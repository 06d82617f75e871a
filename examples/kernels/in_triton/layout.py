"""What every launch needs: a tensor as rows, and a block that holds one."""

import torch
import triton
import triton.language as tl


def rows_of(x: torch.Tensor) -> torch.Tensor:
    """A tensor of any rank as rows of its last axis: a view where its strides allow one, a copy elsewhere."""
    return x.reshape(-1, x.shape[-1])


def block_of(columns: int) -> int:
    """The power of two that holds a row: Triton knows no other length of a block."""
    return triton.next_power_of_2(columns)


def wide_dtype(x: torch.Tensor) -> torch.dtype:
    """What is computed in: float32, or float64 where that comes in, so that it can be judged to the last digit."""
    return torch.promote_types(x.dtype, torch.float32)


@triton.jit
def wide(x):
    """Values in the dtype that is computed in."""
    return x if x.dtype == tl.float64 else x.to(tl.float32)
