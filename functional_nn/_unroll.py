"""A recurrent cell unrolled over a sequence, whose derivative sums over all steps by one matrix product.

JAX's own derivative of a scan adds up the gradient of what all steps share step by step, a product of few rows each.
Here a step is `sums = pushed + before @ recurrent_kernel`, then a cell of these sums entry by entry. So the tangent of
the recurrent kernel enters as `before @ tangent`, of all steps at once, and what is left of the scan is linear, in what
enters and the first states alone. Transposed, that is the backward through time, and one product for the kernel.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from functional_nn._product import product

States = tuple[jax.Array, ...]


class Cell(NamedTuple):
    """What a step does with its sums, a tuple, entry by entry, and the derivative of that.

    step(sums, *states) gives the new states, h first, and the slopes that the derivative needs;
    tangent(slopes, sums_tangent, *states_tangent) gives the new states' tangents, linear in the others.
    """

    step: Callable[..., tuple[States, States]]
    tangent: Callable[..., States]


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def unroll(
    cell: Cell, reverse: bool, states: States, pushed: States, recurrent_kernel: jax.Array, counts: jax.Array | None
) -> tuple[States, jax.Array]:
    """The last states, and the first of the states after every step, (length, batch, hidden).

    pushed is what the sums have from outside, (length, batch, sums) each; the last state's product joins the first.
    counts (length, batch, 1) is False where the states stay as they are.
    """
    last, (after, _) = _forward(cell, reverse, states, pushed, recurrent_kernel, counts)
    return last, after


@unroll.defjvp
def _unroll_jvp(cell: Cell, reverse: bool, primals: Any, tangents: Any) -> Any:
    states, pushed, recurrent_kernel, counts = primals
    states_tangent, pushed_tangent, kernel_tangent, _ = tangents
    last, (after, slopes) = _forward(cell, reverse, states, pushed, recurrent_kernel, counts)
    before = shifted(states[0], after, reverse)
    seeds = _plus(pushed_tangent, product(before, kernel_tangent))

    def step(states_tangent: States, of_step: Any) -> tuple[States, jax.Array]:
        slopes, seed, counts = of_step
        sums_tangent = _plus(seed, states_tangent[0] @ recurrent_kernel)
        new = _where(counts, cell.tangent(slopes, sums_tangent, *states_tangent), states_tangent)
        return new, new[0]

    return (last, after), lax.scan(step, states_tangent, (slopes, seeds, counts), reverse=reverse)


def _forward(cell: Cell, reverse: bool, states: States, pushed: Any, recurrent_kernel: jax.Array, counts: Any) -> Any:
    def step(states: States, of_step: Any) -> tuple[States, tuple[jax.Array, States]]:
        pushed, counts = of_step
        new, slopes = cell.step(_plus(pushed, states[0] @ recurrent_kernel), *states)
        new = _where(counts, new, states)
        return new, (new[0], slopes)

    return lax.scan(step, states, (pushed, counts), reverse=reverse)


def shifted(first: jax.Array, after: jax.Array, reverse: bool = False) -> jax.Array:
    """What stood before every step, of what stood before the first and after every step, with time in front."""
    parts = [after[1:], first[None]] if reverse else [first[None], after[:-1]]
    return jnp.concatenate(parts) if len(after) else after


def _where(counts: jax.Array | None, new: States, old: States) -> States:
    return new if counts is None else tuple(jnp.where(counts, a, b) for a, b in zip(new, old, strict=True))


def _plus(sums: States, product: jax.Array) -> States:
    return (sums[0] + product, *sums[1:])


def _sigmoid(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """sigmoid(x), and its slope without 1 - sigmoid(x), which cancels."""
    shrunk = jnp.exp(-jnp.abs(x))
    return jnp.where(x >= 0, 1, shrunk) / (1 + shrunk), shrunk / jnp.square(1 + shrunk)


def _tanh(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """tanh(x), and its slope without 1 - tanh(x)^2, which cancels."""
    return jnp.tanh(x), 4 * _sigmoid(2 * x)[1]


def _rnn(sums: States, h: jax.Array) -> tuple[States, States]:
    h, slope = _tanh(sums[0])
    return (h,), (slope,)


def _rnn_tangent(slopes: States, sums_tangent: States, h_tangent: jax.Array) -> States:
    return (slopes[0] * sums_tangent[0],)


def _lstm(sums: States, h: jax.Array, c: jax.Array) -> tuple[States, States]:
    i, f, g, o = jnp.split(sums[0], 4, -1)
    (i, i_slope), (f, f_slope), (g, g_slope), (o, o_slope) = _sigmoid(i), _sigmoid(f), _tanh(g), _sigmoid(o)
    new_c = f * c + i * g
    read, read_slope = _tanh(new_c)
    by_sums = jnp.concatenate([i_slope * g, f_slope * c, i * g_slope, o_slope * read], -1)
    return (o * read, new_c), (by_sums, f, o * read_slope)


def _lstm_tangent(slopes: States, sums_tangent: States, h_tangent: jax.Array, c_tangent: jax.Array) -> States:
    by_sums, forget, by_c = slopes
    i, f, g, o = jnp.split(by_sums * sums_tangent[0], 4, -1)
    c = forget * c_tangent + i + f + g
    return o + by_c * c, c


def _gru(sums: States, h: jax.Array) -> tuple[States, States]:
    (r, z, m), x_n = jnp.split(sums[0], 3, -1), sums[1]
    (r, r_slope), (keep, z_slope), (write, _) = _sigmoid(r), _sigmoid(z), _sigmoid(-z)
    n, n_slope = _tanh(x_n + r * m)
    by_n = write * n_slope
    by_sums = jnp.concatenate([by_n * m * r_slope, (h - n) * z_slope, by_n * r], -1)
    return (write * n + keep * h,), (by_sums, by_n, keep)


def _gru_tangent(slopes: States, sums_tangent: States, h_tangent: jax.Array) -> States:
    by_sums, by_n, keep = slopes
    r, z, m = jnp.split(by_sums * sums_tangent[0], 3, -1)
    return (keep * h_tangent + r + z + m + by_n * sums_tangent[1],)


RNN, LSTM, GRU = Cell(_rnn, _rnn_tangent), Cell(_lstm, _lstm_tangent), Cell(_gru, _gru_tangent)
