"""Recurrent networks: state in and out with a cache, two cotangents, four gates in several orders, three gates."""

import numpy as np

# pyright: reportGeneralTypeIssues=false


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx, dprev_h = da.dot(Wx.T), da.dot(Wh.T)
    # wrong rnn_step Wh [shifted wrong_operand]: dWh = next_h.T.dot(da)
    dWh = prev_h.T.dot(da)
    return dx, dprev_h, x.T.dot(da), dWh, da.sum(axis=0)


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, _ = x.shape
    h, prev = np.zeros((N, T, h0.shape[1])), h0
    caches = []
    for t in range(T):
        prev, cache = rnn_step_forward(x[:, t], prev, Wx, Wh, b)
        h[:, t] = prev
        caches.append(cache)
    return h, caches


def rnn_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][0].shape[1]
    dx, dprev = np.zeros((N, T, D)), np.zeros((N, H))
    dWx, dWh, db = np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    for t in reversed(range(T)):
        x, prev_h, Wx, Wh, next_h = cache[t]
        # wrong rnn x [time_not_carried]: da = dh[:, t] * (1 - next_h**2)
        da = (dh[:, t] + dprev) * (1 - next_h**2)
        dx[:, t], dprev = da.dot(Wx.T), da.dot(Wh.T)
        dWx, dWh, db = dWx + x.T.dot(da), dWh + prev_h.T.dot(da), db + da.sum(axis=0)
    return dx, dprev, dWx, dWh, db


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """Gates in the order i, f, o, g."""
    H = prev_h.shape[1]
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tanh_c = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - tanh_c**2)
    # wrong lstm_step prev_c [wrong_index wrong_operand]: dprev_c = dc * i
    dprev_c = dc * f
    di, df, dg = dc * g * i * (1 - i), dc * prev_c * f * (1 - f), dc * i * (1 - g**2)
    da = np.hstack([di, df, dnext_h * tanh_c * o * (1 - o), dg])
    return da.dot(Wx.T), da.dot(Wh.T), dprev_c, x.T.dot(da), prev_h.T.dot(da), da.sum(axis=0)


class LSTM:
    """A step as a layer: gates in the order f, g, i, o; two states in, two out, two cotangents."""

    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.cache = None

    def forward(self, x, h_prev, c_prev):
        Wx, Wh, b = self.params
        H = h_prev.shape[1]
        A = np.dot(x, Wx) + np.dot(h_prev, Wh) + b
        f, g = sigmoid(A[:, :H]), np.tanh(A[:, H : 2 * H])
        i, o = sigmoid(A[:, 2 * H : 3 * H]), sigmoid(A[:, 3 * H :])
        c_next = f * c_prev + g * i
        h_next = o * np.tanh(c_next)
        self.cache = (x, h_prev, c_prev, i, f, g, o, c_next)
        return h_next, c_next

    def backward(self, dh_next, dc_next):
        Wx, Wh, _ = self.params
        x, h_prev, c_prev, i, f, g, o, c_next = self.cache
        tanh_c_next = np.tanh(c_next)
        ds = dc_next + (dh_next * o) * (1 - tanh_c_next**2)
        df, dg, di = ds * c_prev * f * (1 - f), ds * i * (1 - g**2), ds * g * i * (1 - i)
        do = dh_next * tanh_c_next * o * (1 - o)
        dA = np.hstack((df, dg, di, do))
        self.grads[0][...] = np.dot(x.T, dA)
        self.grads[1][...] = np.dot(h_prev.T, dA)
        # wrong LSTM b [scaled_by_count]: self.grads[2][...] = dA.mean(axis=0)
        self.grads[2][...] = dA.sum(axis=0)
        return np.dot(dA, Wx.T), np.dot(dA, Wh.T), ds * f


class RNN:
    """A step of a textbook's recurrent layer: backward(dh_next) -> dx, dh_prev."""

    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]
        self.cache = None

    def forward(self, x, h_prev):
        Wx, Wh, b = self.params
        h_next = np.tanh(np.dot(h_prev, Wh) + np.dot(x, Wx) + b)
        self.cache = (x, h_prev, h_next)
        return h_next

    def backward(self, dh_next):
        Wx, Wh, _ = self.params
        x, h_prev, h_next = self.cache
        dt = dh_next * (1 - h_next**2)
        # wrong RNN b [scaled_by_count]: self.grads[2][...] = np.mean(dt, axis=0)
        self.grads[2][...] = np.sum(dt, axis=0)
        self.grads[1][...] = np.dot(h_prev.T, dt)
        self.grads[0][...] = np.dot(x.T, dt)
        return np.dot(dt, Wx.T), np.dot(dt, Wh.T)


class GRU:
    """Three gates side by side: z, r, and the candidate."""

    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b
        self.dWx, self.dWh, self.db = None, None, None

    def forward(self, x, h_prev):
        H = h_prev.shape[1]
        Wx, Wh, b = self.Wx, self.Wh, self.b
        z = sigmoid(x @ Wx[:, :H] + h_prev @ Wh[:, :H] + b[:H])
        r = sigmoid(x @ Wx[:, H : 2 * H] + h_prev @ Wh[:, H : 2 * H] + b[H : 2 * H])
        h_hat = np.tanh(x @ Wx[:, 2 * H :] + (r * h_prev) @ Wh[:, 2 * H :] + b[2 * H :])
        self.cache = (x, h_prev, z, r, h_hat)
        return (1 - z) * h_prev + z * h_hat

    def backward(self, dh_next):
        H = dh_next.shape[1]
        x, h_prev, z, r, h_hat = self.cache
        dh_prev = dh_next * (1 - z)
        dt = dh_next * z * (1 - h_hat**2)
        dhr = dt @ self.Wh[:, 2 * H :].T
        # wrong GRU h_prev [term_missing unexplained wrong_operand]: dh_prev = r * dhr
        dh_prev += r * dhr
        dz = dh_next * (h_hat - h_prev) * z * (1 - z)
        dr = dhr * h_prev * r * (1 - r)
        dA = np.hstack([dz, dr, dt])
        self.dWx, self.db = x.T @ dA, dA.sum(axis=0)
        self.dWh = np.hstack([h_prev.T @ dz, h_prev.T @ dr, (r * h_prev).T @ dt])
        return dA @ self.Wx.T, dh_prev + dz @ self.Wh[:, :H].T + dr @ self.Wh[:, H : 2 * H].T


def gru_step_forward(x, prev_h, Wx, Wh, b):
    H = prev_h.shape[1]
    gates = sigmoid(x @ Wx[:, : 2 * H] + prev_h @ Wh[:, : 2 * H] + b[: 2 * H])
    r, z = gates[:, :H], gates[:, H:]
    n = np.tanh(x @ Wx[:, 2 * H :] + r * (prev_h @ Wh[:, 2 * H :]) + b[2 * H :])
    next_h = z * prev_h + (1 - z) * n
    return next_h, (x, prev_h, Wx, Wh, r, z, n)


def gru_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, r, z, n = cache
    H = prev_h.shape[1]
    dn = dnext_h * (1 - z) * (1 - n**2)
    dz = dnext_h * (prev_h - n) * z * (1 - z)
    dr = dn * (prev_h @ Wh[:, 2 * H :]) * r * (1 - r)
    da, dah = np.hstack([dr, dz, dn]), np.hstack([dr, dz, dn * r])
    dprev_h = dah @ Wh.T + dnext_h * z
    # wrong gru_step b [scaled_by_count]: db = da.mean(axis=0)
    db = da.sum(axis=0)
    return da @ Wx.T, dprev_h, x.T @ da, prev_h.T @ dah, db
