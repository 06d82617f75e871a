"""Wrong backwards in PyTorch and JAX, mended: each is recorded as NumPy's users would write it, in its own lines."""

import numpy as np
import pytest

from reference import oracle

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")
jnp = jax.numpy
RNG = np.random.default_rng(7)


def drawn(*shape):
    return RNG.standard_normal(shape)


def said_of(subject, *primals):
    return oracle.check(subject, *primals).findings[0]


def in_jax(forward, backward):
    @jax.custom_vjp
    def function(*given):
        return forward(*given)[0]

    function.defvjp(forward, backward)
    return oracle.from_jax(function)


def test_jax_operands_of_one_line_are_told_apart():
    def norm(x):
        mean = x.mean(1, keepdims=True)
        rstd = 1 / jnp.sqrt(((x - mean) ** 2).mean(1, keepdims=True) + 0.1)
        return (x - mean) * rstd, ((x - mean) * rstd, rstd)

    def backward(saved, g):
        y, rstd = saved
        return (rstd * (g - g.mean(1, keepdims=True) - y * (g * y).mean(0, keepdims=True)),)

    found = said_of(in_jax(norm, backward), drawn(5, 7))
    assert found.cause == "wrong_axis"
    assert "`return (rstd * (g - g.mean(1, keepdims=True)" in found.message


def test_jax_rows_are_scattered_with_the_index_of_elsewhere():
    first, second = np.array([0, 2, 2, 4]), np.array([1, 0, 3, 3])

    def pairs(table):
        a, b = table[first], table[second]
        return (a * b).sum(1), (table, a, b)

    def backward(saved, g):
        table, a, b = saved
        g = g[:, None]
        return (jnp.zeros_like(table).at[first].add(g * b).at[first].add(g * a),)

    assert said_of(in_jax(pairs, backward), drawn(5, 3)).cause == "wrong_index"


def test_jax_scan_that_hands_nothing_back():
    def states(x, w):
        h, kept = jnp.zeros(x.shape[1]), []
        for row in x:
            h = jnp.tanh(row + h @ w)
            kept.append(h)
        return jnp.stack(kept), (jnp.stack(kept), w)

    def backward(saved, g):
        h, _ = saved
        dx, dw = [], 0
        for t in reversed(range(len(h))):
            dz = g[t] * (1 - h[t] ** 2)
            dx.insert(0, dz)
            dw = dw + (jnp.outer(h[t - 1], dz) if t else 0)
        return jnp.stack(dx), dw

    assert said_of(in_jax(states, backward), drawn(5, 3), drawn(3, 3)).cause == "time_not_carried"


class Resetting(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, ends):
        h, hs = torch.zeros_like(x[0]), []
        for step, end in zip(x, ends, strict=True):
            h = (0.8 * h.masked_fill(end[:, None], 0.0) + step).tanh()
            hs.append(h)
        ctx.save_for_backward(torch.stack(hs), ends)
        return torch.stack(hs)

    @staticmethod
    def backward(ctx, g):
        hs, _ = ctx.saved_tensors
        dx, dh = torch.zeros_like(g), torch.zeros_like(g[0])
        for t in range(len(g) - 1, -1, -1):
            dx[t] = (dh + g[t]) * (1 - hs[t] ** 2)
            dh = 0.8 * dx[t]
        return dx, None


def test_torch_mask_of_every_pass():
    ends = np.array([[0, 0], [1, 0], [0, 0], [0, 1]], bool)
    assert said_of(oracle.from_torch(Resetting), drawn(4, 2, 3), ends).cause == "mask_missing"


class Gates(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        i, f, o = z.chunk(3, 1)
        i, f, o = i.sigmoid(), f.tanh(), o.exp()
        ctx.save_for_backward(i, f, o)
        return i * f * o

    @staticmethod
    def backward(ctx, g):
        i, f, o = ctx.saved_tensors
        return torch.cat((g * f * o * i * (1 - i), g * i * f * o, g * i * o * (1 - f * f)), 1)


def test_torch_parts_joined_in_another_order():
    assert said_of(oracle.from_torch(Gates), drawn(4, 9)).cause == "wrong_index"


class Updated(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        dw = x.T @ g
        w = w - 0.1 * dw
        return g @ w.T, dw


def test_torch_step_taken_too_early():
    assert said_of(oracle.from_torch(Updated), drawn(4, 3), drawn(3, 2)).cause == "updated_weight"


def test_a_number_that_is_written_out_is_no_count():
    def low_rank(x, a, b):
        low = 0.5 * (x @ a)
        return low @ b, (x, a, b, low)

    def backward(saved, g):
        x, a, b, low = saved
        inner = 0.5 * (g @ b.T)
        return inner @ a.T, x.T @ inner, 0.5 * low.T @ g

    assert said_of(in_jax(low_rank, backward), drawn(5, 3), drawn(3, 2), drawn(2, 7)).cause == "scaled_by_constant"
