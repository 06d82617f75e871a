"""Recurrent layers over a sequence."""

from functools import partial

import numpy as np

from ..case import Family, Kind, normal

family = Family("recurrent_attention")


class Recurrent:
    """A tanh recurrent layer; what is wrong is in the methods below it."""

    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b

    def forward(self, x):
        self.x = x
        self.h = np.zeros((len(x), x.shape[1] + 1, len(self.b)))
        for t in range(x.shape[1]):
            self.h[:, t + 1] = np.tanh(x[:, t] @ self.Wx + self.h[:, t] @ self.Wh + self.b)
        return self.h[:, 1:].copy()

    def backward(self, dhs):
        dx, dh = np.zeros_like(self.x), np.zeros_like(self.h[:, 0])
        self.dWx, self.dWh, self.db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        for t in reversed(range(self.x.shape[1])):
            da = (dhs[:, t] + dh) * (1 - self.h[:, t + 1] ** 2)
            self.collect(t, da)
            dx[:, t] = da @ self.Wx.T
            dh = self.carry(da)
        return dx

    def collect(self, t, da):
        self.dWx += self.x[:, t].T @ da
        self.dWh += self.h[:, t].T @ da
        self.db += da.sum(axis=0)

    def carry(self, da):
        return da @ self.Wh.T


def plain_sequences(size, seed):
    """x (N, T, D), Wx (D, H), Wh (H, H), b (H,)"""
    n, t, d, h = (3, 5, 2, 4) if size == "small" else (12, 10, 8, 24)
    x, wx, wh, b = normal(seed, (n, t, d), (d, h), (h, h), (h,))
    return x, 0.6 * wx, 0.8 * wh / np.sqrt(h), 0.3 * b


GRADIENTS = {"Wx": "dWx", "Wh": "dWh", "b": "db"}


def recurrent(number, kind: Kind = "wrong backward", **more):
    return family.whole(number, kind, "layer", plain_sequences, gradients=GRADIENTS, **more)


@recurrent(102, argument="x Wx Wh b", cause="time_not_carried")
class NothingCarriedBack(Recurrent):
    def carry(self, da):
        return 0.0


@recurrent(103, argument="Wx Wh", cause="not_accumulated")
class MatricesOfTheFirstStep(Recurrent):
    def collect(self, t, da):
        self.dWx = self.x[:, t].T @ da
        self.dWh = self.h[:, t].T @ da
        self.db += da.sum(axis=0)


@recurrent(104, argument="Wh", cause="shifted")
class StateThatLeftTheStep(Recurrent):
    def collect(self, t, da):
        super().collect(t, da)
        self.dWh += (self.h[:, t + 1] - self.h[:, t]).T @ da


@recurrent(6, argument="x Wx Wh b", cause="transposed")
class CarriedByTheMatrixItself(Recurrent):
    def carry(self, da):
        return da @ self.Wh


@recurrent(4, argument="Wx Wh b", cause="scaled_by_count")
class EverythingDividedByTheBatch(Recurrent):
    def collect(self, t, da):
        super().collect(t, da / len(da))


@recurrent(140, "impure", cause="stale_state")
class StateKeptForTheNextSequence(Recurrent):
    last = 0.0

    def forward(self, x):
        self.x = x
        self.h = np.zeros((len(x), x.shape[1] + 1, len(self.b)))
        self.h[:, 0] = self.last
        for t in range(x.shape[1]):
            self.h[:, t + 1] = np.tanh(x[:, t] @ self.Wx + self.h[:, t] @ self.Wh + self.b)
        self.last = self.h[:, -1].copy()
        return self.h[:, 1:].copy()


@recurrent("", "control")
class RecurrentLayer(Recurrent):
    pass


def through_time(dh, cache, clip=None, slope=lambda s, t: 1 - s[t + 1] ** 2):
    x, Wx, Wh, states = cache
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[0])
    for t in reversed(range(x.shape[1])):
        da = dh * slope(states, t)
        dx[:, t], dh = da @ Wx.T, da @ Wh.T
        dWx, dWh, db = dWx + x[:, t].T @ da, dWh + states[t].T @ da, db + da.sum(axis=0)
    grads = dx, dWx, dWh, db
    return grads if clip is None else tuple(np.clip(g, -clip, clip) for g in grads)


# The same net as a function, whose last state alone is the output.
def last_state(x, Wx, Wh, b):
    states = [np.zeros((len(x), len(b)))]
    for t in range(x.shape[1]):
        states.append(np.tanh(x[:, t] @ Wx + states[-1] @ Wh + b))
    return states[-1], (x, Wx, Wh, states)


def last(number, cause, argument="x Wx Wh b"):
    return family.wrong(number, last_state, plain_sequences, style="cache", cause=cause, argument=argument)


@last(141, "not_linear")
def clipped_on_the_way_out(dh, cache):
    return through_time(dh, cache, clip=0.3)


@last(45, "wrong_derivative")
def slope_of_another_sigmoid(dh, cache):
    return through_time(dh, cache, slope=lambda s, t: s[t + 1] * (1 - s[t + 1]))


def runs(size, seed):
    x, U, W = normal(seed, *(((3, 4, 2), (2, 5), (5, 5)) if size == "small" else ((8, 9, 6), (6, 16), (16, 16))))
    return x, U, 0.9 * W / np.sqrt(len(W))


def last_leaky(x, U, W):
    h = np.zeros((len(x), len(W)))
    states = [h]
    for t in range(x.shape[1]):
        h = 0.7 * h + 0.3 * np.tanh(x[:, t] @ U + h @ W)
        states.append(h)
    return h, (x, U, W, states)


@family.wrong(102, last_leaky, runs, style="cache", names=("x", "U", "W"), cause="term_extra", argument="x U W")
def upstream_of_the_end_at_all_steps(dout, cache):
    x, U, W, h = cache
    dx, dU, dW, dh = np.zeros_like(x), np.zeros_like(U), np.zeros_like(W), np.zeros_like(h[0])
    for t in reversed(range(x.shape[1])):
        dh = dh + dout
        da = 0.3 * dh * (1 - np.tanh(x[:, t] @ U + h[t] @ W) ** 2)
        dx[:, t], dU, dW = da @ U.T, dU + x[:, t].T @ da, dW + h[t].T @ da
        dh = 0.7 * dh + da @ W.T
    return dx, dU, dW


def sharp_backward(dout, cache, slope, steps=1):
    x, U, W, saved = cache
    dx, dU, dW, dh = np.zeros_like(x), np.zeros_like(U), np.zeros_like(W), dout
    for t in reversed(range(x.shape[1])):
        h, z = saved[t]
        da = 2 * dh * slope(z)
        dx[:, t], dW = da @ U.T, dW + h.T @ da
        dU = dU + x[:, t].T @ da if t % steps == 0 else dU
        dh = da @ W.T
    return dx, dU, dW


def sharp(x, U, W):
    """A net whose activation is twice as steep, and its last state."""
    h, saved = np.zeros((len(x), len(W))), []
    for t in range(x.shape[1]):
        z = x[:, t] @ U + h @ W
        saved.append((h, z))
        h = np.tanh(2 * z)
    return h, (x, U, W, saved)


steep = partial(family.wrong, forward=sharp, inputs=runs, style="cache", names=("x", "U", "W"))


@steep(107, cause="static_ignored", argument="x U W")
def slope_of_a_flatter_activation(dout, cache):
    return sharp_backward(dout, cache, lambda z: 1 - np.tanh(z) ** 2)


@steep(65, cause="part_missing", argument="U")
def input_weight_trained_at_every_second_step(dout, cache):
    return sharp_backward(dout, cache, lambda z: 1 - np.tanh(2 * z) ** 2, steps=2)


def sequences(size, seed):
    N, T, D, H = (2, 4, 3, 5) if size == "small" else (8, 12, 20, 24)
    x, h0, Wx, Wh, b = normal(seed, (N, T, D), (N, H), (D, H), (H, H), (H,))
    return x, h0, Wx / np.sqrt(D), Wh / np.sqrt(H), 0.3 * b


@family.whole(104, "wrong backward", "vjp", sequences, cause="shifted", argument="Wh")
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


def rnn_forward(x, h0, Wx, Wh, b):
    h = [h0]
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t] @ Wx + h[-1] @ Wh + b))
    return np.stack(h[1:], axis=1)


def rnn_step_backward(dnext_h, x, prev_h, next_h, Wx, Wh):
    dz = dnext_h * (1 - next_h**2)
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, prev_h.T @ dz, dz.sum(axis=0)


@family.wrong(109, rnn_forward, sequences, cause="downcast", argument="x")
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
