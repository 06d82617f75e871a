"""Rotary embedding: pairs of entries, one of each half of a head, turned by an angle that grows with the position."""

import torch
import triton
import triton.language as tl

from examples.kernels.in_triton.layout import block_of, wide


@triton.jit
def rotate(
    x, cosines, sines, y, x_batch, x_place, x_head, x_entry, cosines_place, cosines_entry, sines_place, sines_entry,
    length, heads, half, BACKWARD: tl.constexpr, HEADS: tl.constexpr, HALF: tl.constexpr,
):  # fmt: skip
    """(a, b) -> (a cos - b sin, b cos + a sin); backward its transpose. The two halves may have angles of their own."""
    batch, place = (tl.program_id(0) // length).to(tl.int64), (tl.program_id(0) % length).to(tl.int64)
    head, entry = tl.arange(0, HEADS)[:, None], tl.arange(0, HALF)[None, :]
    inside = (head < heads) & (entry < half)
    first = x + batch * x_batch + place * x_place + head * x_head + entry * x_entry
    a = wide(tl.load(first, mask=inside, other=0.0))
    b = wide(tl.load(first + half * x_entry, mask=inside, other=0.0))
    cosine = cosines + place * cosines_place + entry * cosines_entry
    sine = sines + place * sines_place + entry * sines_entry
    cosine_a = wide(tl.load(cosine, mask=entry < half, other=0.0))
    cosine_b = wide(tl.load(cosine + half * cosines_entry, mask=entry < half, other=0.0))
    sine_a = wide(tl.load(sine, mask=entry < half, other=0.0))
    sine_b = wide(tl.load(sine + half * sines_entry, mask=entry < half, other=0.0))
    if BACKWARD:
        turned_a, turned_b = a * cosine_a + b * sine_b, b * cosine_b - a * sine_a
    else:
        turned_a, turned_b = a * cosine_a - b * sine_a, b * cosine_b + a * sine_b
    written = y + ((batch * length + place) * heads + head) * (2 * half) + entry
    tl.store(written, turned_a, mask=inside)
    tl.store(written + half, turned_b, mask=inside)


def _rotated(x, cosines, sines, *, backward):
    batch, length, heads, width = x.shape
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    rotate[(batch * length,)](
        x, cosines, sines, y, *x.stride(), *cosines.stride(), *sines.stride(), length, heads, width // 2,
        BACKWARD=backward, HEADS=block_of(heads), HALF=block_of(width // 2),
    )  # fmt: skip
    return y


class Rotary(torch.autograd.Function):
    """x (batch, length, heads, head_dim) turned by tables (length, head_dim)."""

    @staticmethod
    def forward(ctx, x, cosines, sines):
        """A rotation needs nothing of x on its way back."""
        ctx.save_for_backward(cosines, sines)
        return _rotated(x, cosines, sines, backward=False)

    @staticmethod
    def backward(ctx, dy):
        """The gradient of x; the tables are constants."""
        return _rotated(dy, *ctx.saved_tensors, backward=True), None, None


def rotary(x: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """x (batch, length, heads, head_dim) with each head's halves turned together, by tables (length, head_dim)."""
    if (rows := (x.shape[1], x.shape[3])) != cosines.shape or rows != sines.shape:
        got = f"{tuple(cosines.shape)} and {tuple(sines.shape)}"
        raise ValueError(f"rotary: the tables must be (length, head_dim), {rows} for this x; got {got}")
    return Rotary.apply(x, cosines, sines)
