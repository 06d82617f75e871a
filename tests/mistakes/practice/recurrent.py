"""Recurrent nets in columns, with peepholes, resets, two directions and leaks (catalogue 102 to 109)."""

import numpy as np

from ..case import Family, Kind, sized

family = Family("recurrent_attention")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# A net over columns with an output at every step: xs (T, D, N), U (H, D), W (H, H), V (O, H), b (H, 1), c (O, 1)
COLUMNS = sized(
    ((5, 2, 3), (4, 2), (4, 4), (7, 4), (4, 1), (7, 1)), ((10, 6, 12), (16, 6), (16, 16), (10, 16), (16, 1), (10, 1))
)


def speak(xs, U, W, V, b, c):
    hs = {-1: np.zeros((len(W), xs.shape[2]))}
    ys = []
    for t, x in enumerate(xs):
        hs[t] = np.tanh(U @ x + 0.5 * W @ hs[t - 1] + b)
        ys.append(V @ hs[t] + c)
    return np.array(ys), (xs, U, W, V, hs)


def unspeak(g, cache, carry=1.0, before=1, lasting=True, from_output=True, slope=lambda h: 1 - h * h):
    xs, U, W, V, hs = cache
    dU, dW, dV, dxs = (np.zeros_like(a) for a in (U, W, V, xs))
    db, dc, dh_next = np.zeros((len(W), 1)), np.zeros((len(V), 1)), np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        dV += g[t] @ hs[t].T
        dc = (dc if lasting else 0) + g[t].sum(axis=1, keepdims=True)
        dh = V.T @ g[t] * (1 if from_output or t == len(xs) - 1 else 0) + dh_next
        draw = slope(hs[t]) * dh
        db += draw.sum(axis=1, keepdims=True)
        dU += draw @ xs[t].T
        dW += 0.5 * draw @ hs[t - before].T
        dxs[t] = U.T @ draw
        dh_next = carry * 0.5 * W.T @ draw
    return dxs, dU, dW, dV, db, dc


def spoken(name, number, argument, cause, kind="wrong", **slips):
    more = {"style": "cache", "id": name, "argument": argument, "cause": cause}
    make = getattr(family, kind)
    make(number, speak, COLUMNS, names=("xs", "U", "W", "V", "b", "c"), **more)(
        lambda g, cache: unspeak(g, cache, **slips)
    )


ALL = "xs U W b"
spoken("hidden_columns_not_carried", 102, ALL, "time_not_carried", carry=0.0)
spoken("hidden_matrix_meets_the_new_columns", 104, "W", "time_off_by_one", before=0)
spoken("output_bias_of_the_first_step", 103, "c", "time_overwritten", lasting=False)
spoken("hidden_slope_left_out", 43, ALL, "derivative_missing", slope=lambda h: 1.0)
spoken("hidden_slope_without_its_square", 45, ALL, "wrong_derivative", slope=lambda h: 1 - h)
spoken("outputs_heard_at_the_end_only", 102, ALL, ("samples_missing", "time_overwritten", "sum_term_missing"),
       from_output=False)  # fmt: skip
spoken("columns_in_time", "", "", (), kind="control")


# An LSTM with peepholes: x (N, T, D), W (D, 4H), R (H, 4H), p (3, H), b (4H,)
PEEPHOLES = sized(((3, 4, 2), (2, 20), (5, 20), (3, 5), (20,)), ((8, 8, 6), (6, 48), (12, 48), (3, 12), (48,)))


class Peephole:
    """All hidden states; what is wrong is in the methods below it."""

    def __init__(self, W, R, p, b):
        self.W, self.R, self.p, self.b = W, R, p, b

    def forward(self, x):
        self.x, self.steps = x, []
        h = c = np.zeros((len(x), len(self.R)))
        outs = []
        for t in range(x.shape[1]):
            i, f, o, u = np.split(x[:, t] @ self.W + 0.5 * h @ self.R + self.b, 4, axis=1)
            i, f, u = sigmoid(i + self.p[0] * c), sigmoid(f + self.p[1] * c), np.tanh(u)
            new = f * c + i * u
            o = sigmoid(o + self.p[2] * new)
            self.steps.append((h, c, new, i, f, o, u))
            h, c = o * np.tanh(new), new
            outs.append(h)
        return np.stack(outs, axis=1)

    def backward(self, g):
        dx = np.zeros_like(self.x)
        self.dW, self.dR, self.dp, self.db = (np.zeros_like(a) for a in (self.W, self.R, self.p, self.b))
        dh = dc = np.zeros_like(self.steps[0][0])
        for t in reversed(range(self.x.shape[1])):
            h, c, new, i, f, o, u = self.steps[t]
            dh = dh + g[:, t]
            do = dh * np.tanh(new) * o * (1 - o)
            dc = dc + dh * o * (1 - np.tanh(new) ** 2) + self.peep(do)
            di, df, du = dc * u * i * (1 - i), dc * self.forgotten(c, new) * f * (1 - f), dc * i * self.slope(u)
            self.dp += np.array([(di * c).sum(0), (df * c).sum(0), (do * self.seen(c, new)).sum(0)])
            da = np.concatenate([di, df, do, du], axis=1)
            self.dW += self.x[:, t].T @ da
            self.dR += 0.5 * h.T @ da
            self.db += da.sum(axis=0)
            dx[:, t], dh = da @ self.W.T, 0.5 * da @ self.R.T
            dc = self.carry(dc, f) + self.looks(di, df)
        return dx

    def peep(self, do):
        return do * self.p[2]

    def forgotten(self, c, new):
        return c

    def seen(self, c, new):
        return new

    def slope(self, u):
        return 1 - u**2

    def carry(self, dc, f):
        return dc * f

    def looks(self, di, df):
        return di * self.p[0] + df * self.p[1]


def peephole(number, argument, cause, kind: Kind = "wrong backward"):
    slots = {name: f"d{name}" for name in ("W", "R", "p", "b")}
    return family.whole(number, kind, "layer", PEEPHOLES, gradients=slots, argument=argument, cause=cause)


EVERY = "x W R p b"


@peephole(106, EVERY, ("use_dropped", "sum_term_missing"))
class OutputGateDoesNotLook(Peephole):
    def peep(self, do):
        return 0


@peephole(104, "p", ("time_off_by_one", "wrong_operand"))
class OutputGateLooksAtTheOldCell(Peephole):
    def seen(self, c, new):
        return c


@peephole(104, EVERY, ("time_off_by_one", "wrong_operand"))
class ForgetsTheNewCell(Peephole):
    def forgotten(self, c, new):
        return new


@peephole(102, EVERY, "time_not_carried")
class CellNotCarried(Peephole):
    def carry(self, dc, f):
        return 0

    def looks(self, di, df):
        return 0


@peephole(80, EVERY, "argument_factor_missing")
class CellCarriedWithoutForgetting(Peephole):
    def carry(self, dc, f):
        return dc


@peephole(107, EVERY, ("wrong_derivative", "derivative_at_output"))
class CandidateWithTheSlopeOfASigmoid(Peephole):
    def slope(self, u):
        return u * (1 - u)


@peephole("", "", (), "control")
class PeepholeAsItIs(Peephole):
    pass


# A gated unit that resets behind the product, over a sequence: x (N, T, D), W (D, 3H), U (H, 3H); the last state
RESETS = sized(((3, 4, 2), (2, 15), (5, 15)), ((8, 8, 6), (6, 36), (12, 36)))


def reset_after(x, W, U):
    h, saved = np.zeros((len(x), len(U))), []
    for t in range(x.shape[1]):
        (az, ar, an), (bz, br, bn) = np.split(x[:, t] @ W, 3, axis=1), np.split(h @ U, 3, axis=1)
        z, r = sigmoid(az + bz), sigmoid(ar + br)
        n = np.tanh(an + r * bn)
        saved.append((h, z, r, n, bn))
        h = (1 - z) * n + z * h
    return h, (x, W, U, saved)


def reset_back(cache, dh, gate=None, seen=None, keep=True, towards=None):
    x, W, U, saved = cache
    dx, dW, dU = (np.zeros_like(a) for a in (x, W, U))
    for t in reversed(range(x.shape[1])):
        h, z, r, n, bn = saved[t]
        dz = dh * (h - n if towards is None else towards(h, n)) * z * (1 - z)
        dn = dh * (1 - z) * (1 - n * n)
        dr = dn * (bn if seen is None else seen(h, bn)) * r * (1 - r)
        da = np.hstack([dz, dr, dn])
        db = np.hstack([dz, dr, dn * (r if gate is None else gate)])
        dx[:, t], dW, dU = da @ W.T, dW + x[:, t].T @ da, dU + h.T @ db
        dh = (dh * z if keep else 0) + db @ U.T
    return dx, dW, dU


def reset(name, number, argument, cause, **slips):
    more = {"style": "rule", "id": name, "argument": argument, "cause": cause, "names": ("x", "W", "U")}
    family.wrong(number, reset_after, RESETS, **more)(lambda cache, g: reset_back(cache, g, **slips))


reset("reset_gate_left_out_on_the_way_back", 80, "x W U", "argument_factor_missing", gate=1.0)
reset("reset_gate_gradient_without_what_it_scales", 80, "x W U", "argument_factor_missing", seen=lambda h, bn: 1.0)
reset("reset_gate_scales_the_state_itself", 107, "x W U", "wrong_operand", seen=lambda h, bn: h)
reset("kept_state_not_carried", 102, "x W U", "time_not_carried", keep=False)
reset("update_gate_without_the_old_state", 18, "x W U", "sum_term_missing", towards=lambda h, n: -n)
