"""Dropout, with its mask as an argument: the op itself draws nothing."""

import numpy as np

from reference._checks import as_array, as_floating, as_number, quiet, require


def dropout(x, mask, *, rate):
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
    """
    return dropout_fwd(x, mask, rate=rate)[0]


@quiet
def dropout_fwd(x, mask, *, rate):
    x, mask = as_floating("dropout", "x", x), as_array("dropout", "mask", mask)
    if mask.dtype != np.bool_:
        raise TypeError(f"dropout: mask must be boolean; got mask.dtype={mask.dtype}")
    got = f"mask.shape={mask.shape}, x.shape={x.shape}"
    require(mask.shape == x.shape, "dropout", "mask.shape must equal x.shape", got)
    rate = _rate("dropout", rate)
    return _keep(x, mask, rate), (mask, rate)


@quiet
def dropout_bwd(residuals, cotangent):
    mask, rate = residuals
    return _keep(cotangent, mask, rate), None


def _keep(values, mask, rate):
    return np.where(mask, values / (1 - rate), 0).astype(values.dtype)


def dropout_mask(key, shape, rate):
    """A random mask for dropout: each element is True, which means kept, with probability 1 - rate.

    Args:
        key: an integer seed, which gives the same mask every time, or a NumPy Generator, which moves on.
        shape: the shape of the array that will be dropped out.
        rate: the share to drop, 0 <= rate < 1.

    Returns:
        Booleans of the given shape.

    Raises:
        ValueError: rate is out of range.

    References:
        docs/derivations/regularization.md.
    """
    return np.random.default_rng(key).random(tuple(shape)) < 1 - _rate("dropout_mask", rate)


def _rate(op, rate):
    return as_number(op, "rate", rate, "be a number, at least 0 and below 1", lambda number: 0 <= number < 1)
