"""Inner factors left out, Jacobians applied twice or of another function, roundings and small constants on one side."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("activations")
hidden = sized(((5, 7),), ((40, 30),))
wrong = partial(family.wrong, inputs=hidden, names=("x",), argument="x")
rowwise = partial(wrong, family="softmax")


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def through(p, g):
    return p * (g - (p * g).sum(axis=-1, keepdims=True))


@wrong(43, lambda x: np.exp(-(x**4) / 4), cause=("local_factor", "wrong_derivative"))
def flat_bell_without_its_cube(g, x):
    return -g * np.exp(-(x**4) / 4)


@wrong(43, lambda x: np.log(1 + x**2), cause=("local_factor", "wrong_derivative"))
def logarithm_of_the_square_without_the_inner_x(g, x):
    return 2 * g / (1 + x**2)


def sides(size, seed):
    (s,) = normal(seed, (13,) if size == "small" else (200,))
    return 1.5 * s, np.where(np.arange(len(s)) % 3, 1.0, -1.0)


@family.wrong(
    115,
    lambda s, y: (np.maximum(0, 1 - y * s) ** 3).sum(),
    sides,
    family="losses",
    argument="s",
    constants=("y",),
    cause=("local_factor", "other_loss", "wrong_derivative"),
)
def cubed_hinge_pushes_evenly(g, s, y):
    return -3 * g * y * (y * s < 1), None


@wrong(49, lambda x: 2.5 * np.tanh(x / 1.3), cause=("scaled", "scaled_by_static"))
def wide_tanh_without_its_width(g, x):
    return 2.5 * g * (1 - np.tanh(x / 1.3) ** 2)


@family.whole(27, "wrong backward", "vjp", hidden, family="softmax", argument="x", cause="derivative_twice")
def columns_of_softmax_pulled_back_twice(x):
    p = softmax(x.T).T

    def back(g):
        return p * (g - (p * g).sum(axis=0))

    return p, lambda g: (back(back(g)),)


def unit_rows(x):
    r = np.sqrt((x * x).sum(axis=-1, keepdims=True))
    return x / r, (x / r, r)


@rowwise(27, unit_rows, style="rule", cause="derivative_twice")
def unit_rows_pulled_back_twice(saved, g):
    u, r = saved
    for _ in range(2):
        g = (g - u * (u * g).sum(axis=-1, keepdims=True)) / r
    return (g,)


def taylor(x):
    w = 1 + x + x**2 / 2
    return w / w.sum(axis=-1, keepdims=True)


@rowwise(53, taylor, cause=("wrong_derivative", "approximation_one_side"))
def taylor_softmax_with_the_slope_of_the_exact_one(g, x):
    return through(softmax(x), g)


@rowwise(70, lambda x: x.max(axis=-1), cause=("wrong_derivative", "approximation_one_side", "local_factor"))
def maximum_with_the_slope_of_the_soft_one(g, x):
    return g[:, None] * softmax(x)


def shares(x):
    w = np.exp(x) + 1
    return w / w.sum(axis=-1, keepdims=True)


@rowwise(53, shares, cause=("wrong_derivative", "local_factor", "wrong_operand"))
def shares_treated_as_a_softmax_of_themselves(g, x):
    return through(shares(x), g)


@wrong(109, lambda x: x / (1 + np.exp(-x)), cause="downcast")
def swish_of_an_input_kept_in_half_precision(g, x):
    x = x.astype(np.float16).astype(float)
    s = 1 / (1 + np.exp(-x))
    return g * (s + x * s * (1 - s))


@rowwise(109, lambda x: (softmax(x),) * 2, style="rule", cause="downcast")
def probabilities_kept_in_half_precision(p, g):
    return (through(p.astype(np.float16).astype(float), g),)


def labelled(size, seed):
    n, c = (7, 5) if size == "small" else (40, 12)
    return *normal(seed, (n, c)), np.random.default_rng(seed + 1).integers(0, c, n)


@family.wrong(
    24,
    lambda z, t: -np.log(softmax(z)[np.arange(len(t)), t] + 0.03).mean(),
    labelled,
    family="cross_entropy",
    argument="z",
    cause="epsilon_one_side",
)
def floor_of_the_logarithm_forgotten(g, z, t):
    d = softmax(z)
    d[np.arange(len(t)), t] -= 1
    return g * d / len(t), None


@rowwise(24, lambda x: x / np.sqrt((x**2).sum(axis=-1, keepdims=True) + 0.02), cause="epsilon_one_side")
def guarded_length_differentiated_unguarded(g, x):
    r = np.sqrt((x**2).sum(axis=-1, keepdims=True))
    return (g - x * (x * g).sum(axis=-1, keepdims=True) / r**2) / r


two = sized(((5, 7), (5, 7)), ((40, 30), (40, 30)))


@family.wrong(
    49,
    lambda y, t: np.where(y > t, 3.0 * (y - t) ** 2, (y - t) ** 2).sum(axis=1),
    two,
    family="losses",
    argument="y t",
    cause="partly_scaled",
)
def overshoot_weight_on_both_sides(g, y, t):
    d = 6.0 * g[:, None] * (y - t)
    return d, -d
