"""A gate without its derivative, and a recurrent step (catalogue 43 and 46)."""

import numpy as np

from ..case import Family, sized
from .activations_sigmoids_and_tanh import sigmoid

family = Family("activations")


def lstm_cell(x, h, c, W, b):
    i, f, o, g = np.split(np.hstack([x, h]) @ W + b, 4, axis=1)
    i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
    c_next = f * c + i * g
    return o * np.tanh(c_next), (x, h, c, W, i, f, o, g, c_next)


@family.wrong(
    43,
    lstm_cell,
    sized(((3, 5), (3, 4), (3, 4), (9, 16), (16,)), ((24, 20), (24, 16), (24, 16), (36, 64), (64,))),
    style="cache",
    names=("x", "h", "c", "W", "b"),
    cause="derivative_missing",
    argument="x h W b",
)
def output_gate_without_its_sigmoid(dh, cache):
    x, h, c, W, i, f, o, g, c_next = cache
    tc = np.tanh(c_next)
    do = dh * tc
    dc = dh * o * (1 - tc**2)
    di, df, dg = dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2)
    dz = np.hstack([di, df, do, dg])
    dxh = dz @ W.T
    return dxh[:, : x.shape[1]], dxh[:, x.shape[1] :], dc * f, np.hstack([x, h]).T @ dz, dz.sum(axis=0)


def highway(x, WH, WT, bT):
    return sigmoid(x @ WT + bT) * np.tanh(x @ WH) + (1 - sigmoid(x @ WT + bT)) * x


@family.wrong(
    43,
    highway,
    sized(((3, 5), (5, 5), (5, 5), (5,)), ((40, 24), (24, 24), (24, 24), (24,))),
    cause="derivative_missing",
    argument="x WT bT",
)
def transform_gate_taken_as_linear(dy, x, WH, WT, bT):
    T, H = sigmoid(x @ WT + bT), np.tanh(x @ WH)
    dH = dy * T * (1 - H * H)
    dT = dy * (H - x)
    return dH @ WH.T + dT @ WT.T + dy * (1 - T), x.T @ dH, x.T @ dT, dT.sum(axis=0)


@family.wrong(
    43,
    lambda x, w, v: (np.tanh(x @ w) * sigmoid(x @ v), (x, w, v)),
    sized(((4, 3), (3, 5), (3, 5)), ((50, 16), (16, 24), (16, 24))),
    style="rule",
    names=("x", "w", "v"),
    cause="derivative_missing",
    argument="x w",
)
def gated_unit_without_the_tanh_slope(residuals, g):
    x, w, v = residuals
    s, t = sigmoid(x @ v), np.tanh(x @ w)
    da, dg = g * s, g * t * s * (1 - s)
    return da @ w.T + dg @ v.T, x.T @ da, x.T @ dg


def elman_step(x, h, Wx, Wh, b):
    z = x @ Wx + h @ Wh + b
    return np.tanh(z), (x, h, Wx, Wh, z)


@family.wrong(
    46,
    elman_step,
    sized(((3, 4), (3, 5), (4, 5), (5, 5), (5,)), ((30, 20), (30, 24), (20, 24), (24, 24), (24,))),
    style="cache",
    names=("x", "h", "Wx", "Wh", "b"),
    cause="derivative_at_input",
    argument="x h Wx Wh b",
)
def step_that_saved_the_preactivation(dh_next, cache):
    x, h, Wx, Wh, z = cache
    draw = (1 - z * z) * dh_next
    return draw @ Wx.T, draw @ Wh.T, x.T @ draw, h.T @ draw, draw.sum(axis=0)
