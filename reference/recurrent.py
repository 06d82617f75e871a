"""Recurrent layers over whole sequences: the state of each step is the input of the next.

A backward through time is the backward of one step, from the last step to the first; what all steps share, their
weights, has the sum of all steps' cotangents. What each takes, returns and refuses stands with its twin in
functional_nn/recurrent.py.
"""

import numpy as np

from reference._checks import as_array, as_floating, quiet, require, require_flag
from reference.activations import sigmoid


def rnn(x, h, kernel, recurrent_kernel, bias, *, reverse=False, lengths=None):
    """The plain recurrent layer: each state is tanh of the sum of what input, last state and bias say.

    h = tanh(x kernel + h_before recurrent_kernel + bias). With g = h_ct (1 - h^2), the sum's cotangent, a step gives
    x_ct = g kernel^T, h_before_ct = g recurrent_kernel^T, and to the weights x^T g, h_before^T g and the sum of g.
    Residuals: those of every step, which steps count, the order and the dtypes. Derivation:
    docs/derivations/recurrent.md.
    """
    return rnn_fwd(x, h, kernel, recurrent_kernel, bias, reverse=reverse, lengths=lengths)[0]


@quiet
def rnn_fwd(x, h, kernel, recurrent_kernel, bias, *, reverse=False, lengths=None):
    arrays = {"x": x, "h": h, "kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias}
    return _unroll(_rnn_step, *_checked("rnn", arrays, 1, 1, reverse, lengths))


@quiet
def rnn_bwd(residuals, cotangent):
    return _unroll_bwd(_rnn_step_bwd, residuals, cotangent)


def _rnn_step(x, h, kernel, recurrent_kernel, bias):
    new_h = np.tanh(x @ kernel + h @ recurrent_kernel + bias)
    return (new_h,), (x, h, kernel, recurrent_kernel, new_h)


def _rnn_step_bwd(residuals, cotangent):
    x, h, kernel, recurrent_kernel, new_h = residuals
    (new_h_ct,) = cotangent
    sum_ct = new_h_ct * (1 - new_h**2)
    return sum_ct @ kernel.T, sum_ct @ recurrent_kernel.T, x.T @ sum_ct, h.T @ sum_ct, sum_ct.sum(axis=0)


def lstm(x, h, c, kernel, recurrent_kernel, bias, *, reverse=False, lengths=None):
    """Long short-term memory: a cell that gates let be written, kept and read, beside the state that is the output.

    c = f c_before + i g and h = o tanh(c), with the gates i, f, o = sigmoid and g = tanh of their sums. Through h the
    cell has h_ct o (1 - tanh(c)^2) besides its own cotangent; each gate has that of its product, times its slope.
    Residuals: those of every step, which steps count, the order and the dtypes. Derivation:
    docs/derivations/recurrent.md.
    """
    return lstm_fwd(x, h, c, kernel, recurrent_kernel, bias, reverse=reverse, lengths=lengths)[0]


@quiet
def lstm_fwd(x, h, c, kernel, recurrent_kernel, bias, *, reverse=False, lengths=None):
    arrays = {"x": x, "h": h, "c": c, "kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias}
    return _unroll(_lstm_step, *_checked("lstm", arrays, 4, 4, reverse, lengths))


@quiet
def lstm_bwd(residuals, cotangent):
    return _unroll_bwd(_lstm_step_bwd, residuals, cotangent)


def _lstm_step(x, h, c, kernel, recurrent_kernel, bias):
    i, f, g, o = np.split(x @ kernel + h @ recurrent_kernel + bias, 4, axis=-1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    new_c = f * c + i * g
    tanh_c = np.tanh(new_c)
    return (o * tanh_c, new_c), (x, h, c, kernel, recurrent_kernel, i, f, g, o, tanh_c)


def _lstm_step_bwd(residuals, cotangent):
    x, h, c, kernel, recurrent_kernel, i, f, g, o, tanh_c = residuals
    new_h_ct, new_c_ct = cotangent
    new_c_ct = new_c_ct + new_h_ct * o * (1 - tanh_c**2)
    i_ct = new_c_ct * g * i * (1 - i)
    f_ct = new_c_ct * c * f * (1 - f)
    g_ct = new_c_ct * i * (1 - g**2)
    o_ct = new_h_ct * tanh_c * o * (1 - o)
    sums_ct = np.concatenate([i_ct, f_ct, g_ct, o_ct], axis=-1)
    before_ct = sums_ct @ recurrent_kernel.T, new_c_ct * f
    return sums_ct @ kernel.T, *before_ct, x.T @ sums_ct, h.T @ sums_ct, sums_ct.sum(axis=0)


def gru(x, h, kernel, recurrent_kernel, bias, *, reverse=False, lengths=None):
    """The gated recurrent unit, reset after the product: a gate mixes the last state with a candidate.

    h = (1 - z) n + z h_before, with r, z = sigmoid and n = tanh(x_n + r m), where m = h_before U_n + c_n is what the
    last state says to the candidate. So the sum within n has n_ct (1 - n^2), m has r times that, and r has m times it.
    Residuals: those of every step, which steps count, the order and the dtypes. Derivation:
    docs/derivations/recurrent.md.
    """
    return gru_fwd(x, h, kernel, recurrent_kernel, bias, reverse=reverse, lengths=lengths)[0]


@quiet
def gru_fwd(x, h, kernel, recurrent_kernel, bias, *, reverse=False, lengths=None):
    arrays = {"x": x, "h": h, "kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias}
    return _unroll(_gru_step, *_checked("gru", arrays, 3, 4, reverse, lengths))


@quiet
def gru_bwd(residuals, cotangent):
    return _unroll_bwd(_gru_step_bwd, residuals, cotangent)


def _gru_step(x, h, kernel, recurrent_kernel, bias):
    r_bias, z_bias, n_bias, m_bias = np.split(bias, 4)
    x_r, x_z, x_n = np.split(x @ kernel, 3, axis=-1)
    h_r, h_z, h_n = np.split(h @ recurrent_kernel, 3, axis=-1)
    r, z, m = sigmoid(x_r + h_r + r_bias), sigmoid(x_z + h_z + z_bias), h_n + m_bias
    n = np.tanh(x_n + n_bias + r * m)
    return ((1 - z) * n + z * h,), (x, h, kernel, recurrent_kernel, r, z, n, m)


def _gru_step_bwd(residuals, cotangent):
    x, h, kernel, recurrent_kernel, r, z, n, m = residuals
    (new_h_ct,) = cotangent
    n_ct = new_h_ct * (1 - z) * (1 - n**2)
    z_ct = new_h_ct * (h - n) * z * (1 - z)
    r_ct = n_ct * m * r * (1 - r)
    m_ct = n_ct * r
    from_x_ct = np.concatenate([r_ct, z_ct, n_ct], axis=-1)
    from_h_ct = np.concatenate([r_ct, z_ct, m_ct], axis=-1)
    bias_ct = np.concatenate([r_ct, z_ct, n_ct, m_ct], axis=-1).sum(axis=0)
    before_ct = from_h_ct @ recurrent_kernel.T + new_h_ct * z
    return from_x_ct @ kernel.T, before_ct, x.T @ from_x_ct, h.T @ from_h_ct, bias_ct


def linear_recurrence(x, decay, initial):
    """The linear recurrence: each state is the last, times its decay, plus the input.

    h_t = decay_t h_{t-1} + x_t. Let g_t be all that reaches h_t, its own cotangent and decay_{t+1} g_{t+1}: the same
    recurrence from the end. Then x_ct_t = g_t, decay_ct_t = g_t h_{t-1} and initial_ct = decay_1 g_1.
    Residuals: all states, decay, initial and the dtype of x. Derivation: docs/derivations/recurrent.md.
    """
    return linear_recurrence_fwd(x, decay, initial)[0]


@quiet
def linear_recurrence_fwd(x, decay, initial):
    arrays = {"x": x, "decay": decay, "initial": initial}
    x, decay, initial = (as_floating("linear_recurrence", name, array) for name, array in arrays.items())
    got = f"x.shape={x.shape}, decay.shape={decay.shape}, initial.shape={initial.shape}"
    require(x.ndim >= 2, "linear_recurrence", "x must have two axes at least, (batch, length, ...)", got)
    require(decay.shape == x.shape, "linear_recurrence", "decay must have the shape of x", got)
    without = (x.shape[0], *x.shape[2:])
    require(initial.shape == without, "linear_recurrence", "initial must have the shape of x without its length", got)
    out = np.zeros(x.shape, np.result_type(x, decay, initial))
    h = initial
    for t in range(x.shape[1]):
        h = decay[:, t] * h + x[:, t]
        out[:, t] = h
    return out, (out, decay, initial, x.dtype)


@quiet
def linear_recurrence_bwd(residuals, cotangent):
    out, decay, initial, x_dtype = residuals
    x_ct, decay_ct = np.zeros_like(cotangent), np.zeros_like(cotangent)
    before_ct = np.zeros_like(initial, out.dtype)
    for t in reversed(range(out.shape[1])):
        h_ct = cotangent[:, t] + before_ct
        x_ct[:, t] = h_ct
        decay_ct[:, t] = h_ct * (out[:, t - 1] if t > 0 else initial)
        before_ct = h_ct * decay[:, t]
    return x_ct.astype(x_dtype), decay_ct.astype(decay.dtype), before_ct.astype(initial.dtype)


def _unroll(step, x, states, weights, counts, order, dtypes):
    """The outputs of all steps and the last states; and each step's residuals, with what else the way back needs."""
    outputs, saved = np.zeros((*x.shape[:2], states[0].shape[1]), x.dtype), []
    for t in order:
        new_states, residuals = step(x[:, t], *states, *weights)
        pairs = zip(new_states, states, strict=True)
        states = tuple(np.where(counts[:, t], new, old).astype(x.dtype) for new, old in pairs)
        outputs[:, t] = np.where(counts[:, t], new_states[0], outputs[:, t])
        saved.append(residuals)
    return (outputs, *states), (x, weights, saved, counts, order, dtypes)


def _unroll_bwd(step_bwd, residuals, cotangent):
    x, weights, saved, counts, order, dtypes = residuals
    outputs_ct, *states_ct = cotangent
    x_ct, weights_ct = np.zeros_like(x), [np.zeros_like(weight) for weight in weights]
    for t, step_residuals in zip(reversed(order), reversed(saved), strict=True):
        # A state reaches the loss as this step's output and through the next step; neither way where none was made.
        new_ct = [states_ct[0] + outputs_ct[:, t], *states_ct[1:]]
        new_ct = [np.where(counts[:, t], ct, np.zeros_like(ct)) for ct in new_ct]
        x_ct[:, t], *rest_ct = step_bwd(step_residuals, new_ct)
        before_ct, step_weights_ct = rest_ct[: len(states_ct)], rest_ct[len(states_ct) :]
        states_ct = [np.where(counts[:, t], ct, old) for ct, old in zip(before_ct, states_ct, strict=True)]
        weights_ct = [total + ct for total, ct in zip(weights_ct, step_weights_ct, strict=True)]
    cotangents = (x_ct, *states_ct, *weights_ct)
    return tuple(np.asarray(ct, dtype) for ct, dtype in zip(cotangents, dtypes, strict=True))


def _checked(op, arrays, gates, biases, reverse, lengths):
    """x, the states, the weights, which steps count for which example, their order, and the arguments' dtypes."""
    arrays = {name: as_floating(op, name, array) for name, array in arrays.items()}
    _check_shapes(op, arrays, gates, biases)
    require_flag(op, "reverse", reverse)
    dtypes = tuple(array.dtype for array in arrays.values())
    x, *states, kernel, recurrent_kernel, bias = (a.astype(np.result_type(*dtypes)) for a in arrays.values())
    steps = range(x.shape[1])
    ends = np.full(x.shape[0], x.shape[1]) if lengths is None else _lengths(op, lengths, x)
    counts = (np.array(steps) < ends[:, np.newaxis])[..., np.newaxis]
    # What stands beyond an example's end is not looked at, a NaN included.
    x = np.where(counts, x, np.zeros_like(x))
    return x, states, (kernel, recurrent_kernel, bias), counts, steps[::-1] if reverse else steps, dtypes


def _check_shapes(op, arrays, gates, biases):
    x, h = arrays["x"], arrays["h"]
    require(x.ndim == 3, op, "x must have three axes, (batch, length, in_dim)", f"x.shape={x.shape}")
    require(h.ndim == 2, op, "h must have two axes, (batch, hidden)", f"h.shape={h.shape}")
    batch, in_dim, hidden = x.shape[0], x.shape[2], h.shape[1]
    state = ("(batch, hidden)", (batch, hidden))
    wide, long = ("hidden" if count == 1 else f"{count} * hidden" for count in (gates, biases))
    expected = {
        "h": state,
        "c": state,
        "kernel": (f"(in_dim, {wide})", (in_dim, gates * hidden)),
        "recurrent_kernel": (f"(hidden, {wide})", (hidden, gates * hidden)),
        "bias": (f"({long},)", (biases * hidden,)),
    }
    for name, array in list(arrays.items())[1:]:
        words, shape = expected[name]
        got = f"{name}.shape={array.shape}, x.shape={x.shape}, h.shape={h.shape}"
        require(array.shape == shape, op, f"{name} must have the shape {words}", got)


def _lengths(op, lengths, x):
    lengths = as_array(op, "lengths", lengths)
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"{op}: lengths must be integers; got lengths.dtype={lengths.dtype}")
    got = f"lengths.shape={lengths.shape}, x.shape={x.shape}"
    require(lengths.shape == x.shape[:1], op, "lengths must have the shape (batch,)", got)
    low, high = lengths.min(initial=0), lengths.max(initial=0)
    got = f"lengths from {low} to {high}, x.shape={x.shape}"
    require(low >= 0 and high <= x.shape[1], op, "lengths must be at least 0 and at most x.shape[1]", got)
    return lengths
