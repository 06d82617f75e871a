"""Normalization by a length: root mean square, weight, row and neighbour normalization (catalogue 84)."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("normalization")
EPSILON = 1e-6


def rows(size, seed):
    x, scale = normal(seed, *(((5, 7), (7,)) if size == "small" else ((40, 24), (24,))))
    return 1.8 * x + 0.4, 1.5 + 0.5 * scale


def rms_norm(x, scale):
    rms = np.sqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON)
    return x / rms * scale, (x, rms, scale)


def through_rms(dy, x, rms):
    return dy / rms - x * (dy * x).mean(axis=-1, keepdims=True) / rms**3


def of_scale(g, x, rms):
    return (g * x / rms).sum(axis=0)


rms = partial(family.wrong, forward=rms_norm, inputs=rows, style="rule")


@rms(84, argument="x", cause=("use_dropped", "sum_term_missing", "statistics_as_constants"))
def rms_held_fixed(saved, g):
    x, rms, scale = saved
    return g * scale / rms, of_scale(g, x, rms)


@rms(84, argument="x", cause="sum_term_missing")
def rms_correction_not_averaged(saved, g):
    x, rms, scale = saved
    dxhat = g * scale
    return dxhat / rms - x * (dxhat * x).sum(axis=-1, keepdims=True) / rms**3, of_scale(g, x, rms)


@rms(84, argument="x", cause=("sum_term_missing", "wrong_operand"))
def rms_correction_by_the_square(saved, g):
    x, rms, scale = saved
    dxhat = g * scale
    return dxhat / rms - x * (dxhat * x).mean(axis=-1, keepdims=True) / rms**2, of_scale(g, x, rms)


@rms(77, argument="x", cause=("mean_term_missing", "sum_term_missing"))
def rms_centered_like_a_layer_norm(saved, g):
    x, rms, scale = saved
    dx = through_rms(g * scale, x, rms)
    return dx - (g * scale / rms).mean(axis=-1, keepdims=True), of_scale(g, x, rms)


@rms(81, argument="scale", cause=("not_normalized", "wrong_operand"))
def rms_scale_gradient_by_the_raw_input(saved, g):
    x, rms, scale = saved
    return through_rms(g * scale, x, rms), np.einsum("nd,nd->d", g, x)


@rms(1, argument="scale", cause=("mean_instead_of_sum", "scaled_by_batch"))
def rms_scale_gradient_averaged(saved, g):
    x, rms, scale = saved
    return through_rms(g * scale, x, rms), np.average(g * x / rms, axis=0)


def shifted_scale(x, scale):
    y, saved = rms_norm(x, 1 + scale)
    return y, (*saved[:2], scale)


@family.wrong(80, shifted_scale, rows, style="rule", argument="x", cause=("wrong_operand", "sum_term_missing"))
def rms_one_plus_scale_taken_for_scale(saved, g):
    x, rms, scale = saved
    return through_rms(g * scale, x, rms), of_scale(g, x, rms)


def add_then_norm(x, residual):
    h = x + residual
    rms = np.sqrt((h * h).mean(axis=-1, keepdims=True))
    return (h / rms, h), (h, rms)


@family.wrong(
    112,
    add_then_norm,
    sized(((5, 7),) * 2, ((40, 24),) * 2),
    style="rule",
    argument="x residual",
    cause=("skip_dropped", "use_dropped", "sum_term_missing"),
)
def fused_add_loses_the_cotangent_of_the_sum(saved, g):
    dy, _dh = g
    dx = through_rms(dy, *saved)
    return dx, dx.copy()


def directions(size, seed):
    return normal(seed, *(((5, 5), (5,)) if size == "small" else ((24, 24), (24,))))


def weight_norm(v, length):
    norm = np.linalg.norm(v, axis=0)
    return length * v / norm, {"v": v, "norm": norm, "length": length}


weight = partial(family.wrong, forward=weight_norm, inputs=directions, style="rule")


@weight(76, argument="v", cause=("use_dropped", "sum_term_missing"))
def weight_direction_without_its_projection(c, g):
    return g * c["length"] / c["norm"], (g * c["v"] / c["norm"]).sum(axis=0)


@weight(88, argument="length", cause="reduced_over_wrong_axis")
def weight_length_summed_over_outputs(c, g):
    u = c["v"] / c["norm"]
    dv = c["length"] / c["norm"] * (g - u * (g * u).sum(axis=0))
    return dv, (g * u).sum(axis=1)


@weight(80, argument="v", cause="argument_factor_missing")
def weight_direction_without_the_length(c, g):
    u = c["v"] / c["norm"]
    return (g - u * (g * u).sum(axis=0)) / c["norm"], (g * u).sum(axis=0)


def unit_rows(x):
    norm = np.sqrt(np.sum(x**2, axis=1, keepdims=True))
    return x / norm, (x / norm, norm)


unit = partial(family.wrong, forward=unit_rows, inputs=sized(((5, 7),), ((40, 24),)), style="cache", argument="x")


@unit(32, cause=("wrong_operand", "sum_term_missing"))
def unit_rows_projected_by_the_plain_sum(dy, cache):
    y, norm = cache
    return (dy - y * dy.sum(axis=1, keepdims=True)) / norm


@unit(80, cause="local_factor")
def unit_rows_not_divided_by_their_length(dy, cache):
    y, _ = cache
    return dy - y * (dy * y).sum(axis=1, keepdims=True)


def neighbours(x):
    """Each channel divided by a power of the squares of itself and its neighbours."""
    padded = np.pad(x**2, ((0, 0), (1, 1)))
    total = 1 + 0.5 * (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:])
    return x / total**0.75, (x, total)


@family.wrong(
    32,
    neighbours,
    sized(((5, 7),), ((40, 24),)),
    style="rule",
    argument="x",
    cause=("diagonal_only", "use_dropped", "sum_term_missing"),
)
def response_of_the_own_channel_only(saved, g):
    x, total = saved
    return (g * (total**-0.75 - 0.75 * x * x * total**-1.75),)


def spectral(w, u, v):
    return w / (u @ w @ v)


def with_vectors(size, seed):
    """A matrix with a large part along the given pair of vectors."""
    n, m = (5, 7) if size == "small" else (9, 16)
    w, u, v = normal(seed, (n, m), (n,), (m,))
    u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
    return w + 6 * np.outer(u, v), u, v


@family.wrong(76, spectral, with_vectors, argument="w", constants=("u", "v"), cause=("use_dropped", "sum_term_missing"))
def spectral_norm_held_fixed(g, w, u, v):
    return g / (u @ w @ v), None, None
