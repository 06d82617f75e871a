"""Recurrent layers: a plain RNN over time, steps of LSTM and GRU, both directions, a leaky integrator."""

import numpy as np

from ..case import Family, normal, sized

family = Family("recurrent")


class TimeRNN:
    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b

    def forward(self, xs):
        N, T, _ = xs.shape
        self.xs, self.hs = xs, np.zeros((N, T + 1, len(self.b)))
        for t in range(T):
            self.hs[:, t + 1] = np.tanh(xs[:, t] @ self.Wx + self.hs[:, t] @ self.Wh + self.b)
        return self.hs[:, 1:].copy()

    def zeros(self):
        self.dWx, self.dWh, self.db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        return np.zeros_like(self.xs), np.zeros_like(self.hs[:, 0])

    def parameters(self, t, dz):
        self.dWx += self.xs[:, t].T @ dz
        self.dWh += self.hs[:, t].T @ dz
        self.db += dz.sum(axis=0)
        return dz @ self.Wx.T


RNN = sized(((3, 4, 2), (2, 5), (5, 5), (5,)), ((3, 4, 2), (2, 5), (5, 5), (5,)))
P = {"gradients": {"Wx": "dWx", "Wh": "dWh", "b": "db"}}
EVERY = "xs Wx Wh b"


@family.whole("", "wrong backward", "layer", RNN, cause="time_not_carried", argument=EVERY, **P)
class EachStepBackpropagatedAlone(TimeRNN):
    def backward(self, dhs):
        dxs, _ = self.zeros()
        for t in reversed(range(dhs.shape[1])):
            dz = dhs[:, t] * (1 - self.hs[:, t + 1] ** 2)
            dxs[:, t] = self.parameters(t, dz)
        return dxs


@family.whole("", "wrong backward", "layer", RNN, cause="shifted", argument="Wh", **P)
class RecurrentWeightSeesTheNewState(TimeRNN):
    def backward(self, dhs):
        dxs, dh = self.zeros()
        for t in reversed(range(dhs.shape[1])):
            h = self.hs[:, t + 1]
            dz = (dhs[:, t] + dh) * (1 - h**2)
            self.dWx += self.xs[:, t].T @ dz
            self.dWh += h.T @ dz
            self.db += dz.sum(axis=0)
            dxs[:, t], dh = dz @ self.Wx.T, dz @ self.Wh.T
        return dxs


@family.whole("", "wrong backward", "layer", RNN, cause="not_accumulated", argument="b", **P)
class BiasGradientOfTheFirstStepRemains(TimeRNN):
    def backward(self, dhs):
        dxs, dh = self.zeros()
        for t in reversed(range(dhs.shape[1])):
            dz = (dhs[:, t] + dh) * (1 - self.hs[:, t + 1] ** 2)
            dxs[:, t], dh = self.parameters(t, dz), dz @ self.Wh.T
            self.db = dz.sum(axis=0)
        return dxs


@family.whole("", "wrong backward", "layer", RNN, cause="transposed", argument=EVERY, **P)
class StateGradientThroughForwardWeight(TimeRNN):
    def backward(self, dhs):
        dxs, dh = self.zeros()
        for t in range(dhs.shape[1] - 1, -1, -1):
            dz = (dhs[:, t] + dh) * (1 - self.hs[:, t + 1] ** 2)
            dh = np.dot(dz, self.Wh)
            dxs[:, t] = self.parameters(t, dz)
        return dxs


@family.whole("", "wrong backward", "layer", RNN, cause="part_missing", argument="xs Wx b", **P)
class LoopEndsBeforeTheFirstStep(TimeRNN):
    def backward(self, dhs):
        dxs, dh = self.zeros()
        for t in range(dhs.shape[1] - 1, 0, -1):
            dz = (dhs[:, t] + dh) * (1 - self.hs[:, t + 1] ** 2)
            dh = np.dot(dz, self.Wh.T)
            dxs[:, t] = self.parameters(t, dz)
        return dxs


@family.whole("", "wrong backward", "layer", RNN, cause="not_linear", argument=EVERY, **P)
class StateGradientClippedOnTheWay(TimeRNN):
    def backward(self, dhs):
        dxs, dh = self.zeros()
        for t in range(dhs.shape[1] - 1, -1, -1):
            dz = (dhs[:, t] + dh) * (1 - self.hs[:, t + 1] ** 2)
            dh = np.clip(dz @ self.Wh.T, -0.5, 0.5)
            dxs[:, t] = self.parameters(t, dz)
        return dxs


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, h, c, Wx, Wh, b):
    """One step; the gates stand in the order forget, candidate, input, output."""
    f, g, i, o = np.split(x @ Wx + h @ Wh + b, 4, axis=1)
    f, g, i, o = sigmoid(f), np.tanh(g), sigmoid(i), sigmoid(o)
    c_next = f * c + g * i
    tc = np.tanh(c_next)
    return (o * tc, c_next), (x, h, c, f, g, i, o, tc, Wx, Wh)


def lstm_end(cache, blocks, dc):
    x, h, c, f, g, i, o, tc, Wx, Wh = cache
    dA = np.hstack(blocks)
    return dA @ Wx.T, dA @ Wh.T, dc, x.T @ dA, h.T @ dA, dA.sum(axis=0)


STEP = sized(((4, 2), (4, 3), (4, 3), (2, 12), (3, 12), (12,)), ((4, 2), (4, 3), (4, 3), (2, 12), (3, 12), (12,)))


@family.wrong("", lstm, STEP, style="cache", cause="time_not_carried", argument="x h c Wx Wh b")
def cell_gradient_from_above_dropped(douts, cache):
    dh_next, dc_next = douts
    x, h, c, f, g, i, o, tc, Wx, Wh = cache
    ds = dh_next * o * (1 - tc**2)
    blocks = ds * c * f * (1 - f), ds * i * (1 - g**2), ds * g * i * (1 - i), dh_next * tc * o * (1 - o)
    return lstm_end(cache, blocks, ds * f)


@family.wrong("", lstm, STEP, style="cache", cause="wrong_index", argument="x h Wx Wh b")
def input_and_forget_blocks_stacked_in_other_order(douts, cache):
    dh_next, dc_next = douts
    x, h, c, f, g, i, o, tc, Wx, Wh = cache
    ds = dc_next + dh_next * o * (1 - tc**2)
    di, df = ds * g * i * (1 - i), ds * c * f * (1 - f)
    dg, do = ds * i * (1 - g**2), dh_next * tc * o * (1 - o)
    return lstm_end(cache, (di, dg, df, do), ds * f)


@family.wrong("", lstm, STEP, style="cache", cause="wrong_operand", argument="c")
def old_cell_reached_through_input_gate(douts, cache):
    dh_next, dc_next = douts
    x, h, c, f, g, i, o, tc, Wx, Wh = cache
    ds = dc_next + dh_next * o * (1 - tc**2)
    blocks = ds * c * f * (1 - f), ds * i * (1 - g**2), ds * g * i * (1 - i), dh_next * tc * o * (1 - o)
    return lstm_end(cache, blocks, ds * i)


@family.wrong("", lstm, STEP, style="cache", cause="wrong_derivative", argument="x h Wx Wh b")
def candidate_treated_like_a_gate(douts, cache):
    dh_next, dc_next = douts
    x, h, c, f, g, i, o, tc, Wx, Wh = cache
    ds = dc_next + dh_next * o * (1 - tc**2)
    df, di, do = ds * c * f * (1 - f), ds * g * i * (1 - i), dh_next * tc * o * (1 - o)
    dg = ds * i * g * (1 - g)
    return lstm_end(cache, (df, dg, di, do), ds * f)


@family.wrong("", lstm, STEP, style="cache", cause="derivative_missing", argument="x h c Wx Wh b")
def cell_leaves_through_linear_output(douts, cache):
    dh_next, dc_next = douts
    x, h, c, f, g, i, o, tc, Wx, Wh = cache
    ds = dc_next + dh_next * o
    blocks = ds * c * f * (1 - f), ds * i * (1 - g**2), ds * g * i * (1 - i), dh_next * tc * o * (1 - o)
    return lstm_end(cache, blocks, ds * f)


def gru(x, h, U, V, Ug, Vg):
    """Gates z and r from one product, candidate g from the reset state; h' = (1 - z) h + z g."""
    z, r = np.split(sigmoid(x @ U + h @ V), 2, axis=1)
    g = np.tanh(x @ Ug + (r * h) @ Vg)
    return (1 - z) * h + z * g, (x, h, U, V, Ug, Vg, z, r, g)


def gru_end(cache, da, dg, dh):
    x, h, U, V, Ug, Vg, z, r, g = cache
    return da @ U.T + dg @ Ug.T, dh + da @ V.T, x.T @ da, h.T @ da, x.T @ dg, (r * h).T @ dg


GRU = sized(*[((4, 2), (4, 3), (2, 6), (3, 6), (2, 3), (3, 3))] * 2)


@family.wrong("", gru, GRU, style="cache", cause="wrong_factor", argument="h")
def candidate_path_to_state_without_reset(dh_next, cache):
    x, h, U, V, Ug, Vg, z, r, g = cache
    dg = dh_next * z * (1 - g**2)
    dreset = dg @ Vg.T
    da = np.hstack([dh_next * (g - h) * z * (1 - z), dreset * h * r * (1 - r)])
    return gru_end(cache, da, dg, dh_next * (1 - z) + dreset)


@family.wrong("", gru, GRU, style="cache", cause="sign", argument="x h U V")
def update_gate_difference_turned_round(dh_next, cache):
    x, h, U, V, Ug, Vg, z, r, g = cache
    dg = dh_next * z * (1 - g**2)
    dreset = dg @ Vg.T
    da = np.hstack([dh_next * (h - g) * z * (1 - z), dreset * h * r * (1 - r)])
    return gru_end(cache, da, dg, dh_next * (1 - z) + dreset * r)


@family.wrong("", gru, GRU, style="cache", cause="time_not_carried", argument="h")
def leak_of_old_state_not_followed(dh_next, cache):
    x, h, U, V, Ug, Vg, z, r, g = cache
    dg = dh_next * z * (1 - g**2)
    dreset = dg @ Vg.T
    da = np.hstack([dh_next * (g - h) * z * (1 - z), dreset * h * r * (1 - r)])
    return gru_end(cache, da, dg, dreset * r)


@family.wrong("", gru, GRU, style="cache", cause="wrong_operand", argument="x h U V")
def reset_gate_multiplied_the_candidate(dh_next, cache):
    x, h, U, V, Ug, Vg, z, r, g = cache
    dg = dh_next * z * (1 - g**2)
    dreset = dg @ Vg.T
    da = np.hstack([dh_next * (g - h) * z * (1 - z), dreset * g * r * (1 - r)])
    return gru_end(cache, da, dg, dh_next * (1 - z) + dreset * r)


@family.wrong("", gru, GRU, style="cache", cause="derivative_twice", argument="x h U V Ug Vg")
def candidate_slope_applied_again_after_its_helper(dh_next, cache):
    def through_tanh(d, y):
        return d * (1 - y * y)

    x, h, U, V, Ug, Vg, z, r, g = cache
    dg = through_tanh(dh_next * z, g)
    dg = dg * (1 - g**2)
    dreset = dg @ Vg.T
    da = np.hstack([dh_next * (g - h) * z * (1 - z), dreset * h * r * (1 - r)])
    return gru_end(cache, da, dg, dh_next * (1 - z) + dreset * r)


class Leaky:
    """h[t] = a * h[t - 1] + (1 - a) * x[t], one rate a for each channel."""

    def __init__(self, a):
        self.a = a

    def forward(self, xs):
        self.xs, self.hs = xs, [np.zeros_like(xs[:, 0])]
        for x in xs.transpose(1, 0, 2):
            self.hs.append(self.a * self.hs[-1] + (1 - self.a) * x)
        return np.stack(self.hs[1:], axis=1)


def rates(size, seed):
    return normal(seed, (3, 5, 2))[0], np.array([0.7, 0.4])


@family.whole("", "wrong backward", "layer", rates, cause="term_missing", argument="a", gradients={"a": "da"})
class RateActsOnOldStateOnly(Leaky):
    def backward(self, dhs):
        dxs, dh, self.da = np.zeros_like(self.xs), 0, np.zeros_like(self.a)
        for t in reversed(range(dhs.shape[1])):
            dh = dhs[:, t] + dh
            self.da += np.sum(dh * self.hs[t], axis=0)
            dxs[:, t], dh = dh * (1 - self.a), dh * self.a
        return dxs


@family.whole("", "wrong backward", "layer", rates, cause="wrong_operand", argument="xs", gradients={"a": "da"})
class InputScaledLikeTheOldState(Leaky):
    def backward(self, dhs):
        dxs, dh, self.da = np.zeros_like(self.xs), 0, np.zeros_like(self.a)
        for t in reversed(range(dhs.shape[1])):
            dh = dhs[:, t] + dh
            self.da += np.sum(dh * (self.hs[t] - self.xs[:, t]), axis=0)
            dxs[:, t], dh = dh * self.a, dh * self.a
        return dxs
