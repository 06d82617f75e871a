"""LSTM cells and gates, residual blocks, arrays that are used twice."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .functions import sigmoid, softmax

family = Family("recurrent_attention")

# One step of an LSTM: x (batch, features), h and c (batch, hidden), W (features + hidden, 4 hidden), b
steps = sized(((3, 2), (3, 5), (3, 5), (7, 20), (20,)), ((32, 16), (32, 24), (32, 24), (40, 96), (96,)))


def lstm_step(x, h, c, W, b):
    joined = np.concatenate([x, h], axis=1)
    f, g, i, o = np.split(joined @ W / 2 + b, 4, axis=1)
    f, g, i, o = sigmoid(f), np.tanh(g), sigmoid(i), sigmoid(o)
    c_next = f * c + g * i
    return (o * np.tanh(c_next), c_next), (joined, c, c_next, f, g, i, o, W, x.shape[1])


lstm = partial(family.wrong, forward=lstm_step, inputs=steps, style="rule", names=("x", "h", "c", "W", "b"))


def lstm_backward(residuals, cotangent, slope=lambda s: s * (1 - s), swapped=False):
    joined, c, c_next, f, g, i, o, W, features = residuals
    dh, dc = cotangent
    tanh_c = np.tanh(c_next)
    dc = dc + dh * o * (1 - tanh_c**2)
    df, dg, di, do = dc * c * slope(f), dc * i * (1 - g**2), dc * g * i * (1 - i), dh * tanh_c * o * (1 - o)
    if swapped:
        dg, di = di, dg
    da = np.concatenate([df, dg, di, do], axis=1)
    djoined = da @ W.T / 2
    return djoined[:, :features], djoined[:, features:], dc * f, joined.T @ da / 2, da.sum(axis=0)


@lstm(43, argument="x h W b", cause="derivative_missing")
def forget_gate_slope_missing(residuals, cotangent):
    return lstm_backward(residuals, cotangent, slope=lambda s: 1)


@lstm(41, argument="x h W b", cause="derivative_at_wrong_value")
def forget_gate_slope_of_the_output(residuals, cotangent):
    return lstm_backward(residuals, cotangent, slope=lambda s: sigmoid(s) * (1 - sigmoid(s)))


@lstm(105, argument="x h W b", cause="wrong_index")
def gates_in_another_order(residuals, cotangent):
    return lstm_backward(residuals, cotangent, swapped=True)


@family.control(102, lstm_step, steps, style="rule", names=("x", "h", "c", "W", "b"))
def one_step_of_an_lstm(residuals, cotangent):
    return lstm_backward(residuals, cotangent)


def cell_step(c, z):
    """The output of one cell from its state and the raw output gate."""
    return sigmoid(z) * np.tanh(c), (c, z)


CELL = sized(((4, 5), (4, 5)), ((24, 16), (24, 16)))


@family.wrong(106, cell_step, CELL, style="cache", cause="derivative_missing", argument="c")
def cell_without_tanh_slope(dh, cache):
    c, z = cache
    o = sigmoid(z)
    return dh * o, dh * np.tanh(c) * o * (1 - o)


@family.wrong(107, cell_step, CELL, style="cache", cause="derivative_at_wrong_value", argument="c")
def slope_of_the_untanhed_cell(dh, cache):
    c, z = cache
    o = sigmoid(z)
    return dh * o * (1 - c * c), dh * np.tanh(c) * o * (1 - o)


def gated(x, Wu, bu, Wr, br):
    u, r = sigmoid(x @ Wu + bu), np.tanh(x @ Wr + br)
    return u * r


def two_gates(size, seed):
    N, D, H = (5, 3, 4) if size == "small" else (64, 40, 24)
    return normal(seed, (N, D), (D, H), (H,), (D, H), (H,))


@family.wrong(105, gated, two_gates, cause="wrong_operand", argument="Wr br")
def second_gate_copied_from_the_first(dout, x, Wu, bu, Wr, br):
    u, r = sigmoid(x @ Wu + bu), np.tanh(x @ Wr + br)
    dzu, dzr = dout * r * u * (1 - u), dout * u * (1 - r * r)
    dWu, dbu = np.dot(x.T, dzu), np.sum(dzu, axis=0)
    dWr, dbr = np.dot(x.T, dzu), np.sum(dzu, axis=0)
    return dzu @ Wu.T + dzr @ Wr.T, dWu, dbu, dWr, dbr


def moving_average(x, alpha):
    y = np.empty_like(x)
    state = np.zeros(x.shape[0])
    for t in range(x.shape[1]):
        state = alpha * state + (1 - alpha) * x[:, t]
        y[:, t] = state
    return y, (x, y, alpha)


def signal(size, seed):
    rows, length = (3, 6) if size == "small" else (40, 80)
    x, raw = normal(seed, (rows, length), (rows,))
    return x, sigmoid(raw)


@family.wrong(102, moving_average, signal, style="rule", cause="time_not_carried", argument="x alpha")
def state_of_the_average_held_constant(residuals, g):
    x, y, alpha = residuals
    previous = np.hstack([np.zeros((len(x), 1)), y[:, :-1]])
    return g * (1 - alpha)[:, None], np.sum(g * (previous - x), axis=1)


pairs = sized(((3, 5), (3, 5)), ((32, 64), (32, 64)))


@family.wrong(114, lambda x, y: x * y + np.tanh(x), pairs, argument="x", cause="missing")
def graph_severed(dout, x, y):
    return None, dout * x


@family.wrong(108, lambda x, y: x * y, pairs, argument="y", cause="wrong_factor")
def upstream_overwritten_before_its_second_use(dout, x, y):
    dout = dout.copy()
    dout *= y
    dx = dout
    return dx, dout * x


@family.impure(108, lambda x, y: x * y, pairs, argument="x y", cause="changed_in_place")
def product_overwrites_upstream(dout, x, y):
    dy = dout * x
    dout *= y
    return dout, dy


def autoencoder(x, W):
    return np.tanh(x @ W) @ W.T


@family.wrong(113, autoencoder, sized(((5, 6), (6, 3)), ((20, 24), (24, 10))), cause="term_missing", argument="W")
def decoder_use_only(g, x, W):
    code = np.tanh(x @ W)
    dcode = g @ W * (1 - code**2)
    return dcode @ W.T, g.T @ code


def mixing(x, w):
    """A residual block of attention without projections."""
    p = softmax(x @ x.swapaxes(-1, -2))
    return x + p @ (x @ w), (x, w, p)


@family.wrong(
    112,
    mixing,
    sized(((2, 4, 3), (3, 3)), ((4, 9, 8), (8, 8))),
    style="rule",
    names=("x", "w"),
    cause="scaled_by_constant",
    also="term_extra",
    argument="x",
)
def stream_added_before_and_after(residuals, g):
    x, w, p = residuals
    dv = p.swapaxes(-1, -2) @ g
    dp = g @ (x @ w).swapaxes(-1, -2)
    ds = p * (dp - (p * dp).sum(-1, keepdims=True))
    return 2 * g + dv @ w.T + ds @ x + ds.swapaxes(-1, -2) @ x, np.einsum("ntd,nte->de", x, dv)


@family.whole(85, "control", "layer", lambda size, seed: normal(seed, (3, 5) if size == "small" else (32, 64)))
class TanhIntoANewArray:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        return np.multiply(dout, 1 - self.out**2, out=np.empty_like(dout))


def gelu(z):
    return 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def over_tokens(a, b):
    return np.tensordot(a, b, ((0, 1), (0, 1)))


def feed_forward(slope):
    """A residual feed-forward block, whose backward takes this for the slope of gelu."""

    def vjp(x, W1, W2):
        z = x @ W1 / 2
        a = gelu(z)

        def pullback(g):
            dz = (g @ W2.T) * slope(z)
            return g + dz @ W1.T / 2, over_tokens(x, dz) / 2, over_tokens(a, g)

        return x + a @ W2, pullback

    return vjp


tokens = sized(((2, 3, 4), (4, 5), (5, 4)), ((4, 10, 12), (12, 24), (24, 12)))


def block(number, id, cause, slope):
    whole = family.whole(number, "wrong backward", "vjp", tokens, id=id, cause=cause, argument="x W1")
    whole(feed_forward(slope))


block(9, "block_without_the_slope_of_gelu", "derivative_missing", lambda z: 1)
block(53, "block_with_only_the_gate_of_gelu", "wrong_derivative", lambda z: 1 / (1 + np.exp(-1.702 * z)))
