"""Softmax over the last axis: one program a row, the whole row in one block."""

import torch
import triton
import triton.language as tl

from examples.kernels.in_triton.layout import block_of, rows_of, wide


@triton.jit
def softmax_forward(x, y, x_row, x_column, columns, BLOCK: tl.constexpr):
    """y = exp(x - max) / sum."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < columns
    logits = wide(tl.load(x + row * x_row + column * x_column, mask=inside, other=-float("inf")))
    exponentials = tl.exp(logits - tl.max(logits, axis=0))
    tl.store(y + row * columns + column, exponentials / tl.sum(exponentials, axis=0), mask=inside)


@triton.jit
def softmax_backward(y, dy, dx, dy_row, dy_column, columns, BLOCK: tl.constexpr):
    """dx = y * (dy - sum(y * dy))."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < columns
    chances = wide(tl.load(y + row * columns + column, mask=inside, other=0.0))
    upstream = wide(tl.load(dy + row * dy_row + column * dy_column, mask=inside, other=0.0))
    along = tl.sum(chances * upstream, axis=0)
    tl.store(dx + row * columns + column, chances * (upstream - along), mask=inside)


class Softmax(torch.autograd.Function):
    """Softmax of x over its last axis."""

    @staticmethod
    def forward(ctx, x):
        """The output is all that the backward needs."""
        rows = rows_of(x)
        y = torch.empty(rows.shape, dtype=x.dtype, device=x.device)
        softmax_forward[(len(rows),)](rows, y, *rows.stride(), rows.shape[1], BLOCK=block_of(rows.shape[1]))
        ctx.save_for_backward(y)
        return y.view(x.shape)

    @staticmethod
    def backward(ctx, dy):
        """The gradient of x."""
        (y,) = ctx.saved_tensors
        upstream, dx = rows_of(dy), torch.empty_like(y)
        softmax_backward[(len(y),)](y, upstream, dx, *upstream.stride(), y.shape[1], BLOCK=block_of(y.shape[1]))
        return dx.view(dy.shape)


def softmax(x: torch.Tensor) -> torch.Tensor:
    """Softmax of x over its last axis."""
    return Softmax.apply(x)
