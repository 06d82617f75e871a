"""Further slips in dense, normalizing, embedding and dropping layers, in unusual clothes (catalogue 1 to 118)."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("dense")
LAYER = sized(((5, 3), (3, 4), (4,)), ((32, 20), (20, 12), (12,)))
ROWS = sized(((5, 7),), ((32, 20),))


def affine(x, W, b):
    return np.einsum("ni,ij->nj", x, W) + b


layer = partial(family.wrong, forward=affine, inputs=LAYER)


@layer(1, argument="b", cause=("mean_instead_of_sum", "scaled_by_batch"))
def offset_by_the_average_row(g, x, W, b):
    return np.einsum("nj,ij->ni", g, W), np.einsum("ni,nj->ij", x, g), np.average(g, axis=0)


@layer(14, argument="W", cause=("samples_missing", "sum_term_missing"))
def outer_products_without_the_first_example(g, x, W, b):
    dW = np.zeros_like(W)
    for row, ct in zip(x[1:], g[1:], strict=True):
        dW += np.outer(row, ct)
    return g @ W.T, dW, g.sum(0)


@layer(3, argument="b", cause=("reduced_too_far", "mean_instead_of_sum"))
def offset_summed_over_everything(g, x, W, b):
    return g @ W.T, x.T @ g, np.full_like(b, g.sum())


@layer(4, argument="W", cause="scaled_by_batch")
def kernel_averaged_in_blocks(g, x, W, b):
    return g @ W.T, np.mean([np.outer(r, c) for r, c in zip(x, g, strict=True)], axis=0), g.sum(0)


def three(x, A, B):
    u = np.maximum(x @ A, 0.1 * (x @ A))
    return np.log1p(np.exp(u @ B)), (x, A, B, u)


nets = partial(family.wrong, forward=three, inputs=sized(((5, 3), (3, 4), (4, 2)), ((32, 12), (12, 16), (16, 6))),
               style="rule", names=("x", "A", "B"))  # fmt: skip


@nets(
    48,
    argument="x A",
    cause=("mask_wrong", "derivative_missing", "partly_scaled", "static_ignored", "wrong_derivative"),
)
def leak_forgotten_on_the_way_back(saved, g):
    x, A, B, u = saved
    d = g / (1 + np.exp(-(u @ B)))
    du = d @ B.T * (u > 0)
    return du @ A.T, x.T @ du, u.T @ d


@nets(43, argument="x A B", cause=("wrong_derivative", "derivative_at_output"))
def softplus_slope_of_its_output(saved, g):
    x, A, B, u = saved
    y = np.log1p(np.exp(u @ B))
    d = g / (1 + np.exp(-y))
    du = d @ B.T * np.where(u > 0, 1, 0.1)
    return du @ A.T, x.T @ du, u.T @ d


@nets(9, argument="x", cause=("wrong_operand", "not_linear"))
def lower_weight_in_the_place_of_its_gradient(saved, g):
    x, A, B, u = saved
    d = g / (1 + np.exp(-(u @ B)))
    du = d @ B.T * np.where(u > 0, 1, 0.1)
    dA = x.T @ du
    return du @ dA.T, dA, u.T @ d


def batch(x, gamma, beta):
    mu = np.average(x, axis=0)
    v = np.average((x - mu) ** 2, axis=0)
    rstd = (v + 1e-5) ** -0.5
    return {"y": gamma * (x - mu) * rstd + beta}["y"], (x, mu, rstd, gamma)


norms = partial(family.wrong, forward=batch, inputs=sized(((7, 3), (3,), (3,)), ((32, 12), (12,), (12,))), style="rule",
                names=("x", "gamma", "beta"), family="normalization")  # fmt: skip


def pulled(saved, g, first=1.0, second=1.0):
    x, mu, rstd, gamma = saved
    h, d = (x - mu) * rstd, g * gamma
    return (d - first * d.mean(0) - second * h * (d * h).mean(0)) * rstd, (g * h).sum(0), g.sum(0)


@norms(77, argument="x", cause=("mean_term_missing", "sum_term_missing"))
def center_path_cut(saved, g):
    return pulled(saved, g, first=0.0)


@norms(78, argument="x", cause=("centered_term_missing", "sum_term_missing"))
def spread_path_counts_half(saved, g):
    return pulled(saved, g, second=0.5)


@norms(76, argument="x", cause=("statistics_as_constants", "sum_term_missing", "use_dropped"))
def both_paths_cut(saved, g):
    return pulled(saved, g, 0.0, 0.0)


@norms(80, argument="x", cause=("argument_factor_missing", "sum_term_missing", "wrong_operand"))
def gain_missing_in_the_spread_path(saved, g):
    x, mu, rstd, gamma = saved
    h, d = (x - mu) * rstd, g * gamma
    return (d - d.mean(0) - h * (g * h).mean(0)) * rstd, (g * h).sum(0), g.sum(0)


@norms(81, argument="gamma", cause=("wrong_operand", "not_normalized", "local_factor"))
def gain_by_the_normalized_input_divided_again(saved, g):
    x, mu, rstd, gamma = saved
    dx, _, db = pulled(saved, g)
    return dx, (g * (x - mu) * rstd**2).sum(0), db


@norms(90, argument="x", cause=("wrong_operand", "row_permuted", "axes_permuted"))
def gain_read_from_the_other_end(saved, g):
    x, mu, rstd, gamma = saved
    return pulled((x, mu, rstd, gamma[::-1]), g)


def quantities(size, seed):
    n, v, d = (9, 5, 3) if size == "small" else (60, 12, 8)
    (table,) = normal(seed, (v, d))
    return np.random.default_rng(seed).integers(0, v - 1, n), table


tables = partial(family.wrong, inputs=quantities, family="embeddings", argument="table")


@tables(100, lambda index, table: table[index] * np.sqrt(table.shape[1]), cause=("scaled_by_root", "scaled"))
def width_forgotten_under_its_root(g, index, table):
    dt = np.zeros_like(table)
    np.add.at(dt, index, g)
    return None, dt


@tables(100, lambda index, table: np.tanh(table[index]), cause="repeated_index_dropped")
def the_latest_word_wins(g, index, table):
    dt = np.zeros_like(table)
    for i, row in zip(index, g, strict=True):
        dt[i] = row * (1 - np.tanh(table[i]) ** 2)
    return None, dt


@tables(100, lambda index, table: table[index].mean(0), cause=("scaled_by_size", "scaled_by_window", "scaled_by_batch"))
def bag_of_words_not_averaged(g, index, table):
    dt = np.zeros_like(table)
    np.add.at(dt, index, np.broadcast_to(g, (len(index), len(g))))
    return None, dt


@tables(100, lambda index, table: table[index] ** 2, cause=("derivative_missing", "local_factor", "wrong_derivative"))
def square_of_a_word_not_differentiated(g, index, table):
    dt = np.zeros_like(table)
    np.add.at(dt, index, 2 * g)
    return None, dt


def kept(size, seed):
    x, mask = normal(seed, *[(5, 7) if size == "small" else (32, 20)] * 2)
    return x, (mask > -0.4).astype(float)


drops = partial(family.wrong, inputs=kept, family="dropout", argument="x", constants=("mask",))


@drops(96, lambda x, mask: np.tanh(x) * mask / 0.8, cause=("mask_missing", "argument_factor_missing"))
def dropped_units_of_tanh_learn(g, x, mask):
    return g / 0.8 * (1 - np.tanh(x) ** 2), None


@drops(97, lambda x, mask: np.exp(x) * mask / 0.8, cause=("scaled_by_keep_rate", "scaled"))
def kept_units_of_exp_scaled_down(g, x, mask):
    return g * mask * 0.8 * np.exp(x), None


@drops(98, lambda x, mask: x * mask / 0.8, cause="mask_wrong")
def rows_of_the_mask_turned(g, x, mask):
    return g * mask[::-1] / 0.8, None


@drops(99, lambda x, mask: np.maximum(x, 0) * mask / 0.8, cause=("mask_wrong", "mask_missing"))
def mask_guessed_from_zeros(g, x, mask):
    return g * (x * mask != 0) / 0.8, None


penal = partial(family.wrong, family="regularisation")
FIT = sized(((5, 3), (3, 4)), ((32, 12), (12, 8)))


def hinge(x, W):
    s = x @ W
    m = np.maximum(0, 1 + s - s[:, :1])
    m[:, 0] = 0
    return m.sum() / len(x) + 0.5 * np.linalg.norm(W) ** 2


def hinge_backward(g, x, W, correct=-1.0, decay=1.0):
    s = x @ W
    d = (1 + s - s[:, :1] > 0) * 1.0
    d[:, 0] = 0
    d[:, 0] = correct * d.sum(1)
    return g * d @ W.T / len(x), g * (x.T @ d / len(x) + decay * W)


@penal(
    115,
    hinge,
    FIT,
    argument="x W",
    cause=("sum_term_missing", "use_dropped", "isolated_entries", "entries_not_written"),
)
def true_class_left_alone(g, x, W):
    return hinge_backward(g, x, W, correct=0.0)


@penal(116, hinge, FIT, argument="W", cause="regularization")
def decay_of_the_margin_doubled(g, x, W):
    return hinge_backward(g, x, W, decay=2.0)


@penal(118, lambda x, W: 0.5 * ((x @ W) ** 2).mean() + 0.1 * np.abs(W).max(), FIT, argument="W",
       cause=("sum_term_missing", "use_dropped", "isolated_entries", "regularization"))  # fmt: skip
def largest_weight_not_pulled(g, x, W):
    d = g * (x @ W) / (len(x) * W.shape[1])
    return d @ W.T, x.T @ d
