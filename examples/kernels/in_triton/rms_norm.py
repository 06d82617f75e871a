"""RMS norm over the last axis, alone or behind a residual addition whose sum is handed on."""

import torch
import triton
import triton.language as tl

from examples.kernels.in_triton.layout import block_of, rows_of, wide, wide_dtype

ROWS = 4  # rows of one program of the backward


@triton.jit
def rms_norm_forward(
    x, residual, scale, total, y, rstd, x_row, x_column, residual_row, residual_column, scale_step, columns, epsilon,
    ADDED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """y = total * rstd * scale, with total = x + residual where there is one."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < columns
    values = wide(tl.load(x + row * x_row + column * x_column, mask=inside, other=0.0))
    if ADDED:
        values += wide(tl.load(residual + row * residual_row + column * residual_column, mask=inside, other=0.0))
        tl.store(total + row * columns + column, values, mask=inside)
    row_rstd = 1 / tl.sqrt(tl.sum(values * values, axis=0) / columns + epsilon)
    factor = wide(tl.load(scale + column * scale_step, mask=inside, other=0.0))
    tl.store(y + row * columns + column, values * row_rstd * factor, mask=inside)
    tl.store(rstd + row, row_rstd)


@triton.jit
def rms_norm_backward(
    total, scale, rstd, dy, dtotal, dx, dscale, total_row, total_column, scale_step, dy_row, dy_column,
    dtotal_row, dtotal_column, rows, columns, ADDED: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """dx = (g - n * mean(g * n)) * rstd + dtotal, with g = dy * scale; dscale = sum(dy * n)."""
    program = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < columns
    factor = wide(tl.load(scale + column * scale_step, mask=inside, other=0.0))
    scale_sum = tl.zeros([BLOCK], rstd.dtype.element_ty)
    for row in range(program * ROWS, tl.minimum(program * ROWS + ROWS, rows)):
        values = wide(tl.load(total + row * total_row + column * total_column, mask=inside, other=0.0))
        upstream = wide(tl.load(dy + row * dy_row + column * dy_column, mask=inside, other=0.0))
        row_rstd = tl.load(rstd + row)
        normal = values * row_rstd
        scaled = upstream * factor
        gradient = (scaled - normal * (tl.sum(scaled * normal, axis=0) / columns)) * row_rstd
        if ADDED:
            gradient += wide(tl.load(dtotal + row * dtotal_row + column * dtotal_column, mask=inside, other=0.0))
        tl.store(dx + row * columns + column, gradient, mask=inside)
        scale_sum += upstream * normal
    tl.store(dscale + program * columns + column, scale_sum, mask=inside)


def _normed(ctx, x, residual, scale, epsilon):
    rows, beside = rows_of(x), rows_of(x if residual is None else residual)
    count, columns = rows.shape
    y = torch.empty(rows.shape, dtype=x.dtype, device=x.device)
    total = rows if residual is None else torch.empty_like(y)
    rstd = torch.empty(count, dtype=wide_dtype(x), device=x.device)
    rms_norm_forward[(count,)](
        rows, beside, scale, total, y, rstd, *rows.stride(), *beside.stride(), *scale.stride(), columns, epsilon,
        ADDED=residual is not None, BLOCK=block_of(columns),
    )  # fmt: skip
    ctx.save_for_backward(total, scale, rstd)
    return y.view(x.shape), total.view(x.shape)


def _gradients(ctx, dy, dtotal):
    total, scale, rstd = ctx.saved_tensors
    count, columns = total.shape
    programs = triton.cdiv(count, ROWS)
    upstream, beside = rows_of(dy), rows_of(dy if dtotal is None else dtotal)
    dx = torch.empty(total.shape, dtype=total.dtype, device=total.device)
    dscale = torch.empty((programs, columns), dtype=wide_dtype(total), device=total.device)
    rms_norm_backward[(programs,)](
        total, scale, rstd, upstream, beside, dx, dscale, *total.stride(), *scale.stride(), *upstream.stride(),
        *beside.stride(), count, columns, ADDED=dtotal is not None, ROWS=ROWS, BLOCK=block_of(columns),
    )  # fmt: skip
    return dx.view(dy.shape), dscale.sum(0).to(scale.dtype)


class RMSNorm(torch.autograd.Function):
    """RMS norm of x over its last axis."""

    @staticmethod
    def forward(ctx, x, scale, epsilon=1e-6):
        """The rows and 1 / root mean square are kept."""
        return _normed(ctx, x, None, scale, epsilon)[0]

    @staticmethod
    def backward(ctx, dy):
        """The gradients of x and scale."""
        dx, dscale = _gradients(ctx, dy, None)
        return dx, dscale, None


class AddRMSNorm(torch.autograd.Function):
    """RMS norm of x + residual, and the sum itself for the next residual addition."""

    @staticmethod
    def forward(ctx, x, residual, scale, epsilon=1e-6):
        """The sum and 1 / root mean square are kept."""
        return _normed(ctx, x, residual, scale, epsilon)

    @staticmethod
    def backward(ctx, dy, dtotal):
        """The gradients of x, residual and scale: that of the sum reaches both addends."""
        dx, dscale = _gradients(ctx, dy, dtotal)
        return dx, dx, dscale, None


def rms_norm(x: torch.Tensor, scale: torch.Tensor, epsilon: float = 1e-6) -> torch.Tensor:
    """RMS norm of x over its last axis, times scale."""
    return RMSNorm.apply(x, scale, epsilon)


def add_rms_norm(
    x: torch.Tensor, residual: torch.Tensor, scale: torch.Tensor, epsilon: float = 1e-6
) -> tuple[torch.Tensor, torch.Tensor]:
    """(RMS norm of x + residual times scale, x + residual)."""
    return AddRMSNorm.apply(x, residual, scale, epsilon)
