"""Pieces of ops whose obvious formula loses digits: each says which, and how it keeps them."""

from collections.abc import Callable
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax


def in_float32(function: Callable[..., jax.Array], *arrays: jax.Array) -> jax.Array:
    """The function of the arrays, computed in float32 where they are narrower, in their common dtype again."""
    dtype = jnp.result_type(*arrays)
    wide = jnp.promote_types(dtype, jnp.float32)
    return function(*(jnp.asarray(array).astype(wide) for array in arrays)).astype(dtype)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def moments(x: jax.Array, mean: Callable[[jax.Array], jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
    """x less its mean, the mean and the biased variance, by a mean whose shape broadcasts against that of x."""
    rounded_mean = mean(x)
    centred = x - rounded_mean
    rest = mean(centred)
    centred = centred - rest
    return centred, rounded_mean + rest, mean(jnp.square(centred))


@moments.defjvp
def _moments_jvp(mean, primals, tangents):
    (x,), (tangent,) = primals, tangents
    outs = centred, _, _ = moments(x, mean)
    # What is centred adds up to 0, so the mean of the tangent counts for nothing in the variance.
    shift = mean(tangent)
    return outs, (tangent - shift, shift, 2 * mean(centred * tangent))


def normalized(
    x: jax.Array, mean: Callable[[jax.Array], jax.Array], scale: jax.Array, bias: jax.Array, epsilon: float
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """x at mean 0 and variance 1, then scaled and shifted by what broadcasts against it; its mean and its variance."""
    centred, mean_of_x, variance = moments(x, mean)
    return centred * lax.rsqrt(variance + epsilon) * scale + bias, mean_of_x, variance


def mean_of_members(groups: int, x: jax.Array) -> jax.Array:
    """Of the last axis in so many groups of neighbours, the mean of its group at each place."""
    if groups == x.shape[-1]:
        return x
    members = x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
    return jnp.broadcast_to(jnp.mean(members, -1, keepdims=True), members.shape).reshape(x.shape)


@jax.custom_jvp
def logistic(x: jax.Array) -> jax.Array:
    """1 / (1 + exp(-x)), with exp taken of -|x| only, which cannot overflow."""
    shrunk = jnp.exp(-jnp.abs(x))
    return jnp.where(x >= 0, 1, shrunk) / (1 + shrunk)


@logistic.defjvp
def _logistic_jvp(primals, tangents):
    (x,), (tangent,) = primals, tangents
    return logistic(x), logistic_slope(x) * tangent


@jax.custom_jvp
def logistic_slope(x: jax.Array) -> jax.Array:
    """logistic(x) logistic(-x), with the exponential that logistic takes too; the factor 1 - logistic(x) cancels."""
    shrunk = jnp.exp(-jnp.abs(x))
    return shrunk / jnp.square(1 + shrunk)


# Not the derivative of what is written there: that has the sign of x, which JAX takes as 0 at 0.
logistic_slope.defjvps(lambda tangent, out, x: out * (logistic(-x) - logistic(x)) * tangent)


@jax.custom_jvp
def hyperbolic_tangent(x: jax.Array) -> jax.Array:
    """tanh(x). Where it saturates, 1 - tanh(x)^2 cancels, and in float64 XLA's own value is 6 ulp off."""
    if x.dtype != jnp.float64:
        return jnp.tanh(x)
    shrunk = jnp.exp(-jnp.abs(2 * x))
    return jnp.where(jnp.abs(x) > 1, jnp.sign(x) * (1 - shrunk) / (1 + shrunk), jnp.tanh(x))


hyperbolic_tangent.defjvps(lambda tangent, out, x: 4 * logistic_slope(2 * x) * tangent)


@jax.custom_jvp
def log_one_plus_exp(x: jax.Array) -> jax.Array:
    """log(1 + exp(x)), with exp taken of -|x| only."""
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


@log_one_plus_exp.defjvp
def _log_one_plus_exp_jvp(primals, tangents):
    (x,), (tangent,) = primals, tangents
    return log_one_plus_exp(x), logistic(x) * tangent


@jax.custom_jvp
def exp_minus_one(x: jax.Array) -> jax.Array:
    """exp(x) - 1. JAX takes its derivative as expm1(x) + 1, which is 0 where exp(x) is small."""
    return jnp.expm1(x)


exp_minus_one.defjvps(lambda tangent, out, x: tangent * jnp.exp(x))


def exponentials(x: jax.Array, axis: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """x - max, its exponentials, and the sum of these less one.

    The largest exponential is 1, and 1 + 1e-20 forgets the rest; so the rest is added up by itself, for log1p. Where
    several are largest, the sum is at least 2, and loses nothing by subtraction.
    """
    peak = lax.stop_gradient(jnp.max(x, axis, keepdims=True))
    shifted = x - peak
    raised = jnp.exp(shifted)
    total = jnp.sum(raised, axis, keepdims=True)
    rest = jnp.sum(jnp.where(x == peak, raised - 1, raised), axis, keepdims=True)
    return shifted, raised, jnp.where(total - rest < 1.5, rest, total - 1)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def probabilities(logits: jax.Array, axis: int) -> jax.Array:
    """softmax(logits)."""
    _, raised, _ = exponentials(logits, axis)
    return raised / jnp.sum(raised, axis, keepdims=True)


@probabilities.defjvp
def _probabilities_jvp(axis, primals, tangents):
    out = probabilities(*primals, axis)
    (tangent,) = tangents
    return out, out * (tangent - jnp.sum(out * tangent, axis, keepdims=True))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def log_probabilities(logits: jax.Array, axis: int) -> jax.Array:
    """log(softmax(logits)), exact to the last digits even where a probability is nearly 1."""
    shifted, _, rest = exponentials(logits, axis)
    return shifted - jnp.log1p(rest)


@log_probabilities.defjvp
def _log_probabilities_jvp(axis, primals, tangents):
    (logits,), (tangent,) = primals, tangents
    _, raised, rest = exponentials(logits, axis)
    moved = jnp.sum(raised * tangent, axis, keepdims=True) / (1 + rest)
    return log_probabilities(logits, axis), tangent - moved


def sum_of_others(weights: jax.Array) -> jax.Array:
    """For each entry along the last axis the sum of all the others: 1 - p for probabilities, without cancellation."""
    peak = lax.stop_gradient(jnp.max(weights, -1, keepdims=True))
    top = weights == peak
    below = weights - peak
    beside_one = jnp.sum(jnp.where(top, below, weights), -1, keepdims=True)
    beside_one = beside_one + (jnp.sum(top, -1, keepdims=True) - 1) * peak
    return jnp.where(top, beside_one - below, beside_one + (peak - weights))


@jax.custom_jvp
def log_one_minus(p: jax.Array) -> jax.Array:
    """log(1 - p). XLA's log1p is 100 ulp off near -0.4, where 1 - p rounds harmlessly."""
    return jnp.where(p < 0.25, jnp.log1p(-p), jnp.log(1 - p))


log_one_minus.defjvps(lambda tangent, out, p: -tangent / (1 - p))


def times_log(factor: jax.Array, p: jax.Array) -> jax.Array:
    """factor log p, and 0 (with derivative 0) where both are 0."""
    return factor * jnp.log(jnp.where((factor == 0) & (p == 0), 1, p))


def times_log_complement(factor: jax.Array, p: jax.Array) -> jax.Array:
    """factor log(1 - p), and 0 (with derivative 0) where factor is 0 and p is 1."""
    return factor * log_one_minus(jnp.where((factor == 0) & (p == 1), 0, p))


@jax.custom_jvp
def cross_entropy_of_logistic(z: jax.Array, t: jax.Array) -> jax.Array:
    """-t log sigmoid(z) - (1 - t) log sigmoid(-z), in terms of one sign; the gradient without sigmoid(z) - 1."""
    return jnp.where(z > 0, z * (1 - t), -z * t) + jnp.log1p(jnp.exp(-jnp.abs(z)))


cross_entropy_of_logistic.defjvps(
    lambda z_tangent, _, z, t: z_tangent * ((1 - t) * logistic(z) - t * logistic(-z)),
    lambda t_tangent, _, z, t: -z * t_tangent,
)


@jax.custom_jvp
def cross_entropy_of_softmax(z: jax.Array, t: jax.Array) -> jax.Array:
    """-sum t log softmax(z) over the last axis; a class with t = 0 adds nothing, whatever its score."""
    return -jnp.sum(jnp.where(t == 0, 0, t * log_probabilities(z, -1)), -1)


@cross_entropy_of_softmax.defjvp
def _cross_entropy_of_softmax_jvp(primals, tangents):
    (z, t), (z_tangent, t_tangent) = primals, tangents
    shifted, raised, rest = exponentials(z, -1)
    p, log_p = raised / (1 + rest), shifted - jnp.log1p(rest)
    # p sum t - t, written without the term p t that the two share and that cancels when p is nearly t.
    slope = p * sum_of_others(t) - t * sum_of_others(p)
    # A class masked by a score of -infinity must not turn the tangent 0 of hard targets into NaN.
    surprise = jnp.minimum(-log_p, jnp.finfo(z.dtype).max)
    return cross_entropy_of_softmax(z, t), jnp.sum(slope * z_tangent + surprise * t_tangent, -1)


@jax.custom_jvp
def cross_entropy_of_labels(z: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross-entropy of softmax for labels: their scores are looked up, where soft targets are multiplied and added."""
    shifted, _, rest = exponentials(z, -1)
    return jnp.squeeze(jnp.log1p(rest) - _at(labels, shifted), -1)


@cross_entropy_of_labels.defjvp
def _cross_entropy_of_labels_jvp(primals, tangents):
    (z, labels), (z_tangent, _) = primals, tangents
    _, raised, rest = exponentials(z, -1)
    own = _at(labels, raised)
    # 1 - p of the label is what the others have of the total, without cancellation, as the largest of all is 1.
    others = rest + (1 - own)
    # Not 1 + rest, which would not be NaN with a label that is no class.
    total = others + own
    hot = labels[..., None] == jnp.arange(z.shape[-1])
    slope = jnp.where(hot, -others, raised) / total
    return cross_entropy_of_labels(z, labels), jnp.sum(slope * z_tangent, -1)


@jax.custom_jvp
def surprise_of_labels(p: jax.Array, labels: jax.Array) -> jax.Array:
    """-log p of the label. The others' logarithms, which count 0 times, are not computed; where one is no number, or
    infinite, neither is the loss a number."""
    infinite_or_none = ~((p >= 0) & (p < jnp.inf)) & (labels[..., None] != jnp.arange(p.shape[-1]))
    return jnp.where(jnp.any(infinite_or_none, -1), jnp.nan, -jnp.squeeze(jnp.log(_at(labels, p)), -1))


@surprise_of_labels.defjvp
def _surprise_of_labels_jvp(primals, tangents):
    (p, labels), (p_tangent, _) = primals, tangents
    known = (labels >= 0) & (labels < p.shape[-1])
    hot = labels[..., None] == jnp.arange(p.shape[-1])
    slope = jnp.where(hot, -1 / _at(labels, p), jnp.where(known[..., None], 0, jnp.nan))
    return surprise_of_labels(p, labels), jnp.sum(slope * p_tangent, -1)


def _at(labels: jax.Array, scores: jax.Array) -> jax.Array:
    """Each example's entry at its label, NaN for a label that is no class."""
    places = jnp.where(labels < 0, scores.shape[-1], labels)[..., None]
    return jnp.take_along_axis(scores, places, -1, mode="fill", fill_value=jnp.nan)


def log_sum_of_exponentials(*terms: jax.Array) -> jax.Array:
    """log of the sum of exp of arrays of one shape; of nothing but -infinities -infinity, and there the slope is 0.

    Of arrays and not along an axis, where XLA would go through few numbers one after the other. No rule of
    jax.custom_jvp, as second derivatives through a scan do not see it.
    """
    peak = lax.stop_gradient(reduce(jnp.maximum, terms))
    nothing = jnp.isneginf(peak)
    finite = jnp.where(nothing, 0, peak)
    total = sum(jnp.exp(jnp.where(nothing, 0, each) - finite) for each in terms)
    return jnp.where(nothing, -jnp.inf, jnp.log(total) + peak)


@jax.custom_jvp
def without_slope(out: jax.Array, x: jax.Array, where: jax.Array) -> jax.Array:
    """out, and that its slope to those entries of x is NaN; x has one axis or more in front that are those of out."""
    return out


@without_slope.defjvp
def _without_slope_jvp(primals, tangents):
    (out, x, where), (tangent, x_tangent, _) = primals, tangents
    within = tuple(range(out.ndim, x.ndim))
    return without_slope(out, x, where), tangent + jnp.sum(jnp.where(where, jnp.nan, 0) * x_tangent, within)
