"""Recurrent networks whose steps lose, overwrite or misplace something (catalogue 102 to 104, 108, 109)."""

# As people write it: loops bind what is returned.
# pyright: reportPossiblyUnboundVariable=false

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("recurrent_attention")
ALL = "x h0 Wx Wh b"


def sequences(size, seed, gates=1):
    N, T, D, H = (2, 4, 3, 5) if size == "small" else (8, 12, 20, 24)
    x, h0, Wx, Wh, b = normal(seed, (N, T, D), (N, H), (D, gates * H), (H, gates * H), (gates * H,))
    return x, h0, Wx / np.sqrt(D), Wh / np.sqrt(H), 0.3 * b


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def rnn_forward(x, h0, Wx, Wh, b):
    h = [h0]
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t] @ Wx + h[-1] @ Wh + b))
    return np.stack(h[1:], axis=1)


def rnn_with_cache(x, h0, Wx, Wh, b):
    h = rnn_forward(x, h0, Wx, Wh, b)
    return h, (x, h0, Wx, Wh, h)


def rnn_step_backward(dnext_h, x, prev_h, next_h, Wx, Wh):
    dz = dnext_h * (1 - next_h**2)
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)


wrong = partial(family.wrong, inputs=sequences)


@wrong(102, rnn_with_cache, style="cache", cause="time_not_carried", argument=ALL)
def rnn_backward_without_dprev_h(dh, cache):
    x, h0, Wx, Wh, h = cache
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(len(Wh))
    for t in reversed(range(x.shape[1])):
        prev_h = h[:, t - 1] if t > 0 else h0
        dx[:, t], dh0, dWx_t, dWh_t, db_t = rnn_step_backward(dh[:, t], x[:, t], prev_h, h[:, t], Wx, Wh)
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return dx, dh0, dWx, dWh, db


@family.whole(
    102,
    "wrong backward",
    "layer",
    lambda size, seed: tuple(a for i, a in enumerate(sequences(size, seed, 4)) if i != 1),
    cause="time_not_carried",
    argument="xs Wx Wh b",
    gradients={"Wx": "dWx", "Wh": "dWh", "b": "db"},
)
class TimeLSTMDropsTheCellGradient:
    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b

    def forward(self, xs):
        N, T, D = xs.shape
        H = self.Wh.shape[0]
        h, c = np.zeros((N, H)), np.zeros((N, H))
        hs, self.steps = np.empty((N, T, H)), []
        for t in range(T):
            A = xs[:, t] @ self.Wx + h @ self.Wh + self.b
            f, i, o = sigmoid(A[:, :H]), sigmoid(A[:, 2 * H : 3 * H]), sigmoid(A[:, 3 * H :])
            g = np.tanh(A[:, H : 2 * H])
            c_next = f * c + g * i
            h_next = o * np.tanh(c_next)
            self.steps.append((xs[:, t], h, c, i, f, g, o, c_next))
            h, c = h_next, c_next
            hs[:, t] = h
        return hs

    def backward(self, dhs):
        dxs = np.empty((*dhs.shape[:2], self.Wx.shape[0]))
        self.dWx, self.dWh, self.db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        dh = 0
        for t in reversed(range(dhs.shape[1])):
            x, h_prev, c_prev, i, f, g, o, c_next = self.steps[t]
            dh_next = dhs[:, t] + dh
            tanh_c_next = np.tanh(c_next)
            ds = dh_next * o * (1 - tanh_c_next**2)
            do = dh_next * tanh_c_next * o * (1 - o)
            dA = np.hstack((ds * c_prev * f * (1 - f), ds * i * (1 - g**2), ds * g * i * (1 - i), do))
            self.dWh += h_prev.T @ dA
            self.dWx += x.T @ dA
            self.db += dA.sum(axis=0)
            dxs[:, t], dh = dA @ self.Wx.T, dA @ self.Wh.T
        return dxs


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


@wrong(103, rnn_forward, cause="time_overwritten", argument="Wx Wh b")
def parameters_assigned_in_the_time_loop(dh, x, h0, Wx, Wh, b):
    h = np.concatenate([h0[:, None], rnn_forward(x, h0, Wx, Wh, b)], axis=1)
    dx = np.zeros_like(x)
    carry = np.zeros_like(h0)
    for t in range(x.shape[1] - 1, -1, -1):
        step = rnn_step_backward(dh[:, t] + carry, x[:, t], h[:, t], h[:, t + 1], Wx, Wh)
        dx[:, t], carry, dWx, dWh, db = step
    return dx, carry, dWx, dWh, db


def gru_forward(x, h0, Wx, Wh, b):
    H, h, saved = h0.shape[1], h0, []
    for t in range(x.shape[1]):
        ax, ah = x[:, t] @ Wx + b, h @ Wh[:, : 2 * H]
        z, r = sigmoid(ax[:, :H] + ah[:, :H]), sigmoid(ax[:, H : 2 * H] + ah[:, H:])
        n = np.tanh(ax[:, 2 * H :] + (r * h) @ Wh[:, 2 * H :])
        saved.append((h, z, r, n))
        h = (1 - z) * n + z * h
    return h, (x, Wx, Wh, saved)


@family.wrong(
    103,
    gru_forward,
    partial(sequences, gates=3),
    style="cache",
    cause="time_overwritten",
    argument="Wh b",
)
def gru_last_state_with_assigned_recurrent_weights(dh, cache):
    x, Wx, Wh, saved = cache
    H = dh.shape[1]
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(3 * H)
    for t in reversed(range(x.shape[1])):
        h, z, r, n = saved[t]
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (h - n) * z * (1 - z)
        drh = dn @ Wh[:, 2 * H :].T
        dr = drh * h * r * (1 - r)
        dzr, da = np.hstack([dz, dr]), np.hstack([dz, dr, dn])
        dWx += x[:, t].T @ da
        dWh = np.hstack([h.T @ dzr, (r * h).T @ dn])
        db = da.sum(axis=0)
        dx[:, t] = da @ Wx.T
        dh = dh * z + drh * r + dzr @ Wh[:, : 2 * H].T
    return dx, dh, dWx, dWh, db


@wrong(104, rnn_forward, cause=("time_off_by_one", "wrong_operand"), argument="Wh")
def hidden_weights_from_the_state_after_the_step(dh, x, h0, Wx, Wh, b):
    h = rnn_forward(x, h0, Wx, Wh, b)
    dx, dWx, dWh, db = np.zeros_like(x), 0, 0, 0
    dnext = np.zeros_like(h0)
    for t in reversed(range(h.shape[1])):
        delta = (dh[:, t] + dnext) * (1 - h[:, t] * h[:, t])
        dWx = dWx + x[:, t].T @ delta
        dWh = dWh + h[:, t].T @ delta
        db = db + delta.sum(axis=0)
        dx[:, t] = delta @ Wx.T
        dnext = delta @ Wh.T
    return dx, dnext, dWx, dWh, db


@family.whole(104, "wrong backward", "vjp", sequences, cause=("time_off_by_one", "wrong_operand"), argument="Wh")
def relu_rnn_pairs_states_in_one_product(x, h0, Wx, Wh, b):
    hs = [h0]
    for t in range(x.shape[1]):
        hs.append(np.maximum(0.1 * (a := x[:, t] @ Wx + hs[-1] @ Wh + b), a))
    states = np.stack(hs[1:], axis=1)

    def pullback(g):
        deltas, carry = np.empty_like(states), 0
        for t in range(x.shape[1])[::-1]:
            deltas[:, t] = (g[:, t] + carry) * np.where(states[:, t] > 0, 1.0, 0.1)
            carry = deltas[:, t] @ Wh.T
        dWx = np.tensordot(x, deltas, axes=([0, 1], [0, 1]))
        dWh = np.tensordot(states, deltas, axes=([0, 1], [0, 1]))
        return deltas @ Wx.T, carry, dWx, dWh, deltas.sum(axis=(0, 1))

    return states, pullback


@family.impure(108, rnn_with_cache, sequences, style="cache", cause="cotangent_changed")
def carry_added_into_dh(dh, cache):
    x, h0, Wx, Wh, h = cache
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(len(Wh))
    dprev = np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        current = dh[:, t]
        current += dprev
        prev_h = h[:, t - 1] if t else h0
        dx[:, t], dprev, *steps = rnn_step_backward(current, x[:, t], prev_h, h[:, t], Wx, Wh)
        for total, step in zip((dWx, dWh, db), steps, strict=True):
            total += step
    return dx, dprev, dWx, dWh, db


@wrong(109, rnn_forward, cause=("wrong_dtype", "downcast"), argument="x")
def input_gradients_in_single_precision(dh, x, h0, Wx, Wh, b):
    h = np.concatenate([h0[:, None], rnn_forward(x, h0, Wx, Wh, b)], axis=1)
    dx = np.empty(x.shape, dtype="f")
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dprev = np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        step = rnn_step_backward(dh[:, t] + dprev, x[:, t], h[:, t], h[:, t + 1], Wx, Wh)
        dx[:, t], dprev = step[:2]
        dWx += step[2]
        dWh += step[3]
        db += step[4]
    return dx, dprev, dWx, dWh, db
