"""Functions composed of several steps: attention, gates, autoencoders, averages, kernels."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized
from .softmax import softmax, through

family = Family("composed")

queries = sized(((5, 3), (5, 3), (5, 7)), ((24, 8), (24, 8), (24, 10)))
layers = sized(((5, 3), (3, 7), (7, 4)), ((30, 12), (12, 20), (20, 5)))


def attention(q, k, v):
    p = softmax(q @ k.T / np.sqrt(q.shape[1]))
    return p @ v, (q, k, v, p)


attend = partial(family.wrong, forward=attention, inputs=queries, style="rule")


def of_scores(g, v, p):
    return through(p, g @ v.T)


@attend(110, argument="q k", cause="scaled_by_root")
def attention_scores_not_scaled_back(saved, g):
    q, k, v, p = saved
    ds = of_scores(g, v, p)
    return ds @ k, ds.T @ q, p.T @ g


@attend(6, argument="k", cause="not_transposed")
def attention_keys_by_the_untransposed_scores(saved, g):
    q, k, v, p = saved
    ds = of_scores(g, v, p) / np.sqrt(q.shape[1])
    return ds @ k, ds @ q, p.T @ g


@attend(32, argument="q k", cause=("diagonal_only", "sum_term_missing"))
def attention_softmax_without_its_sum(saved, g):
    q, k, v, p = saved
    ds = p * (g @ v.T) / np.sqrt(q.shape[1])
    return ds @ k, ds.T @ q, p.T @ g


def perceptron(x, W1, W2):
    z = x @ W1
    a = np.tanh(z)
    return a @ W2, {"x": x, "W1": W1, "W2": W2, "z": z, "a": a}


hidden = partial(family.wrong, forward=perceptron, inputs=layers, style="cache")


@hidden(46, argument="x W1", cause="derivative_at_input")
def hidden_slope_from_the_sum_before_tanh(dy, c):
    dz = dy @ c["W2"].T * (1 - c["z"] ** 2)
    return dz @ c["W1"].T, c["x"].T @ dz, c["a"].T @ dy


@hidden(9, argument="x W1", cause="derivative_missing")
def hidden_slope_left_out(dy, c):
    dz = dy @ c["W2"].T
    return dz @ c["W1"].T, c["x"].T @ dz, c["a"].T @ dy


@hidden(8, argument="x W1", cause="updated_weight")
def output_weight_updated_before_it_carries_back(dy, c):
    dW2 = c["a"].T @ dy
    W2 = c["W2"] - 0.1 * dW2
    dz = dy @ W2.T * (1 - c["a"] ** 2)
    return dz @ c["W1"].T, c["x"].T @ dz, dW2


@hidden(104, argument="W2", cause="wrong_operand")
def output_weight_from_the_sum_before_tanh(dy, c):
    dz = dy @ c["W2"].T * (1 - c["a"] ** 2)
    return dz @ c["W1"].T, c["x"].T @ dz, c["z"].T @ dy


def tied(x, W):
    h = np.maximum(x @ W, 0)
    return h @ W.T, (x, W, h)


coded = partial(family.wrong, forward=tied, inputs=sized(((5, 3), (3, 7)), ((30, 12), (12, 20))), style="rule")


@coded(113, argument="W", cause=("use_dropped", "sum_term_missing"))
def tied_weight_as_decoder_only(saved, g):
    x, W, h = saved
    dz = g @ W * (h > 0)
    return dz @ W.T, g.T @ h


@coded(48, argument="x W", cause=("derivative_missing", "mask_missing"))
def tied_autoencoder_without_its_rectifier(saved, g):
    x, W, h = saved
    dz = g @ W
    return dz @ W.T, g.T @ h + x.T @ dz


square_forms = sized(((5, 7), (7, 7)), ((30, 12), (12, 12)))


def quadratic(x, A):
    return np.einsum("ni,ij,nj->n", x, A, x)


@family.wrong(12, quadratic, square_forms, argument="x", cause=("use_dropped", "sum_term_missing"))
def quadratic_form_as_if_symmetric_and_halved(g, x, A):
    return g[:, None] * (x @ A.T), np.einsum("n,ni,nj->ij", g, x, x)


def bilinear(x, A, y):
    return ((x @ A) * y).sum(axis=1)


@family.wrong(
    5, bilinear, sized(((5, 7), (7, 7), (5, 7)), ((30, 12), (12, 12), (30, 12))), argument="A", cause="transposed"
)
def bilinear_form_with_its_vectors_exchanged(g, x, A, y):
    return g[:, None] * (y @ A.T), y.T @ (g[:, None] * x), g[:, None] * (x @ A)


def positive_definite(size, seed):
    n = 5 if size == "small" else 16
    (A,) = normal(seed, (n, n))
    return (A + 2 * n * np.eye(n),)


@family.wrong(5, lambda A: np.linalg.slogdet(A)[1], positive_definite, argument="A", cause="transposed")
def log_determinant_by_the_inverse(g, A):
    return g * np.linalg.inv(A)


def highway(x, h, t):
    s = 1 / (1 + np.exp(-t))
    return s * h + (1 - s) * x, (x, h, s)


gated = partial(family.wrong, forward=highway, inputs=sized(((5, 7),) * 3, ((30, 12),) * 3), style="cache")


@gated(12, argument="t", cause=("use_dropped", "sum_term_missing", "local_factor"))
def highway_gate_sees_the_transform_only(dy, cache):
    x, h, s = cache
    return dy * (1 - s), dy * s, dy * h * s * (1 - s)


@gated(13, argument="x h", cause=("arguments_swapped", "wrong_operand", "local_factor"))
def highway_carries_along_the_wrong_lane(dy, cache):
    x, h, s = cache
    return dy * s, dy * (1 - s), dy * (h - x) * s * (1 - s)


def averaged(size, seed):
    x, w = normal(seed, *((5, 7), (5,)) if size == "small" else ((30, 12), (30,)))
    return x, np.abs(w) + 1.3


def weighted_mean(x, w):
    y = w @ x / w.sum()
    return y, (x, w, y)


mean = partial(family.wrong, forward=weighted_mean, inputs=averaged, style="rule")


@mean(76, argument="w", cause=("use_dropped", "sum_term_missing", "mean_term_missing"))
def weighted_mean_total_held_fixed(saved, g):
    x, w, y = saved
    return np.outer(w, g) / w.sum(), x @ g / w.sum()


@mean(1, argument="x", cause=("wrong_operand", "scaled"))
def weighted_mean_divided_by_the_count(saved, g):
    x, w, y = saved
    return np.outer(w, g) / len(w), (x - y) @ g / w.sum()


def spread_of(x):
    return x.var(axis=0)


@family.wrong(
    77,
    spread_of,
    lambda size, seed: (averaged(size, seed)[0] + 0.6,),
    argument="x",
    cause=("mean_term_missing", "sum_term_missing", "wrong_operand"),
)
def variance_of_what_is_not_centered(g, x):
    return 2 * g * x / len(x)


@family.wrong(
    15,
    lambda mu, log_variance, noise: mu + np.exp(0.5 * log_variance) * noise,
    sized(((5, 7),) * 3, ((30, 12),) * 3),
    argument="log_variance",
    constants=("noise",),
    cause="scaled_by_two",
)
def reparametrized_deviation_without_its_half(g, mu, log_variance, noise):
    return g, g * np.exp(0.5 * log_variance) * noise, None


def radial(x, c):
    difference = x[:, None, :] - c[None, :, :]
    k = np.exp(-0.3 * (difference**2).sum(axis=-1))
    return k, (difference, k)


bases = partial(family.wrong, forward=radial, inputs=sized(((5, 3), (7, 3)), ((30, 4), (12, 4))), style="cache")


@bases(18, argument="c", cause="sign")
def radial_centers_pushed_like_inputs(dy, cache):
    difference, k = cache
    d = -0.6 * (dy * k)[..., None] * difference
    return d.sum(axis=1), d.sum(axis=0)


@bases(43, argument="x c", cause="derivative_missing")
def radial_exponential_not_differentiated(dy, cache):
    difference, _ = cache
    d = -0.6 * dy[..., None] * difference
    return d.sum(axis=1), -d.sum(axis=0)
