"""Softmax and its relatives."""

import numpy as np

from ..case import Family, normal, sized

family = Family("softmax")

X = sized(((4, 7),), ((23, 37),))


def soft(z, axis=-1):
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def wrong(number, forward, inputs=X, **more):
    return family.wrong(number, forward, inputs, **more)


def cooled(x):
    return soft(x / 0.6)


@wrong(110, cooled, cause=("static_ignored", "derivative_at_output", "wrong_operand"))
def cooled_softmax_with_warm_probabilities(g, x):
    p = soft(x)
    return p * (g - (p * g).sum(-1, keepdims=True)) / 0.6


@wrong(32, cooled, cause="diagonal_only")
def cooled_softmax_by_its_diagonal(g, x):
    p = cooled(x)
    return g * p * (1 - p) / 0.6


@wrong(
    37,
    lambda x: np.log(np.exp(x).sum(1)),
    cause=("derivative_missing", "one_sample_repeated", "identity", "sum_term_missing", "diagonal_only"),
)
def log_sum_exp_spread_evenly(g, x):
    return np.broadcast_to(g[:, None], x.shape) / x.shape[1]


@wrong(31, lambda x: np.log(np.exp(x).sum(1)), cause="coupled_over_wrong_axis")
def log_sum_exp_with_columns_as_weights(g, x):
    return g[:, None] * soft(x, 0)


def softmin(x):
    return soft(-x)


@wrong(18, softmin, cause="sign")
def softmin_as_softmax(g, x):
    p = softmin(x)
    return p * (g - (p * g).sum(-1, keepdims=True))


@wrong(33, softmin, cause=("identity", "derivative_missing", "sign"))
def softmin_passes_the_negative(g, x):
    return -g


def squared(x):
    return x**2 / (x**2).sum(1, keepdims=True)


@wrong(76, squared, cause=("centered_term_missing", "statistics_as_constants", "sum_term_missing", "diagonal_only"))
def share_of_squares_with_a_constant_total(g, x):
    return 2 * g * x / (x**2).sum(1, keepdims=True)


@wrong(15, squared, cause="scaled_by_two")
def share_of_squares_without_the_two(g, x):
    s, y = (x**2).sum(1, keepdims=True), squared(x)
    return x / s * (g - (g * y).sum(1, keepdims=True))


def unit(x):
    return x / np.sqrt((x * x).sum(1, keepdims=True))


@wrong(84, unit, cause=("centered_term_missing", "statistics_as_constants", "sum_term_missing"))
def unit_rows_with_a_constant_norm(g, x):
    return g / np.sqrt((x * x).sum(1, keepdims=True))


@wrong(38, unit, cause=("diagonal_only", "coupled_over_wrong_axis"))
def unit_rows_by_their_diagonal(g, x):
    n, y = np.sqrt((x * x).sum(1, keepdims=True)), unit(x)
    return (g - y * y * g) / n


@wrong(88, unit, cause="coupled_over_wrong_axis")
def unit_rows_projected_over_columns(g, x):
    n, y = np.sqrt((x * x).sum(1, keepdims=True)), unit(x)
    return (g - y * (y * g).sum(0)) / n


@wrong(37, unit, cause=("sum_term_missing", "wrong_operand"))
def unit_rows_projected_on_x(g, x):
    n, y = np.sqrt((x * x).sum(1, keepdims=True)), unit(x)
    return (g - x * (y * g).sum(1, keepdims=True)) / n


def images(size, seed):
    return normal(seed, (2, 3, 4, 5) if size == "small" else (3, 5, 6, 7))


def over_channels(x):
    return soft(x, 1)


@wrong(31, over_channels, images, cause="coupled_over_wrong_axis")
def channel_softmax_sums_the_last_axis(g, x):
    p = over_channels(x)
    return p * (g - (p * g).sum(-1, keepdims=True))


@wrong(31, over_channels, images, cause="coupled_over_wrong_axis")
def channel_softmax_sums_everything(g, x):
    p = over_channels(x)
    return p * (g - (p * g).sum((1, 2, 3), keepdims=True))


def masked_inputs(size, seed):
    (x,) = X(size, seed)
    keep = np.ones(x.shape, bool)
    keep[1, 2:4] = keep[0, :1] = keep[-1, -3:] = False
    return x, keep


def masked_soft(x, keep):
    e = np.where(keep, np.exp(x), 0)
    return e / e.sum(1, keepdims=True)


@wrong(111, masked_soft, masked_inputs, argument="x", cause=("mask_missing", "static_ignored"))
def masked_softmax_with_everyone_inside(g, x, keep):
    p = soft(x)
    return p * (g - (p * g).sum(1, keepdims=True)), None


def log_soft(x):
    return x - x.max(-1, keepdims=True) - np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True))


@family.whole(37, "wrong backward", "vjp", X, cause=("sum_term_missing", "wrong_derivative"))
def log_softmax_for_one_hot_cotangents(x):
    y = log_soft(x)
    return y, lambda g: g - np.exp(y)


@family.whole(31, "wrong backward", "vjp", X, cause="coupled_over_wrong_axis")
def log_softmax_adds_up_the_batch(x):
    y = log_soft(x)
    return y, lambda g: g - np.exp(y) * g.sum(0)


@family.whole(32, "wrong backward", "layer", X, cause=("sum_term_missing", "sign", "diagonal_only", "wrong_operand"))
class SoftmaxAddsItsOuterProduct:
    def forward(self, x):
        self.p = soft(x)
        return self.p

    def backward(self, dout):
        dx = np.empty_like(dout)
        for i, (p, d) in enumerate(zip(self.p, dout, strict=True)):
            dx[i] = (np.diag(p) + np.outer(p, p)) @ d
        return dx


@family.whole(32, "wrong backward", "layer", X, cause=("sum_term_missing", "diagonal_only"))
class SoftmaxForgetsItsDiagonal:
    def forward(self, x):
        self.p = soft(x)
        return self.p

    def backward(self, dout):
        return np.stack([-np.outer(p, p) @ d for p, d in zip(self.p, dout, strict=True)])


def gumbel_inputs(size, seed):
    (x,) = X(size, seed)
    u = np.random.default_rng(seed + 5).uniform(0.05, 0.95, x.shape)
    return x, -np.log(-np.log(u))


def gumbel(x, noise):
    return soft((x + noise) / 0.5)


@wrong(
    98,
    gumbel,
    gumbel_inputs,
    constants=("noise",),
    argument="x",
    cause=("wrong_operand", "sum_term_missing", "static_ignored", "use_dropped"),
)
def gumbel_without_noise_on_the_way_back(g, x, noise):
    p = soft(x / 0.5)
    return p * (g - (p * g).sum(1, keepdims=True)) / 0.5, None


@wrong(34, gumbel, gumbel_inputs, constants=("noise",), argument="x", cause=("scaled_by_two", "scaled_by_static"))
def gumbel_without_its_temperature(g, x, noise):
    p = gumbel(x, noise)
    return p * (g - (p * g).sum(1, keepdims=True)), None


def mixture_inputs(size, seed):
    n, k, d = (4, 3, 5) if size == "small" else (11, 7, 13)
    return normal(seed, (n, k), (n, k, d))


def mixture(z, experts):
    return np.einsum("nk,nkd->nd", soft(z), experts)


@wrong(32, mixture, mixture_inputs, argument="z", cause=("sum_term_missing", "diagonal_only"))
def mixture_gate_by_its_diagonal(g, z, experts):
    p = soft(z)
    s = np.einsum("nd,nkd->nk", g, experts)
    return p * (1 - p) * s, p[..., None] * g[:, None]


@wrong(33, mixture, mixture_inputs, argument="z", cause=("identity", "derivative_missing"))
def mixture_gate_passed_through(g, z, experts):
    return np.einsum("nd,nkd->nk", g, experts), soft(z)[..., None] * g[:, None]


@wrong(
    9,
    mixture,
    mixture_inputs,
    argument="experts",
    cause=("argument_factor_missing", "sum_term_missing", "derivative_missing", "wrong_operand"),
)
def experts_all_receive_the_same(g, z, experts):
    p = soft(z)
    s = np.einsum("nd,nkd->nk", g, experts)
    return p * (s - (p * s).sum(1, keepdims=True)), np.broadcast_to(g[:, None], experts.shape)
