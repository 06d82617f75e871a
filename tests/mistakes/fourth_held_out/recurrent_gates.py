"""Mistakes in gated nets: LSTM and GRU, one step and whole sequences."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("recurrent_attention")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sequences(size, seed):
    """x (time, batch, features), W (features + hidden, 4 hidden), b, h0, c0."""
    t, n, d, h = (3, 2, 2, 3) if size == "small" else (7, 10, 6, 12)
    x, W, b, h0, c0 = normal(seed, (t, n, d), (d + h, 4 * h), (4 * h,), (n, h), (n, h))
    return x, 1.6 * W / np.sqrt(len(W)), 0.3 * b, h0, 2 * c0


def lstm(x, W, b, h0, c0):
    """Gates input, forget, candidate, output; the forget gate starts one higher."""
    h, c, steps = h0, c0, []
    for xt in x:
        joined = np.hstack([xt, h])
        i, f, g, o = np.split(joined @ W + b, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f + 1), np.tanh(g), sigmoid(o)
        step = {"joined": joined, "i": i, "f": f, "g": g, "o": o, "c_prev": c, "h_prev": h}
        c = f * c + i * g
        h = o * np.tanh(c)
        steps.append(step | {"c": c, "h": h})
    return np.stack([s["h"] for s in steps]), (x, W, b, steps)


class Backward:
    """The right backward of the LSTM; a mistake overrides one line."""

    def __call__(self, dout, cache):
        x, W, b, self.steps = cache
        dx, dW, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(b)
        dh, dc = np.zeros_like(dout[0]), np.zeros_like(dout[0])
        for t in reversed(range(len(x))):
            s = self.steps[t]
            dh = dh + dout[t]
            dc = self.cell(dc, dh, s)
            da = np.hstack(self.gates(dc, dh, s))
            dW += self.entering(s).T @ da
            db += da.sum(axis=0)
            dx[t], dh = np.split(da @ W.T, [x.shape[2]], axis=1)
            dc = self.carried(dc, t)
        return dx, dW, db, dh, dc

    def cell(self, dc, dh, s):
        return dc + dh * s["o"] * (1 - np.tanh(s["c"]) ** 2)

    def gates(self, dc, dh, s):
        i, f, g, o = (s[k] for k in "ifgo")
        di, df, dg = dc * g * i * (1 - i), dc * s["c_prev"] * f * (1 - f), dc * i * (1 - g * g)
        return [di, df, dg, dh * np.tanh(s["c"]) * o * (1 - o)]

    def entering(self, s):
        return s["joined"]

    def carried(self, dc, t):
        return dc * self.steps[t]["f"]


def slip(number, **more):
    """The mistake of a subclass of Backward, as a case."""

    def add(cls):
        call = cls()

        def backward(dout, cache):
            return call(dout, cache)

        more.setdefault("argument", "x W b h0 c0")
        family.wrong(
            number, lstm, sequences, style="cache", names=("x", "W", "b", "h0", "c0"), id=cls.__name__.lower(), **more
        )(backward)
        return cls

    return add


@slip(104, cause=("time_off_by_one", "wrong_operand"))
class CellCarriedByTheGateBefore(Backward):
    def carried(self, dc, t):
        return dc * self.steps[max(t - 1, 0)]["f"]


@slip(45, cause="wrong_derivative")
class CandidateSlopeOfASigmoid(Backward):
    def gates(self, dc, dh, s):
        di, df, dg, do = super().gates(dc, dh, s)
        return [di, df, dc * s["i"] * s["g"] * (1 - s["g"]), do]


@slip(105, cause=("static_ignored", "wrong_operand"))
class ForgetGateRecomputedWithoutItsOne(Backward):
    def gates(self, dc, dh, s):
        di, df, dg, do = super().gates(dc, dh, s)
        f = sigmoid(np.log(s["f"] / (1 - s["f"])) - 1)
        return [di, dc * s["c_prev"] * f * (1 - f), dg, do]


@slip(106, cause="wrong_operand")
class OutputGateByTheBareCell(Backward):
    def gates(self, dc, dh, s):
        di, df, dg, do = super().gates(dc, dh, s)
        return [di, df, dg, dh * s["c"] * s["o"] * (1 - s["o"])]


@slip(104, cause="wrong_operand", argument="W")
class WeightMeetsTheCellOfTheStep(Backward):
    def entering(self, s):
        features = s["joined"].shape[1] - s["c_prev"].shape[1]
        return np.hstack([s["joined"][:, :features], s["c_prev"]])


@slip(105, cause=("time_off_by_one", "wrong_operand"))
class ForgetGateMeetsTheNewCell(Backward):
    def gates(self, dc, dh, s):
        di, df, dg, do = super().gates(dc, dh, s)
        f = s["f"]
        return [di, dc * s["c"] * f * (1 - f), dg, do]


@slip(102, cause=("time_not_carried", "sum_term_missing", "zero"))
class CellForgetsWhatComesFromLater(Backward):
    def carried(self, dc, t):
        return np.zeros_like(dc)


@slip(43, cause="derivative_missing")
class OutputGateWithoutItsSlope(Backward):
    def gates(self, dc, dh, s):
        return [*super().gates(dc, dh, s)[:3], dh * np.tanh(s["c"])]


def steps(size, seed):
    """One step of a GRU: x, h and the weights of three gates, each (features + hidden, hidden)."""
    n, d, h = (3, 2, 4) if size == "small" else (16, 8, 20)
    x, state, Wz, Wr, Wn = normal(seed, (n, d), (n, h), *[(d + h, h)] * 3)
    return x, state, *(W / np.sqrt(len(W)) for W in (Wz, Wr, Wn))


def gru(x, h, Wz, Wr, Wn):
    xh = np.hstack([x, h])
    z, r = sigmoid(xh @ Wz), sigmoid(xh @ Wr)
    reset = np.hstack([x, r * h])
    n = np.tanh(reset @ Wn)
    return (1 - z) * n + z * h, (xh, h, z, r, reset, n, Wz, Wr, Wn)


gated = partial(family.wrong, forward=gru, inputs=steps, style="rule", names=("x", "h", "Wz", "Wr", "Wn"))


def gru_backward(residuals, g, direct=True, through_reset=True, update=None, reset_gate=None, candidate=None):
    xh, h, z, r, reset, n, Wz, Wr, Wn = residuals
    features = xh.shape[1] - h.shape[1]
    az = g * (h - n if update is None else update) * z * (1 - z)
    an = g * (1 - z if candidate is None else candidate) * (1 - n * n)
    dreset = an @ Wn.T
    drh = dreset[:, features:]
    ar = drh * (h if reset_gate is None else reset_gate) * r * (1 - r) * through_reset
    dxh = az @ Wz.T + ar @ Wr.T
    dh = dxh[:, features:] + drh * r + g * z * direct
    return dxh[:, :features] + dreset[:, :features], dh, xh.T @ az, xh.T @ ar, reset.T @ an


@gated(102, cause=("sum_term_missing", "use_dropped"), argument="h")
def direct_path_of_the_state_forgotten(residuals, cotangent):
    return gru_backward(residuals, cotangent, direct=False)


@gated(43, cause=("zero", "sum_term_missing", "use_dropped"), argument="x h Wr")
def reset_gate_held_constant(residuals, cotangent):
    return gru_backward(residuals, cotangent, through_reset=False)


@gated(105, cause="wrong_operand", argument="x h Wr Wn")
def candidate_passed_by_the_update_gate(residuals, cotangent):
    return gru_backward(residuals, cotangent, candidate=residuals[2])


@gated(18, cause="sign", argument="x h Wz")
def update_gate_of_the_other_convention(residuals, cotangent):
    return gru_backward(residuals, cotangent, update=residuals[5] - residuals[1])


@gated(105, cause="wrong_operand", argument="x h Wr")
def reset_gate_meets_the_reset_state(residuals, cotangent):
    return gru_backward(residuals, cotangent, reset_gate=residuals[3] * residuals[1])


@gated(13, cause="arguments_swapped", argument="Wz Wr")
def gate_weights_returned_in_another_order(residuals, cotangent):
    dx, dh, dWz, dWr, dWn = gru_backward(residuals, cotangent)
    return dx, dh, dWr, dWz, dWn


@gated(104, cause="wrong_operand", argument="Wn")
def candidate_weight_by_the_state_before_the_reset(residuals, cotangent):
    xh, _, z, _, _, n, *_ = residuals
    *others, _ = gru_backward(residuals, cotangent)
    return *others, xh.T @ (cotangent * (1 - z) * (1 - n * n))
