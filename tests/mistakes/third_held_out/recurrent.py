"""Recurrent nets over whole sequences (catalogue 102 to 109)."""

import numpy as np

from ..case import Family, Kind, normal

family = Family("recurrent_attention")


def sequences(size, seed):
    """x (N, T, D), Wx (D, H), Wh (H, H), b (H,)"""
    n, t, d, h = (3, 5, 2, 4) if size == "small" else (12, 10, 8, 24)
    x, wx, wh, b = normal(seed, (n, t, d), (d, h), (h, h), (h,))
    return x, 0.6 * wx, 0.8 * wh / np.sqrt(h), 0.3 * b


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


GRADIENTS = {"Wx": "dWx", "Wh": "dWh", "b": "db"}


def recurrent(number, kind: Kind = "wrong backward", **more):
    return family.whole(number, kind, "layer", sequences, gradients=GRADIENTS, **more)


@recurrent(102, argument="x Wx Wh b", cause="time_not_carried")
class NothingCarriedBack(Recurrent):
    def carry(self, da):
        return 0.0


@recurrent(103, argument="Wx Wh", cause=("time_overwritten", "zero"))
class MatricesOfTheFirstStep(Recurrent):
    def collect(self, t, da):
        self.dWx = self.x[:, t].T @ da
        self.dWh = self.h[:, t].T @ da
        self.db += da.sum(axis=0)


@recurrent(104, argument="Wh", cause="time_off_by_one")
class StateThatLeftTheStep(Recurrent):
    def collect(self, t, da):
        super().collect(t, da)
        self.dWh += (self.h[:, t + 1] - self.h[:, t]).T @ da


@recurrent(6, argument="x Wx Wh b", cause="not_transposed")
class CarriedByTheMatrixItself(Recurrent):
    def carry(self, da):
        return da @ self.Wh


@recurrent(4, argument="Wx Wh b", cause="scaled_by_batch")
class EverythingDividedByTheBatch(Recurrent):
    def collect(self, t, da):
        super().collect(t, da / len(da))


@recurrent("", "control")
class RecurrentLayer(Recurrent):
    pass


@recurrent(140, "impure", cause=("stale_state", "not_deterministic"))
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


# The same net as a function, whose last state alone is the output.
def last_state(x, Wx, Wh, b):
    states = [np.zeros((len(x), len(b)))]
    for t in range(x.shape[1]):
        states.append(np.tanh(x[:, t] @ Wx + states[-1] @ Wh + b))
    return states[-1], (x, Wx, Wh, states)


def through_time(dh, cache, steps=None, clip=None, slope=lambda s, t: 1 - s[t + 1] ** 2):
    x, Wx, Wh, states = cache
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[0])
    for t in list(reversed(range(x.shape[1])))[:steps]:
        da = dh * slope(states, t)
        dx[:, t], dh = da @ Wx.T, da @ Wh.T
        dWx, dWh, db = dWx + x[:, t].T @ da, dWh + states[t].T @ da, db + da.sum(axis=0)
    grads = dx, dWx, dWh, db
    return grads if clip is None else tuple(np.clip(g, -clip, clip) for g in grads)


def last(number, cause, argument="x Wx Wh b"):
    return family.wrong(number, last_state, sequences, style="cache", cause=cause, argument=argument)


@last(102, ("time_not_carried", "time_overwritten", "entries_not_written"))
def unrolled_one_step_only(dh, cache):
    return through_time(dh, cache, steps=1)


@last(141, ("clipped", "isolated_entries"))
def clipped_on_the_way_out(dh, cache):
    return through_time(dh, cache, clip=0.3)


@last(107, "time_off_by_one")
def slope_of_the_state_that_came_in(dh, cache):
    return through_time(dh, cache, slope=lambda s, t: 1 - s[t] ** 2)


@last(45, "wrong_derivative")
def slope_of_another_sigmoid(dh, cache):
    return through_time(dh, cache, slope=lambda s, t: s[t + 1] * (1 - s[t + 1]))


# Sentences of different lengths: after its end a sentence keeps its state.
LENGTHS = np.array([5, 3, 2])


def until_the_end(x, Wx, Wh, b):
    going = np.arange(x.shape[1])[None, :] < np.resize(LENGTHS, len(x))[:, None]
    states = [np.zeros((len(x), len(b)))]
    for t in range(x.shape[1]):
        states.append(np.where(going[:, t, None], np.tanh(x[:, t] @ Wx + states[-1] @ Wh + b), states[-1]))
    return states[-1], (x, Wx, Wh, states, going)


def back_to_the_start(g, cache, masked):
    x, Wx, Wh, states, going = cache
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(len(Wh))
    for t in reversed(range(x.shape[1])):
        on = going[:, t, None]
        da = g * (1 - states[t + 1] ** 2) * (on if masked else 1.0)
        dx[:, t] = da @ Wx.T
        dWx, dWh, db = dWx + x[:, t].T @ da, dWh + states[t].T @ da, db + da.sum(axis=0)
        g = da @ Wh.T + (g * ~on if masked else 0)
    return dx, dWx, dWh, db


@family.wrong(
    111, until_the_end, sequences, style="cache", argument="x Wx Wh b", cause=("mask_missing", "static_ignored")
)
def padding_steps_differentiated(g, cache):
    return back_to_the_start(g, cache, masked=False)


@family.control("", until_the_end, sequences, style="cache")
def sentences_of_different_lengths(g, cache):
    return back_to_the_start(g, cache, masked=True)
