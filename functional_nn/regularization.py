"""Dropout, with its mask as an argument: the op itself draws nothing."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from functional_nn._checks import as_array, as_number, require, require_floating
from functional_nn._jit import jit_op


@jit_op("rate")
def dropout(x: jax.Array, mask: jax.Array, *, rate: float) -> jax.Array:
    """Inverted dropout: zero where the mask is False, and the rest divided by the share that is kept.

    dropout(x, mask, rate) = x / (1 - rate) where mask, else 0.

    Dividing while training keeps the expected value, so evaluation needs no dropout and no factor. A dropped
    element is 0 whatever it was, and passes no gradient, an infinite or undefined one included.

    Args:
        x: any shape, a floating dtype.
        mask: the shape of x, booleans: True where x is kept. `dropout_mask` makes one.
        rate: the share that the mask drops, 0 <= rate < 1.

    Returns:
        The shape and dtype of x.

    Raises:
        ValueError: mask.shape is not x.shape, or rate is out of range.
        TypeError: x is not a floating array, or mask not a boolean one.

    References:
        Srivastava et al., Dropout, JMLR 15 (2014); Saito, Deep Learning from Scratch, section 6.4.3;
        docs/derivations/regularization.md.

    >>> print(dropout(jnp.ones(4), jnp.array([True, False, True, True]), rate=0.5))
    [2. 0. 2. 2.]
    """
    require_floating("dropout", x=x)
    x, mask = jnp.asarray(x), jnp.asarray(as_array("dropout", "mask", mask))
    if mask.dtype != jnp.bool_:
        raise TypeError(f"dropout: mask must be boolean; got mask.dtype={mask.dtype}")
    got = f"mask.shape={mask.shape}, x.shape={x.shape}"
    require(mask.shape == x.shape, "dropout", "mask.shape must equal x.shape", got)
    share = _rate("dropout", rate)
    return jnp.where(mask, x / (1 - share), jnp.zeros((), x.dtype))


def dropout_mask(key: jax.Array, shape: Sequence[int], rate: float) -> jax.Array:
    """A random mask for dropout: each element is True, which means kept, with probability 1 - rate.

    Args:
        key: a JAX random key; the same key gives the same mask.
        shape: the shape of the array that will be dropped out.
        rate: the share to drop, 0 <= rate < 1.

    Returns:
        Booleans of the given shape.

    Raises:
        ValueError: rate is out of range.

    References:
        docs/derivations/regularization.md.

    >>> mask = dropout_mask(jax.random.key(0), (10000,), rate=0.2)
    >>> print(mask.dtype, bool(abs(mask.mean() - 0.8) < 0.02))
    bool True
    """
    return jax.random.bernoulli(key, 1 - _rate("dropout_mask", rate), tuple(shape))


def _rate(op: str, rate: float) -> float:
    return as_number(op, "rate", rate, "be a number, at least 0 and below 1", lambda number: 0 <= number < 1)
