"""mistakes in one step of a gated cell (catalogue 43, 102, 105, 106)."""

import numpy as np

from ..case import Family, normal

family = Family("recurrent_attention")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# One step of a GRU with a matrix a gate, biases left out.
def gru_inputs(size, seed):
    n, d, h = (3, 2, 4) if size == "small" else (16, 12, 20)
    return normal(seed, (n, d), (n, h), *((d + h, h),) * 3)


def gru_step(x, h, Wz, Wr, Wn):
    xh = np.concatenate([x, h], axis=1)
    z, r = sigmoid(xh @ Wz), sigmoid(xh @ Wr)
    xrh = np.concatenate([x, r * h], axis=1)
    n = np.tanh(xrh @ Wn)
    return (1 - z) * n + z * h, (h, xh, xrh, z, r, n, Wz, Wr, Wn)


@family.wrong(43, gru_step, gru_inputs, style="rule", argument="x h Wr", cause="derivative_missing")
def gru_reset_gate_slope_missing(saved, dh):
    h, xh, xrh, z, r, n, Wz, Wr, Wn = saved
    d = xh.shape[1] - h.shape[1]
    an, az = dh * (1 - z) * (1 - n**2), dh * (h - n) * z * (1 - z)
    dxrh = an @ Wn.T
    ar = dxrh[:, d:] * h
    dxh = az @ Wz.T + ar @ Wr.T
    dx, dh_prev = dxh[:, :d] + dxrh[:, :d], dxh[:, d:] + dxrh[:, d:] * r + dh * z
    return dx, dh_prev, xh.T @ az, xh.T @ ar, xrh.T @ an


@family.wrong(102, gru_step, gru_inputs, style="rule", argument="h", cause=("use_dropped", "sum_term_missing"))
def gru_direct_path_missing(saved, dh):
    h, xh, xrh, z, r, n, Wz, Wr, Wn = saved
    d = xh.shape[1] - h.shape[1]
    an, az = dh * (1 - z) * (1 - n**2), dh * (h - n) * z * (1 - z)
    dxrh = an @ Wn.T
    ar = dxrh[:, d:] * h * r * (1 - r)
    dxh = az @ Wz.T + ar @ Wr.T
    return dxh[:, :d] + dxrh[:, :d], dxh[:, d:] + r * dxrh[:, d:], xh.T @ az, xh.T @ ar, xrh.T @ an


# One step of an LSTM with a matrix a gate, as tutorials write it.
def separate_gates(size, seed):
    n, d, h = (3, 2, 4) if size == "small" else (16, 12, 20)
    return normal(seed, (n, d + h), (n, h), *((d + h, h),) * 4)


def cell(z, c_prev, Wf, Wi, Wo, Wc):
    f, i, o, g = sigmoid(z @ Wf), sigmoid(z @ Wi), sigmoid(z @ Wo), np.tanh(z @ Wc)
    c = f * c_prev + i * g
    return (o * np.tanh(c), c), (z, c_prev, Wf, Wi, Wo, Wc, f, i, o, g, c)


of_the_cell = ("z", "c_prev", "Wf", "Wi", "Wo", "Wc")


def gate_errors(cache, dh, dc_next, slope=lambda o, c: o * (1 - np.tanh(c) ** 2)):
    z, c_prev, Wf, Wi, Wo, Wc, f, i, o, g, c = cache
    dc = dc_next + dh * slope(o, c)
    df, di = dc * c_prev * f * (1 - f), dc * g * i * (1 - i)
    return dc * f, df, di, dh * np.tanh(c) * o * (1 - o), dc * i * (1 - g**2)


@family.wrong(105, cell, separate_gates, names=of_the_cell, style="cache", argument="Wi", cause="wrong_operand")
def input_gate_weights_copied_from_the_forget_gate(dout, cache):
    z, _, Wf, Wi, Wo, Wc = cache[:6]
    dc_prev, df, di, do, dg = gate_errors(cache, *dout)
    dz = df @ Wf.T + di @ Wi.T + do @ Wo.T + dg @ Wc.T
    return dz, dc_prev, z.T @ df, z.T @ df, z.T @ do, z.T @ dg


@family.wrong(105, cell, separate_gates, names=of_the_cell, style="cache", argument="Wf Wi", cause="arguments_swapped")
def forget_and_input_gate_weights_exchanged(dout, cache):
    z, _, Wf, Wi, Wo, Wc = cache[:6]
    dc_prev, df, di, do, dg = gate_errors(cache, *dout)
    dz = df @ Wf.T + di @ Wi.T + do @ Wo.T + dg @ Wc.T
    return dz, dc_prev, z.T @ di, z.T @ df, z.T @ do, z.T @ dg


@family.wrong(
    106,
    cell,
    separate_gates,
    names=of_the_cell,
    style="cache",
    argument="z c_prev Wf Wi Wc",
    cause="derivative_missing",
)
def output_tanh_slope_missing(dout, cache):
    z, _, Wf, Wi, Wo, Wc = cache[:6]
    dc_prev, df, di, do, dg = gate_errors(cache, *dout, slope=lambda o, c: o)
    dz = df @ Wf.T + di @ Wi.T + do @ Wo.T + dg @ Wc.T
    return dz, dc_prev, z.T @ df, z.T @ di, z.T @ do, z.T @ dg
