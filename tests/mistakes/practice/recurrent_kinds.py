"""Two directions, elementwise recurrences, leaks and linear state spaces (catalogue 102 to 108)."""

import numpy as np

from ..case import Family, Kind, sized

family = Family("recurrent_attention")

# x (N, T, D), F and B (D, H), R and S (H, H)
BOTH = sized(((3, 4, 2), (2, 5), (5, 5), (2, 5), (5, 5)), ((8, 8, 6), (6, 12), (12, 12), (6, 12), (12, 12)))


def run(x, W, R):
    h, hs = np.zeros((len(x), len(R))), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W + 0.4 * h @ R)
        hs.append(h)
    return np.stack(hs, axis=1)


def unrun(g, x, hs, W, R):
    dx, dW, dR, dh = np.zeros_like(x), np.zeros_like(W), np.zeros_like(R), 0
    for t in range(x.shape[1] - 1, -1, -1):
        da = (g[:, t] + dh) * (1 - hs[:, t] ** 2)
        dx[:, t], dh = da @ W.T, 0.4 * da @ R.T
        dW += x[:, t].T @ da
        dR += 0.4 * hs[:, t - 1].T @ da if t else 0
    return dx, dW, dR


def directions(x, F, R, B, S):
    there, back = run(x, F, R), run(x[:, ::-1], B, S)
    return np.concatenate([there, back[:, ::-1]], axis=-1), (x, F, R, B, S, there, back)


def directions_back(g, cache, turned=True, both=True, exchanged=False):
    x, F, R, B, S, there, back = cache
    first, second = np.split(g, 2, axis=-1)
    if exchanged:
        first, second = second, first
    dx, dF, dR = unrun(first, x, there, F, R)
    more, dB, dS = unrun(second[:, ::-1], x[:, ::-1], back, B, S)
    return dx + (more[:, ::-1] if turned else more) * both, dF, dR, dB, dS


def two_ways(name, number, argument, cause, kind="wrong", **slips):
    more = {"style": "cache", "id": name, "names": ("x", "F", "R", "B", "S"), "argument": argument, "cause": cause}
    getattr(family, kind)(number, directions, BOTH, **more)(lambda g, cache: directions_back(g, cache, **slips))


two_ways("other_direction_not_turned_back", 60, "x", ("flipped", "reordered"), turned=False)
two_ways("other_direction_forgotten", 12, "x", "use_dropped", both=False)
two_ways("directions_exchanged", 13, "x F R B S", ("row_permuted", "arguments_swapped", "reordered", "wrong_operand"),
         exchanged=True)  # fmt: skip
two_ways("two_directions", "", "", (), kind="control")


# Each unit has its own recurrent weight: x (T, N, D), W (D, H), u (H,), b (H,)
UNITS = sized(((4, 3, 2), (2, 5), (5,), (5,)), ((8, 8, 6), (6, 12), (12,), (12,)))


class Independent:
    def __init__(self, W, u, b):
        self.W, self.u, self.b = W, u, b

    def forward(self, x):
        self.x, self.hs = x, [np.zeros((x.shape[1], len(self.u)))]
        for row in x:
            self.hs.append(np.maximum(row @ self.W + self.u * self.hs[-1] + self.b, 0))
        return np.stack(self.hs[1:])

    def backward(self, g):
        self.dW, self.du, self.db = np.zeros_like(self.W), np.zeros_like(self.u), np.zeros_like(self.b)
        dx, dh = np.zeros_like(self.x), np.zeros_like(self.hs[0])
        for t in reversed(range(len(g))):
            da = (g[t] + dh) * self.on(t)
            self.collect(t, da)
            dx[t] = da @ self.W.T
            dh = self.carry(da)
        return dx

    def on(self, t):
        return self.hs[t + 1] > 0

    def carry(self, da):
        return da * self.u

    def collect(self, t, da):
        self.dW += self.x[t].T @ da
        self.du += (da * self.hs[t]).sum(axis=0)
        self.db += da.sum(axis=0)


def independent(number, argument, cause, kind: Kind = "wrong backward"):
    more = {"gradients": {"W": "dW", "u": "du", "b": "db"}, "argument": argument, "cause": cause}
    return family.whole(number, kind, "layer", UNITS, **more)


@independent(80, "x W u b", "argument_factor_missing")
class CarriedWithoutItsWeight(Independent):
    def carry(self, da):
        return da


@independent(104, "u", "time_off_by_one")
class WeightMeetsTheNewState(Independent):
    def collect(self, t, da):
        super().collect(t, da)
        self.du += (da * (self.hs[t + 1] - self.hs[t])).sum(axis=0)


@independent(103, "u", "time_overwritten")
class WeightOfOneStep(Independent):
    def collect(self, t, da):
        super().collect(t, da)
        self.du = (da * self.hs[t]).sum(axis=0) if t == len(self.x) - 1 else self.du - (da * self.hs[t]).sum(axis=0)


@independent(48, "x W u b", ("mask_missing", "mask_wrong"))
class EveryUnitOn(Independent):
    def on(self, t):
        return self.hs[t + 1] >= 0


@independent(10, "u", ("not_reduced", "wrong_shape"))
class WeightNotSummedOverTheBatch(Independent):
    def collect(self, t, da):
        super().collect(t, da)
        self.du = self.du + da * self.hs[t]


# A leaky state: x (N, T, D), W (D, H), R (H, H)
LEAKY = sized(((3, 4, 2), (2, 5), (5, 5)), ((8, 8, 6), (6, 12), (12, 12)))
LEAK = 0.7


def leaky(x, W, R):
    h, hs = np.zeros((len(x), len(R))), []
    for t in range(x.shape[1]):
        n = np.tanh(x[:, t] @ W + h @ R)
        hs.append((h, n))
        h = LEAK * h + (1 - LEAK) * n
    return h, (x, W, R, hs)


def leaky_back(g, cache, keep=LEAK, take=1 - LEAK, recur=1.0):
    x, W, R, hs = cache
    dx, dW, dR = np.zeros_like(x), np.zeros_like(W), np.zeros_like(R)
    for t in reversed(range(x.shape[1])):
        h, n = hs[t]
        da = take * g * (1 - n * n)
        dx[:, t], dW, dR = da @ W.T, dW + x[:, t].T @ da, dR + h.T @ da
        g = keep * g + recur * da @ R.T
    return dx, dW, dR


def leak(name, number, cause, **slips):
    more = {"style": "cache", "id": name, "names": ("x", "W", "R"), "argument": "x W R", "cause": cause}
    family.wrong(number, leaky, LEAKY, **more)(lambda g, cache: leaky_back(g, cache, **slips))


leak("leak_carried_whole", 49, ("scaled", "static_ignored", "sum_term_missing", "scaled_by_static"), keep=1.0)
leak("leak_not_carried", 102, ("time_not_carried", "use_dropped", "sum_term_missing"), keep=0.0)
leak("leak_and_its_rest_exchanged", 49, ("static_ignored", "wrong_operand"), keep=1 - LEAK, take=LEAK)
leak("leaky_state_carried_by_the_leak_alone", 102, ("time_not_carried", "use_dropped"), recur=0.0)


# A linear state space: u (N, T), a (H,), B (H,), C (H,)
SPACES = sized(((3, 6), (5,), (5,), (5,)), ((8, 12), (12,), (12,), (12,)))


def space(u, a, B, C):
    s = np.zeros((len(u), len(a)))
    ys, states = [], [s]
    for t in range(u.shape[1]):
        s = np.tanh(a) * s + np.outer(u[:, t], B)
        states.append(s)
        ys.append(s @ C)
    return np.stack(ys, axis=1), (u, a, B, C, states)


def space_back(g, cache, decay=True, before=0, slope=True, drive=None):
    u, a, B, C, states = cache
    du, da, dB, dC, ds = np.zeros_like(u), np.zeros_like(a), np.zeros_like(B), np.zeros_like(C), 0
    for t in reversed(range(u.shape[1])):
        ds = ds + np.outer(g[:, t], C)
        dC += states[t + 1].T @ g[:, t]
        da += (ds * states[t + before]).sum(axis=0) * (1 - np.tanh(a) ** 2 if slope else 1.0)
        dB = dB + u[:, t] @ ds if drive is None else drive(u, t, ds)
        du[:, t] = ds @ B
        ds = ds * np.tanh(a) if decay else ds
    return du, da, dB, dC


def state_space(name, number, argument, cause, **slips):
    more = {"style": "cache", "id": name, "names": ("u", "a", "B", "C"), "argument": argument, "cause": cause}
    family.wrong(number, space, SPACES, **more)(lambda g, cache: space_back(g, cache, **slips))


state_space("state_carried_undecayed", 80, "u a B", "argument_factor_missing", decay=False)
state_space("decay_meets_the_new_state", 104, "a", "time_off_by_one", before=1)
state_space("decay_slope_missing", 43, "a", "derivative_missing", slope=False)
state_space("input_weights_of_one_step", 103, "B", "time_overwritten", drive=lambda u, t, ds: u[:, t] @ ds)
