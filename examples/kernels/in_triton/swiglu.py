"""SwiGLU, x * silu(gate): entry by entry, in blocks of columns."""

import torch
import triton
import triton.language as tl

from examples.kernels.in_triton.layout import rows_of, wide

BLOCK = 8 if not torch.cuda.is_available() else 1024  # small where blocks are interpreted: a row still has several


@triton.jit
def swiglu_forward(x, gate, y, x_row, x_column, gate_row, gate_column, columns, BLOCK: tl.constexpr):
    """y = x * gate * sigmoid(gate)."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < columns
    values = wide(tl.load(x + row * x_row + column * x_column, mask=inside, other=0.0))
    gates = wide(tl.load(gate + row * gate_row + column * gate_column, mask=inside, other=0.0))
    tl.store(y + row * columns + column, values * gates * tl.sigmoid(gates), mask=inside)


@triton.jit
def swiglu_backward(
    x, gate, dy, dx, dgate, x_row, x_column, gate_row, gate_column, dy_row, dy_column, columns, BLOCK: tl.constexpr
):
    """dx = dy * silu(gate), dgate = dy * x * (s + gate * s * (1 - s)), with s = sigmoid(gate) computed anew."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < columns
    values = wide(tl.load(x + row * x_row + column * x_column, mask=inside, other=0.0))
    gates = wide(tl.load(gate + row * gate_row + column * gate_column, mask=inside, other=0.0))
    upstream = wide(tl.load(dy + row * dy_row + column * dy_column, mask=inside, other=0.0))
    share = tl.sigmoid(gates)
    silu = gates * share
    slope = share + silu * (1 - share)
    tl.store(dx + row * columns + column, upstream * silu, mask=inside)
    tl.store(dgate + row * columns + column, upstream * values * slope, mask=inside)


class SwiGLU(torch.autograd.Function):
    """x * silu(gate)."""

    @staticmethod
    def forward(ctx, x, gate):
        """Only the arguments are kept: the sigmoid is cheaper to compute than to load."""
        values, gates = rows_of(x), rows_of(gate)
        count, columns = values.shape
        y = torch.empty(values.shape, dtype=x.dtype, device=x.device)
        swiglu_forward[(count, triton.cdiv(columns, BLOCK))](
            values, gates, y, *values.stride(), *gates.stride(), columns, BLOCK=BLOCK
        )
        ctx.save_for_backward(values, gates)
        return y.view(x.shape)

    @staticmethod
    def backward(ctx, dy):
        """The gradients of x and gate."""
        values, gates = ctx.saved_tensors
        count, columns = values.shape
        upstream = rows_of(dy)
        dx = torch.empty(values.shape, dtype=values.dtype, device=values.device)
        dgate = torch.empty_like(dx)
        swiglu_backward[(count, triton.cdiv(columns, BLOCK))](
            values, gates, upstream, dx, dgate, *values.stride(), *gates.stride(), *upstream.stride(), columns,
            BLOCK=BLOCK,
        )  # fmt: skip
        return dx.view(dy.shape), dgate.view(dy.shape)


def swiglu(x: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
    """x * silu(gate), entry by entry."""
    return SwiGLU.apply(x, gate)
