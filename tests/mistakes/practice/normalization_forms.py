"""Normalizations of rows: standardized, by the mean size, spectral, adaptive."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("normalization")
norm = partial(family.wrong, family="normalization")

X = sized(((4, 7),), ((23, 37),))


def table(size, seed):
    n, d = (5, 7) if size == "small" else (23, 37)
    x, g = normal(seed, (n, d), (d,))
    return 1.5 * x + 0.4, 1 + 0.2 * g


def standard(x, g):
    mu, var = x.mean(0), x.var(0)
    return g * (x - mu) / np.sqrt(var + 1e-3)


def standard_backward(up, x, g, center=True, turn=True, root=1, count=None, around=True):
    n = len(x) if count is None else count
    c, s = x - x.mean(0), np.sqrt(x.var(0) + 1e-3)
    d = up * g
    dvar = (d * c).sum(0) * -0.5 / s ** (3 if root == 1 else 1)
    dx = d / s + turn * dvar * 2 * (c if around else x) / n - center * d.sum(0) / s / n
    return dx, (up * c / s).sum(0)


stats = partial(family.wrong, family="normalization", forward=standard, inputs=table)


@stats(78, argument="x", cause=("centered_term_missing", "scaled", "wrong_operand"))
def variance_path_with_a_root_too_few(up, x, g):
    return standard_backward(up, x, g, root=0)


@stats(77, argument="x", cause="mean_term_missing")
def standard_without_its_mean(up, x, g):
    return standard_backward(up, x, g, center=False)


@stats(
    86,
    argument="x",
    cause=("variance_correction", "statistics_as_constants", "mean_term_missing", "coupled_over_wrong_axis"),
)
def both_paths_divided_by_one_less(up, x, g):
    return standard_backward(up, x, g, count=len(x) - 1)


@stats(78, argument="x", cause=("mean_term_missing", "centered_term_missing", "wrong_operand", "not_normalized"))
def variance_path_not_centered(up, x, g):
    return standard_backward(up, x, g, around=False)


def l1_scaled(x, g):
    return g * x / np.abs(x).mean(-1, keepdims=True)


@norm(
    84,
    l1_scaled,
    table,
    argument="x",
    cause=("statistics_as_constants", "centered_term_missing", "mean_term_missing", "sum_term_missing"),
)
def mean_size_as_a_constant(up, x, g):
    m = np.abs(x).mean(-1, keepdims=True)
    return up * g / m, (up * x / m).sum(0)


@norm(
    84,
    l1_scaled,
    table,
    argument="x",
    cause=("derivative_missing", "wrong_derivative", "other_loss", "centered_term_missing", "mean_term_missing"),
)
def mean_size_without_its_signs(up, x, g):
    m = np.abs(x).mean(-1, keepdims=True)
    d = up * g
    return d / m - (d * x).mean(-1, keepdims=True) / m**2, (up * x / m).sum(0)


def spectral_inputs(size, seed):
    n, d, k = (5, 4, 3) if size == "small" else (23, 13, 11)
    x, W, u, v = normal(seed, (n, d), (d, k), (d,), (k,))
    return x, W, u / np.sqrt((u**2).sum()), v / np.sqrt((v**2).sum())


def spectral(x, W, u, v):
    return x @ (W / (u @ W @ v))


@norm(
    84,
    spectral,
    spectral_inputs,
    constants=("u", "v"),
    argument="W",
    cause=("sum_term_missing", "use_dropped", "statistics_as_constants", "centered_term_missing"),
)
def spectral_norm_as_a_constant(up, x, W, u, v):
    s = u @ W @ v
    return up @ (W / s).T, x.T @ up / s, None, None


@norm(
    84,
    spectral,
    spectral_inputs,
    constants=("u", "v"),
    argument="x",
    cause=("wrong_operand", "scaled", "argument_factor_missing"),
)
def spectral_norm_carries_back_raw_weights(up, x, W, u, v):
    s = u @ W @ v
    dN = x.T @ up
    return up @ W.T, dN / s - (dN * W).sum() / s**2 * np.outer(u, v), None, None


def adaptive_inputs(size, seed):
    n, d = (5, 7) if size == "small" else (23, 37)
    return normal(seed, (n, d), (n, d), (n, d))


def adaptive(x, scale, shift):
    c = x - x.mean(-1, keepdims=True)
    return (1 + scale) * c / np.sqrt((c**2).mean(-1, keepdims=True) + 1e-5) + shift


def adaptive_backward(up, x, scale, shift, gain=None):
    c = x - x.mean(-1, keepdims=True)
    s = np.sqrt((c**2).mean(-1, keepdims=True) + 1e-5)
    h = c / s
    d = up * (1 + scale if gain is None else gain)
    return (d - d.mean(-1, keepdims=True) - h * (d * h).mean(-1, keepdims=True)) / s, up * h, up


@norm(
    80, adaptive, adaptive_inputs, argument="x", cause=("argument_factor_missing", "wrong_operand", "sum_term_missing")
)
def adaptive_norm_scaled_without_its_one(up, x, scale, shift):
    return adaptive_backward(up, x, scale, shift, gain=scale)


@norm(
    80,
    adaptive,
    adaptive_inputs,
    argument="x",
    cause=("argument_factor_missing", "sum_term_missing", "derivative_missing"),
)
def adaptive_norm_not_scaled(up, x, scale, shift):
    return adaptive_backward(up, x, scale, shift, gain=1.0)


@norm(81, adaptive, adaptive_inputs, argument="scale", cause=("not_normalized", "wrong_operand"))
def adaptive_scale_from_raw_rows(up, x, scale, shift):
    dx, _, dshift = adaptive_backward(up, x, scale, shift)
    return dx, up * x, dshift
