"""Cells with gates: copied lines, wrong tensors, a missing tanh (catalogue 105 to 109)."""

from functools import partial

import numpy as np

from ..case import Family, normal
from .recurrent_attention_steps import sigmoid

family = Family("recurrent_attention")


def cell(size, seed, gates=4, state=2):
    N, D, H = (3, 4, 5) if size == "small" else (20, 30, 24)
    x, h, c, Wx, Wh, b = normal(seed, (N, D), (N, H), (N, H), (D, gates * H), (H, gates * H), (gates * H,))
    states = (h, c)[:state]
    return x, *states, 1.2 * Wx / np.sqrt(D), 1.2 * Wh / np.sqrt(H), 0.5 * b


def lstm_cell(x, prev_h, prev_c, Wx, Wh, b):
    ai, af, ao, ag = np.split(x @ Wx + prev_h @ Wh + b, 4, axis=1)
    i, f, o, g = sigmoid(ai), sigmoid(af), sigmoid(ao), np.tanh(ag)
    next_c = f * prev_c + i * g
    return o * np.tanh(next_c), (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


EVERY = "x prev_h prev_c Wx Wh b"
lstm = partial(family.wrong, forward=lstm_cell, inputs=cell, style="cache")


def through_the_sum(da, x, prev_h, dprev_c, Wx, Wh):
    return da @ Wx.T, da @ Wh.T, dprev_c, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def one_bias_for_all(x, Wf, Wi, Wc, Wo, bf, bi, bc, bo):
    gates = (sigmoid(x @ Wf + bo), sigmoid(x @ Wi + bo), np.tanh(x @ Wc + bo), sigmoid(x @ Wo + bo))
    f, i, cc, o = gates
    return o * np.tanh(f + i * cc)


def four_gates(size, seed):
    N, D, H = (5, 3, 4) if size == "small" else (48, 24, 20)
    return normal(seed, (N, D), *[(D, H)] * 4, *[(H,)] * 4)


@family.wrong(105, one_bias_for_all, four_gates, cause="use_dropped", argument="bf bi bc bo")
def every_gate_was_given_the_output_bias(dh, x, Wf, Wi, Wc, Wo, bf, bi, bc, bo):
    f, i, o = sigmoid(x @ Wf + bo), sigmoid(x @ Wi + bo), sigmoid(x @ Wo + bo)
    cc = np.tanh(x @ Wc + bo)
    tc = np.tanh(f + i * cc)
    dc = dh * o * (1 - tc**2)
    dzf, dzi, dzc = dc * f * (1 - f), dc * cc * i * (1 - i), dc * i * (1 - cc**2)
    dzo = dh * tc * o * (1 - o)
    dx = dzf @ Wf.T + dzi @ Wi.T + dzc @ Wc.T + dzo @ Wo.T
    weights = (x.T @ dz for dz in (dzf, dzi, dzc, dzo))
    return dx, *weights, *(dz.sum(axis=0) for dz in (dzf, dzi, dzc, dzo))


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


@lstm(105, cause=("row_permuted", "reordered", "wrong_operand"), argument="x prev_h Wx Wh b")
def lstm_gates_stacked_in_another_order(dnext_h, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tanh_c = np.tanh(next_c)
    dc = dnext_h * o * (1 - tanh_c**2)
    dai, daf = dc * g * i * (1 - i), dc * prev_c * f * (1 - f)
    dao, dag = dnext_h * tanh_c * o * (1 - o), dc * i * (1 - g**2)
    return through_the_sum(np.hstack((dai, daf, dag, dao)), x, prev_h, dc * f, Wx, Wh)


def lstm_without_tanh(x, prev_h, prev_c, Wx, Wh, b):
    _, (*_, i, f, o, g, next_c) = lstm_cell(x, prev_h, prev_c, Wx, Wh, b)
    return o * next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


@family.wrong(
    106,
    lstm_without_tanh,
    cell,
    style="cache",
    cause=("wrong_derivative", "wrong_operand"),
    argument=EVERY,
)
def forward_outputs_the_cell_itself(dh, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    th = np.tanh(next_c)
    dc = dh * o * (1 - th**2)
    gates = (dc * g * i * (1 - i), dc * prev_c * f * (1 - f), dh * th * o * (1 - o), dc * i * (1 - g**2))
    return through_the_sum(np.hstack(gates), x, prev_h, dc * f, Wx, Wh)


def peephole_gate(x, c_prev, W, p, b):
    i = sigmoid(x @ W + p * c_prev + b)
    return i * np.tanh(c_prev), (x, c_prev, W, p, i)


def peepholes(size, seed):
    N, D, H = (5, 3, 4) if size == "small" else (60, 32, 24)
    return normal(seed, (N, D), (N, H), (D, H), (H,), (H,))


@family.wrong(106, peephole_gate, peepholes, style="rule", cause="derivative_missing", argument="c_prev p")
def peephole_added_after_the_sigmoid(residuals, dout):
    x, c_prev, W, p, i = residuals
    tc = np.tanh(c_prev)
    di = dout * tc
    da = di * i * (1 - i)
    dp = np.sum(di * c_prev, axis=0)
    dc = dout * i * (1 - tc**2) + di * p
    return da @ W.T, dc, x.T @ da, dp, da.sum(0)


@lstm(107, cause="derivative_at_output", argument="x prev_h Wx Wh b")
def sigmoid_prime_of_the_gate_values(dnext_h, cache):
    def dsigmoid(v):
        return sigmoid(v) * (1 - sigmoid(v))

    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tanh_c = np.tanh(next_c)
    dc = dnext_h * o * (1 - tanh_c**2)
    da = np.hstack(
        (dc * g * dsigmoid(i), dc * prev_c * dsigmoid(f), dnext_h * tanh_c * dsigmoid(o), dc * i * (1 - g**2))
    )
    return through_the_sum(da, x, prev_h, dc * f, Wx, Wh)


@lstm(107, cause="derivative_at_input", argument=EVERY)
def tanh_prime_from_the_raw_cell(dnext_h, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    dc = dnext_h * o * (1 - next_c**2)
    dprev_c = dc * f
    di, df, do, dg = dc * g, dc * prev_c, dnext_h * np.tanh(next_c), dc * i
    da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)))
    return through_the_sum(da, x, prev_h, dprev_c, Wx, Wh)


def gru_cell(x, h, Wx, Wh, b):
    H = h.shape[1]
    z, r = np.split(sigmoid(x @ Wx[:, : 2 * H] + h @ Wh[:, : 2 * H] + b[: 2 * H]), 2, axis=1)
    n = np.tanh(x @ Wx[:, 2 * H :] + (r * h) @ Wh[:, 2 * H :] + b[2 * H :])
    return (1 - z) * n + z * h, (x, h, Wx, Wh, z, r, n)


gru = partial(
    family.wrong, forward=gru_cell, inputs=partial(cell, gates=3, state=1), style="cache", argument="x h Wx Wh b"
)


def gru_parts(dn, dz, x, h, Wx, Wh, r):
    H = h.shape[1]
    drh = dn @ Wh[:, 2 * H :].T
    dzr = np.hstack((dz, drh * h * r * (1 - r)))
    da = np.hstack((dzr, dn))
    dWh = np.hstack((h.T @ dzr, (r * h).T @ dn))
    return da @ Wx.T, drh * r + dzr @ Wh[:, : 2 * H].T, x.T @ da, dWh, da.sum(axis=0)


@gru(107, cause="wrong_operand")
def candidate_derivative_from_the_new_state(dout, cache):
    x, h, Wx, Wh, z, r, n = cache
    h_next = (1 - z) * n + z * h
    dn = dout * (1 - z) * (1 - h_next**2)
    dz = dout * (h - n) * z * (1 - z)
    dx, dh, *rest = gru_parts(dn, dz, x, h, Wx, Wh, r)
    return dx, dh + dout * z, *rest


@gru(108, cause=("cotangent_changed", "wrong_operand"))
def cotangent_multiplied_by_the_gate_in_place(dout, cache):
    x, h, Wx, Wh, z, r, n = cache
    dn = dout
    dn *= 1 - z
    dz = dout * (h - n) * z * (1 - z)
    dh_direct = dout * z
    dx, dh, *rest = gru_parts(dn * (1 - n**2), dz, x, h, Wx, Wh, r)
    return dx, dh + dh_direct, *rest


@family.whole(
    109,
    "wrong backward",
    "layer",
    lambda size, seed: cell(size, seed)[:1] + cell(size, seed)[3:4] + cell(size, seed)[5:],
    cause=("wrong_dtype", "downcast"),
    argument="W b",
    gradients={"W": "dW", "b": "db"},
)
class GatesWithSinglePrecisionBuffers:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        left, right = np.split(x @ self.W + self.b, 2, axis=1)
        self.gate, self.value = sigmoid(left), np.tanh(right)
        return self.gate * self.value

    def backward(self, dout):
        self.dW = np.zeros(self.W.shape, dtype=np.float32)
        self.db = np.zeros(self.b.shape, dtype=np.float32)
        dleft = dout * self.value * self.gate * (1 - self.gate)
        dright = dout * self.gate * (1 - self.value**2)
        da = np.concatenate([dleft, dright], axis=1)
        np.add(self.dW, self.x.T @ da, out=self.dW, casting="same_kind")
        np.add(self.db, da.sum(axis=0), out=self.db, casting="same_kind")
        return da @ self.W.T
