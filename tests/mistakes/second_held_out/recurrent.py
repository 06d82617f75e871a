"""mistakes in recurrent nets over time (catalogue 102 to 104, 107, 109)."""

import numpy as np

from ..case import Family, normal

family = Family("recurrent_attention")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def characters(size, seed):
    n, t, d, h = (2, 4, 3, 5) if size == "small" else (8, 10, 12, 24)
    x, Wxh, Whh, bh = normal(seed, (t, n, d), (d, h), (h, h), (h,))
    return x, 0.5 * Wxh, Whh / np.sqrt(h), 0.2 * bh


class CharRNN:
    """Time comes first; the state starts at zero."""

    def __init__(self, Wxh, Whh, bh):
        self.Wxh, self.Whh, self.bh = Wxh, Whh, bh

    def forward(self, xs):
        self.xs, self.hs = xs, {-1: np.zeros((xs.shape[1], len(self.bh)))}
        for t in range(len(xs)):
            self.hs[t] = np.tanh(xs[t] @ self.Wxh + self.hs[t - 1] @ self.Whh + self.bh)
        return np.stack([self.hs[t] for t in range(len(xs))])

    def start(self):
        self.dWxh, self.dWhh, self.dbh = np.zeros_like(self.Wxh), np.zeros_like(self.Whh), np.zeros_like(self.bh)
        return np.zeros_like(self.xs), np.zeros_like(self.hs[-1])


of_characters = {"Wxh": "dWxh", "Whh": "dWhh", "bh": "dbh"}


@family.whole(
    102,
    "wrong backward",
    "layer",
    characters,
    gradients=of_characters,
    argument="xs Wxh Whh bh",
    cause="time_not_carried",
)
class CharRNNForgetsTheFuture(CharRNN):
    def backward(self, dhs):
        dxs, dhnext = self.start()
        for t in reversed(range(len(dhs))):
            dhraw = (1 - self.hs[t] ** 2) * dhs[t]
            self.dbh += dhraw.sum(axis=0)
            self.dWxh += self.xs[t].T @ dhraw
            self.dWhh += self.hs[t - 1].T @ dhraw
            dxs[t] = dhraw @ self.Wxh.T
        return dxs


@family.whole(
    103,
    "wrong backward",
    "layer",
    characters,
    gradients=of_characters,
    argument="Wxh",
    cause=("time_overwritten", "use_dropped"),
)
class CharRNNKeepsOneStep(CharRNN):
    def backward(self, dhs):
        dxs, dhnext = self.start()
        for t in reversed(range(len(dhs))):
            dhraw = (1 - self.hs[t] ** 2) * (dhs[t] + dhnext)
            self.dbh += dhraw.sum(axis=0)
            self.dWxh = self.xs[t].T @ dhraw
            self.dWhh += self.hs[t - 1].T @ dhraw
            dxs[t] = dhraw @ self.Wxh.T
            dhnext = dhraw @ self.Whh.T
        return dxs


@family.whole(
    104, "wrong backward", "layer", characters, gradients=of_characters, argument="Whh", cause="time_off_by_one"
)
class CharRNNPairsWithTheNewState(CharRNN):
    def backward(self, dhs):
        dxs, dhnext = self.start()
        for t in range(len(dhs) - 1, -1, -1):
            dhraw = (1 - self.hs[t] * self.hs[t]) * (dhs[t] + dhnext)
            self.dWxh += np.dot(self.xs[t].T, dhraw)
            self.dWhh += np.dot(self.hs[t].T, dhraw)
            self.dbh += np.sum(dhraw, axis=0)
            dxs[t], dhnext = np.dot(dhraw, self.Wxh.T), np.dot(dhraw, self.Whh.T)
        return dxs


@family.whole(
    109,
    "wrong backward",
    "layer",
    characters,
    gradients=of_characters,
    argument="Whh",
    cause=("wrong_dtype", "downcast"),
)
class CharRNNWithSinglePrecisionBuffer(CharRNN):
    def backward(self, dhs):
        dxs, dhnext = self.start()
        self.dWhh = np.zeros(self.Whh.shape, dtype=np.float32)
        for t in reversed(range(len(dhs))):
            dhraw = (1 - self.hs[t] ** 2) * (dhs[t] + dhnext)
            self.dbh += dhraw.sum(axis=0)
            self.dWxh += self.xs[t].T @ dhraw
            self.dWhh += (self.hs[t - 1].T @ dhraw).astype("f")
            dxs[t] = dhraw @ self.Wxh.T
            dhnext = dhraw @ self.Whh.T
        return dxs


@family.whole(
    107,
    "wrong backward",
    "layer",
    characters,
    gradients=of_characters,
    argument="xs Wxh Whh bh",
    cause=("time_off_by_one", "wrong_operand"),
)
class CharRNNSlopeOfThePreviousState(CharRNN):
    def backward(self, dhs):
        dxs, dhnext = self.start()
        for t in reversed(range(len(dhs))):
            dhraw = (1 - self.hs[t - 1] ** 2) * (dhs[t] + dhnext)
            self.dbh += dhraw.sum(axis=0)
            self.dWxh += self.xs[t].T @ dhraw
            self.dWhh += self.hs[t - 1].T @ dhraw
            dxs[t] = dhraw @ self.Wxh.T
            dhnext = dhraw @ self.Whh.T
        return dxs


# A whole LSTM: x (N, T, D), Wx (D, 4H), Wh (H, 4H), b (4H,); gates in the order i, f, o, g.
def lstm_inputs(size, seed):
    n, t, d, h = (2, 3, 3, 4) if size == "small" else (8, 8, 12, 16)
    x, Wx, Wh, b = normal(seed, (n, t, d), (d, 4 * h), (h, 4 * h), (4 * h,))
    return x, 0.6 * Wx, 0.6 * Wh, 0.3 * b


def lstm_forward(x, Wx, Wh, b):
    N, T, _ = x.shape
    h = c = np.zeros((N, len(Wh)))
    out, steps = [], []
    for t in range(T):
        i, f, o, g = np.split(x[:, t] @ Wx + h @ Wh + b, 4, axis=1)
        i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
        before, c = (h, c), f * c + i * g
        h = o * np.tanh(c)
        out.append(h)
        steps.append((x[:, t], *before, i, f, o, g, c))
    return np.stack(out, axis=1), (steps, Wx, Wh)


@family.wrong(102, lstm_forward, lstm_inputs, style="cache", argument="x Wx Wh b", cause="time_not_carried")
def lstm_cell_state_gradient_dropped(dout, cache):
    steps, Wx, Wh = cache
    dx, dWx, dWh, db = [], np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wx.shape[1])
    dh_next = 0
    for t in reversed(range(len(steps))):
        x, h, c_prev, i, f, o, g, c = steps[t]
        dh = dout[:, t] + dh_next
        dc = dh * o * (1 - np.tanh(c) ** 2)
        da = np.hstack(
            [dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dh * np.tanh(c) * o * (1 - o), dc * i * (1 - g * g)]
        )
        dx.insert(0, da @ Wx.T)
        dh_next = da @ Wh.T
        dWx += x.T @ da
        dWh += h.T @ da
        db += da.sum(axis=0)
    return np.stack(dx, axis=1), dWx, dWh, db


@family.wrong(
    107, lstm_forward, lstm_inputs, style="cache", argument="x Wx Wh b", cause=("derivative_at_input", "wrong_operand")
)
def lstm_slope_by_the_cell_state(dout, cache):
    steps, Wx, Wh = cache
    dx, dWx, dWh, db = np.zeros((len(dout), len(steps), len(Wx))), 0, 0, 0
    dh_next, dc_next = 0, 0
    for t, (x, h, c_prev, i, f, o, g, c) in reversed(list(enumerate(steps))):
        dh = dout[:, t] + dh_next
        do = dh * np.tanh(c)
        dc = dc_next + dh * o * (1 - c**2)
        di, df, dg, dc_next = dc * g, dc * c_prev, dc * i, dc * f
        da = np.concatenate([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)], axis=1)
        dx[:, t], dh_next = da @ Wx.T, da @ Wh.T
        dWx, dWh, db = dWx + x.T @ da, dWh + h.T @ da, db + da.sum(axis=0)
    return dx, dWx, dWh, db
