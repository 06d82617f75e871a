"""What NumPy lacks: the normal distribution; and arrays of the dtype that the contract promises."""

import math

import numpy as np

# The standard library has the error function, for one number at a time.
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def normal_cdf(x):
    """The probability that a standard normal variable is below x: 1 + erf(x / sqrt(2)), halved, would cancel."""
    return _erfc(-x / math.sqrt(2)) / 2


def normal_pdf(x):
    """The density of a standard normal variable."""
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def like(array, values):
    """The values in that array's dtype: NumPy widens bfloat16 beside a float of Python."""
    return np.asarray(values, array.dtype)
