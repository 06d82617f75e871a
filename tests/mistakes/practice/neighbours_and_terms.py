"""Values of a neighbouring row, weights and divisors of another axis, and terms that count otherwise."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("cross_entropy")
rows = sized(((5, 7),), ((40, 30),))
pairs = sized(((5, 7), (5, 7)), ((40, 30), (40, 30)))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def kept(x):
    p = softmax(x)
    return p, p


@family.wrong(65, kept, rows, style="rule", names=("x",), family="softmax", argument="x", cause="wrong_operand")
def probabilities_of_the_row_above(p, g):
    q = np.roll(p, 1, axis=0)
    return (q * (g - (q * g).sum(axis=-1, keepdims=True)),)


@family.wrong(
    65,
    lambda y, t: np.sqrt(1 + (y - t) ** 2).sum(axis=1),
    pairs,
    family="losses",
    argument="y t",
    cause=("wrong_operand", "flipped"),
)
def upstream_read_from_the_end(g, y, t):
    d = g[::-1, None] * (y - t) / np.sqrt(1 + (y - t) ** 2)
    return d, -d


def words(size, seed):
    b, s, v = (3, 5, 7) if size == "small" else (8, 17, 25)
    return *normal(seed, (b, s, v)), np.random.default_rng(seed + 1).integers(0, v, (b, s))


def word_loss(z, t):
    p = softmax(z)
    return -np.log(np.take_along_axis(p, t[..., None], -1)[..., 0]).mean(axis=1), (p, t)


@family.wrong(
    104,
    word_loss,
    words,
    style="rule",
    names=("z", "t"),
    argument="z",
    cause=("time_off_by_one", "sum_term_missing", "wrong_operand"),
)
def labels_of_the_word_before(saved, g):
    p, t = saved
    d = p - np.eye(p.shape[-1])[np.roll(t, 1, axis=1)]
    return g[:, None, None] * d / t.shape[1], None


def weighted_rows(size, seed):
    y, t = pairs(size, seed)
    return y, t, np.random.default_rng(seed + 3).uniform(0.5, 3, len(y))


@family.wrong(
    90,
    lambda y, t, w: (w * ((y - t) ** 2).mean(axis=1)).sum(),
    weighted_rows,
    family="losses",
    constants=("w",),
    argument="y t",
    cause="wrong_operand",
)
def weight_of_the_example_behind(g, y, t, w):
    d = 2 * g * np.roll(w, -1)[:, None] * (y - t) / y.shape[1]
    return d, -d, None


def masked(size, seed):
    (x,) = rows(size, seed)
    mask = np.random.default_rng(seed + 1).random(x.shape) < 0.6
    mask[:, 2] = True
    return x, mask


def masked_softmax(x, mask):
    e = np.exp(x) * mask
    return e / e.sum(axis=-1, keepdims=True)


@family.wrong(96, masked_softmax, masked, family="softmax", argument="x", cause="mask_wrong")
def mask_of_the_row_below(g, x, mask):
    p = masked_softmax(x, np.roll(mask, -1, axis=0))
    return p * (g - (p * g).sum(axis=-1, keepdims=True)), None


def with_class_weights(size, seed):
    n, c = (7, 5) if size == "small" else (48, 12)
    (z,) = normal(seed, (n, c))
    return z, np.random.default_rng(seed + 1).integers(0, c, n), np.linspace(0.4, 2.1, c)


@family.wrong(
    90,
    lambda z, t, w: -(w[t] * np.log(softmax(z)[np.arange(len(t)), t])).mean(),
    with_class_weights,
    argument="z",
    constants=("w",),
    cause="wrong_operand",
)
def weights_of_the_predicted_class(g, z, t, w):
    return g * w[z.argmax(axis=1)][:, None] * (softmax(z) - np.eye(z.shape[1])[t]) / len(t), None, None


def padded(size, seed):
    z, t = words(size, seed)
    lengths = 2 + np.arange(len(t)) % (t.shape[1] - 2)
    return z, t, np.arange(t.shape[1]) < lengths[:, None]


def padded_loss(z, t, mask):
    p = softmax(z)
    nll = -np.log(np.take_along_axis(p, t[..., None], -1)[..., 0])
    return (nll * mask).sum(axis=1) / mask.sum(axis=1), (p, t, mask)


tokens = partial(family.wrong, forward=padded_loss, inputs=padded, style="rule", names=("z", "t", "m"), argument="z")


@tokens(29, cause=("ignored_rows", "wrong_operand", "scaled"))
def sentences_divided_by_the_longest(saved, g):
    p, t, mask = saved
    d = (p - np.eye(p.shape[-1])[t]) * mask[..., None]
    return g[:, None, None] * d / mask.sum(axis=1).max(), None, None


@tokens(29, cause=("wrong_operand", "ignored_rows"))
def length_of_the_next_sentence(saved, g):
    p, t, mask = saved
    d = (p - np.eye(p.shape[-1])[t]) * mask[..., None]
    return g[:, None, None] * d / np.roll(mask.sum(axis=1), -1)[:, None, None], None, None


def soft(size, seed):
    z, t = pairs(size, seed)
    return z, softmax(2 * t)


@family.wrong(
    37,
    lambda z, t: -(t * np.log(softmax(z))).sum(axis=1),
    soft,
    argument="z",
    constants=("t",),
    cause="sum_term_missing",
)
def uniform_share_subtracted_too(g, z, t):
    return g[:, None] * (softmax(z) - t - 1 / z.shape[1]), None


def centered_where_open(x, mask):
    return mask * (x - (x * mask).sum(axis=1, keepdims=True) / mask.sum(axis=1, keepdims=True))


@family.wrong(
    77,
    centered_where_open,
    masked,
    family="softmax",
    argument="x",
    cause=("sum_term_missing", "mean_term_missing"),
)
def centered_over_closed_places_too(g, x, mask):
    open_ = g * mask
    return mask * (open_ - open_.mean(axis=1, keepdims=True)), None


@family.wrong(
    77,
    lambda y, t: ((y - y.mean(axis=1, keepdims=True) - t) ** 2).sum(axis=1),
    pairs,
    family="losses",
    argument="y",
    cause=("mean_term_missing", "sum_term_missing"),
)
def centered_error_not_centered_again(g, y, t):
    d = 2 * g[:, None] * (y - y.mean(axis=1, keepdims=True) - t)
    return d, -d


def decisions(size, seed):
    (z,) = rows(size, seed)
    t = (np.random.default_rng(seed + 1).random(z.shape) < 0.4).astype(float)
    t[:, :2] = [0.0, 1.0]
    return z, t


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def whole_bce_backward(dout, z, t):
    return dout * (sigmoid(z) - t) / len(z), -dout * z / len(z)


@family.wrong_forward(
    16,
    whole_bce_backward,
    decisions,
    op="sigmoid_binary_cross_entropy",
    argument="z",
    cause="convention_reduction",
)
def decisions_summed_examples_averaged(z, t):
    return (np.logaddexp(0, z) - t * z).sum() / len(z)


@family.wrong_forward(
    15,
    lambda g, y, t: (g * (y - t) / len(y), -g * (y - t) / len(y)),
    pairs,
    family="losses",
    op="mean_squared_error",
    argument="y",
    cause="convention_reduction",
)
def squares_halved_and_averaged_over_the_rows(y, t):
    return ((y - t) ** 2).sum() / 2 / len(y)
