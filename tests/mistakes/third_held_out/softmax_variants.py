"""Softmax with a temperature, over positions, far apart (catalogue 31, 35, 39, 40, 88, 110); pure and impure code."""

import numpy as np

from ..case import Family, normal, sized
from .softmax import X, log_soft, soft

family = Family("softmax")


def heated(x):
    return soft(x / 1.7)


@family.wrong(110, heated, X, argument="x", cause=("scaled_by_static", "scaled"))
def temperature_only_forwards(dout, x):
    p = heated(x)
    return p * (dout - np.sum(p * dout, axis=-1, keepdims=True))


def with_temperature(size, seed):
    return (*X(size, seed), np.array([1.3]))


@family.wrong(110, lambda x, tau: soft(x / tau), with_temperature, argument="tau", cause="sign")
def temperature_learns_upwards(dout, x, tau):
    p = soft(x / tau)
    dz = p * (dout - np.sum(p * dout, axis=-1, keepdims=True))
    return dz / tau, np.sum(dz * x / tau**2).reshape(1)


@family.wrong(110, lambda x, tau: soft(x / tau), with_temperature, argument="tau", cause="argument_factor_missing")
def temperature_not_squared(dout, x, tau):
    p = soft(x / tau)
    dz = p * (dout - np.sum(p * dout, axis=-1, keepdims=True))
    return dz / tau, -np.sum(dz * x / tau).reshape(1)


def spatial_softmax(x):
    n, c, h, w = x.shape
    return soft(x.reshape(n, c, h * w)).reshape(x.shape)


@family.wrong(
    88,
    spatial_softmax,
    sized(((2, 3, 4, 5),), ((4, 7, 9, 11),)),
    argument="x",
    cause="coupled_over_wrong_axis",
)
def spatial_softmax_sums_over_the_width(dout, x):
    p = spatial_softmax(x)
    return p * (dout - (p * dout).sum(-1, keepdims=True))


def with_a_gap(size, seed):
    (x,) = normal(seed, (3, 7) if size == "small" else (40, 60))
    x[1, 2] += 900
    return (x,)


@family.wrong(39, lambda x: log_soft(x), with_a_gap, op="log_softmax", argument="x", cause="not_finite")
@np.errstate(all="ignore")
def log_softmax_divides_by_vanished_probabilities(dout, x):
    p = soft(x)
    dp = dout / p
    return p * (dp - (p * dp).sum(-1, keepdims=True))


@family.whole(40, "impure", "vjp", X, op="softmax", argument="x", cause="residuals_changed")
def softmax_gradient_in_place_of_the_probabilities(x):
    p = soft(x)
    saved = p.copy()

    def pullback(g):
        inner = (saved * g).sum(-1, keepdims=True)
        np.multiply(saved, g - inner, out=saved)
        return (saved.copy(),)

    return p, pullback


@family.control(32, lambda x: soft(x), X, op="softmax")
def softmax_by_whole_jacobians_anew(dout, x):
    p = soft(x)
    return np.einsum("nij,nj->ni", p[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :]), dout)


@family.control(37, lambda x: log_soft(x), X, op="log_softmax")
def log_softmax_complete(dout, x):
    return dout - soft(x) * dout.sum(-1, keepdims=True)


def softmax_down_the_columns_backward(dout, x):
    p = soft(x, 0)
    return p * (dout - (p * dout).sum(0))


@family.wrong_forward(31, softmax_down_the_columns_backward, X, op="softmax", argument="x", cause="convention_axis")
def softmax_down_the_columns_anew(x):
    return soft(x, axis=0)


def rows_far_apart(size, seed):
    (x,) = X(size, seed)
    x[1] -= 1000
    return (x,)


@np.errstate(all="ignore")
def shared_shift_backward(dout, x):
    p = shared_shift(x)
    return p * (dout - (p * dout).sum(-1, keepdims=True))


@np.errstate(all="ignore")
def shared_shift(x):
    e = np.exp(x - x.max())
    return e / e.sum(-1, keepdims=True)


@family.wrong_forward(
    35, shared_shift_backward, rows_far_apart, op="softmax", argument="x", cause=("forward", "not_finite")
)
def softmax_shifted_by_one_maximum_for_all(x):
    return shared_shift(x)
