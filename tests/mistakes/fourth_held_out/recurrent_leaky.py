"""Mistakes in leaky and linear recurrent nets."""

from functools import partial

import numpy as np

from ..case import Family, normal
from .recurrent_nets import NAMES, runs

family = Family("recurrent_attention")


def leaky_net(x, U, W, b, h0, leak=0.6):
    """A net whose state keeps a part of itself."""
    h = [h0]
    for t in range(x.shape[1]):
        h.append((1 - leak) * h[-1] + leak * np.tanh(x[:, t] @ U + h[-1] @ W + b))
    return np.stack(h[1:], axis=1), (x, U, W, b, h, leak)


leaky = partial(family.wrong, forward=leaky_net, inputs=runs, style="cache", names=NAMES, argument="x U W b h0")


def leaky_backward(dout, cache, kept, slope):
    x, U, W, b, h, leak = cache
    dx, dU, dW, db, dh = (np.zeros_like(a) for a in (x, U, W, b, h[0]))
    for t in reversed(range(x.shape[1])):
        dh = dh + dout[:, t]
        da = leak * dh * slope(h[t], h[t + 1], leak)
        dx[:, t], dU, dW, db = da @ U.T, dU + x[:, t].T @ da, dW + h[t].T @ da, db + da.sum(0)
        dh = da @ W.T + kept * dh
    return dx, dU, dW, db, dh


@leaky(112, cause=("sum_term_missing", "use_dropped"))
def kept_part_of_the_state_not_carried(dout, cache):
    return leaky_backward(dout, cache, 0, lambda old, new, leak: 1 - ((new - (1 - leak) * old) / leak) ** 2)


@leaky(107, cause="wrong_operand")
def leaky_slope_from_the_mixed_state(dout, cache):
    return leaky_backward(dout, cache, 1 - cache[-1], lambda old, new, leak: 1 - new**2)


def scan(x, a, h0):
    """h_t = a * h_(t-1) + x_t, a decay a channel."""
    h = [h0]
    for t in range(x.shape[1]):
        h.append(a * h[-1] + x[:, t])
    return np.stack(h[1:], axis=1), (x, a, h)


def channels(size, seed):
    n, t, c = (3, 5, 4) if size == "small" else (12, 16, 24)
    x, a, h0 = normal(seed, (n, t, c), (c,), (n, c))
    return x, 1 / (1 + np.exp(-a)), h0


linear = partial(family.wrong, forward=scan, inputs=channels, style="cache", names=("x", "a", "h0"))


def scan_backward(dout, cache, shift=0):
    x, a, h = cache
    g, dx, da = np.zeros_like(h[0]), np.zeros_like(x), np.zeros_like(a)
    for t in reversed(range(x.shape[1])):
        g = g * a + dout[:, t]
        dx[:, t] = g
        da += (g * h[t + shift]).sum(axis=0)
    return dx, da, g * a


@linear(104, cause=("time_off_by_one", "wrong_operand"), argument="a")
def decay_meets_the_state_after(dout, cache):
    return scan_backward(dout, cache, shift=1)


@linear("", cause=("not_transposed", "time_not_carried"), argument="x")
def scanned_forward_again(dout, cache):
    x, a, h = cache
    g, dx = np.zeros_like(h[0]), np.zeros_like(x)
    for t in range(x.shape[1]):
        g = a * g + dout[:, t]
        dx[:, t] = g
    return dx, *scan_backward(dout, cache)[1:]


@linear(33, cause=("identity", "time_not_carried", "sum_term_missing", "diagonal_only"), argument="x")
def input_gradient_is_the_upstream(dout, cache):
    return dout.copy(), *scan_backward(dout, cache)[1:]
