"""Layer norm over the last axis: one program a row forward, one a few rows backward, their sums added at the end."""

import torch
import triton
import triton.language as tl

from examples.kernels.in_triton.layout import block_of, rows_of, wide, wide_dtype

ROWS = 4  # rows of one program of the backward


@triton.jit
def layer_norm_forward(
    x, scale, bias, y, mean, rstd, x_row, x_column, scale_step, bias_step, columns, epsilon, BLOCK: tl.constexpr
):
    """y = (x - mean) * rstd * scale + bias."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < columns
    values = wide(tl.load(x + row * x_row + column * x_column, mask=inside, other=0.0))
    row_mean = tl.sum(values, axis=0) / columns
    centered = tl.where(inside, values - row_mean, 0.0)
    row_rstd = 1 / tl.sqrt(tl.sum(centered * centered, axis=0) / columns + epsilon)
    factor = wide(tl.load(scale + column * scale_step, mask=inside, other=0.0))
    offset = wide(tl.load(bias + column * bias_step, mask=inside, other=0.0))
    tl.store(y + row * columns + column, centered * row_rstd * factor + offset, mask=inside)
    tl.store(mean + row, row_mean)
    tl.store(rstd + row, row_rstd)


@triton.jit
def layer_norm_backward(
    x, scale, mean, rstd, dy, dx, dscale, dbias, x_row, x_column, scale_step, dy_row, dy_column,
    rows, columns, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """dx = (g - mean(g) - n * mean(g * n)) * rstd, with g = dy * scale; dscale = sum(dy * n), dbias = sum(dy)."""
    program = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < columns
    factor = wide(tl.load(scale + column * scale_step, mask=inside, other=0.0))
    scale_sum = tl.zeros([BLOCK], rstd.dtype.element_ty)
    bias_sum = tl.zeros([BLOCK], rstd.dtype.element_ty)
    for row in range(program * ROWS, tl.minimum(program * ROWS + ROWS, rows)):
        values = wide(tl.load(x + row * x_row + column * x_column, mask=inside, other=0.0))
        upstream = wide(tl.load(dy + row * dy_row + column * dy_column, mask=inside, other=0.0))
        row_rstd = tl.load(rstd + row)
        normal = tl.where(inside, (values - tl.load(mean + row)) * row_rstd, 0.0)
        scaled = upstream * factor
        through_mean = tl.sum(scaled, axis=0) / columns
        through_variance = tl.sum(scaled * normal, axis=0) / columns
        tl.store(
            dx + row * columns + column, (scaled - through_mean - normal * through_variance) * row_rstd, mask=inside
        )
        scale_sum += upstream * normal
        bias_sum += upstream
    tl.store(dscale + program * columns + column, scale_sum, mask=inside)
    tl.store(dbias + program * columns + column, bias_sum, mask=inside)


class LayerNorm(torch.autograd.Function):
    """Layer norm of x over its last axis."""

    @staticmethod
    def forward(ctx, x, scale, bias, epsilon=1e-5):
        """Mean and 1 / deviation of every row are kept in float32, whatever the dtype of x."""
        rows = rows_of(x)
        count, columns = rows.shape
        y = torch.empty(rows.shape, dtype=x.dtype, device=x.device)
        mean, rstd = torch.empty((2, count), dtype=wide_dtype(x), device=x.device)
        layer_norm_forward[(count,)](
            rows, scale, bias, y, mean, rstd, *rows.stride(), *scale.stride(), *bias.stride(), columns, epsilon,
            BLOCK=block_of(columns),
        )  # fmt: skip
        ctx.save_for_backward(rows, scale, bias, mean, rstd)
        return y.view(x.shape)

    @staticmethod
    def backward(ctx, dy):
        """The gradients of x, scale and bias."""
        rows, scale, bias, mean, rstd = ctx.saved_tensors
        count, columns = rows.shape
        programs = triton.cdiv(count, ROWS)
        upstream = rows_of(dy)
        dx = torch.empty(rows.shape, dtype=rows.dtype, device=rows.device)
        dscale, dbias = torch.empty((2, programs, columns), dtype=wide_dtype(rows), device=rows.device)
        layer_norm_backward[(programs,)](
            rows, scale, mean, rstd, upstream, dx, dscale, dbias, *rows.stride(), *scale.stride(), *upstream.stride(),
            count, columns, ROWS=ROWS, BLOCK=block_of(columns),
        )  # fmt: skip
        return dx.view(dy.shape), dscale.sum(0).to(scale.dtype), dbias.sum(0).to(bias.dtype), None


def layer_norm(x: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor, epsilon: float = 1e-5) -> torch.Tensor:
    """Layer norm of x over its last axis, times scale, plus bias."""
    return LayerNorm.apply(x, scale, bias, epsilon)
