"""A second set of mistakes in activations, normalizations and noise, written after the diagnosis had learned."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("activations")
norm = partial(family.wrong, family="normalization")
noise = partial(family.wrong, family="dropout_embedding")

X = sized(((4, 7),), ((23, 37),))


def act(number, forward, inputs=X, **more):
    return family.wrong(number, forward, inputs, **more)


def sig(x):
    return 1 / (1 + np.exp(-x))


def tanhshrink(x):
    return x - np.tanh(x)


@act(45, tanhshrink, cause=("wrong_derivative", "local_factor", "sum_term_missing"))
def tanhshrink_by_the_other_part(up, x):
    return up * (1 - np.tanh(x) ** 2)


@act(
    46,
    tanhshrink,
    cause=("derivative_at_input", "wrong_derivative", "local_factor", "wrong_operand", "sum_term_missing"),
)
def tanhshrink_by_the_square_of_its_input(up, x):
    return up * x**2


def quick(x):
    return x * sig(1.702 * x)


@act(49, quick, cause=("static_ignored", "sum_term_missing", "wrong_derivative", "local_factor"))
def quick_gelu_as_swish(up, x):
    s = sig(x)
    return up * (s + x * s * (1 - s))


@act(
    43,
    quick,
    cause=("static_ignored", "sum_term_missing", "scaled_by_static", "local_factor", "partly_scaled", "scaled"),
)
def quick_gelu_inner_factor_missing(up, x):
    s = sig(1.702 * x)
    return up * (s + x * s * (1 - s))


def celu(x):
    return np.maximum(x, 0) + np.minimum(0, 1.4 * np.expm1(x / 1.4))


@act(54, celu, cause=("static_ignored", "local_factor", "wrong_derivative"))
def celu_with_a_width_of_one(up, x):
    return up * np.where(x > 0, 1.0, np.exp(x))


@act(54, celu, cause=("scaled", "partly_scaled", "static_ignored", "local_factor", "scaled_by_static"))
def celu_with_its_width_left_over(up, x):
    return up * np.where(x > 0, 1.0, 1.4 * np.exp(x / 1.4))


def soft_shrink(x):
    return np.sign(x) * np.maximum(np.abs(x) - 0.4, 0)


@act(48, soft_shrink, cause=("mask_missing", "identity", "derivative_missing"))
def soft_shrink_open_inside(up, x):
    return up * np.ones_like(x)


@act(48, soft_shrink, cause=("mask_wrong", "static_ignored"))
def soft_shrink_with_a_wider_gap(up, x):
    return up * (np.abs(x) > 1.0)


@act(48, soft_shrink, cause=("mask_wrong", "mask_missing"))
def soft_shrink_open_above_only(up, x):
    return up * (x > 0.4)


def bent(x):
    return (np.sqrt(x**2 + 1) - 1) / 2 + x


@act(45, bent, cause=("sum_term_missing", "skip_dropped", "use_dropped", "wrong_derivative", "local_factor"))
def bent_identity_without_the_identity(up, x):
    return up * x / (2 * np.sqrt(x**2 + 1))


@act(45, bent, cause=("scaled_by_two", "sum_term_missing", "wrong_derivative", "local_factor", "scaled"))
def bent_identity_without_its_half(up, x):
    return up * (x / np.sqrt(x**2 + 1) + 1)


def gated_inputs(size, seed):
    n, d, h = (5, 3, 4) if size == "small" else (24, 13, 11)
    return normal(seed, (n, d), (d, h), (d, h), (h, d))


def gated(x, A, B, C):
    return (np.tanh(x @ A) * sig(x @ B)) @ C + x


def gated_backward(up, x, A, B, C, of_a=None, of_b=None, skip=1.0):
    a, b = np.tanh(x @ A), sig(x @ B)
    d = up @ C.T
    da = d * (b * (1 - a**2) if of_a is None else of_a(a, b))
    db = d * (a * b * (1 - b) if of_b is None else of_b(a, b))
    return da @ A.T + db @ B.T + skip * up, x.T @ da, x.T @ db, (a * b).T @ up


gate = partial(family.wrong, forward=gated, inputs=gated_inputs)


@gate(107, argument="x A", cause=("wrong_operand", "wrong_derivative"))
def gate_slopes_taken_from_each_other(up, x, A, B, C):
    return gated_backward(up, x, A, B, C, of_a=lambda a, b: b * (1 - b**2))


@gate(45, argument="x B", cause=("argument_factor_missing", "sum_term_missing", "derivative_missing", "wrong_operand"))
def gate_without_what_it_opens(up, x, A, B, C):
    return gated_backward(up, x, A, B, C, of_b=lambda a, b: b * (1 - b))


@gate(45, argument="x B", cause=("wrong_derivative", "sign", "derivative_missing"))
def gate_with_the_slope_of_tanh(up, x, A, B, C):
    return gated_backward(up, x, A, B, C, of_b=lambda a, b: a * (1 - b**2))


@gate(43, argument="x A", cause=("sum_term_missing", "argument_factor_missing", "wrong_operand", "derivative_missing"))
def value_as_if_the_gate_were_open(up, x, A, B, C):
    return gated_backward(up, x, A, B, C, of_a=lambda a, b: 1 - a**2)


@gate(112, argument="x", cause=("skip_dropped", "use_dropped"))
def gated_block_without_its_skip(up, x, A, B, C):
    return gated_backward(up, x, A, B, C, skip=0.0)


@gate(112, argument="x", cause=("skip_dropped", "use_dropped", "scaled_by_two", "sum_term_missing"))
def gated_block_with_two_skips(up, x, A, B, C):
    return gated_backward(up, x, A, B, C, skip=2.0)


# Normalizations.
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


# Noise and tables.
def masks(size, seed):
    n, d = (5, 7) if size == "small" else (23, 37)
    x, W = normal(seed, (n, d), (d, d - 2))
    return x, W, (np.random.default_rng(seed + 9).random((n, d)) < 0.7).astype(float)


def noisy(x, W, keep):
    return np.tanh((x * keep / 0.7) @ W)


def noisy_backward(up, x, W, keep, inward=None, outward=None):
    h = x * keep / 0.7
    d = up * (1 - np.tanh(h @ W) ** 2)
    return d @ W.T * (keep / 0.7 if inward is None else inward), (h if outward is None else outward).T @ d, None


drop = partial(family.wrong, family="dropout_embedding", forward=noisy, inputs=masks, constants=("keep",))


@drop(96, argument="x", cause=("mask_missing", "argument_factor_missing"))
def inputs_learn_where_dropped(up, x, W, keep):
    return noisy_backward(up, x, W, keep, inward=1 / 0.7)


@drop(96, argument="W", cause=("wrong_operand", "mask_missing", "argument_factor_missing"))
def weights_see_what_was_dropped(up, x, W, keep):
    return noisy_backward(up, x, W, keep, outward=x / 0.7)


@drop(97, argument="W", cause=("scaled_by_keep_rate",))
def weights_see_unscaled_inputs(up, x, W, keep):
    return noisy_backward(up, x, W, keep, outward=x * keep)


@drop(97, argument="x", cause=("scaled_by_keep_rate",))
def inputs_scaled_by_the_share_dropped(up, x, W, keep):
    return noisy_backward(up, x, W, keep, inward=keep / 0.3)


@drop(98, argument="x", cause=("mask_wrong",))
def inputs_learn_under_the_next_mask(up, x, W, keep):
    return noisy_backward(up, x, W, keep, inward=np.roll(keep, 1, 0) / 0.7)


@drop(107, argument="x W", cause=("wrong_operand",))
def slope_at_the_inputs_before_the_noise(up, x, W, keep):
    h = x * keep / 0.7
    d = up * (1 - np.tanh(x @ W) ** 2)
    return d @ W.T * keep / 0.7, h.T @ d, None


def vectors(size, seed):
    v, d, n = (7, 3, 5) if size == "small" else (19, 7, 23)
    index = (np.arange(n) ** 2 + seed) % v
    return (*normal(seed, (v, d), (d,)), index)


def similarity(E, q, index):
    return np.tanh(E[index] @ q)


def similarity_backward(up, E, q, index, slope=True, rows=None, add=True):
    d = up * (1 - np.tanh(E[index] @ q) ** 2 if slope else 1)
    dE = np.zeros_like(E)
    (np.add.at if add else lambda a, i, b: a.__setitem__(i, b))(dE, index if rows is None else rows, d[:, None] * q)
    return dE, d @ E[index], None


words = partial(family.wrong, family="dropout_embedding", forward=similarity, inputs=vectors)


@words(100, argument="E", cause="repeated_index_dropped")
def similar_words_assigned(up, E, q, index):
    return similarity_backward(up, E, q, index, add=False)


@words(9, argument="E q", cause="derivative_missing")
def similar_words_without_the_slope(up, E, q, index):
    return similarity_backward(up, E, q, index, slope=False)


@words(100, argument="E", cause=("row_permuted", "wrong_operand", "shifted"))
def similar_words_in_sorted_rows(up, E, q, index):
    return similarity_backward(up, E, q, index, rows=np.sort(index))


@words(23, argument="q", cause=("wrong_operand",))
def query_from_the_first_rows(up, E, q, index):
    dE, _, _ = similarity_backward(up, E, q, index)
    d = up * (1 - np.tanh(E[index] @ q) ** 2)
    return dE, d @ E[np.arange(len(index)) % len(E)], None
