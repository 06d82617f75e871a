"""Normalizations of rows, columns, groups and weights."""

import numpy as np

from ..case import Family, normal

family = Family("normalization")

EPSILON = 1e-5


def rows(size, seed):
    n, d = (4, 7) if size == "small" else (23, 37)
    x, gamma, beta = normal(seed, (n, d), (d,), (d,))
    return 2 * x + 0.5, 1 + 0.3 * gamma, beta


def wrong(number, forward, inputs=rows, **more):
    return family.wrong(number, forward, inputs, **more)


def without_shift(size, seed):
    return rows(size, seed)[:2]


def rms(x, gamma):
    return gamma * x / np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON)


def rms_backward(g, x, gamma, weigh=True, through=True, scale_of=None, mean=np.mean):
    r = np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON)
    y = x / r
    d = g * gamma if weigh else g
    dx = (d - y * mean(d * y, axis=-1, keepdims=True) * through) / r
    return dx, (g * (y if scale_of is None else scale_of(x))).sum(0)


@wrong(84, rms, without_shift, argument="x", cause=("centered_term_missing", "statistics_as_constants"))
def root_mean_square_as_a_constant(g, x, gamma):
    return rms_backward(g, x, gamma, through=False)


@wrong(80, rms, without_shift, argument="x", cause="argument_factor_missing")
def rms_input_without_its_gain(g, x, gamma):
    return rms_backward(g, x, gamma, weigh=False)


@wrong(81, rms, without_shift, argument="gamma", cause="not_normalized")
def rms_gain_from_raw_rows(g, x, gamma):
    return rms_backward(g, x, gamma, scale_of=lambda x: x)


@wrong(17, rms, without_shift, argument="x", cause=("centered_term_missing", "sum_term_missing", "scaled_by_size"))
def rms_correlation_summed_not_averaged(g, x, gamma):
    return rms_backward(g, x, gamma, mean=np.sum)


def layer(x, gamma, beta):
    m = x.mean(-1, keepdims=True)
    v = ((x - m) ** 2).mean(-1, keepdims=True)
    return gamma * (x - m) / np.sqrt(v + EPSILON) + beta


def through(d, xhat, std, axis=-1, mean=True, spread=True):
    dx = d.copy()
    if mean:
        dx -= d.mean(axis, keepdims=True)
    if spread:
        dx -= xhat * (d * xhat).mean(axis, keepdims=True)
    return dx / std


def pieces(x, axis: int | tuple[int, ...] = -1, ddof=0):
    m = x.mean(axis, keepdims=True)
    std = np.sqrt(x.var(axis, keepdims=True, ddof=ddof) + EPSILON)
    return (x - m) / std, std


def layer_backward(g, x, gamma, axis=-1, ddof=0, **parts):
    xhat, std = pieces(x, -1, ddof)
    return through(g * gamma, xhat, std, axis, **parts), (g * xhat).sum(0), g.sum(0)


@wrong(77, layer, argument="x", cause="mean_term_missing")
def layer_rows_without_their_mean(g, x, gamma, beta):
    return layer_backward(g, x, gamma, mean=False)


@wrong(78, layer, argument="x", cause="centered_term_missing")
def layer_rows_without_their_spread(g, x, gamma, beta):
    return layer_backward(g, x, gamma, spread=False)


@wrong(88, layer, argument="x", cause="coupled_over_wrong_axis")
def layer_statistics_of_the_batch(g, x, gamma, beta):
    return layer_backward(g, x, gamma, axis=0)


@wrong(86, layer, argument="x gamma", cause="variance_correction")
def layer_with_the_sample_variance(g, x, gamma, beta):
    return layer_backward(g, x, gamma, ddof=1)


@wrong(80, layer, argument="x", cause=("argument_factor_missing", "wrong_operand"))
def layer_gain_divides(g, x, gamma, beta):
    xhat, std = pieces(x)
    return through(g / gamma, xhat, std), (g * xhat).sum(0), g.sum(0)


@wrong(3, layer, argument="beta", cause=("reduced_too_far",))
def layer_shift_from_everything(g, x, gamma, beta):
    dx, dgamma, _ = layer_backward(g, x, gamma)
    return dx, dgamma, np.full_like(beta, g.sum())


def outside(x, gamma, beta):
    m = x.mean(0)
    s = np.sqrt(((x - m) ** 2).mean(0))
    return gamma * (x - m) / (s + 0.1) + beta


@wrong(93, outside, argument="x gamma", cause=("epsilon_one_side", "static_ignored"))
def epsilon_outside_forgotten(g, x, gamma, beta):
    xhat = (x - x.mean(0)) / x.std(0)
    d = g * gamma
    return (d - d.mean(0) - xhat * (d * xhat).mean(0)) / x.std(0), (g * xhat).sum(0), g.sum(0)


@wrong(
    93, outside, argument="x", cause=("epsilon_one_side", "scaled_by_size", "centered_term_missing", "sum_term_missing")
)
def epsilon_outside_inside_the_last_division(g, x, gamma, beta):
    s = x.std(0)
    c = x - x.mean(0)
    d = g * gamma / (s + 0.1)
    dx = d - d.mean(0) - c / s * (d * c).mean(0) / s
    return dx, (g * c / (s + 0.1)).sum(0), g.sum(0)


def given(size, seed):
    x, gamma, beta = rows(size, seed)
    m, v = normal(seed + 7, beta.shape, beta.shape)
    return x, gamma, beta, m, 0.5 + v**2


def evaluating(x, gamma, beta, m, v):
    return gamma * (x - m) / np.sqrt(v + EPSILON) + beta


@wrong(85, evaluating, given, constants=("m", "v"), argument="x", cause="statistics_not_constants")
def evaluation_by_the_training_formula(g, x, gamma, beta, m, v):
    xhat, std = (x - m) / np.sqrt(v + EPSILON), np.sqrt(v + EPSILON)
    return through(g * gamma, xhat, std, 0), (g * xhat).sum(0), g.sum(0), None, None


@wrong(
    85,
    evaluating,
    given,
    constants=("m", "v"),
    argument="x",
    cause=("wrong_operand", "argument_factor_missing", "local_factor"),
)
def evaluation_divides_by_the_batch_deviation(g, x, gamma, beta, m, v):
    xhat = (x - m) / np.sqrt(v + EPSILON)
    return g * gamma / np.sqrt(x.var(0) + EPSILON), (g * xhat).sum(0), g.sum(0), None, None


@wrong(
    85,
    evaluating,
    given,
    constants=("m", "v"),
    argument="x",
    cause=("wrong_operand", "derivative_missing", "argument_factor_missing"),
)
def evaluation_divides_by_the_variance(g, x, gamma, beta, m, v):
    xhat = (x - m) / np.sqrt(v + EPSILON)
    return g * gamma / (v + EPSILON), (g * xhat).sum(0), g.sum(0), None, None


def grouped_images(size, seed):
    n, c, h, w = (2, 6, 3, 5) if size == "small" else (3, 6, 7, 5)
    x, gamma, beta = normal(seed, (n, c, h, w), (c,), (c,))
    return 2 * x + 0.3, 1 + 0.3 * gamma, beta


def group(x, gamma, beta, groups=2):
    n, c, h, w = x.shape
    xhat, _ = pieces(x.reshape(n, groups, -1))
    return xhat.reshape(x.shape) * gamma[:, None, None] + beta[:, None, None]


def group_backward(g, x, gamma, groups=2, scale=True, **parts):
    n, c, h, w = x.shape
    xhat, std = pieces(x.reshape(n, groups, -1))
    d = (g * gamma[:, None, None] if scale else g).reshape(n, groups, -1)
    return (
        through(d, xhat, std, **parts).reshape(x.shape),
        (g * xhat.reshape(x.shape)).sum((0, 2, 3)),
        g.sum((0, 2, 3)),
    )


def of_images(number, forward=group, **more):
    return family.wrong(number, forward, grouped_images, names=("x", "gamma", "beta"), **more)


@of_images(95, argument="x", cause="argument_factor_missing")
def groups_without_their_gain(g, x, gamma, beta):
    return group_backward(g, x, gamma, scale=False)


@of_images(77, argument="x", cause="mean_term_missing")
def groups_without_their_mean(g, x, gamma, beta):
    return group_backward(g, x, gamma, mean=False)


@of_images(89, argument="x gamma", cause=("coupled_over_wrong_axis", "static_ignored", "groups_mixed"))
def groups_of_three_on_the_way_back(g, x, gamma, beta):
    return group_backward(g, x, gamma, groups=3)


@of_images(64, argument="gamma beta", cause=("reduced_over_wrong_axis", "wrong_shape", "not_reduced"))
def group_parameters_summed_over_the_batch_only(g, x, gamma, beta):
    xhat, _ = pieces(x.reshape(len(x), 2, -1))
    dx, _, _ = group_backward(g, x, gamma)
    return dx, (g * xhat.reshape(x.shape)).sum(0), g.sum(0)


def instance(x, gamma, beta):
    m = x.mean((2, 3), keepdims=True)
    s = np.sqrt(((x - m) ** 2).mean((2, 3), keepdims=True) + EPSILON)
    return gamma[:, None, None] * (x - m) / s + beta[:, None, None]


@of_images(88, instance, argument="x", cause="coupled_over_wrong_axis")
def instance_as_batch_on_the_way_back(g, x, gamma, beta):
    xhat, std = pieces(x, (2, 3))
    d = g * gamma[:, None, None]
    dx = (d - d.mean((0, 2, 3), keepdims=True) - xhat * (d * xhat).mean((0, 2, 3), keepdims=True)) / std
    return dx, (g * xhat).sum((0, 2, 3)), g.sum((0, 2, 3))


@of_images(76, instance, argument="x", cause="statistics_as_constants")
def instance_with_frozen_statistics(g, x, gamma, beta):
    xhat, std = pieces(x, (2, 3))
    return g * gamma[:, None, None] / std, (g * xhat).sum((0, 2, 3)), g.sum((0, 2, 3))


def weight_inputs(size, seed):
    n, d, k = (4, 5, 3) if size == "small" else (23, 13, 7)
    return normal(seed, (n, d), (d, k), (k,))


def weight_norm(x, V, s):
    return x @ (V * s / np.sqrt((V**2).sum(0)))


def weight_norm_backward(g, x, V, s, project=True, power=1, scaled=True):
    n = np.sqrt((V**2).sum(0))
    u = V / n
    dW = x.T @ g
    ds = (dW * u).sum(0)
    dV = (s if scaled else 1) / n**power * (dW - u * ds * project)
    return g @ (u * s).T, dV, ds


@wrong(
    84,
    weight_norm,
    weight_inputs,
    argument="V",
    cause=("centered_term_missing", "statistics_as_constants", "sum_term_missing"),
)
def weight_norm_with_a_fixed_length(g, x, V, s):
    return weight_norm_backward(g, x, V, s, project=False)


@wrong(80, weight_norm, weight_inputs, argument="V", cause="argument_factor_missing")
def weight_norm_without_its_gain(g, x, V, s):
    return weight_norm_backward(g, x, V, s, scaled=False)


@wrong(
    45,
    weight_norm,
    weight_inputs,
    argument="V",
    cause=("wrong_operand", "sum_term_missing", "argument_factor_missing", "derivative_twice", "scaled"),
)
def weight_norm_divides_by_the_square(g, x, V, s):
    return weight_norm_backward(g, x, V, s, power=2)


@wrong(
    81, weight_norm, weight_inputs, argument="s", cause=("not_normalized", "wrong_operand", "argument_factor_missing")
)
def weight_gain_from_raw_directions(g, x, V, s):
    dx, dV, _ = weight_norm_backward(g, x, V, s)
    return dx, dV, (x.T @ g * V).sum(0)


def normed_block(x, gamma, beta):
    return np.maximum(layer(x, gamma, beta), 0)


@wrong(9, normed_block, argument="x gamma beta", cause=("mask_missing", "derivative_missing"))
def normed_block_open_everywhere(g, x, gamma, beta):
    return layer_backward(g, x, gamma)


@wrong(48, normed_block, argument="x gamma beta", cause="mask_wrong")
def normed_block_masked_by_its_input(g, x, gamma, beta):
    return layer_backward(g * (x > 0), x, gamma)


@family.whole(
    76,
    "wrong backward",
    "layer",
    rows,
    gradients={"gamma": "dgamma", "beta": "dbeta"},
    argument="x",
    cause="statistics_as_constants",
)
class BatchNormOfFrozenStatistics:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta

    def forward(self, x):
        self.centered = x - x.mean(axis=0)
        self.std = np.sqrt((self.centered**2).mean(axis=0) + EPSILON)
        return self.gamma * self.centered / self.std + self.beta

    def backward(self, dout):
        self.dbeta = dout.sum(axis=0)
        self.dgamma = (dout * self.centered / self.std).sum(axis=0)
        return dout * self.gamma / self.std
