"""An LSTM through time, as a textbook prints it: x is (batch, length, in), the four gates stand side by side."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gates(x, h, W, U, b):
    i, f, g, o = np.split(x @ W + h @ U + b, 4, axis=1)
    return sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)


def lstm_step(x, h, c, W, U, b):
    i, f, g, o = gates(x, h, W, U, b)
    c = f * c + i * g
    h = o * np.tanh(c)
    return h, c


def lstm(x, h, c, W, U, b):
    hs, cs = [h], [c]
    for t in range(x.shape[1]):
        h, c = lstm_step(x[:, t], h, c, W, U, b)
        hs.append(h)
        cs.append(c)
    return hs, cs


def lstm_step_backward(x, h, c, W, U, b, dh, dc):
    i, f, g, o = gates(x, h, W, U, b)
    tanh_c = np.tanh(f * c + i * g)
    dc = dc + dh * o * (1 - tanh_c**2)
    di = dc * g * i * (1 - i)
    df = dc * c * f * (1 - f)
    dg = dc * i * (1 - g**2)
    do = dh * tanh_c * o * (1 - o)
    da = np.concatenate([di, df, dg, do], axis=1)
    return da @ W.T, da @ U.T, dc * f, x.T @ da, h.T @ da, da.sum(axis=0)


def lstm_backward(x, h, c, W, U, b, dh):
    hs, cs = lstm(x, h, c, W, U, b)
    dx, dc = np.zeros_like(x), np.zeros_like(c)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    for t in reversed(range(x.shape[1])):
        step = lstm_step_backward(x[:, t], hs[t], cs[t], W, U, b, dh, dc)
        dx[:, t], dh, dc = step[:3]
        dW, dU, db = dW + step[3], dU + step[4], db + step[5]
    return dx, dh, dc, dW, dU, db
