"""Pieces that several ops share because the obvious formula loses digits: each says which, and how it keeps them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax


def in_float32(function: Callable[..., jax.Array], *arrays: jax.Array) -> jax.Array:
    """The function of the arrays, computed in float32 where they are narrower, in their common dtype again."""
    dtype = jnp.result_type(*arrays)
    wide = jnp.promote_types(dtype, jnp.float32)
    return function(*(jnp.asarray(array).astype(wide) for array in arrays)).astype(dtype)


@jax.custom_jvp
def logistic(x: jax.Array) -> jax.Array:
    """1 / (1 + exp(-x)), with exp taken of -|x| only, which cannot overflow."""
    shrunk = jnp.exp(-jnp.abs(x))
    return jnp.where(x >= 0, 1, shrunk) / (1 + shrunk)


@logistic.defjvp
def _logistic_jvp(primals, tangents):
    (x,), (tangent,) = primals, tangents
    out = logistic(x)
    return out, out * logistic(-x) * tangent


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


def log_probabilities(logits: jax.Array, axis: int) -> jax.Array:
    """log(softmax(logits)), exact to the last digits even where a probability is nearly 1."""
    shifted, _, rest = exponentials(logits, axis)
    return shifted - jnp.log1p(rest)


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
