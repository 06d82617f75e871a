"""Activations: elementwise functions of one array, and softmax along an axis."""

import jax
import jax.numpy as jnp

from functional_nn._checks import require_floating
from functional_nn._jit import jit_op


@jit_op()
def sigmoid(x: jax.Array) -> jax.Array:
    """The logistic function, which maps the real line onto the interval from 0 to 1.

    sigmoid(x) = 1 / (1 + exp(-x)), and sigmoid'(x) = sigmoid(x) sigmoid(-x).

    Stable because exp is only taken of -|x|; the derivative uses sigmoid(-x) for 1 - sigmoid(x), which would cancel.

    Args:
        x: any shape, a floating dtype.

    Returns:
        The shape and dtype of x.

    Raises:
        TypeError: x is not a floating array.

    References:
        Saito, Deep Learning from Scratch, sections 3.2 and 5.5.1; docs/derivations/activations.md.
    """
    require_floating("sigmoid", x=x)
    return _sigmoid(jnp.asarray(x))


@jax.custom_jvp
def _sigmoid(x: jax.Array) -> jax.Array:
    shrunk = jnp.exp(-jnp.abs(x))
    return jnp.where(x >= 0, 1, shrunk) / (1 + shrunk)


@_sigmoid.defjvp
def _sigmoid_jvp(primals, tangents):
    (x,), (tangent,) = primals, tangents
    out = _sigmoid(x)
    return out, out * _sigmoid(-x) * tangent
