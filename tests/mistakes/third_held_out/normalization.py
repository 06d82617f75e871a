"""Batch and layer normalization, as pairs with a cache and as layers (catalogue 76 to 93)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("normalization")

EPSILON = 1e-5


def shifted_rows(size, seed):
    """Rows away from zero, with a scale and a shift a feature."""
    n, d = (5, 7) if size == "small" else (48, 64)
    x, gamma, beta = normal(seed, (n, d), (d,), (d,))
    return 1.5 * x + 0.7, 1 + 0.4 * gamma, beta


def statistics(x, axis):
    mu = x.mean(axis=axis, keepdims=True)
    return mu, np.sqrt(((x - mu) ** 2).mean(axis=axis, keepdims=True) + EPSILON)


def bn_forward(x, gamma, beta):
    mu, std = statistics(x, 0)
    xhat = (x - mu) / std
    return gamma * xhat + beta, (x, xhat, std, gamma)


def ln_forward(x, gamma, beta):
    mu, std = statistics(x, -1)
    xhat = (x - mu) / std
    return gamma * xhat + beta, (x, xhat, std, gamma)


def to_input(d, xhat, std, axis):
    """The gradient of x from that of xhat."""
    return (d - d.mean(axis=axis, keepdims=True) - xhat * (d * xhat).mean(axis=axis, keepdims=True)) / std


def to_parameters(dout, xhat):
    return (dout * xhat).sum(axis=0), dout.sum(axis=0)


def batch(number, cause, argument):
    return family.wrong(number, bn_forward, shifted_rows, style="cache", cause=cause, argument=argument)


def layer(number, cause, argument):
    more = {"style": "cache", "op": "layer_norm", "cause": cause, "argument": argument}
    return family.wrong(number, ln_forward, shifted_rows, **more)


@batch(77, "mean_term_missing", "x")
def batch_mean_is_a_constant(dout, cache):
    _, xhat, std, gamma = cache
    d = dout * gamma
    return (d - xhat * np.mean(d * xhat, axis=0)) / std, *to_parameters(dout, xhat)


@batch(78, "centered_term_missing", "x")
def batch_variance_is_a_constant(dout, cache):
    _, xhat, std, gamma = cache
    d = dout * gamma
    return (d - d.mean(axis=0)) / std, *to_parameters(dout, xhat)


@batch(21, "scaled_by_batch", "x")
def batch_norm_formula_without_its_one_over_n(dout, cache):
    x, xhat, std, gamma = cache
    d, n = dout * gamma, len(x)
    return (n * d - d.sum(axis=0) - xhat * np.sum(d * xhat, axis=0)) / std, *to_parameters(dout, xhat)


@batch(86, "variance_correction", "x")
def batch_variance_divided_by_one_less(dout, cache):
    x, xhat, std, gamma = cache
    d, n = dout * gamma, len(x)
    dvar = np.sum(d * xhat * std, axis=0) * -0.5 / std**3
    centered = xhat * std
    return d / std - d.mean(axis=0) / std + dvar * 2 * centered / (n - 1), *to_parameters(dout, xhat)


@batch(13, "arguments_swapped", "gamma beta")
def batch_parameters_exchanged(dout, cache):
    _, xhat, std, gamma = cache
    dgamma, dbeta = to_parameters(dout, xhat)
    return to_input(dout * gamma, xhat, std, 0), dbeta, dgamma


@batch(1, ("mean_instead_of_sum", "scaled_by_batch"), "gamma")
def batch_scale_averaged(dout, cache):
    _, xhat, std, gamma = cache
    return to_input(dout * gamma, xhat, std, 0), np.mean(dout * xhat, axis=0), dout.sum(axis=0)


@batch(82, "missing", "gamma")
def batch_scale_gradient_is_none(dout, cache):
    _, xhat, std, gamma = cache
    return to_input(dout * gamma, xhat, std, 0), None, dout.sum(axis=0)


@layer(88, "coupled_over_wrong_axis", "x")
def layer_means_over_the_batch(dout, cache):
    _, xhat, std, gamma = cache
    return to_input(dout * gamma, xhat, std, 0), *to_parameters(dout, xhat)


@layer(79, "mean_term_missing", "x")
def layer_mean_taken_off_twice(dout, cache):
    _, xhat, std, gamma = cache
    d = dout * gamma
    d = d - d.mean(axis=-1, keepdims=True)
    return to_input(d, xhat, std, -1) - (dout * gamma).mean(axis=-1, keepdims=True) / std, *to_parameters(dout, xhat)


@layer(80, "argument_factor_missing", "x")
def layer_scale_left_out(dout, cache):
    _, xhat, std, _ = cache
    return to_input(dout, xhat, std, -1), *to_parameters(dout, xhat)


@layer(81, "not_normalized", "gamma")
def layer_scale_from_the_raw_rows(dout, cache):
    x, xhat, std, gamma = cache
    return to_input(dout * gamma, xhat, std, -1), (dout * x).sum(axis=0), dout.sum(axis=0)


@layer(3, "reduced_too_far", "beta")
def layer_shift_is_one_number(dout, cache):
    _, xhat, std, gamma = cache
    return to_input(dout * gamma, xhat, std, -1), (dout * xhat).sum(axis=0), np.full(gamma.shape, dout.sum())


@layer(91, "samples_missing", "gamma beta")
def layer_parameters_of_the_first_block_of_rows(dout, cache):
    _, xhat, std, gamma = cache
    block = 3
    return to_input(dout * gamma, xhat, std, -1), *to_parameters(dout[:block], xhat[:block])


@family.control("", ln_forward, shifted_rows, style="cache", op="layer_norm")
def layer_norm_by_sums(dout, cache):
    _, xhat, std, gamma = cache
    d, m = dout * gamma, xhat.shape[-1]
    along = (d * xhat).sum(axis=-1, keepdims=True)
    return (m * d - d.sum(axis=-1, keepdims=True) - xhat * along) / (m * std), *to_parameters(dout, xhat)


def flat_rows(size, seed):
    """Features that hardly vary, where epsilon counts."""
    x, gamma, beta = shifted_rows(size, seed)
    return 0.004 * x, gamma, beta


@family.wrong(93, bn_forward, flat_rows, style="cache", cause="epsilon_one_side", argument="x")
def batch_epsilon_outside_the_root(dout, cache):
    x, xhat, _, gamma = cache
    std = np.sqrt(x.var(axis=0)) + EPSILON
    return to_input(dout * gamma, xhat, std, 0), *to_parameters(dout, xhat)


# Sentences: the parameters are shared by examples and steps.
SENTENCES = sized(((3, 5, 4), (4,), (4,)), ((8, 12, 24), (24,), (24,)))


@family.wrong(89, ln_forward, SENTENCES, style="cache", argument="gamma beta", cause=("not_reduced", "wrong_shape"))
def layer_parameters_kept_for_every_step(dout, cache):
    _, xhat, std, gamma = cache
    return to_input(dout * gamma, xhat, std, -1), (dout * xhat).sum(axis=0), dout.sum(axis=0)


@family.whole(77, "wrong backward", "jax", SENTENCES, names=("x", "g", "b"), argument="x", cause="mean_term_missing")
def jax_layer_norm_without_the_mean():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def norm(x, g, b):
        return fwd(x, g, b)[0]

    def fwd(x, g, b):
        rstd = jax.lax.rsqrt(x.var(-1, keepdims=True) + EPSILON)
        xhat = (x - x.mean(-1, keepdims=True)) * rstd
        return xhat * g + b, (xhat, rstd, g)

    def bwd(res, dy):
        xhat, rstd, g = res
        wdy = dy * g
        c1 = jnp.mean(wdy * xhat, -1, keepdims=True)
        return (wdy - xhat * c1) * rstd, (dy * xhat).sum((0, 1)), dy.sum((0, 1))

    norm.defvjp(fwd, bwd)
    return norm


def inference(x, gamma, beta, mean, variance):
    return (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta


def running(size, seed):
    x, gamma, beta = shifted_rows(size, seed)
    (noise,) = normal(seed + 7, (2, len(beta)))
    return x, gamma, beta, 0.7 + 0.1 * noise[0], 2 + 0.2 * np.abs(noise[1])


fixed = {"op": "batch_norm_inference", "constants": ("mean", "variance")}


@family.wrong(85, inference, running, argument="x", cause="statistics_not_constants", **fixed)
def evaluation_differentiated_as_training(dout, x, gamma, beta, mean, variance):
    std = np.sqrt(variance + EPSILON)
    xhat = (x - mean) / std
    return to_input(dout * gamma, xhat, std, 0), *to_parameters(dout, xhat), None, None


def one_less(dout, x, gamma, beta):
    mu, n = x.mean(axis=-1, keepdims=True), x.shape[-1]
    std = np.sqrt(x.var(axis=-1, ddof=1, keepdims=True) + EPSILON)
    xhat, d = (x - mu) / std, dout * gamma
    along = (d * xhat).sum(axis=-1, keepdims=True) / (n - 1)
    return (d - d.mean(axis=-1, keepdims=True) - xhat * along) / std, *to_parameters(dout, xhat)


@family.wrong_forward(86, one_less, shifted_rows, op="layer_norm", cause="convention_variance", argument="x")
def layer_norm_by_the_unbiased_variance(x, gamma, beta):
    centered = x - x.mean(axis=-1, keepdims=True)
    return centered / np.sqrt(x.var(axis=-1, ddof=1, keepdims=True) + EPSILON) * gamma + beta


def outside(dout, x, gamma, beta):
    centered, sigma = x - x.mean(axis=-1, keepdims=True), x.std(axis=-1, keepdims=True)
    std, d = sigma + EPSILON, dout * gamma
    along = (d * centered).mean(axis=-1, keepdims=True) / (sigma * std)
    dx = (d - d.mean(axis=-1, keepdims=True) - centered * along) / std
    return dx, *to_parameters(dout, centered / std)


@family.wrong_forward(93, outside, flat_rows, op="layer_norm", cause="convention_epsilon", argument="x")
def layer_norm_with_epsilon_outside(x, gamma, beta):
    return gamma * (x - x.mean(axis=-1, keepdims=True)) / (x.std(axis=-1, keepdims=True) + EPSILON) + beta
