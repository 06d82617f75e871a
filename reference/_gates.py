"""The two gates of gelu, each with its derivative: the normal distribution, and an approximation by tanh."""

import math

import numpy as np

# NumPy has no error function, the standard library has: element by element.
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def normal_gate(x):
    """Phi(x) = erfc(-x / sqrt(2)) / 2, the share of a standard normal variable below x; and its density phi(x)."""
    return _erfc(-x / math.sqrt(2)) / 2, np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def tanh_gate(x):
    """(1 + tanh(u)) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3), and its derivative u' (1 - tanh(u)^2) / 2."""
    # Beyond 40 the gate is 0 or 1 and its slope 0, and the cube might overflow.
    x = np.clip(x, -40, 40)
    tanh_u = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    u_slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    return (1 + tanh_u) / 2, u_slope * (1 - tanh_u**2) / 2
