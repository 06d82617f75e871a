"""Dropout, with its mask as an argument: the op itself draws nothing.

What each takes, returns and refuses stands with its twin in functional_nn/regularization.py.
"""

import numpy as np

from reference._checks import as_array, as_floating, as_number, quiet, require


def dropout(x, mask, *, rate):
    """Inverted dropout: zero where the mask is False, and the rest divided by the share that is kept.

    The slope is 1 / (1 - rate) where the mask is True, and 0 elsewhere: forward and backward are the same function.
    Residuals: mask and rate. Derivation: docs/derivations/regularization.md.
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

    The key is an integer seed, which gives the same mask every time, or a NumPy Generator, which moves on.
    Why the mask is an argument of dropout: docs/derivations/regularization.md.
    """
    return np.random.default_rng(key).random(tuple(shape)) < 1 - _rate("dropout_mask", rate)


def _rate(op, rate):
    return as_number(op, "rate", rate, "be a number, at least 0 and below 1", lambda number: 0 <= number < 1)
