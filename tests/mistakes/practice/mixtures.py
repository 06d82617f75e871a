"""Experts, prototypes, shared and normalised weights, networks as lists (catalogue 1 to 13, 112, 113)."""

import numpy as np

from ..case import Family, sized

family = Family("dense")


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# x (N, D), G (D, K), E (K, D, M)
EXPERTS = sized(((5, 4), (4, 3), (3, 4, 7)), ((24, 12), (12, 5), (5, 12, 8)))


def experts(x, G, E):
    return np.einsum("nk,nd,kdm->nm", softmax(x @ G), x, E)


def experts_back(g, x, G, E, gate=True, weighted=True, centred=True):
    p = softmax(x @ G)
    dp = np.einsum("nm,nd,kdm->nk", g, x, E)
    ds = p * (dp - (p * dp).sum(axis=1, keepdims=True) * centred)
    dE = np.einsum("nm,nd,nk->kdm", g, x, p if weighted else np.ones_like(p))
    return np.einsum("nm,nk,kdm->nd", g, p, E) + gate * ds @ G.T, x.T @ ds, dE


def expert(name, number, argument, cause, **slips):
    code = {"id": name, "argument": argument, "cause": cause}
    family.wrong(number, experts, EXPERTS, **code)(lambda g, x, G, E: experts_back(g, x, G, E, **slips))


expert("experts_without_their_gate", 12, "x", "use_dropped", gate=False)
# Without the weights, which add up to one, every expert receives the sum of what all should receive.
expert("experts_learn_whole", 80, "E", ("argument_factor_missing", "reduced_too_far"), weighted=False)
expert("gate_without_competition", 37, "x G", ("sum_term_missing", "diagonal_only"), centred=False)


# x (N, D), c (K, D): how near each row is to each prototype
PROTOTYPES = sized(((5, 3), (4, 3)), ((16, 8), (10, 8)))


def nearness(x, c):
    return np.exp(-0.5 * ((x[:, None] - c) ** 2).sum(axis=2) / x.shape[1])


@family.wrong(18, nearness, PROTOTYPES, argument="c", cause="sign")
def prototypes_run_away(g, x, c):
    d = (g * nearness(x, c))[:, :, None] * (x[:, None] - c) / x.shape[1]
    return -d.sum(axis=1), -d.sum(axis=0)


@family.wrong(43, nearness, PROTOTYPES, argument="x c", cause="derivative_missing")
def prototypes_without_the_exponential(g, x, c):
    d = g[:, :, None] * (x[:, None] - c) / x.shape[1]
    return -d.sum(axis=1), d.sum(axis=0)


@family.wrong(10, nearness, PROTOTYPES, argument="c", cause=("last_sample_only", "use_dropped"))
def prototypes_of_the_last_row(g, x, c):
    d = (g * nearness(x, c))[:, :, None] * (x[:, None] - c) / x.shape[1]
    return -d.sum(axis=1), d[-1]


# a, b (N, D), W (D, M): one layer for both sides
TWINS = sized(((5, 4), (5, 4), (4, 3)), ((16, 10), (16, 10), (10, 6)))


def apart(a, b, W):
    u, v = np.tanh(a @ W), np.tanh(b @ W)
    return (u - v) ** 2, (a, b, W, u, v)


def apart_back(cache, g, both=1, second=None):
    a, b, W, u, v = cache
    du, dv = 2 * g * (u - v) * (1 - u**2), -2 * g * (u - v) * (1 - v**2)
    return du @ W.T, dv @ W.T, a.T @ du + both * (b if second is None else a).T @ dv


def twins(name, number, argument, cause, **slips):
    more = {"id": name, "style": "rule", "names": ("a", "b", "W"), "argument": argument, "cause": cause}
    family.wrong(number, apart, TWINS, **more)(lambda cache, g: apart_back(cache, g, **slips))


twins("one_twin_teaches", 12, "W", "use_dropped", both=0)
twins("second_twin_meets_the_first_input", 104, "W", "wrong_operand", second=True)


# v (D, M), s (M,), x (N, D): directions of length one, scaled
DIRECTIONS = sized(((5, 3), (3, 7), (7,)), ((16, 8), (8, 12), (12,)))


def directed(x, v, s):
    return x @ (v / np.sqrt((v * v).sum(axis=0))) * s


def directed_back(g, x, v, s, through=True, unit=True):
    length = np.sqrt((v * v).sum(axis=0))
    w = v / length
    dw = x.T @ (g * s)
    dv = (dw - w * (w * dw).sum(axis=0) * through) / length
    return (g * s) @ w.T, dv, (g * (x @ (w if unit else v))).sum(axis=0)


@family.wrong(
    84,
    directed,
    DIRECTIONS,
    argument="v",
    cause=("sum_term_missing", "statistics_as_constants", "centered_term_missing"),
)
def directions_of_fixed_length(g, x, v, s):
    return directed_back(g, x, v, s, through=False)


@family.wrong(
    81, directed, DIRECTIONS, argument="s", cause=("wrong_operand", "not_normalized", "argument_factor_missing")
)
def scale_of_the_unnormalised(g, x, v, s):
    return directed_back(g, x, v, s, unit=False)


# x (N, D), three square matrices and their biases
DEEP = sized(((5, 4), *[(4, 4), (4,)] * 3), ((16, 8), *[(8, 8), (8,)] * 3))


def deep(x, W1, b1, W2, b2, W3, b3):
    seen = [x]
    for W, b in ((W1, b1), (W2, b2), (W3, b3)):
        seen.append(np.tanh(seen[-1] @ W + b))
    return seen[-1], (seen, (W1, W2, W3))


def deep_back(g, cache, entering=0, order=(0, 1, 2), turned=True, halves=(1, 1, 1)):
    seen, matrices = cache
    grads: list = [None] * 3
    for layer in (2, 1, 0):
        da = g * (1 - seen[layer + 1] ** 2)
        grads[layer] = (
            seen[layer + (entering if layer == 1 else 0)].T @ da,
            da.sum(axis=0) * (halves[layer] or 1 / len(da)),
        )
        g = da @ (matrices[layer].T if turned or layer != 1 else matrices[layer])
    return g, *(part for layer in order for part in grads[layer])


def layers(name, number, argument, cause, kind="wrong", **slips):
    more = {"id": name, "style": "cache", "argument": argument, "cause": cause}
    names = ("x", "W1", "b1", "W2", "b2", "W3", "b3")
    getattr(family, kind)(number, deep, DEEP, names=names, **more)(lambda g, cache: deep_back(g, cache, **slips))


layers("middle_matrix_meets_its_own_output", 104, "W2", "wrong_operand", entering=1)
layers("middle_matrix_not_turned", 6, "x W1 b1", "not_transposed", turned=False)
layers("gradients_in_the_order_of_the_way_back", 13, "W1 b1 W3 b3", "arguments_swapped", order=(2, 1, 0))
layers("middle_bias_averaged", 1, "b2", ("scaled_by_batch", "mean_instead_of_sum"), halves=(1, None, 1))
layers("deep_network", "", "", (), kind="control")
