"""Recurrent layers over whole sequences: the state of each step is the input of the next."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from functional_nn._checks import as_array, require, require_flag, require_floating
from functional_nn._jit import jit_op
from functional_nn._linear_recurrence import recur
from functional_nn._product import product
from functional_nn._unroll import GRU, LSTM, RNN, Cell, unroll


def _check_lengths(op: str, x: Any = None, *, lengths: Any = None, **arrays: Any) -> None:
    """Refuse a length that no example has. Only here, before jit, do lengths have values."""
    known = isinstance(lengths, np.ndarray | jax.Array) and not isinstance(lengths, Tracer)
    if known and jnp.issubdtype(lengths.dtype, jnp.integer) and np.ndim(x) == 3 and lengths.shape == np.shape(x)[:1]:
        # Lengths that a jitted function closes over are known too, but what is computed of them there would be traced.
        with jax.ensure_compile_time_eval():
            low, high = (int(reduce(lengths, initial=0)) for reduce in (np.min, np.max))
        got = f"lengths from {low} to {high}, x.shape={np.shape(x)}"
        require(low >= 0 and high <= np.shape(x)[1], op, "lengths must be at least 0 and at most x.shape[1]", got)


@jit_op("reverse", check=_check_lengths)
def rnn(
    x: jax.Array,
    h: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array,
    *,
    reverse: bool = False,
    lengths: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """The plain recurrent layer: each state is tanh of the sum of what input, last state and bias say.

    h_t = tanh(x_t kernel + h_{t-1} recurrent_kernel + bias).

    The inputs of all steps are multiplied by the kernel at once, before the first step; and the gradient of the
    recurrent kernel is one product too, after the last.

    Args:
        x: (batch, length, in_dim), a floating dtype.
        h: (batch, hidden), the state before the first step.
        kernel: (in_dim, hidden).
        recurrent_kernel: (hidden, hidden).
        bias: (hidden,).
        reverse: from the last step to the first. Outputs stay in the place of their step.
        lengths: (batch,), integers: how many steps of each example count, from its beginning; None for all. The
            others leave the state as it is, their outputs are 0 and what stands there in x is not looked at. No
            gradient belongs to it.

    Returns:
        The states after every step, (batch, length, hidden), and the last of them, (batch, hidden), in the dtype that
        the arguments promote to.

    Raises:
        ValueError: shapes that do not fit, reverse is no boolean, or a length is negative or beyond x; under tracing,
            where lengths are unknown, all that belongs to that example is NaN.
        TypeError: an argument is not a floating array, or lengths not an integer one.

    References:
        Elman, Finding Structure in Time, Cognitive Science 14 (1990); torch.nn.RNN, whose bias is in two parts;
        docs/derivations/recurrent.md.

    >>> states, last = rnn(jnp.ones((2, 5, 3)), jnp.zeros((2, 4)), jnp.ones((3, 4)), jnp.eye(4), jnp.zeros(4))
    >>> print(states.shape, last.shape)
    (2, 5, 4) (2, 4)
    """
    arrays = {"x": x, "h": h, "kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias}
    return _whole_sequence("rnn", RNN, arrays, 1, 1, reverse, lengths)


@jit_op("reverse", check=_check_lengths)
def lstm(
    x: jax.Array,
    h: jax.Array,
    c: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array,
    *,
    reverse: bool = False,
    lengths: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Long short-term memory: a cell that gates let be written, kept and read, beside the state that is the output.

    c_t = f c_{t-1} + i g and h_t = o tanh(c_t); i, f and o are sigmoid, g is tanh, of four blocks of
    x_t kernel + h_{t-1} recurrent_kernel + bias, in the order i, f, g, o, as in PyTorch.

    Products as in rnn. Slopes of gates are taken without 1 - sigmoid and 1 - tanh^2, which cancel.

    Args:
        x: (batch, length, in_dim), a floating dtype.
        h: (batch, hidden), the state before the first step.
        c: (batch, hidden), the cell before the first step.
        kernel: (in_dim, 4 * hidden).
        recurrent_kernel: (hidden, 4 * hidden).
        bias: (4 * hidden,).
        reverse: as in rnn.
        lengths: as in rnn.

    Returns:
        The states after every step, (batch, length, hidden); the last state and the last cell, (batch, hidden); in
        the dtype that the arguments promote to.

    Raises:
        ValueError: as in rnn.
        TypeError: as in rnn.

    References:
        Hochreiter and Schmidhuber, Long Short-Term Memory, Neural Computation 9 (1997); Gers, Schmidhuber and Cummins,
        Learning to Forget, Neural Computation 12 (2000); Saito, Deep Learning from Scratch 2, section 6.3;
        docs/derivations/recurrent.md.

    >>> h = c = jnp.zeros((2, 4))
    >>> states, h, c = lstm(jnp.ones((2, 5, 3)), h, c, jnp.ones((3, 16)), jnp.ones((4, 16)), jnp.zeros(16))
    >>> print(states.shape, h.shape, c.shape)
    (2, 5, 4) (2, 4) (2, 4)
    """
    arrays = {"x": x, "h": h, "c": c, "kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias}
    return _whole_sequence("lstm", LSTM, arrays, 4, 4, reverse, lengths)


@jit_op("reverse", check=_check_lengths)
def gru(
    x: jax.Array,
    h: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array,
    *,
    reverse: bool = False,
    lengths: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """The gated recurrent unit, reset after the product: a gate mixes the last state with a candidate.

    h_t = (1 - z) n + z h_{t-1}, with r = sigmoid(x_t W_r + h_{t-1} U_r + b_r), z = sigmoid(x_t W_z + h_{t-1} U_z + b_z)
    and n = tanh(x_t W_n + b_n + r (h_{t-1} U_n + c_n)). Blocks in the order r, z, n, as in PyTorch and cuDNN.

    The bias has a fourth block, c_n: within n two sums have a bias each, since r multiplies the second alone, while in
    r and z two biases would only be added to each other.

    Products as in rnn, slopes as in lstm.

    Args:
        x: (batch, length, in_dim), a floating dtype.
        h: (batch, hidden), the state before the first step.
        kernel: (in_dim, 3 * hidden).
        recurrent_kernel: (hidden, 3 * hidden).
        bias: (4 * hidden,): b_r, b_z, b_n, c_n.
        reverse: as in rnn.
        lengths: as in rnn.

    Returns:
        The states after every step, (batch, length, hidden), and the last, (batch, hidden), in the dtype that the
        arguments promote to.

    Raises:
        ValueError: as in rnn.
        TypeError: as in rnn.

    References:
        Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, arXiv:1406.1078, first version, whose
        reset gate stands after the product; torch.nn.GRU; docs/derivations/recurrent.md.

    >>> states, h = gru(jnp.ones((2, 5, 3)), jnp.zeros((2, 4)), jnp.ones((3, 12)), jnp.ones((4, 12)), jnp.zeros(16))
    >>> print(states.shape, h.shape)
    (2, 5, 4) (2, 4)
    """
    arrays = {"x": x, "h": h, "kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias}
    return _whole_sequence("gru", GRU, arrays, 3, 4, reverse, lengths)


@jit_op()
def linear_recurrence(x: jax.Array, decay: jax.Array, initial: jax.Array) -> jax.Array:
    """The linear recurrence: each state is the last, times its decay, plus the input.

    h_t = decay_t h_{t-1} + x_t, entry by entry, with h_0 = initial before the first step.

    Step after step on a CPU; elsewhere in about log2(length) rounds, by the associative scan, which multiplies decays
    with each other: there the product of any run of them must be a finite number. The gradient is a linear recurrence
    from the end, in either case, and keeps nothing but the states and the decays.

    Args:
        x: (batch, length, ...), a floating dtype.
        decay: the shape of x.
        initial: (batch, ...), the state before the first step.

    Returns:
        The states after every step, the shape of x, in the dtype that the arguments promote to.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: an argument is not a floating array.

    References:
        Blelloch, Prefix Sums and Their Applications (1990); Martin and Cundy, Parallelizing Linear Recurrent Neural
        Nets over Sequence Length, arXiv:1709.04057; docs/derivations/recurrent.md.

    >>> print(linear_recurrence(jnp.ones((1, 4)), jnp.full((1, 4), 0.5), jnp.zeros(1)))
    [[1.   1.5  1.75 1.88]]
    """
    require_floating("linear_recurrence", x=x, decay=decay, initial=initial)
    dtype = jnp.result_type(x, decay, initial)
    x, decay, initial = (jnp.asarray(a, jnp.promote_types(dtype, jnp.float32)) for a in (x, decay, initial))
    got = f"x.shape={x.shape}, decay.shape={decay.shape}, initial.shape={initial.shape}"
    require(x.ndim >= 2, "linear_recurrence", "x must have two axes at least, (batch, length, ...)", got)
    require(decay.shape == x.shape, "linear_recurrence", "decay must have the shape of x", got)
    without = (x.shape[0], *x.shape[2:])
    require(initial.shape == without, "linear_recurrence", "initial must have the shape of x without its length", got)
    return jnp.swapaxes(recur(jnp.swapaxes(x, 0, 1), jnp.swapaxes(decay, 0, 1), initial), 0, 1).astype(dtype)


def _whole_sequence(
    op: str, cell: Cell, arrays: dict[str, jax.Array], gates: int, biases: int, reverse: bool, lengths: Any
) -> Any:
    require_floating(op, **arrays)
    _check_shapes(op, {name: jnp.shape(array) for name, array in arrays.items()}, gates, biases)
    require_flag(op, "reverse", reverse)
    dtype = jnp.result_type(*arrays.values())
    wide = (jnp.asarray(array, jnp.promote_types(dtype, jnp.float32)) for array in arrays.values())
    x, h, *c, kernel, recurrent_kernel, bias = wide
    x, counts = jnp.swapaxes(x, 0, 1), None
    if lengths is not None:
        counts, unknown = _counting(op, lengths, x.shape)
        x, h = jnp.where(counts, x, 0), h + unknown
    pushed = _from_outside(cell, product(x, kernel), bias)
    states, outputs = unroll(cell, reverse, (h, *c), pushed, recurrent_kernel, counts)
    outputs = outputs if counts is None else jnp.where(counts, outputs, 0)
    return tuple(a.astype(dtype) for a in (jnp.swapaxes(outputs, 0, 1), *states))


def _from_outside(cell: Cell, from_x: jax.Array, bias: jax.Array) -> tuple[jax.Array, ...]:
    """What every step's sums have from outside; for a GRU two: those that the state joins, and that of n it does not.

    The third that it joins, what the state says to n, has nothing from outside but its bias.
    """
    if cell is not GRU:
        return (from_x + bias,)
    r_and_z, n = jnp.split(from_x, [2 * from_x.shape[-1] // 3], -1)
    both_bias, n_bias, m_bias = jnp.split(bias, [len(bias) // 2, len(bias) * 3 // 4])
    return jnp.concatenate([r_and_z + both_bias, jnp.broadcast_to(m_bias, n.shape)], -1), n + n_bias


def _counting(op: str, lengths: Any, shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """Which steps count for which example, (length, batch, 1); and NaN for an example of an impossible length."""
    lengths = jnp.asarray(as_array(op, "lengths", lengths))
    length, batch, _ = shape
    if not jnp.issubdtype(lengths.dtype, jnp.integer):
        raise TypeError(f"{op}: lengths must be integers; got lengths.dtype={lengths.dtype}")
    got = f"lengths.shape={lengths.shape}, x.shape={(batch, length, shape[2])}"
    require(lengths.shape == (batch,), op, "lengths must have the shape (batch,)", got)
    lengths = lengths.astype(jnp.int32) if lengths.dtype.itemsize < 4 else lengths  # which can say x's length
    legal = (lengths >= 0) & (lengths <= length)
    counts = (jnp.arange(length)[:, None] < lengths) | ~legal
    return counts[..., None], jnp.where(legal, 0.0, jnp.nan)[:, None].astype(jnp.float32)


def _check_shapes(op: str, shapes: dict[str, tuple[int, ...]], gates: int, biases: int) -> None:
    x, h = shapes["x"], shapes["h"]
    require(len(x) == 3, op, "x must have three axes, (batch, length, in_dim)", f"x.shape={x}")
    require(len(h) == 2, op, "h must have two axes, (batch, hidden)", f"h.shape={h}")
    batch, in_dim, hidden = x[0], x[2], h[1]
    state = ("(batch, hidden)", (batch, hidden))
    wide, long = ("hidden" if count == 1 else f"{count} * hidden" for count in (gates, biases))
    expected = {
        "h": state,
        "c": state,
        "kernel": (f"(in_dim, {wide})", (in_dim, gates * hidden)),
        "recurrent_kernel": (f"(hidden, {wide})", (hidden, gates * hidden)),
        "bias": (f"({long},)", (biases * hidden,)),
    }
    for name in list(shapes)[1:]:
        words, shape = expected[name]
        got = f"{name}.shape={shapes[name]}, x.shape={x}, h.shape={h}"
        require(shapes[name] == shape, op, f"{name} must have the shape {words}", got)
