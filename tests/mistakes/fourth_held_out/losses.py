"""Losses of regression and of margins (catalogue 15 to 20, 115)."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("losses")
DELTA, TAU, BETA = 0.6, 0.8, 0.4

pairs = sized(((5, 7), (5, 7)), ((40, 60), (40, 60)))
both = partial(family.wrong, inputs=pairs, argument="y t")


def spread(size, seed):
    """Differences on both sides of zero, near and far."""
    y, t = pairs(size, seed)
    return y, t + np.linspace(-0.5, 0.5, t.shape[1])


def with_weights(size, seed):
    y, t = pairs(size, seed)
    return y, t, np.random.default_rng(seed + 3).uniform(0.5, 3, (len(y), 1))


def of_targets(d):
    """A loss of the difference pushes the target the other way."""
    return d, -d


def rmse(y, t):
    return np.sqrt(np.mean((y - t) ** 2))


def huber(y, t):
    e = np.abs(y - t)
    return np.where(e <= DELTA, 0.5 * e**2, DELTA * (e - 0.5 * DELTA)).mean(axis=1)


def smooth_l1(y, t):
    e = np.abs(y - t)
    return np.where(e < BETA, 0.5 * e * e / BETA, e - 0.5 * BETA).sum()


def pinball(y, t):
    return np.maximum(TAU * (t - y), (TAU - 1) * (t - y)).sum(axis=1)


@family.wrong(
    80,
    lambda y, t, w: (w * (y - t) ** 2).mean(),
    with_weights,
    argument="y t",
    constants=("w",),
    cause="argument_factor_missing",
)
def sample_weights_enter_twice(g, y, t, w):
    return *of_targets(g * 2 * w * w * (y - t) / y.size), None


@both(23, rmse, cause=("wrong_operand", "scaled"))
def root_mean_square_divided_by_the_mean_square(g, y, t):
    return of_targets(g * (y - t) / (y.size * np.mean((y - t) ** 2)))


@both(43, rmse, cause=("derivative_missing", "other_loss", "scaled"))
def root_of_the_mean_square_not_differentiated(g, y, t):
    return of_targets(g * 2 * (y - t) / y.size)


@both(18, lambda y, t: np.abs(y - t).sum(axis=1), cause="sign")
def absolute_error_by_the_sign_of_the_target_excess(g, y, t):
    return of_targets(g[:, None] * np.sign(t - y))


@both(17, lambda y, t: np.abs(y - t).mean(axis=1), argument="y", cause="scaled_by_two")
def square_habit_in_the_absolute_error(g, y, t):
    d = g[:, None] * np.sign(y - t) / y.shape[1]
    return 2 * d, -d


@both(
    "",
    lambda y, t: np.log(np.cosh(y - t)).sum(),
    cause=("wrong_derivative", "derivative_missing", "other_loss", "local_factor"),
)
def log_cosh_with_the_slope_of_cosh(g, y, t):
    return of_targets(g * np.sinh(y - t))


@both(49, huber, inputs=spread, op="huber_loss", statics={"delta": DELTA}, cause="partly_scaled")
def huber_tail_without_delta(g, y, t):
    e = y - t
    return of_targets(g[:, None] * np.where(np.abs(e) <= DELTA, e, np.sign(e)) / y.shape[1])


@both(49, smooth_l1, inputs=spread, cause="partly_scaled")
def smooth_error_not_divided_near_zero(g, y, t):
    e = y - t
    return of_targets(g * np.where(np.abs(e) < BETA, e, np.sign(e)))


@both(
    "",
    lambda y, t: (np.sqrt(1 + (y - t) ** 2) - 1).mean(axis=1),
    cause=("local_factor", "other_loss", "wrong_derivative"),
)
def pseudo_huber_without_its_root(g, y, t):
    d = y - t
    return of_targets(g[:, None] * d / (1 + d * d) / y.shape[1])


@both(49, pinball, inputs=spread, cause=("static_ignored", "local_factor"))
def quantile_levels_exchanged(g, y, t):
    return of_targets(g[:, None] * np.where(t > y, TAU - 1, TAU))


@both(49, pinball, inputs=spread, argument="y", cause="sign")
def quantile_prediction_pushed_away(g, y, t):
    right = g[:, None] * np.where(t > y, -TAU, 1 - TAU)
    return -right, -right


def counts(size, seed):
    (y,) = normal(seed, (5, 7) if size == "small" else (40, 60))
    return y, np.random.default_rng(seed + 1).poisson(2.0, y.shape).astype(float)


@family.wrong(
    43,
    lambda y, t: (np.exp(y) - t * y).mean(),
    counts,
    argument="y",
    constants=("t",),
    cause=("derivative_missing", "local_factor"),
)
def poisson_gradient_of_the_rate_for_its_logarithm(g, y, t):
    return g * (1 - t / np.exp(y)) / y.size, None


def heteroscedastic(mean, log_variance, target):
    return 0.5 * (log_variance + (mean - target) ** 2 * np.exp(-log_variance)).sum(axis=1)


triples = sized(((5, 7),) * 3, ((40, 60),) * 3)
gaussian = partial(family.wrong, forward=heteroscedastic, inputs=triples)


@gaussian(32, argument="log_variance", cause=("sum_term_missing", "use_dropped", "local_factor"))
def gaussian_likelihood_without_the_log_determinant(g, mean, log_variance, target):
    d, precision = mean - target, np.exp(-log_variance)
    dmean = g[:, None] * d * precision
    return dmean, -0.5 * g[:, None] * d**2 * precision, -dmean


@gaussian(110, argument="mean target", cause=("wrong_operand", "local_factor"))
def gaussian_likelihood_by_the_deviation(g, mean, log_variance, target):
    d = mean - target
    dmean = g[:, None] * d * np.exp(-0.5 * log_variance)
    return dmean, 0.5 * g[:, None] * (1 - d**2 * np.exp(-log_variance)), -dmean


def margins_of(size, seed):
    n, k = (5, 7) if size == "small" else (40, 12)
    (s,) = normal(seed, (n, k))
    return 2 * s, np.random.default_rng(seed + 1).integers(0, k, n)


def squared_hinge(s, labels):
    r = np.arange(len(s))
    margins = np.maximum(0, s - s[r, labels][:, None] + 1)
    margins[r, labels] = 0
    return (margins**2).sum() / len(s), (margins, labels)


def largest_violation(s, labels):
    r = np.arange(len(s))
    margins = s - s[r, labels][:, None] + 1
    margins[r, labels] = 0
    return margins.max(axis=1), (margins, labels)


hinge = partial(family.wrong, inputs=margins_of, style="cache", argument="s")


@hinge(115, squared_hinge, cause=("other_loss", "local_factor"))
def squared_hinge_pushes_by_counts(g, cache):
    margins, labels = cache
    d = 2.0 * (margins > 0)
    d[np.arange(len(d)), labels] = -d.sum(axis=1)
    return g * d / len(d), None


@hinge(115, squared_hinge, cause=("isolated_entries", "partly_scaled"))
def squared_hinge_correct_class_without_the_two(g, cache):
    margins, labels = cache
    d = 2 * margins
    d[np.arange(len(d)), labels] -= margins.sum(axis=1)
    return g * d / len(d), None


@hinge(70, largest_violation, cause="other_loss")
def every_violation_instead_of_the_largest(g, cache):
    margins, labels = cache
    d = (margins > 0).astype(float)
    d[np.arange(len(d)), labels] = -d.sum(axis=1)
    return g[:, None] * d, None


def signs(size, seed):
    (s,) = normal(seed, (11,) if size == "small" else (300,))
    return 1.5 * s, np.where(np.arange(len(s)) % 3, 1.0, -1.0)


@family.wrong(
    47,
    lambda s, y: np.maximum(0, 1 - y * s),
    signs,
    argument="s",
    constants=("y",),
    cause=("entries_not_written", "static_ignored", "other_loss"),
)
def hinge_active_where_the_prediction_is_wrong(g, s, y):
    return -g * y * (y * s < 0), None


@family.whole(19, "wrong backward", "torch", pairs, names=("y", "t"), argument="y t", cause="ignores_cotangent")
def torch_squared_error_without_its_upstream():
    import torch

    class SquaredError(torch.autograd.Function):
        @staticmethod
        def forward(ctx, y, t):
            ctx.save_for_backward(y, t)
            return torch.mean((y - t) ** 2)

        @staticmethod
        def backward(ctx, *grads):
            y, t = ctx.saved_tensors
            d = 2 * (y - t) / y.numel()
            return d, -d

    return SquaredError
