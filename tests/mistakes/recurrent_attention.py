"""Mistakes in recurrent nets, attention and residual blocks (catalogue 102 to 114)."""

from functools import partial

import numpy as np

from .case import Family, sized

family = Family("recurrent_attention")

# x (batch, time, features), Wx, Wh, b
sequences = sized(((3, 5, 2), (2, 7), (7, 7), (7,)), ((16, 10, 8), (8, 32), (32, 32), (32,)))


def gentle(size, seed):
    x, Wx, Wh, b = sequences(size, seed)
    return x, Wx * 0.5, Wh / np.sqrt(len(Wh)), 0.3 * b


def tanh_rnn(x, Wx, Wh, b):
    h = [np.zeros((len(x), len(Wh)))]
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t] @ Wx + h[-1] @ Wh + b))
    return np.stack(h[1:], axis=1), (x, Wx, Wh, b, h)


rnn = partial(family.wrong, forward=tanh_rnn, inputs=gentle, style="cache")


def unroll(dout, cache, carry=True, add=True, state=lambda h, t: h[t], slope=lambda h, t: 1 - h[t + 1] ** 2):
    """The backward of the recurrent net, and the places where it goes wrong."""
    x, Wx, Wh, b, h = cache
    dx, dWx, dWh, db = (np.zeros_like(a) for a in (x, Wx, Wh, b))
    dh_next = np.zeros_like(h[0])
    for t in reversed(range(x.shape[1])):
        da = (dout[:, t] + dh_next) * slope(h, t)
        dx[:, t] = da @ Wx.T
        if not add:
            dWx, dWh, db = (np.zeros_like(a) for a in (Wx, Wh, b))
        dWx, dWh, db = dWx + x[:, t].T @ da, dWh + state(h, t).T @ da, db + da.sum(axis=0)
        dh_next = da @ Wh.T if carry else dh_next
    return dx, dWx, dWh, db


@rnn(102, argument="x Wx Wh b", cause="time_not_carried")
def hidden_gradient_not_carried(dout, cache):
    return unroll(dout, cache, carry=False)


@rnn(103, argument="Wx Wh b", cause="time_overwritten")
def weights_overwritten_each_step(dout, cache):
    return unroll(dout, cache, add=False)


@rnn(104, argument="Wh", cause="time_off_by_one")
def hidden_weights_with_the_new_state(dout, cache):
    return unroll(dout, cache, state=lambda h, t: h[t + 1])


@rnn(43, argument="x Wx Wh b", cause="derivative_missing")
def recurrent_slope_missing(dout, cache):
    return unroll(dout, cache, slope=lambda h, t: 1.0)


@rnn(107, argument="x Wx Wh b", cause="time_off_by_one")
def recurrent_slope_of_the_old_state(dout, cache):
    return unroll(dout, cache, slope=lambda h, t: 1 - h[t] ** 2)


@rnn(5, argument="x Wx Wh b", cause="not_transposed")
def carried_by_untransposed_weights(dout, cache):
    x, Wx, Wh, b, h = cache
    dx, dWx, dWh, _ = unroll(dout, (x, Wx, Wh.T, b, h))
    return dx, dWx, dWh, unroll(dout, (x, Wx, Wh.T, b, h))[3]


@family.whole(102, "wrong backward", "vjp", gentle, argument="x Wx Wh b", cause="time_not_carried")
def truncated_after_two_steps(x, Wx, Wh, b):
    out, cache = tanh_rnn(x, Wx, Wh, b)

    def pullback(g):
        h = cache[-1]
        dx, dWx, dWh, db = (np.zeros_like(a) for a in (x, Wx, Wh, b))
        for last in range(x.shape[1]):
            dh = g[:, last]
            for t in range(last, max(last - 2, -1), -1):
                da = dh * (1 - h[t + 1] ** 2)
                dx[:, t] += da @ Wx.T
                dWx, dWh, db = dWx + x[:, t].T @ da, dWh + h[t].T @ da, db + da.sum(axis=0)
                dh = da @ Wh.T
        return dx, dWx, dWh, db

    return out, pullback


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# One step of an LSTM: x (batch, features), h and c (batch, hidden), W (features + hidden, 4 hidden), b
steps = sized(((3, 2), (3, 5), (3, 5), (7, 20), (20,)), ((32, 16), (32, 24), (32, 24), (40, 96), (96,)))


def lstm_step(x, h, c, W, b):
    joined = np.concatenate([x, h], axis=1)
    f, g, i, o = np.split(joined @ W / 2 + b, 4, axis=1)
    f, g, i, o = sigmoid(f), np.tanh(g), sigmoid(i), sigmoid(o)
    c_next = f * c + g * i
    return (o * np.tanh(c_next), c_next), (joined, c, c_next, f, g, i, o, W, x.shape[1])


lstm = partial(family.wrong, forward=lstm_step, inputs=steps, style="rule", names=("x", "h", "c", "W", "b"))


def lstm_backward(residuals, cotangent, **slips):
    joined, c, c_next, f, g, i, o, W, features = residuals
    dh, dc = cotangent
    tanh_c = np.tanh(c_next)
    dc = dc * slips.get("cell", 1) + dh * o * slips.get("cell_slope", lambda t, c: 1 - t**2)(tanh_c, c_next)
    df = dc * c * slips.get("gate_slope", lambda s: s * (1 - s))(f)
    dg, di, do = dc * i * (1 - g**2), dc * g * i * (1 - i), dh * tanh_c * o * (1 - o)
    if slips.get("swapped"):
        dg, di = di, dg
    da = np.concatenate([df, dg, di, do], axis=1)
    djoined = da @ W.T / 2
    return djoined[:, :features], djoined[:, features:], dc * f, joined.T @ da / 2, da.sum(axis=0)


@lstm(102, argument="x h c W b", cause=("time_not_carried", "ignores_cotangent"))
def cell_gradient_not_carried(residuals, cotangent):
    return lstm_backward(residuals, cotangent, cell=0)


@lstm(106, argument="x h c W b", cause="derivative_missing")
def cell_tanh_slope_missing(residuals, cotangent):
    return lstm_backward(residuals, cotangent, cell_slope=lambda t, c: 1)


@lstm(107, argument="x h c W b", cause=("derivative_at_input", "derivative_at_output"))
def cell_tanh_slope_of_the_wrong_tensor(residuals, cotangent):
    return lstm_backward(residuals, cotangent, cell_slope=lambda t, c: 1 - c**2)


@lstm(43, argument="x h W b", cause=("derivative_missing", "partly_scaled", "local_factor", "isolated_entries"))
def forget_gate_slope_missing(residuals, cotangent):
    return lstm_backward(residuals, cotangent, gate_slope=lambda s: 1)


@lstm(41, argument="x h W b", cause=("derivative_at_output", "partly_scaled", "local_factor", "isolated_entries"))
def forget_gate_slope_of_the_output(residuals, cotangent):
    return lstm_backward(residuals, cotangent, gate_slope=lambda s: sigmoid(s) * (1 - sigmoid(s)))


@lstm(105, argument="x h W b", cause=("row_permuted", "reordered", "arguments_swapped"))
def gates_in_another_order(residuals, cotangent):
    return lstm_backward(residuals, cotangent, swapped=True)
