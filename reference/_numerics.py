"""Pieces that several ops share because the obvious formula loses digits: each says which, and how it keeps them."""

import math

import numpy as np


def exponentials(x, axis):
    """x - max, its exponentials, and the sum of these less one.

    The largest exponential is 1, and 1 + 1e-20 forgets the rest; so the sum is handed out without that one, for
    log1p. Where several are largest, all but the first of them count. Of an infinite x all of it is NaN.
    """
    shifted = x - np.max(x, axis, keepdims=True)
    raised = np.exp(shifted)
    others = np.copy(raised)
    first = np.argmax(x, axis, keepdims=True)
    np.put_along_axis(others, first, np.take_along_axis(raised, first, axis) - 1, axis)
    return shifted, raised, np.sum(others, axis, keepdims=True)


def sum_of_others(weights):
    """For each entry along the last axis the sum of all the others: 1 - p for probabilities, without cancellation."""
    return weights @ (1 - np.eye(weights.shape[-1], dtype=weights.dtype))


def like(array, values):
    """The values as an array of that array's dtype: NumPy makes scalars of 0-d results, and widens bfloat16."""
    return np.asarray(values, array.dtype)


def normal_pdf(x):
    """The density of a standard normal variable, exp(-x^2 / 2) / sqrt(2 pi), computed in float64."""
    return _exp_of_square(-0.5, x) / math.sqrt(2 * math.pi)


def normal_cdf(x):
    """The probability that a standard normal variable is below x, computed in float64.

    The tail is erfc(z) / 2 with z = |x| / sqrt(2), but rounding z alone would cost x^2 ulp there. Its ratio to
    exp(-z^2) hardly changes with z: so erfc is asked for the ratio, and exp for the rest.
    """
    x = np.asarray(x, np.float64)
    z = np.minimum(np.abs(x) / math.sqrt(2), 26.6)  # where erfc ends
    ratio = _erfc(z) * _exp_of_square(1.0, z)
    tail = 0.5 * ratio * _exp_of_square(-0.5, x)
    return np.where(x < 0, tail, 1 - tail)


# NumPy has no error function, the standard library has: element by element.
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _exp_of_square(factor, x):
    """exp(factor x^2): the square of x cut to float32 is exact, the small remainder gives a factor of its own."""
    x = np.minimum(np.abs(np.asarray(x, np.float64)), 40.0)
    coarse = np.asarray(x, np.float32).astype(np.float64)
    return np.exp(factor * (coarse * coarse)) * np.exp(factor * ((x - coarse) * (x + coarse)))
