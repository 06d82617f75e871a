"""Recurrent layers, as a textbook prints them: x is (batch, length, in)."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def rnn_step(x, h, W, U, b):
    return np.tanh(x @ W + h @ U + b)


def rnn(x, h, W, U, b):
    hs = []
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, W, U, b)
        hs.append(h)
    return np.stack(hs, axis=1)


def lstm_step(x, h, c, W, U, b):
    i, f, g, o = np.split(x @ W + h @ U + b, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * c + i * g
    h = o * np.tanh(c)
    return h, c


def gru_step(x, h, W, U, b):
    r_b, z_b, n_b, m_b = np.split(b, 4)
    r_x, z_x, n_x = np.split(x @ W, 3, axis=1)
    r_h, z_h, n_h = np.split(h @ U, 3, axis=1)
    r = sigmoid(r_x + r_h + r_b)
    z = sigmoid(z_x + z_h + z_b)
    n = np.tanh(n_x + n_b + r * (n_h + m_b))
    return (1 - z) * n + z * h


def linear_recurrence(x, d, h):
    hs = []
    for t in range(x.shape[1]):
        h = d[:, t] * h + x[:, t]
        hs.append(h)
    return np.stack(hs, axis=1)


def rnn_step_backward(x, h, new_h, W, U, dh):
    da = dh * (1 - new_h**2)
    return da @ W.T, da @ U.T, x.T @ da, h.T @ da, da.sum(axis=0)


def rnn_backward(x, h0, W, U, b, dhs):
    hs = rnn(x, h0, W, U, b)
    dx, dh = np.zeros_like(x), np.zeros_like(h0)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    for t in reversed(range(x.shape[1])):
        before = hs[:, t - 1] if t > 0 else h0
        step = rnn_step_backward(x[:, t], before, hs[:, t], W, U, dhs[:, t] + dh)
        dx[:, t], dh = step[:2]
        dW, dU, db = dW + step[2], dU + step[3], db + step[4]
    return dx, dh, dW, dU, db


def lstm_step_backward(x, h, c, W, U, b, dh, dc):
    i, f, g, o = np.split(x @ W + h @ U + b, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    tanh_c = np.tanh(f * c + i * g)
    dc = dc + dh * o * (1 - tanh_c**2)
    di = dc * g * i * (1 - i)
    df = dc * c * f * (1 - f)
    dg = dc * i * (1 - g**2)
    do = dh * tanh_c * o * (1 - o)
    da = np.concatenate([di, df, dg, do], axis=1)
    return da @ W.T, da @ U.T, dc * f, x.T @ da, h.T @ da, da.sum(axis=0)


def linear_recurrence_backward(d, dhs):
    dx, dh = np.zeros_like(dhs), 0
    for t in reversed(range(dhs.shape[1])):
        dx[:, t] = dhs[:, t] + dh
        dh = d[:, t] * dx[:, t]
    return dx
