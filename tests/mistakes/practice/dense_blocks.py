"""Bilinear, highway, gated, low-rank and maxout layers, and layers that scale each other (catalogue 1 to 13, 112)."""

import numpy as np

from ..case import Family, Kind, sized

family = Family("dense")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# a (N, I), b (N, I), T (I, I, K)
PAIRS = sized(((5, 4), (5, 4), (4, 4, 3)), ((24, 16), (24, 16), (16, 16, 12)))


def bilinear(a, b, T):
    return np.einsum("ni,ijk,nj->nk", a, T, b), (a, b, T)


def bilinear_back(g, a, b, T):
    return (
        np.einsum("nk,ijk,nj->ni", g, T, b),
        np.einsum("nk,ijk,ni->nj", g, T, a),
        np.einsum("nk,ni,nj->ijk", g, a, b),
    )


def pair(number, argument, cause):
    return family.wrong(number, bilinear, PAIRS, style="cache", argument=argument, cause=cause)


@pair(23, "a", "wrong_operand")
def left_side_multiplied_by_itself(g, cache):
    a, b, T = cache
    return np.einsum("nk,ijk,nj->ni", g, T, a), *bilinear_back(g, *cache)[1:]


@pair(6, "b", "not_transposed")
def right_side_through_the_left_way_in(g, cache):
    a, b, T = cache
    da, _, dT = bilinear_back(g, *cache)
    return da, np.einsum("nk,jik,ni->nj", g, T, a), dT


@pair(5, "T", ("axes_permuted", "transposed"))
def core_with_its_sides_exchanged(g, cache):
    da, db, dT = bilinear_back(g, *cache)
    return da, db, dT.swapaxes(0, 1)


@pair(103, "T", "last_sample_only")
def core_of_the_last_pair(g, cache):
    a, b, T = cache
    da, db, dT = bilinear_back(g, *cache)
    for i in range(len(a)):
        dT = a[i][:, None, None] * b[i][None, :, None] * g[i]
    return da, db, dT


# x (N, D), Wh (D, D), bh (D,), Wt (D, D), bt (D,)
HIGHWAYS = sized(((3, 5), (5, 5), (5,), (5, 5), (5,)), ((24, 16), (16, 16), (16,), (16, 16), (16,)))


class Highway:
    """t * tanh(x Wh + bh) + (1 - t) * x; what is wrong is in the methods below it."""

    def __init__(self, Wh, bh, Wt, bt):
        self.Wh, self.bh, self.Wt, self.bt = Wh, bh, Wt, bt

    def forward(self, x):
        self.x = x
        self.z = x @ self.Wt + self.bt
        self.t, self.h = sigmoid(self.z), np.tanh(x @ self.Wh + self.bh)
        return self.t * self.h + (1 - self.t) * x

    def backward(self, g):
        dh = self.to_transform(g) * (1 - self.h**2)
        dz = self.to_gate(g) * self.slope()
        self.dWh, self.dbh, self.dWt, self.dbt = self.x.T @ dh, dh.sum(0), self.x.T @ dz, dz.sum(0)
        return dh @ self.Wh.T + dz @ self.Wt.T + self.to_carry(g)

    def to_transform(self, g):
        return g * self.t

    def to_gate(self, g):
        return g * (self.h - self.x)

    def to_carry(self, g):
        return g * (1 - self.t)

    def slope(self):
        return self.t * (1 - self.t)


def highway(number, argument, cause, kind: Kind = "wrong backward"):
    slots = {name: f"d{name}" for name in ("Wh", "bh", "Wt", "bt")}
    return family.whole(number, kind, "layer", HIGHWAYS, gradients=slots, argument=argument, cause=cause)


@highway(18, "x Wt bt", "sum_term_missing")
class GateForgetsWhatItCarries(Highway):
    def to_gate(self, g):
        return g * self.h


@highway(80, "x", "argument_factor_missing")
class CarriesEverything(Highway):
    def to_carry(self, g):
        return g


@highway(112, "x", ("skip_dropped", "use_dropped", "sum_term_missing"))
class CarryForgotten(Highway):
    def to_carry(self, g):
        return 0


@highway(42, "x Wt bt", "derivative_at_input")
class GateSlopeOfItsInput(Highway):
    def slope(self):
        return self.z * (1 - self.z)


@highway(23, "x Wh bh", "wrong_operand")
class TransformThroughTheCarryGate(Highway):
    def to_transform(self, g):
        return g * (1 - self.t)


@highway("", "", (), "control")
class HighwayAsItIs(Highway):
    pass


# x (N, C, L), cond (N, K), Wg (K, C), Wb (K, C)
FILMS = sized(((3, 5, 4), (3, 2), (2, 5), (2, 5)), ((8, 12, 10), (8, 6), (6, 12), (6, 12)))


def film(x, cond, Wg, Wb):
    scale, shift = 1 + cond @ Wg, cond @ Wb
    return scale[:, :, None] * x + shift[..., None], (x, cond, Wg, Wb, scale)


def film_back(cache, g, kept=None, dscale=None):
    x, cond, Wg, Wb, scale = cache
    dscale = (g * x).sum(axis=2) if dscale is None else dscale
    dshift = g.sum(axis=-1)
    kept = scale if kept is None else kept
    return g * kept[..., None], dscale @ Wg.T + dshift @ Wb.T, cond.T @ dscale, cond.T @ dshift


def filmed(number, argument, cause):
    names = ("x", "cond", "Wg", "Wb")
    return family.wrong(number, film, FILMS, style="rule", argument=argument, cause=cause, names=names)


@filmed(112, "x", ("skip_dropped", "sum_term_missing"))
def scale_without_its_one(cache, g):
    return film_back(cache, g, kept=cache[1] @ cache[2])


@filmed(57, "cond Wg", ("scaled_by_spatial", "mean_instead_of_sum", "scaled_by_size"))
def scale_gradient_averaged_over_places(cache, g):
    return film_back(cache, g, dscale=(g * cache[0]).mean(axis=2))


@filmed(81, "cond Wg", "argument_factor_missing")
def scale_gradient_without_what_it_scales(cache, g):
    return film_back(cache, g, dscale=g.sum(axis=2))


@filmed(12, "cond", "use_dropped")
def condition_reached_through_the_shift_only(cache, g):
    dx, _, dWg, dWb = film_back(cache, g)
    return dx, g.sum(axis=-1) @ cache[3].T, dWg, dWb


# x (N, D), W (D, M), V (D, M)
GATED = sized(((3, 5), (5, 4), (5, 4)), ((24, 16), (16, 12), (16, 12)))


def gated(x, W, V):
    return (x @ W) * sigmoid(x @ V)


def gated_back(g, x, W, V, value=None, slope=None, turn=(0, 1)):
    a, s = x @ W, sigmoid(x @ V)
    da, db = g * s, g * (a if value is None else value) * (s * (1 - s) if slope is None else slope)
    matrices = (W, V)
    return da @ matrices[turn[0]].T + db @ matrices[turn[1]].T, x.T @ da, x.T @ db


def unit(number, argument, cause):
    return family.wrong(number, gated, GATED, argument=argument, cause=cause)


@unit(80, "x V", "argument_factor_missing")
def gate_gradient_without_the_value(g, x, W, V):
    return gated_back(g, x, W, V, value=1.0)


@unit(13, "x", ("wrong_operand", "arguments_swapped"))
def matrices_exchanged_on_the_way_to_the_input(g, x, W, V):
    return gated_back(g, x, W, V, turn=(1, 0))


@unit(43, "x V", "derivative_missing")
def gate_slope_forgotten(g, x, W, V):
    return gated_back(g, x, W, V, slope=1.0)


# x (N, D), W (K, D, M), b (K, M)
MAXOUT = sized(((5, 4), (3, 4, 7), (3, 7)), ((24, 16), (3, 16, 12), (3, 12)))


@family.whole(48, "wrong backward", "vjp", MAXOUT, argument="x W b", cause="mask_missing")
def maxout_with_every_piece_on(x, W, b):
    pieces = np.einsum("nd,kdm->knm", x, W) + b[:, None, :]

    def pullback(g):
        d = np.broadcast_to(g, pieces.shape)
        return np.einsum("knm,kdm->nd", d, W), np.einsum("knm,nd->kdm", d, x), d.sum(1)

    return pieces.max(0), pullback


@family.whole(48, "wrong backward", "vjp", MAXOUT, argument="x W b", cause=("wrong_winner", "mask_wrong"))
def maxout_with_the_smallest_piece_on(x, W, b):
    pieces = np.einsum("nd,kdm->knm", x, W) + b[:, None, :]
    on = np.eye(len(W))[pieces.argmin(0)].transpose(2, 0, 1)

    def pullback(g):
        d = g * on
        return np.einsum("knm,kdm->nd", d, W), np.einsum("knm,nd->kdm", d, x), d.sum(1)

    return pieces.max(0), pullback
